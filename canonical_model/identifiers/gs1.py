"""Names of things as URIs, and the one identifier that each stands for: GS1 keys and private URIs. Reads no scan.

A URN (`urn:epc:id:sscc:0614141.1234567890`) and a GS1 Digital Link URI (`https://id.gs1.org/00/106141412345678908`)
of one thing are one identifier, equal by (system, value):

| key | system under `https://id.gs1.org/` | value |
|---|---|---|
| SSCC | `00` | 18 digits |
| GTIN (a class) | `01` | 14 digits |
| GTIN + serial | `01-21` | `<gtin>.<serial>` |
| GTIN + lot (a class) | `01-10` | `<gtin>.<lot>` |
| GLN, of a place or a party | `414` | 13 digits |
| GLN + extension | `414-254` | `<gln>.<extension>` |
| GRAI, GIAI | `8003`, `8004` | 14 digits and serial; the whole key |
| GSRN of a recipient, of a provider | `8018`, `8017` | 18 digits |
| GDTI | `253` | 13 digits and serial |

A GLN is one number whether it names a place (414) or a party (417), so both are system `414`. What a company prefix
was is not kept: `to_urn` asks for its length.

Every other http, https or urn URI is split before its last segment: `https://mercy.example/bag/BAG-1` is `BAG-1` of
`https://mercy.example/bag`. What cannot be split is a value of `urn:ietf:rfc:3986`, as in FHIR.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote

from canonical_model.identifiers.checks import check_digit, is_checked

Identifier = dict[str, str]

GS1 = "https://id.gs1.org/"
SSCC = f"{GS1}00"
GLN = f"{GS1}414"
ANY_URI = "urn:ietf:rfc:3986"
UNASSIGNED = "urn:id:unassigned"

_LENGTHS = {"00": (18,), "01": (8, 12, 13, 14), "414": (13,), "417": (13,), "8017": (18,), "8018": (18,)}
"""Digits of keys that are digits only, the check digit last."""

_QUALIFIERS = {"01": ("22", "10", "21", "235"), "414": ("254",)}
_MOST_STEPS = 10
"""A key and four qualifiers, each with its value; more is no Digital Link, and is not tried at each of its steps."""
_URN = re.compile(r"urn:epc:(id|class|idpat):([a-z]+):(.+)", re.IGNORECASE | re.DOTALL)
_SCHEMES = {
    ("id", "sgtin"): ("01", 13, "21"),
    ("class", "lgtin"): ("01", 13, "10"),
    ("idpat", "sgtin"): ("01", 13, "*"),
    ("id", "sscc"): ("00", 17, ""),
    ("id", "sgln"): ("414", 12, "254"),
    ("id", "pgln"): ("414", 12, ""),
    ("id", "grai"): ("8003", 12, "+"),
    ("id", "gdti"): ("253", 12, "+"),
    ("id", "gsrn"): ("8018", 17, ""),
    ("id", "gsrnp"): ("8017", 17, ""),
    ("id", "giai"): ("8004", 0, "+"),
}
"""EPC scheme -> key, digits before the check digit, and what follows: a qualifier, a serial (`+`), a pattern (`*`)."""

_SAFE = "!$&'()*+,;=:@-._~"


def is_shipment(identifier: Mapping[str, str]) -> bool:
    """True for a logistic unit (SSCC): the one key that always names a shipment. Everything else names a container."""
    return identifier["system"] == SSCC


def from_uri(uri: str) -> Identifier:
    """The identifier of a URI. Raises ValueError when the text is no URI.

    >>> from_uri("urn:epc:id:sscc:0614141.1234567890") == from_uri("https://id.gs1.org/00/106141412345678908")
    True
    >>> from_uri("https://mercy.example/bag/BAG-1")
    {'system': 'https://mercy.example/bag', 'value': 'BAG-1'}
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.\-]*:[^\s\x00-\x1f]+", uri):
        raise ValueError("write a URI, such as https://id.gs1.org/00/106141412345678908")
    return _epc_urn(uri) or _digital_link(uri) or _private(uri)


def to_uri(identifier: Mapping[str, str], party: bool = False) -> str:
    """The URI of an identifier: a GS1 Digital Link, or the private URI. Raises ValueError when its system is no URI.

    `party` writes a GLN as that of a party (417) and not of a place (414).
    """
    system, value = identifier["system"], identifier["value"]
    if system == ANY_URI:
        return value
    if system.startswith(GS1) and (link := _write_link(system.removeprefix(GS1), value, party)):
        return link
    if system == UNASSIGNED or not re.match(r"https?://[^/]|urn:[^:]", system):
        raise ValueError("the identifier's system is no URI that the hub can write a name under")
    if system.startswith("urn:"):
        return f"{system}:{quote(value, safe=_SAFE.replace(':', '') + '/?#')}"
    return f"{system}/{quote(value, safe=_SAFE + '?#')}"


def to_urn(identifier: Mapping[str, str], prefix: int, party: bool = False) -> str:
    """The EPC URN of a GS1 key whose company prefix has `prefix` digits, 6 to 12 (EPC Tag Data Standard, section 6).

    A GTIN alone becomes the pattern of all its serials, with a lot the class of that lot; `party` writes a GLN as that
    of a party. Raises ValueError for what has no URN: another system, a key of another length, an asset without serial.

    >>> to_urn({"system": SSCC, "value": "106141412345678908"}, 7)
    'urn:epc:id:sscc:0614141.1234567890'
    """
    key, _, qualifier = identifier["system"].removeprefix(GS1).partition("-")
    scheme = _URN_OF.get((key, qualifier or ("party" if party and key == "414" else "")))
    if not identifier["system"].startswith(GS1) or scheme is None or not 6 <= prefix <= 12:
        raise ValueError("only a GS1 key with a company prefix of 6 to 12 digits has an EPC URN")
    kind, size = scheme
    if key == "8004":
        return f"urn:epc:{kind}:{_asset(identifier['value'], prefix)}"
    digits, serial = _digits_and_serial(key, size, identifier["value"], bool(qualifier))
    first = 1 if key in {"00", "01"} else 0
    company, reference = digits[first : prefix + first], digits[:first] + digits[prefix + first :]
    last = quote(serial, safe=_SAFE_IN_URN) or {"id:sgln": "0", "idpat:sgtin": "*"}.get(kind, "")
    if not last and key in {"8003", "253"}:
        raise ValueError("an asset or document type without a serial number has no EPC URN")
    return f"urn:epc:{kind}:{company}.{reference}" + (f".{last}" if last else "")


def _asset(value: str, prefix: int) -> str:
    if not re.fullmatch(rf"[0-9]{{{prefix}}}\S+", value):
        raise ValueError("a GIAI begins with a company prefix, and something follows it")
    return f"{value[:prefix]}.{quote(value[prefix:], safe=_SAFE_IN_URN)}"


def _digits_and_serial(key: str, size: int, value: str, qualified: bool) -> tuple[str, str]:
    """The digits before the check digit, and what follows it."""
    number = value.removeprefix("0") if key == "8003" else value
    digits, after = number[:size], number[size + 1 :]
    follows = after.startswith(".") if qualified else not after or key in {"8003", "253"}
    if not re.fullmatch(rf"[0-9]{{{size}}}", digits, re.ASCII) or not is_checked(number[: size + 1]) or not follows:
        raise ValueError("the GS1 key has another length, or does not end in its check digit")
    return digits, after.removeprefix(".") if qualified else after


_URN_OF = {
    ("00", ""): ("id:sscc", 17),
    ("01", ""): ("idpat:sgtin", 13),
    ("01", "21"): ("id:sgtin", 13),
    ("01", "10"): ("class:lgtin", 13),
    ("414", ""): ("id:sgln", 12),
    ("414", "254"): ("id:sgln", 12),
    ("414", "party"): ("id:pgln", 12),
    ("8003", ""): ("id:grai", 12),
    ("253", ""): ("id:gdti", 12),
    ("8018", ""): ("id:gsrn", 17),
    ("8017", ""): ("id:gsrnp", 17),
    ("8004", ""): ("id:giai", 0),
}
"""Key and qualifier -> the EPC scheme and its digits before the check digit; the inverse of `_SCHEMES`."""

_SAFE_IN_URN = "!'()*+,-.:;=_"
"""Characters that stand unescaped in an EPC URN, beside letters and digits."""


def miscounted(uri: str) -> bool:
    """True for a GS1 Digital Link of id.gs1.org whose key does not end in its check digit."""
    found = re.match(r"https?://id\.gs1\.org/(\d+)/(\d+)", uri)
    if found is None or found[1] not in _LENGTHS:
        return False
    return len(found[2]) not in _LENGTHS[found[1]] or not is_checked(found[2])


# ---- EPC URNs (EPC Tag Data Standard 6) -----------------------------------------------------------------------


def _epc_urn(uri: str) -> Identifier | None:
    found = _URN.fullmatch(uri)
    if found is None:
        return None
    rule = _SCHEMES.get((found[1].lower(), found[2].lower()))
    if rule is None:
        return None
    key, size, follows = rule
    prefix, _, rest = found[3].partition(".")
    reference, _, serial = rest.partition(".")
    if key == "8004":
        reference, serial = "", rest
    if not (prefix + reference).isascii() or not (prefix + reference).isdigit():
        return None
    return _of_parts(key, size, follows, prefix, reference, serial)


def _of_parts(key: str, size: int, follows: str, prefix: str, reference: str, serial: str) -> Identifier | None:
    text = _decoded(serial)
    if text is None or (size and len(prefix + reference) != size):
        return None
    if key == "8004":
        return _named("8004", prefix + text) if text else None
    # SSCC and GTIN put the first digit of the reference (extension, indicator) before the company prefix.
    digits = reference[:1] + prefix + reference[1:] if key in {"00", "01"} else prefix + reference
    number = ("0" if key == "8003" else "") + digits + check_digit(digits)
    if follows == "+":
        return _named(key, number + text)
    if follows == "*":
        return _named("01", number) if text == "*" else None
    if not follows:
        return None if serial else _named(key, number)
    if follows == "254" and text == "0":
        return _named("414", number)
    return _named(f"{key}-{follows}", f"{number}.{text}") if text else None


# ---- GS1 Digital Link (1.3, section 4) ------------------------------------------------------------------------


def _digital_link(uri: str) -> Identifier | None:
    found = _link(uri)
    return found[0] if found else None


def link_elements(uri: str) -> list[tuple[str, str]]:
    """Application identifiers and values of a GS1 Digital Link URI, its path's and then its query's; none of another.

    >>> link_elements("https://id.gs1.org/01/09521141012345/10/LOT7?17=270228&linkType=all")
    [('01', '09521141012345'), ('10', 'LOT7'), ('17', '270228')]
    """
    found = _link(uri)
    if found is None:
        return []
    pairs = [(ai, _decoded(value) or "") for ai, value in zip(found[1][::2], found[1][1::2], strict=True)]
    query = uri.partition("#")[0].partition("?")[2]
    attributes = [part.partition("=")[::2] for part in re.split("[&;]", query)]
    return pairs + [(ai, _decoded(value) or "") for ai, value in attributes if re.fullmatch("[0-9]{2,4}", ai)]


def _link(uri: str) -> tuple[Identifier, list[str]] | None:
    """The identifier of a Digital Link, and the steps of its path from the key on."""
    found = re.fullmatch(r"https?://([^/?#]+)/([^?#]*)(?:[?#].*)?", uri, re.IGNORECASE | re.DOTALL)
    steps = found[2].rstrip("/").split("/") if found else []
    # Under GS1's own domain a key is a key even where its check digit is wrong (`miscounted` tells); elsewhere the
    # check digit is what tells a key from a private path.
    sure = found is not None and found[1].lower() == "id.gs1.org"
    for place, step in enumerate(steps[:-1]):
        if len(steps) - place <= _MOST_STEPS and (step in _LENGTHS or step in {"253", "8003", "8004"}):
            identifier = _of_steps(step, steps[place + 1 :], sure)
            if identifier is not None:
                return identifier, steps[place:]
    return None


def _of_steps(key: str, steps: Sequence[str], sure: bool) -> Identifier | None:
    values = [_decoded(step) for step in steps]
    if len(values) % 2 == 0 or any(not value for value in values):
        return None
    number = str(values[0])
    further = dict(zip(steps[1::2], (str(value) for value in values[2::2]), strict=True))
    if further.keys() - set(_QUALIFIERS.get(key, ())):
        return None
    if key in _LENGTHS and not (len(number) in _LENGTHS[key] and _is_key(number, sure)):
        return None
    if key == "8004":
        return _named(key, number) if len(number) <= 30 else None
    if key in {"253", "8003"}:
        checked = number[: 13 if key == "253" else 14]
        return _named(key, number) if len(checked) >= 13 and _is_key(checked[-13:], sure) else None
    if key == "01":
        number = number.zfill(14)
    key = "414" if key == "417" else key
    for qualifier in ("21", "10", "254"):
        if qualifier in further:
            return _named(f"{key}-{qualifier}", f"{number}.{further[qualifier]}")
    return _named(key, number)


def _is_key(digits: str, sure: bool) -> bool:
    return digits.isascii() and digits.isdigit() and (sure or is_checked(digits))


def _write_link(key: str, value: str, party: bool) -> str:
    key, _, qualifier = key.partition("-")
    if key not in _LENGTHS and key not in {"253", "8003", "8004"}:
        return ""
    number, _, further = value.partition(".") if qualifier else (value, "", "")
    shown = "417" if key == "414" and party and not qualifier else key
    link = f"{GS1}{shown}/{quote(number, safe=_SAFE)}"
    return f"{link}/{qualifier}/{quote(further, safe=_SAFE)}" if qualifier else link


# ---- private URIs ---------------------------------------------------------------------------------------------


def _private(uri: str) -> Identifier:
    scheme = uri.partition(":")[0].lower()
    if scheme in {"http", "https", "urn"}:
        system, _, last = uri.rpartition(":" if scheme == "urn" else "/")
        value = _decoded(last)
        if value and re.fullmatch(r"https?://[^/]+.*|urn:[^:]+.*", system, re.IGNORECASE | re.DOTALL):
            return {"system": system, "value": value}
    return {"system": ANY_URI, "value": uri}


def _named(key: str, value: str) -> Identifier:
    return {"system": f"{GS1}{key}", "value": value}


def _decoded(text: str) -> str | None:
    """Text without percent-encoding; None where the bytes are no UTF-8 (two names must not become one)."""
    try:
        return unquote(text, errors="strict")
    except UnicodeDecodeError:
        return None
