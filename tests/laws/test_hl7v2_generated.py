"""The laws on messages that nobody sent, and what is known to trouble parsers: delimiters, nulls, charsets, batches."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import hl7v2
from adapters.hl7v2 import Unparsable, Unsupported, tokenizer
from tests.laws import edits, laws, v2
from tests.laws.generated import Made, messages

law = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
_OF_A_VERSION = (
    *("identifiers", "parents", "target", "target_priority"),
    *("result_group", "parent_result_group", "specimen_source"),
)
ANY_PATH = frozenset(
    {"subject.deceased", "material.accessions", "material.coi", "material.shipment"}
    | {f"{kind}.{path}" for kind in ("order", "report") for path in _OF_A_VERSION}
)
"""What a message may say in a version that has no field for it, or in two places at once."""


@law
@given(messages())
def test_a_message_is_written_as_it_was_read(made: Made) -> None:
    laws.get_put(hl7v2.base(), made.text.encode())


@law
@given(messages())
def test_no_leaf_is_lost_and_the_account_is_honest(made: Made) -> None:
    body = made.text.encode()
    read = hl7v2.base().read(body)
    laws.nothing_lost(body, read)
    laws.carried_is_written(hl7v2.base(), body, read)


@law
@given(messages())
def test_every_frame_is_valid_whatever_was_sent(made: Made) -> None:
    laws.valid(hl7v2.base().read(made.text.encode()))


@law
@given(messages())
def test_fresh_frames_are_read_as_they_were(made: Made) -> None:
    laws.fresh(hl7v2.base(), hl7v2.base().read(made.text.encode()), ANY_PATH)


@law
@given(messages(), st.integers(0, 2**32))
def test_an_edit_is_read_as_it_was_made(made: Made, seed: int) -> None:
    read = hl7v2.base().read(made.text.encode())
    rng = random.Random(seed)
    found = edits.edits_of(read.frames, rng)
    for edit in rng.sample(found, min(2, len(found))):
        told = laws.put_get(hl7v2.base(), read, edit, read.residual) | laws.put_get(hl7v2.base(), read, edit, None)
        assert told <= ANY_PATH


@law
@given(messages(), st.integers(0, 2**32))
def test_an_edit_is_local(made: Made, seed: int) -> None:
    body = made.text.encode()
    read = hl7v2.base().read(body)
    rng = random.Random(seed)
    found = edits.edits_of(read.frames, rng)
    for edit in rng.sample(found, min(2, len(found))):
        if "frame" not in edit.name:  # whole frames: only where the segments stand as the grammar wants them
            laws.local(hl7v2.base(), body, read, edit)


@law
@given(messages(("PID", "ORC", "OBR", "ZCG", "OBX", "NTE", "OBX", "NTE", "SPM", "OBX", "ORC", "OBR", "OBX")))
def test_orders_with_results_specimens_and_local_segments_keep_the_laws(made: Made) -> None:
    body = made.text.encode()
    read = laws.get_put(hl7v2.base(), body)
    laws.nothing_lost(body, read)
    laws.fresh(hl7v2.base(), read, ANY_PATH)


def mutated(made: Made, at: int, byte: bytes) -> bytes:
    """A message with one byte taken away and up to three put in its place."""
    body = made.text.encode()
    return body[:at] + byte + body[at + 1 :]


@settings(max_examples=400, deadline=2000, suppress_health_check=list(HealthCheck))
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
    with pytest.raises((Unparsable, Unsupported)) as refused:
        hl7v2.base().read(body)
    assert refused.value.place and refused.value.remedy


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
