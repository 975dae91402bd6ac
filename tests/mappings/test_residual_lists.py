"""The residual of a list: whatever the table writes of it, in whatever order, the wire comes back."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from mappings.residual import diff, patch


def by_letter(item: Any, context: Any) -> Any:
    """A table that reads texts only and writes them in lower case."""
    return item.lower() if isinstance(item, str) else None


def written(wire: list[Any]) -> list[Any] | None:
    """What several rows write of the list: vowels first, then the rest; of two equal items only one."""
    items = [by_letter(item, None) for item in wire if isinstance(item, str)]
    once = list(dict.fromkeys(items))
    return sorted(once, key=lambda item: item[:1] not in "aeiou") or None


def there_and_back(wire: list[Any], canonical: Any) -> Any:
    return patch(canonical, diff(wire, canonical, by_letter, None))


def test_a_list_that_several_rows_feed_keeps_its_order() -> None:
    assert there_and_back(["b", "A", "c", "e"], ["a", "e", "b", "c"]) == ["b", "A", "c", "e"]


def test_an_item_that_the_table_writes_once_comes_back_twice() -> None:
    assert there_and_back(["a", "b", "A"], ["a", "b"]) == ["a", "b", "A"]


def test_an_item_that_only_the_table_writes_is_not_added_to_the_wire() -> None:
    assert there_and_back(["b"], ["b", "constant"]) == ["b"]


def test_an_empty_list_and_an_empty_item_stay_empty() -> None:
    assert there_and_back([], None) == []
    assert there_and_back([None, "b"], ["b"]) == [None, "b"]


def test_an_item_that_came_follows_the_one_before_it() -> None:
    node = diff(["b", "A", "c"], ["a", "b", "c"], by_letter, None)
    assert patch(["a", "new", "b", "c"], node) == ["b", "A", "new", "c"]


def test_another_order_is_the_editors_and_not_the_tables() -> None:
    node = diff(["b", "A", "c"], ["a", "b", "c"], by_letter, None)
    assert patch(["c", "b", "a"], node) == ["c", "b", "A"]


def test_an_item_that_left_takes_its_residual_with_it() -> None:
    node = diff(["b", "A", "c"], ["a", "b", "c"], by_letter, None)
    assert patch(["b", "c"], node) == ["b", "c"]


def test_the_residual_of_an_object_is_in_the_order_of_the_wire() -> None:
    node = diff({"z": 1, "a": 2, "m": 3}, None, {}, None)
    assert node is not None
    assert list(node["in"]) == ["z", "a", "m"]


ITEMS = st.lists(st.sampled_from(["a", "A", "b", "B", "e", "c", 1, None, {"x": 1}]), max_size=7)


@given(ITEMS)
def test_any_list_comes_back(wire: list[Any]) -> None:
    assert there_and_back(wire, written(wire)) == wire


@given(ITEMS, st.lists(st.sampled_from(["constant", "a", "e"]), max_size=2))
def test_any_list_comes_back_from_a_table_that_writes_more(wire: list[Any], more: list[str]) -> None:
    canonical = [*more, *(written(wire) or [])]
    assert there_and_back(wire, canonical or None) == wire


@given(ITEMS)
def test_any_edit_that_leaves_one_item_keeps_that_items_spelling(wire: list[Any]) -> None:
    canonical = written(wire)
    node = diff(wire, canonical, by_letter, None)
    for kept in canonical or []:
        spelling = next(item for item in wire if by_letter(item, None) == kept)
        if node is not None:
            assert spelling in (patch([kept], node) or [])
