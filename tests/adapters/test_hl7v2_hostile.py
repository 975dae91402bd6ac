"""HL7 v2 as it comes: broken, huge, in odd delimiters and character sets. It is read, or refused with a remedy.

Refused means Unparsable or Unsupported and nothing else, with a place and no word of the message.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import hl7v2, json_text
from adapters.hl7v2 import Unparsable, Unsupported, tokenizer
from tests.effort import at_most
from tests.laws import laws, v2
from tests.laws.generated import Made, messages


def mutated(made: Made, at: int, byte: bytes) -> bytes:
    """A message with one byte taken away and up to three put in its place."""
    body = made.text.encode()
    return body[:at] + byte + body[at + 1 :]


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=60).map(lambda tail: b"MSH|^~\\&|A|B|C|D|2026||ORU^R01|1|P|2.5.1\r" + tail),
        st.builds(mutated, messages(), st.integers(0, 300), st.binary(max_size=3)),
    )
)
def test_whatever_bytes_come_they_are_read_or_refused(body: bytes) -> None:
    for part in tokenizer.messages(body):
        try:
            read = hl7v2.base().read(part)
        except (Unparsable, Unsupported) as refused:
            assert refused.place and refused.remedy
            continue
        laws.valid(read)
        written, _ = hl7v2.base().write(read.type, read.frames, read.residual)
        again = hl7v2.base().read(written)
        assert v2.comparable(again.frames) == v2.comparable(read.frames)


# ---- known trouble --------------------------------------------------------------------------------------------

ORDER = "MSH|^~\\&|EHR|MERCY|CGTHUB|X|20260308014000||OML^O21^OML_O21|M1|P|2.5.1\rPID|1||123^^^MERCY^MR||Ok^Ada\r"


def read(text: str, charset: str = "utf-8") -> hl7v2.Read:
    return hl7v2.base().read(text.encode(charset))


def frame(got: hl7v2.Read, kind: str) -> dict[str, object]:
    return next(f["set"] for f in got.frames if f["kind"] == kind)


@pytest.mark.parametrize(("charset", "declared"), [("utf-8", ""), ("utf-8", "UNICODE UTF-8"), ("latin-1", "8859/1")])
def test_umlauts_survive_whatever_the_character_set(charset: str, declared: str) -> None:
    body = ORDER.replace("2.5.1", f"2.5.1||||||{declared}").replace("Ok^Ada", "Größe^Ünal").encode(charset)
    got = laws.get_put(hl7v2.base(), body)
    assert got.charset == charset
    assert frame(got, "identity")["names"] == [{"family": "Größe", "given": ["Ünal"]}]
    assert hl7v2.base().write(got.type, got.frames)[0].decode(charset).count("Größe") == 1


def test_bytes_that_are_not_what_msh_18_says_are_kept_all_the_same() -> None:
    body = ORDER.replace("2.5.1", "2.5.1||||||UNICODE UTF-8").replace("Ok^Ada", "Größe^Ünal").encode("latin-1")
    assert laws.get_put(hl7v2.base(), body).charset == "latin-1"


def test_a_text_that_the_character_set_cannot_say_is_sent_in_utf_8_and_msh_18_says_so() -> None:
    got = read(ORDER.replace("2.5.1", "2.5.1||||||8859/1"), "latin-1")
    frame(got, "identity")["names"] = [{"family": "漢"}]
    written, _ = hl7v2.base().write(got.type, got.frames, got.residual)
    assert b"UNICODE UTF-8" in written
    assert frame(hl7v2.base().read(written), "identity")["names"] == [{"family": "漢"}]


def test_a_null_clears_and_an_absent_field_says_nothing() -> None:
    got = read(ORDER.replace("Ok^Ada", '""'))
    assert next(f for f in got.frames if f["kind"] == "identity")["clear"] == ["names"]
    assert "names" not in frame(got, "identity")
    absent = read(ORDER.replace("||Ok^Ada", ""))
    assert "clear" not in next(f for f in absent.frames if f["kind"] == "identity")


def test_a_null_of_a_field_in_parts_clears_all_its_paths() -> None:
    got = read(ORDER.replace("|EHR|", '|""|'))
    head = next(f for f in got.frames if f["kind"] == "message")
    assert head["clear"] == ["sender.application", "sender.application_id"]
    assert b'MSH|^~\\&|""|MERCY' in hl7v2.base().write(got.type, got.frames)[0]


def test_a_text_of_two_quotes_is_not_a_null() -> None:
    got = read(ORDER)
    frame(got, "identity")["names"] = [{"family": '""'}]
    written, _ = hl7v2.base().write(got.type, got.frames, got.residual)
    assert frame(hl7v2.base().read(written), "identity")["names"] == [{"family": '""'}]


def test_a_value_that_the_senders_delimiters_cannot_say_is_written_in_the_standard_ones() -> None:
    got = read("MSH#^~#EHR#MERCY#CGTHUB#X#20260308##OML^O21#M1#P#2.5.1\rPID#1##123^^^MERCY^MR##Ok\rZXX#a|b#c^d\r")
    frame(got, "identity")["names"] = [{"family": "a#b^c"}]
    written, _ = hl7v2.base().write(got.type, got.frames, got.residual)
    assert written.startswith(b"MSH|^~\\&|EHR|")
    assert frame(hl7v2.base().read(written), "identity")["names"] == [{"family": "a#b^c"}]
    assert b"ZXX|a\\F\\b|c^d\r" in written


def test_a_message_of_a_batch_is_read_without_its_envelope() -> None:
    body = f"FHS|^~\\&|A\rBHS|^~\\&|A\r{ORDER}{ORDER.replace('M1', 'M2')}BTS|2\rFTS|1\r".encode()
    parts = tokenizer.messages(body)
    assert [hl7v2.base().read(part).source_id for part in parts] == ["M1", "M2"]
    for part in parts:
        laws.get_put(hl7v2.base(), part)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r"])
def test_line_ends_of_any_sort_mean_the_same(end: str) -> None:
    got = laws.get_put(hl7v2.base(), ORDER.replace("\r", end).encode())
    assert v2.comparable(got.frames) == v2.comparable(read(ORDER).frames)


def test_an_mllp_frame_and_a_byte_order_mark_are_no_part_of_the_message() -> None:
    body = b"\x0b\xef\xbb\xbf" + ORDER.encode() + b"\x1c\r"
    assert hl7v2.base().read(body).frames == read(ORDER).frames


def test_a_last_character_is_not_taken_for_framing() -> None:
    got = hl7v2.base().read(b"\x0b" + ORDER.replace("Ada\r", "«Ada»").encode() + b"\x1c\r")
    assert frame(got, "identity")["names"] == [{"family": "Ok", "given": ["«Ada»"]}]


def refused(body: bytes) -> Unparsable | Unsupported:
    """The refusal of a message; fails where it is read."""
    try:
        hl7v2.base().read(body)
    except (Unparsable, Unsupported) as told:
        assert told.place
        assert told.remedy
        return told
    raise AssertionError("the message was read")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"PID|1",
        b"MSH",
        b"MSH|",
        b"MSH||||",
        b"MSHA^~\\&A",
        b"MSH |^~\\&|",
        b"\x00" * 50,
        b"MSH|^~\\&" + b"|" * 2000,
    ],
)
def test_what_is_no_message_is_refused_with_place_and_remedy(body: bytes) -> None:
    refused(body)


def test_a_message_of_too_many_segments_is_refused() -> None:
    with pytest.raises(Unparsable, match="hl7v2-too-many-segments"):
        hl7v2.base().read(ORDER.encode() + b"NTE|1\r" * 20_001)


def test_a_message_that_is_too_large_is_refused() -> None:
    with pytest.raises(Unparsable, match="hl7v2-too-large"):
        hl7v2.base().read(ORDER.encode() + b"x" * tokenizer.MAX_BYTES)


def test_a_message_of_ten_thousand_results_is_read_and_written_in_seconds() -> None:
    results = "".join(f"OBX|{n}|NM|{n % 50}^Test^L||{n}|g/L|||||F\r" for n in range(1, 10_001))
    body = (ORDER.replace("OML^O21^OML_O21", "ORU^R01") + "OBR|1||F1|CBC^^L\r" + results).encode()
    assert len(laws.get_put(hl7v2.base(), body).frames) == 10_004


def test_a_refusal_names_the_type_and_no_word_of_the_message() -> None:
    told = refused(ORDER.replace("OML^O21^OML_O21", "ADT^A03").encode())
    assert isinstance(told, Unsupported)
    assert told.message_type == "ADT^A03"
    secret = refused(ORDER.replace("OML^O21^OML_O21", "Zed Ann^1980").encode())
    assert "Zed" not in f"{secret.place} {secret.remedy} {secret}"


def test_a_segment_of_too_many_fields_is_refused() -> None:
    told = refused(ORDER.encode() + b"OBX" + b"|" * 1_001)
    assert (told.code, told.place) == ("hl7v2-too-many-fields", "OBX")


def test_a_field_of_a_megabyte_is_read_and_written_again() -> None:
    body = (ORDER + f"OBX|1|TX|X^^L||{'x' * 1_000_000}||||||F\r").encode()
    with at_most(15):
        laws.get_put(hl7v2.base(), body)


def test_twenty_thousand_repeats_take_no_longer_than_a_long_field() -> None:
    body = (ORDER.replace("123^^^MERCY^MR", "~".join(f"{n}^^^M^MR" for n in range(20_000)))).encode()
    with at_most(60):
        read = laws.get_put(hl7v2.base(), body)
    assert len(read.frames[2]["set"]["identifiers"]) == 20_000


def test_delimiters_inside_delimiters_are_kept_however_deep() -> None:
    body = (ORDER + "OBX|1|CWE|" + "&" * 500 + "a" + "^" * 500 + "b~" * 100 + "|||x&y&z^&&q~~||||||F\r").encode()
    laws.nothing_lost(body, laws.get_put(hl7v2.base(), body))


def test_escapes_of_escapes_end() -> None:
    body = (ORDER + "OBX|1|ST|X^^L||" + "\\E" * 20_000 + "\\||||||F\r").encode()
    with at_most(15):
        laws.get_put(hl7v2.base(), body)


def test_a_line_that_no_segment_begins_is_kept_and_never_named() -> None:
    body = ORDER.encode() + b"Zed Ann, born 1980, said so|x\r"
    read = laws.get_put(hl7v2.base(), body)
    assert {entry.piece for entry in read.entries()} == {"MSH", "PID", "?"}
    assert "Zed" not in "".join(str(entry.plain()) for entry in read.entries())


def test_a_message_whose_last_segment_has_no_end_is_a_message() -> None:
    assert read(ORDER.rstrip("\r")).frames == read(ORDER).frames


def test_a_noncharacter_is_refused_and_one_that_another_format_says_is_escaped() -> None:
    assert refused((ORDER + "NTE|1||\ufdd0\r").encode()).code == "hl7v2-encoding"
    got = read(ORDER)
    frame(got, "identity")["names"] = [{"family": "a\ufdd0b"}]
    written, faults = hl7v2.base().write(got.type, got.frames)
    assert frame(hl7v2.base().read(written), "identity")["names"] == [{"family": "a\ufdd0b"}]
    assert faults == []


def test_what_only_the_sender_may_say_unescaped_is_no_reason_to_change_his_delimiters() -> None:
    """MSH-2 names no escape character, and a text holds the component separator: it goes back as it came."""
    body = b"MSH!.#!!!!!!!OML.O21!M1!P\rPID\rORC!NW!P1\rOBR\rOBX!!ST!!!a.b!\r"
    read = laws.get_put(hl7v2.base(), body)
    assert read.frames[-1]["set"]["value"] == {"text": ["a.b"]}
    assert json_text.loads(json_text.dumps(read.residual))


def test_the_truncation_character_of_2_7_is_a_delimiter_with_an_escape_of_its_own() -> None:
    text = ORDER.replace("MSH|^~\\&|", "MSH|^~\\&#|").replace("2.5.1", "2.7")
    got = laws.get_put(hl7v2.base(), (text + "OBX|1|ST|X^^L||no. \\P\\7||||||F\r").encode())
    assert frame(got, "result")["value"] == {"text": ["no. #7"]}
    assert b"MSH|^~\\&|" in hl7v2.base().write(got.type, got.frames)[0]
