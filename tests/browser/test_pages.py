"""The pages in Debian's chromium: they work by mouse, keyboard and phone, run nothing foreign and reach nobody else."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.browser import story
from tests.browser.accessible import barriers, overflow
from tests.browser.browsing import Seen
from tests.hub import house, world

pytestmark = pytest.mark.slow
See = Callable[..., Seen]
ORDERS = (story.SOUND, story.WARM, story.HOSTILE)


def pages(hub: house.House) -> list[str]:
    """Every page there is, some with much on them."""
    ids = [hub.journey(who)["journey"] for who in ORDERS]
    own = [f"/journeys/{one}{page}" for one in ids for page in ("", "/report")]
    return ["/", f"/?q={story.SOUND.bag}", "/issues", "/messages", "/messages/1", "/playground?sample=v2", *own]


def test_who_signs_in_sees_the_journeys_and_who_signs_out_sees_none(seen: See) -> None:
    page = seen("watch").page
    assert page.get_by_role("heading", name="Journeys").is_visible()
    assert page.get_by_role("link", name=story.WRONG.order).first.is_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()
    page.goto(page.url.replace("/login", "/"))
    assert "/login" in page.url


def test_a_wrong_token_is_told_and_asked_again(hub: house.House, seen: See) -> None:
    one = seen()
    page = one.go("/")
    page.get_by_label("token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    assert "not known" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("token").input_value() == ""
    one.complaints.clear()  # the browser tells of the 401, as it should


def test_an_order_is_found_opened_and_read_from_fact_to_message(seen: See) -> None:
    page = seen("watch").page
    page.get_by_label("Find an order").fill(story.WARM.bag)
    page.keyboard.press("Enter")
    page.get_by_role("link", name=story.WARM.order).click()
    assert page.get_by_role("heading", level=1).inner_text().startswith(story.WARM.order)
    assert page.locator("#timeline").get_by_text("Shipment departed").is_visible()
    page.locator("summary", has_text="values").first.click()
    assert page.locator("details[open] dl").first.is_visible()
    page.get_by_role("link", name="message").first.click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("Message")


def test_the_timeline_can_be_narrowed_to_what_somebody_looks_for(hub: house.House, seen: See) -> None:
    one = seen("watch")
    page = one.go(f"/journeys/{hub.journey(story.SOUND)['journey']}")
    facts = page.locator("#timeline .facts > li")
    whole = facts.count()
    page.get_by_label("Show only what has").fill("shipment departed")
    assert page.locator("#timeline .facts > li:visible").count() == 1 < whole
    assert f"1 of {whole}" in page.locator(".filter [role=status]").inner_text()
    page.get_by_label("Show only what has").fill("")
    assert page.locator("#timeline .facts > li:visible").count() == whole


def test_a_question_is_asked_and_its_answer_is_what_is_seen_next(hub: house.House, seen: See) -> None:
    one = seen("watch")
    page = one.go(f"/journeys/{hub.journey(story.WARM)['journey']}")
    page.get_by_label("Question").select_option("may-infuse")
    page.get_by_label("as", exact=True).select_option("lakeside")
    page.get_by_label(story.WARM.bag).check()
    page.get_by_role("button", name="Ask").click()
    answer = page.locator("#answer")
    answer.wait_for()
    assert "deny" in answer.inner_text()
    assert "What to do" in answer.inner_text()


def test_open_issues_are_read_by_severity(seen: See) -> None:
    page = seen("watch").go("/issues")
    page.get_by_role("navigation", name="Severity").get_by_role("link", name="critical").click()
    shown = page.locator("article.issue")
    assert shown.count() >= 2
    assert all("critical" in text for text in shown.all_inner_texts())


def test_a_pasted_message_is_told_field_by_field(seen: See) -> None:
    page = seen("watch").go("/playground")
    page.get_by_label("Message", exact=True).fill(world.apheresis(story.YOUNG, "P-1").decode().replace("\r", "\n"))
    page.get_by_role("button", name="Look").click()
    page.locator("#found").wait_for()
    row = page.locator("#fields tbody tr", has=page.get_by_role("rowheader", name="PID-5.1", exact=True))
    assert story.YOUNG.family in row.inner_text()
    assert "carried" in row.inner_text()
    page.get_by_label("Show only what has").fill("98.50")
    assert page.locator("#fields tbody tr:visible").count() == 1


def test_the_way_to_an_order_needs_no_mouse(hub: house.House, seen: See) -> None:
    page = seen("watch").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("(document.activeElement.getAttribute('href') || '').startsWith('/journeys/')"):
            break
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "who tabs sees where"
    page.keyboard.press("Enter")
    page.wait_for_url("**/journeys/*")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_that_we_look_for(hub: house.House, seen: See, scheme: str) -> None:
    one = seen(color_scheme=scheme)
    one.go("/login")
    assert barriers(one.page) == []
    one.sign_in(world.TOKENS["watch"])
    for path in pages(hub):
        assert barriers(one.go(path)) == [], path


def test_barriers_that_are_planted_are_found(hub: house.House, seen: See) -> None:
    """Else the test above would hold for any page."""
    page = seen("watch").go("/issues")
    page.evaluate(
        """() => { const main = document.querySelector('main');
        for (const [tag, text] of [['h5', 'deep'], ['button', ''], ['h1', 'second']]) {
          const node = document.createElement(tag); node.textContent = text; node.style.minWidth = '9px';
          node.style.minHeight = '9px'; main.append(node); }
        const pale = document.createElement('p'); pale.textContent = 'pale'; pale.id = 'main';
        pale.className = 'planted'; main.append(pale); pale.style.color = '#aaa'; }"""
    )
    found = " ".join(barriers(page))
    for word in ("not one h1", "skips a level", "no name", "contrast", "id twice"):
        assert word in found, word


@pytest.mark.parametrize("width", [320, 640])
def test_pages_fit_a_phone_and_a_page_that_is_doubled_in_size(hub: house.House, seen: See, width: int) -> None:
    """320 pixels are a phone, or 1280 at 400 %; 640 are 1280 at 200 %."""
    one = seen("watch", viewport={"width": width, "height": 700})
    for path in pages(hub):
        assert overflow(one.go(path)) <= 0, path


def test_markup_in_messages_never_runs(hub: house.House, seen: See) -> None:
    for partner in ("watch", "lakeside"):
        one = seen(partner)
        shown = [path for path in pages(hub) if partner == "watch" or "/messages" not in path]
        for path in [*shown, f"/?q={story.LOUD}"]:
            page = one.go(path)
            assert page.title() != "ran", path
            assert page.locator("main script, main img, main svg, main b, main i").count() == 0, path
    page = seen("watch").go("/playground")
    page.get_by_label("Message", exact=True).fill(
        f"MSH|^~\\&|{story.LOUD}||||20260101||ORU^R01|1|P|2.5.1\n{story.LOUD}"
    )
    page.get_by_role("button", name="Look").click()
    page.locator("#found").wait_for()
    assert page.title() != "ran"
    assert page.locator("main script, main img").count() == 0


def test_the_policy_of_a_page_stops_what_would_run(seen: See) -> None:
    """The second wall: what got through the escaping would not run either."""
    one = seen("watch")
    page = one.page
    page.evaluate(
        """() => { const node = document.createElement('div');
        node.innerHTML = "<img src=x onerror=document.title='ran'><a href='javascript:1'>x</a>";
        document.querySelector('main').append(node);
        const script = document.createElement('script'); script.textContent = "document.title='ran'";
        document.body.append(script); }"""
    )
    page.wait_for_timeout(200)
    assert page.title() != "ran"
    assert any("Content Security Policy" in text for text in one.complaints)
    one.complaints.clear()


def test_the_report_prints_on_white_with_everything_open(hub: house.House, seen: See) -> None:
    one = seen("watch")
    page = one.go(f"/journeys/{hub.journey(story.SOUND)['journey']}/report")
    assert page.get_by_role("button", name="Print").is_visible()
    page.emulate_media(media="print")
    assert page.locator(".top nav").is_hidden()
    assert page.get_by_text("How to verify it without believing the hub").is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf()) > 20_000


def test_pages_work_where_scripts_are_off(hub: house.House, seen: See) -> None:
    one = seen("watch", java_script_enabled=False)
    page = one.go(f"/journeys/{hub.journey(story.WARM)['journey']}")
    page.get_by_role("button", name="Ask").click()
    assert page.locator("#answer").is_visible()
    one.go("/playground?sample=epcis")
    page.get_by_role("button", name="Look").click()
    assert page.locator("#found").is_visible()
