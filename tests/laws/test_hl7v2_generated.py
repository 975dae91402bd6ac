"""The laws on messages that nobody sent, made by hypothesis."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters import hl7v2
from tests.laws import edits, laws, v2
from tests.laws.generated import Made, messages

law = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
_OF_A_VERSION = (
    *("identifiers", "parents", "target", "target_priority"),
    *("result_group", "parent_result_group", "specimen_source"),
)
ANY_PATH = frozenset(
    {"subject.deceased", "material.accessions", "material.coi", "material.shipment"}
    | {"material.stage"}  # a code that stood second alone (SPM-4.4) is written first, where the site's table reads it
    | {"result.interpretation", "message.structure"}
    | {f"{kind}.{path}" for kind in ("order", "report") for path in _OF_A_VERSION}
    | v2.HOMELESS
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
    read = hl7v2.base().read(made.text.encode())
    laws.fresh(hl7v2.base(), read, ANY_PATH | v2.lacking(read.frames))


@law
@given(messages(), st.integers(0, 2**32))
def test_an_edit_is_read_as_it_was_made(made: Made, seed: int) -> None:
    read = hl7v2.base().read(made.text.encode())
    rng = random.Random(seed)
    found = edits.edits_of(read.frames, rng)
    for edit in rng.sample(found, min(2, len(found))):
        told = laws.put_get(hl7v2.base(), read, edit, read.residual) | laws.put_get(hl7v2.base(), read, edit, None)
        assert told <= ANY_PATH | v2.lacking(read.frames) | v2.lacking(edit.apply(read.frames))


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


def test_an_order_that_loses_its_number_states_what_a_fresh_one_must() -> None:
    body = b"MSH|^~\\&|||||||OML^O21|M1|P|2.3\rEVN\rORC\rORC||P1"
    read = hl7v2.base().read(body)
    found = edits.edits_of(read.frames, random.Random(0))
    gone = [edit for edit in found if edit.name == "delete item of order.identifiers"]
    assert gone and all(laws.local(hl7v2.base(), body, read, edit) for edit in gone)


@law
@given(messages(("PID", "ORC", "OBR", "ZCG", "OBX", "NTE", "OBX", "NTE", "SPM", "OBX", "ORC", "OBR", "OBX")))
def test_orders_with_results_specimens_and_local_segments_keep_the_laws(made: Made) -> None:
    body = made.text.encode()
    read = laws.get_put(hl7v2.base(), body)
    laws.nothing_lost(body, read)
    laws.fresh(hl7v2.base(), read, ANY_PATH | v2.lacking(read.frames))
