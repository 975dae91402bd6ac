"""Text to segments and back: what a delimiter, an escape and a character set are. No meaning of any field."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.hl7v2.tokenizer import (
    STANDARD,
    UNNAMED,
    UNSET,
    Delimiters,
    charset_of,
    decode,
    fields_of,
    messages,
    normal,
    restated,
    split,
    text_of,
)
from adapters.reading import Unparsable

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
MARKS = st.lists(st.sampled_from("!#$%&*+,-./:;<=>?@[\\]^_`{|}~"), min_size=5, max_size=6, unique=True)


def own(marks: str = STANDARD) -> Delimiters:
    return Delimiters().with_delimiters(marks[0], marks[1:])


# ---- segments -------------------------------------------------------------------------------------------------


def test_fields_count_as_the_standard_counts_and_msh_counts_its_separator() -> None:
    assert fields_of("PID|1||X", "|") == {"1": "1", "3": "X"}
    assert fields_of("MSH|^~\\&|EHR", "|") == {"1": "|", "2": "^~\\&", "3": "EHR"}


def test_a_message_is_its_segments_in_order_and_blank_lines_are_none() -> None:
    m = Delimiters()
    segments = split("MSH#!*?%#EHR\r\n\r\n   \rPID#1\nZXX", m)
    assert [name for name, _, _ in segments] == ["MSH", "PID", "ZXX"]
    assert (m.field_sep, m.comp, m.rep, m.esc, m.sub) == ("#", "!", "*", "?", "%")


@pytest.mark.parametrize("line", ["pid|1", "PIDX|1", "Zed Ann", " PID|1", "12|a", "\x0bPID|1"])
def test_a_line_that_begins_with_no_segments_name_has_none(line: str) -> None:
    segments = split(f"MSH|^~\\&|\r{line}", Delimiters())
    assert segments[1][0] == UNNAMED
    assert segments[1][2] == line


@pytest.mark.parametrize(("others", "unset"), [("^", 3), ("^~", 2), ("^~\\", 1), ("^~\\&", 0), ("^~\\&#", 0)])
def test_a_delimiter_that_msh_2_does_not_name_is_not_there(others: str, unset: int) -> None:
    m = Delimiters().with_delimiters("|", others)
    assert [m.comp, m.rep, m.esc, m.sub].count(UNSET) == unset
    assert m.delimiters == others


def test_what_was_split_is_put_together_again() -> None:
    text = "MSH|^~\\&|EHR||X\rPID|1||A~B\rZXX|\r"
    m = Delimiters()
    assert text_of([(name, dict(fields), line) for name, fields, line in split(text, m)], m) == text


def test_the_normal_form_has_no_empty_ends_and_one_line_end() -> None:
    assert normal("MSH|^~\\&|EHR||\nPID|1||A^^&~~|\n\n") == "MSH|^~\\&|EHR\rPID|1||A\r"


def test_the_messages_of_a_batch_come_without_their_envelope() -> None:
    first, second = "MSH|^~\\&|1\rPID|1\r", "MSH|^~\\&|2\rPID|2\r"
    body = f"FHS|^~\\&\rBHS|^~\\&\r{first}{second}BTS|2\rFTS|1\r".encode()
    assert [part.decode().strip("\r") for part in messages(body)] == [first.strip("\r"), second.strip("\r")]


def test_a_text_that_mentions_msh_is_no_message_of_a_batch() -> None:
    body = b"MSH|^~\\&|1\rOBX|1|TX|a||see MSH|b\r"
    assert messages(body) == [body]


# ---- components and escapes -----------------------------------------------------------------------------------


def test_a_leaf_is_the_first_of_all_levels_and_a_null_says_nothing() -> None:
    m = own()
    assert m.leaf("a&b^c~d") == "a"
    assert m.leaf('""') == m.leaf('""^x') == ""
    assert m.leaf("a\\T\\b&c") == "a&b"


def test_components_count_from_one_and_absent_ones_are_empty() -> None:
    m = own()
    assert m.part("a^b&c^d", 2) == "b"
    assert m.part("a^b&c^d", 2, 2) == "c"
    assert m.part("a", 4) == m.part("a^b", 2, 3) == ""
    assert m.parts('a^\\S\\^""~x', 4) == ["a", "^", "", ""]
    assert m.sub_parts("a&b", 3) == ["a", "b", ""]


@pytest.mark.parametrize(
    ("escaped", "meant"),
    [
        ("\\F\\\\S\\\\R\\\\T\\\\E\\", "|^~&\\"),
        ("a\\.br\\b", "a\nb"),
        ("\\X0D0A\\", "\r\n"),
        ("\\XC3A4\\", "ä"),
        ("\\XFF\\", "\\XFF\\"),
        ("\\X4\\", "\\X4\\"),
        ("\\H\\bold\\N\\", "\\H\\bold\\N\\"),
        ("\\Zany\\", "\\Zany\\"),
        ("50\\ off", "50\\ off"),
        ("\\\\", "\\\\"),
    ],
)
def test_an_escape_sequence_means_its_character_and_an_unknown_one_itself(escaped: str, meant: str) -> None:
    assert own().unescape(escaped) == meant


@given(TEXT, MARKS)
def test_any_text_can_be_said_in_any_complete_set_of_delimiters(text: str, marks: list[str]) -> None:
    m = own("".join(marks))
    said = m.escape(text)
    assert not {m.field_sep, m.comp, m.rep, m.sub, "\r", "\n"} & set(said)
    assert m.unescape(said) == text
    assert m.leaf(said) == m.unescape(said)


@given(st.text('ab|^~\\&\r\n"#FSRTE. ', max_size=12))
def test_an_escaped_text_is_read_as_it_was(text: str) -> None:
    m = own()
    assert m.leaf(m.escape(text)) == text


def test_a_text_that_would_read_as_null_is_escaped() -> None:
    assert own().escape('""') == '\\X22\\"'
    assert own().leaf('\\X22\\"') == '""'


def test_without_an_escape_character_a_text_of_delimiters_cannot_be_said() -> None:
    m = Delimiters().with_delimiters("|", "^~")
    assert m.escape("plain") == "plain"
    assert m.escape("a^b").startswith(UNSET)


def test_a_piece_in_other_delimiters_separates_and_says_the_same() -> None:
    theirs, standard = own("#!*?%"), Delimiters()
    assert restated("a!b%c*d|e?T?f^", theirs, standard) == "a^b&c~d\\F\\e%f\\S\\"


@given(st.lists(st.lists(TEXT, min_size=1, max_size=3), min_size=1, max_size=3), MARKS)
def test_leaves_are_counted_as_they_are_listed(fields: list[list[str]], marks: list[str]) -> None:
    m = own("".join(marks))
    piece = {str(n): m.comp.join(m.escape(leaf) for leaf in field) for n, field in enumerate(fields, 1)}
    assert m.count("ZXX", piece) == sum(1 for _ in m.leaves("ZXX", piece))


# ---- bytes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "charset"),
    [("", "utf-8"), ("ASCII", "utf-8"), ("8859/1", "latin-1"), ("8859/2", "iso8859-2"), ("UNICODE UTF-8", "utf-8")],
)
def test_msh_18_says_how_to_read_the_bytes(declared: str, charset: str) -> None:
    text = f"MSH|^~\\&|ä|||||||||||||||{declared}\r"
    assert decode(text.encode(charset)) == (text.rstrip("\r"), charset)
    assert charset_of(declared) == charset


def test_the_first_of_several_character_sets_counts() -> None:
    body = "MSH|^~\\&|ż|||||||||||||||8859/2~UNICODE UTF-8\r".encode("iso8859-2")
    assert decode(body)[1] == "iso8859-2"


def test_bytes_that_are_neither_what_they_claim_nor_utf_8_are_latin_1() -> None:
    assert decode("MSH|^~\\&|ä|||||||||||||||UNICODE UTF-8\r".encode("latin-1"))[1] == "latin-1"


@pytest.mark.parametrize("framed", [b"\x0bMSH|^~\\&|A\x1c\r", b"\xef\xbb\xbfMSH|^~\\&|A\r\n", b"\n\r MSH|^~\\&|A"])
def test_framing_and_byte_order_mark_are_no_text(framed: bytes) -> None:
    assert decode(framed)[0] == "MSH|^~\\&|A"


@pytest.mark.parametrize("body", [b"", b"PID|1", b"MSH", b"MSHA^~\\&A", b"MSH||||", b"MSH|^~\\&#+|", b"msh|^~\\&|"])
def test_what_does_not_begin_as_a_message_is_none(body: bytes) -> None:
    with pytest.raises(Unparsable, match="hl7v2-no-header"):
        decode(body)
