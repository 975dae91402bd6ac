"""The pages from outside: who signs in, what forms are taken, what each role finds, and that nothing runs or leaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.explain import ANYONE
from hub.formats import FORMATS
from hub.recognising import recognised
from hub.web.forms import local_path
from hub.web.playground import Pasted, looked
from hub.web.samples import SAMPLES
from hub.web.sessions import COOKIE
from tests.browser import story
from tests.hub import house, world

Open = Callable[..., house.House]
PLACES = ("/", "/issues", "/playground", "/messages", "/messages/1")
SIGNED_IN = re.compile(r'name="form" value="([0-9a-f]+)"')


@pytest.fixture(scope="module")
def hub(open_house: Open) -> house.House:
    return story.told(open_house())


@pytest.fixture
def sign_in(hub: house.House) -> Iterator[Callable[[str], httpx.Client]]:
    """A browser's client that is signed in as a partner."""
    opened: list[httpx.Client] = []

    def signed(partner: str) -> httpx.Client:
        client = httpx.Client(base_url=hub.base, timeout=20)
        opened.append(client)
        answer = client.post("/login", data={"token": world.TOKENS[partner]})
        assert answer.status_code == 303, answer.text
        return client

    yield signed
    for client in opened:
        client.close()


def journey(hub: house.House, who: world.Person = story.SOUND) -> str:
    return str(hub.journey(who)["journey"])


def form_of(client: httpx.Client, path: str = "/") -> str:
    """What the forms of a signed-in page carry."""
    found = SIGNED_IN.search(client.get(path).text)
    assert found
    return found[1]


def everything(hub: house.House) -> list[str]:
    """Every page that there is to see."""
    ids = [journey(hub, who) for who in (story.SOUND, story.WARM, story.WRONG, story.YOUNG, story.HOSTILE)]
    return [*PLACES, *(f"/journeys/{one}{page}" for one in ids for page in ("", "/report"))]


# ---- signing in -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PLACES, "/journeys/x", "/journeys/x/report"])
def test_who_is_not_signed_in_is_asked_who_it_is(hub: house.House, path: str) -> None:
    answer = httpx.get(hub.base + path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/login?to={path}")


@pytest.mark.parametrize("token", ["", "wrong", "x" * 700, "tökën", world.TOKENS["watch"] + "x"])
def test_a_token_that_nobody_has_opens_no_session(hub: house.House, token: str) -> None:
    answer = httpx.post(hub.base + "/login", data={"token": token})
    assert answer.status_code == 401
    assert COOKIE not in answer.cookies
    assert token not in answer.text or not token


@pytest.mark.parametrize("told", [True, False], ids=["length told", "chunked"])
def test_a_form_of_the_sign_in_is_read_to_its_bound_and_no_further(hub: house.House, told: bool) -> None:
    """Anybody may send one: what a token can be is decoded, and nothing after it."""
    body = b"token=" + b"%41" * 100_000
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = httpx.post(
        hub.base + "/login", content=body if told else iter([body[:3000], body[3000:]]), headers=headers
    )
    assert answer.status_code == 413
    assert answer.headers["content-type"].startswith("text/html")
    assert "AAAA" not in answer.text
    assert httpx.post(hub.base + "/login", data={"token": "x" * 600}).status_code == 401


def test_the_playgrounds_form_has_a_bound_of_its_own(hub: house.House, sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("watch")
    data = {"form": form_of(client, "/playground"), "message": "\u00e4" * (128 * 1024), "format": "hl7v2"}
    assert client.post("/playground", data=data).status_code == 200
    assert client.post("/playground", data={**data, "message": "x" * 1024 * 1024}).status_code == 413
    assert client.post("/journeys/x/ask", data={**data, "message": "x" * 300 * 1024}).status_code == 413


def test_the_cookie_is_the_browsers_alone_and_holds_no_token(hub: house.House) -> None:
    answer = httpx.post(hub.base + "/login", data={"token": world.TOKENS["watch"]})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    value = bytes.fromhex(answer.cookies[COOKIE])
    assert b"watch" not in value
    assert world.TOKENS["watch"].encode() not in value


def test_a_session_ends_at_the_sign_out_also_for_who_kept_the_cookie(
    hub: house.House, sign_in: Callable[[str], httpx.Client]
) -> None:
    client = sign_in("watch")
    kept = client.cookies[COOKIE]
    assert client.post("/logout", data={"form": form_of(client)}).headers["location"] == "/login"
    assert httpx.get(hub.base + "/", cookies={COOKIE: kept}).status_code == 303


def test_a_session_ends_after_a_shift(open_house: Open) -> None:
    hub = open_house()
    with httpx.Client(base_url=hub.base) as client:
        client.post("/login", data={"token": world.TOKENS["watch"]})
        assert client.get("/").status_code == 200
        hub.clock.put_forward(hours=7, minutes=59)
        assert client.get("/").status_code == 200
        hub.clock.put_forward(minutes=2)
        assert client.get("/").status_code == 303


def test_a_session_ends_when_the_partner_gets_another_token(open_house: Open) -> None:
    hub = open_house()
    with httpx.Client(base_url=hub.base) as client:
        client.post("/login", data={"token": world.TOKENS["watch"]})
        profile = hub.hub.profiles["watch"]
        assert profile.http is not None
        other = profile.model_copy(update={"http": profile.http.model_copy(update={"token_sha256": "0" * 64})})
        hub.hub.profiles.become({**dict(hub.hub.profiles.items()), "watch": other})
        assert client.get("/").status_code == 303


@given(st.one_of(st.text(alphabet="0123456789abcdef", max_size=200), st.text(max_size=40).filter(str.isascii)))
def test_no_made_up_cookie_is_a_session(value: str) -> None:
    from starlette.requests import Request

    from hub.crypto import Keyring
    from hub.web.sessions import Sessions, SignedOut

    sessions = Sessions(Keyring(bytes(32)), {}, house.Clock(), secure=True)
    cookie = f"{COOKIE}={value}".encode("latin-1", "replace")
    with pytest.raises(SignedOut):
        sessions.of(Request({"type": "http", "headers": [(b"cookie", cookie)]}))


@pytest.mark.parametrize(
    ("given_", "taken"),
    [("/issues", "/issues"), ("//evil.example/", "/"), ("https://evil.example", "/"), ("/\\evil", "/"), ("", "/")],
)
def test_the_sign_in_leads_on_within_the_hub_only(hub: house.House, given_: str, taken: str) -> None:
    data = {"token": world.TOKENS["watch"], "to": given_}
    assert httpx.post(hub.base + "/login", data=data).headers["location"] == taken


@given(st.text(max_size=60))
def test_a_path_to_go_on_to_has_no_host(text: str) -> None:
    assert re.match(r"/(?![/\\])", local_path(text) + " ")


# ---- forms ------------------------------------------------------------------------------------------------------


def test_a_form_of_somebody_elses_page_is_not_taken(hub: house.House, sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("watch")
    data = {"form": form_of(client), "message": "MSH|"}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}):
        assert client.post("/playground", data=data, headers=headers).status_code == 403
    for wrong in ("", "0" * 40, data["form"][:-1], "é"):
        assert client.post("/playground", data={**data, "form": wrong}).status_code == 403
    for path in ("/logout", f"/journeys/{journey(hub)}/ask", "/playground"):
        assert client.post(path, data={"question": "may-infuse"}).status_code == 403, path
    assert client.post("/playground", data=data, headers={"origin": hub.base}).status_code == 200


def test_the_form_of_one_session_is_none_of_anothers(sign_in: Callable[[str], httpx.Client]) -> None:
    one, other = sign_in("watch"), sign_in("watch")
    assert one.post("/playground", data={"form": form_of(other), "message": "x"}).status_code == 403


def test_a_form_that_is_none_is_refused_in_words(sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("watch")
    assert client.post("/playground", json={"message": "x"}).status_code == 415
    many = "&".join(f"a{n}=1" for n in range(400))
    usual = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/playground", content=many, headers=usual).status_code == 400
    assert client.post("/playground", content=b"\xff\xfe", headers=usual).status_code == 400


# ---- pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("partner", ["watch", "lakeside", "foundry", "heron"])
def test_no_page_lets_a_browser_fetch_run_or_send_anything_elsewhere(
    hub: house.House, sign_in: Callable[[str], httpx.Client], partner: str
) -> None:
    client = sign_in(partner)
    pages = [client.get(path) for path in everything(hub)] + [httpx.get(hub.base + "/login")]
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["x-frame-options"] == "DENY"
        assert not re.search(r"<style|\sstyle=|<script(?! src=\"/static/)|\son[a-z]+=\"|javascript:", page.text)
        assert not re.search(r'(?:src|href|action)="(?!/|#)', page.text), "an address outside of the hub"


@pytest.mark.parametrize("partner", ["watch", "lakeside", "foundry"])
def test_markup_in_a_message_is_text_on_every_page(
    hub: house.House, sign_in: Callable[[str], httpx.Client], partner: str
) -> None:
    client = sign_in(partner)
    texts = [client.get(path).text for path in everything(hub)]
    texts.append(client.get("/", params={"q": story.LOUD}).text)
    for marker in (story.LOUD, "<script>", "<img src=x", "<svg onload", "<b>105", "<i>105"):
        assert not any(marker in text for text in texts), marker
    assert any(story.HOSTILE.order in unescape(text) for text in texts), "else nothing was tried"


def test_markup_in_a_pasted_message_is_text(sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("watch")
    for body in (f"MSH|^~\\&|{story.LOUD}||||20260101||ORU^R01|1|P|2.5.1\nPID|1||{story.LOUD}", story.LOUD):
        data = {
            "form": form_of(client),
            "message": f"</textarea>{body}",
            "dialect": f'"{story.LOUD}',
            "format": "hl7v2",
        }
        text = client.post("/playground", data=data).text
        assert story.LOUD not in text
        assert "</textarea><script>" not in text
        assert text.count("</textarea>") == 1


@pytest.mark.parametrize("path", ["/journeys/{j}", "/journeys/{j}/report"])
def test_an_order_is_a_page_for_who_takes_part_in_it_only(
    hub: house.House, sign_in: Callable[[str], httpx.Client], path: str
) -> None:
    found = {p: sign_in(p).get(path.format(j=journey(hub, story.WARM))).status_code for p in world.ROLES}
    assert found == {"lakeside": 200, "foundry": 200, "heron": 200, "watch": 200, "northern": 404}


def test_the_courier_s_pages_hold_no_person_and_no_order_number(
    hub: house.House, sign_in: Callable[[str], httpx.Client]
) -> None:
    client, who = sign_in("heron"), story.WARM
    own = f"/journeys/{journey(hub, who)}"
    texts = [client.get(path).text for path in ("/", "/issues", own, f"{own}/report", f"/?q={story.sscc(102)}")]
    assert who.bag in texts[2]
    for secret in (who.order, who.coi, who.family, who.mrn, "identity mismatch"):
        assert not any(secret in text for text in texts), secret
    assert client.get("/messages").status_code == client.get("/messages/1").status_code == 404
    assert who.bag not in client.get("/", params={"q": who.order}).text, "a guessed order number finds nothing"


def test_the_name_is_on_the_page_of_the_hospital_that_told_it_only(
    hub: house.House, sign_in: Callable[[str], httpx.Client]
) -> None:
    path = f"/journeys/{journey(hub)}"
    assert story.SOUND.family in sign_in("lakeside").get(path).text
    for partner in ("watch", "foundry", "heron"):
        assert story.SOUND.family not in sign_in(partner).get(path).text, partner


@pytest.mark.parametrize("name", [story.SOUND.order, story.SOUND.coi, story.SOUND.bag, story.sscc(101), "LKLAB-00101"])
def test_an_order_is_found_by_any_identifier(sign_in: Callable[[str], httpx.Client], name: str) -> None:
    text = sign_in("watch").get("/", params={"q": f" {name} "}).text
    assert f">{story.SOUND.order}</a>" in text
    assert f">{story.YOUNG.order}</a>" not in text


def test_the_first_page_says_what_waits_and_the_worst_first(sign_in: Callable[[str], httpx.Client]) -> None:
    text = sign_in("watch").get("/").text
    needs, everything_ = text.split("All, the latest first")
    assert story.WRONG.order in needs
    assert story.YOUNG.order not in needs
    assert all(who.order in everything_ for who in (story.SOUND, story.WARM, story.WRONG, story.YOUNG))
    assert "held messages: 1" in text


def test_pages_of_journeys_tell_each_once(hub: house.House, sign_in: Callable[[str], httpx.Client]) -> None:
    from hub.web import lists

    look = lists.Look(hub.hub.profiles["watch"], hub.hub.protocols, hub.clock())
    for size in (1, 2, 3):
        found, before = [], 0
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lists, "PAGE", size)
            patch.setattr(lists, "WINDOW", 20)
            while True:
                lines, before = hub.committer(lambda c, b=before: lists.latest(c.connection, look, b))  # type: ignore[misc]
                found += [line.journey for line in lines]
                assert len(lines) <= size
                if not before:
                    break
        assert len(found) == len(set(found)) == 5


def test_an_order_s_page_says_what_is_wrong_what_to_do_and_where_it_comes_from(
    hub: house.House, sign_in: Callable[[str], httpx.Client]
) -> None:
    text = unescape(sign_in("watch").get(f"/journeys/{journey(hub, story.WARM)}").text)
    assert "no reading for 75 min" in text
    assert "What to do:" in text
    assert "QA assesses the excursion" in text
    assert re.search(r'href="/messages/\d+">message \d+</a> <code>102-B</code>', text)
    assert text.index("Collection completed") < text.index("Shipment departed") < text.index("Readings recorded")


def test_a_question_on_the_page_is_answered_with_reasons_and_recorded(
    hub: house.House, sign_in: Callable[[str], httpx.Client]
) -> None:
    client, path = sign_in("watch"), f"/journeys/{journey(hub, story.WARM)}"
    before = hub.count("audit")
    bag = f"{world.BAGS}|{story.WARM.bag}"
    data = {"form": form_of(client, path), "question": "may-infuse", "partner": "lakeside", "container": bag}
    answer = client.post(f"{path}/ask", data=data)
    assert answer.status_code == 200
    assert "no disposition of the product is recorded" in answer.text
    assert hub.count("audit") == before + 1
    assert hub.rows("SELECT actor, act FROM audit ORDER BY id DESC LIMIT 1") == [("watch", "may-infuse")]
    assert re.search(r"asked by [\w ]+ as Lakeside Hospital", client.get(f"{path}/report").text)


def test_a_partner_asks_as_itself_whatever_its_form_says(
    hub: house.House, sign_in: Callable[[str], httpx.Client]
) -> None:
    client, path = sign_in("foundry"), f"/journeys/{journey(hub, story.WARM)}"
    data = {"form": form_of(client, path), "question": "may-ship", "partner": "lakeside"}
    assert client.post(f"{path}/ask", data=data).status_code == 200
    assert hub.rows("SELECT actor FROM audit ORDER BY id DESC LIMIT 1") == [("foundry",)]
    assert client.post(f"{path}/ask", data={**data, "question": "may-allocate"}).status_code == 404


def test_a_held_message_s_page_says_what_to_do(hub: house.House, sign_in: Callable[[str], httpx.Client]) -> None:
    number = hub.rows("SELECT id FROM inbox WHERE outcome = 'held'")[0][0]
    text = sign_in("watch").get(f"/messages/{number}").text
    assert f"cgt-hub mend {number}" in text
    assert "What to do" in text


@pytest.mark.parametrize(
    "path",
    ["/journeys/none", "/messages/999999", f"/messages/{'9' * 20}", f"/messages/{'9' * 5000}", "/journeys/a%00b"],
)
def test_what_is_not_there_is_a_page_that_says_so(sign_in: Callable[[str], httpx.Client], path: str) -> None:
    answer = sign_in("watch").get(path)
    assert answer.status_code == 404


# ---- the playground ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", list(SAMPLES))
def test_every_sample_is_read_without_being_told_its_format(name: str) -> None:
    found = looked(Pasted(SAMPLES[name][1]), None)
    assert found.explained.outcome == "recorded"
    assert found.explained.events
    assert found.counts["carried"] > 3
    assert found.explained.silent_loss() == (None if found.format == "mes_csv" else 0)
    assert all(leaf.value for leaf in found.leaves)


def test_a_field_is_told_with_its_place_its_value_and_its_fate() -> None:
    leaves = {leaf.place: leaf for leaf in looked(Pasted(SAMPLES["v2"][1]), None).leaves}
    assert (leaves["PID-5.1"].value, leaves["PID-5.1"].entry.fate) == ("SAMPLE", "carried")
    assert (leaves["ZXT-2.1"].value, leaves["ZXT-2.1"].entry.fate) == (
        "something that only the sender understands",
        "residual",
    )
    assert leaves["OBX-5.1"].entry.target


def test_nothing_that_is_pasted_is_recorded(hub: house.House, sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("watch")
    before = [hub.count(table) for table in ("log", "inbox", "body", "audit", "person", "sealed")]
    for _, text in SAMPLES.values():
        for partner in ("", "lakeside"):
            data = {"form": form_of(client), "message": text, "partner": partner}
            assert client.post("/playground", data=data).status_code == 200
    assert [hub.count(table) for table in ("log", "inbox", "body", "audit", "person", "sealed")] == before
    assert not any("SAMPLE" in line for line in hub.logs.lines)


def test_what_cannot_be_read_says_where_and_what_to_do(sign_in: Callable[[str], httpx.Client]) -> None:
    client = sign_in("watch")

    def said(message: str, **more: str) -> str:
        return client.post("/playground", data={"form": form_of(client), "message": message, **more}).text

    assert "Paste a message first" in said("   ")
    assert "at most 256 KiB" in said("x" * 300_000)
    assert "MSH-9" in said("MSH|^~\\&|nothing")
    assert "held" in said("MSH")
    assert re.search(r"It would be .*(held|rejected)", said('{"resourceType": "Basic"}'))
    assert re.search(r'It would be .*(held|rejected)|role="alert"', said("a;b", dialect="mes_csv/none"))


@given(st.text(max_size=400))
def test_whatever_is_pasted_is_looked_at_without_a_crash(text: str) -> None:
    if text.strip():
        found = looked(Pasted(text), ANYONE)
        assert found.explained.outcome in {"recorded", "filtered", "held", "rejected"}


@given(st.sampled_from(sorted(SAMPLES)), st.integers(0, 600), st.text(max_size=4), st.integers(0, 5))
def test_a_damaged_sample_is_looked_at_without_a_crash(name: str, at: int, text: str, gone: int) -> None:
    whole = SAMPLES[name][1]
    assert looked(Pasted(whole[:at] + text + whole[at + gone :]), ANYONE).format in FORMATS


@given(st.text(max_size=200))
def test_every_text_looks_like_one_of_the_formats(text: str) -> None:
    assert recognised(text)
    assert set(recognised(text)) <= set(FORMATS)


def test_static_files_are_there_and_nothing_else_is(hub: house.House) -> None:
    assert httpx.get(hub.base + "/static/style.css").headers["content-type"].startswith("text/css")
    for path in ("/static/../routes.py", "/static/%2e%2e/routes.py", "/static/", "/templates/base.html"):
        assert httpx.get(hub.base + path).status_code == 404, path


def test_a_long_timeline_shows_its_end_and_says_what_came_before(
    hub: house.House, sign_in: Callable[[str], httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.web.timeline.MOST", 3)
    text = sign_in("watch").get(f"/journeys/{journey(hub, story.WARM)}").text
    assert re.search(r"<p>\d+ earlier facts are not shown", text)
    assert text.count('class="said"') == 3
