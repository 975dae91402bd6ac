"""Acknowledgements over MLLP: which code and which faults an outcome gives. The bytes are the adapter's business.

Original mode answers AA, AE, AR; a sender that asks for it in MSH-15 gets CA, CE, CR (enhanced mode).
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from datetime import datetime

from adapters.hl7v2.ack import acknowledge as written
from hub.conversion import FILTERED, HELD, RECORDED, REJECTED
from hub.incoming import Answer
from hub.outcomes import RECEIVED
from hub.profiles import Profile
from mappings.faults import Fault

_LETTER = {RECORDED: "A", FILTERED: "A", RECEIVED: "A", HELD: "E", REJECTED: "R"}


def acknowledge(profile: Profile, body: bytes, answer: Answer, now: datetime) -> bytes:
    """The acknowledgement of a message that the hub took."""
    assert profile.mllp is not None
    letter = _LETTER[answer.outcome]
    faults = list(answer.faults)
    if answer.outcome == HELD and profile.mllp.held_as == "AA":
        letter = "A"
        faults = [Fault(f.code, f.place, f.remedy, f.row, "warning") for f in faults]
    if answer.outcome == RECORDED and answer.unlinked:
        text = f"{answer.unlinked} facts wait: no order has an identifier that they name"
        faults.append(Fault("unlinked", "message", text))
    return _written(profile, body, letter, faults, now)


def application_answer(body: bytes, answer: Answer, control: str, now: datetime) -> bytes:
    """The application acknowledgement of a message that was stored before; wants an accept acknowledgement itself."""
    return written(body, "A" + _LETTER[answer.outcome], answer.faults, control, now, accept="always")


def overloaded(profile: Profile, body: bytes, now: datetime) -> bytes:
    """The answer when too much waits: nothing was kept, send again."""
    fault = Fault("overloaded", "message", "too much waits; nothing was kept; send it again", severity="error")
    return _written(profile, body, "E", [fault], now)


def too_large(profile: Profile, begin: bytes, limit: int, now: datetime) -> bytes:
    """The answer to a message that was not read to its end: refused, nothing was kept."""
    fault = Fault("too-large", "message", f"send at most {limit} bytes; nothing was kept", severity="error")
    return _written(profile, begin, "R", [fault], now)


def failed(profile: Profile, body: bytes, now: datetime) -> bytes:
    """The answer when the store failed: nothing was kept, send again."""
    fault = Fault("internal-error", "message", "the hub could not keep it; send it again", severity="error")
    return _written(profile, body, "E", [fault], now)


def _written(profile: Profile, body: bytes, letter: str, faults: Sequence[Fault], now: datetime) -> bytes:
    assert profile.mllp is not None
    mode = "C" if profile.mllp.acknowledge == "stored" else "A"
    return written(body, mode + letter, faults, uuid.uuid4().hex[:20], now)


def control_id(message: bytes) -> str:
    """MSH-10 as far as it can be found: what cannot be read is then found under its sender's name for it."""
    header = re.search(rb"MSH([^\r\nA-Za-z0-9])[^\r\n]*", message[:4096])
    fields = header[0].split(header[1]) if header else []
    text = fields[9][:64].decode("ascii", "replace") if len(fields) > 9 else ""
    return text if re.fullmatch(r"[A-Za-z0-9._:-]+", text) else ""


def code_of(message: bytes) -> str:
    """MSA-1 of an acknowledgement, or an empty text."""
    found = re.search(rb"(?:^|[\r\n])MSA(.)([A-Z]{2})(?:\1|[\r\n]|$)", message)
    return found[2].decode("ascii") if found else ""


def is_about(answer: bytes, message: bytes) -> bool:
    """False when MSA-2 of an acknowledgement names another message than MSH-10 of this one."""
    found = re.search(rb"(?:^|[\r\n])MSA(.)[A-Z]{2}\1([^\r\n]*)", answer)
    control = message.split(b"\r", 1)[0].split(message[3:4])[9:10]
    return found is None or found[2].split(found[1])[0] in {b"", *control}
