"""The application identifiers of GS1: format of each, and element strings split and joined. Reads no values.

GS1 General Specifications, section 3 (application identifiers) and section 7.8 (processing of data from a symbol).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

FNC1 = "\x1d"
"""What a scanner sends for the function character 1 that ends a field of variable length."""

_FORMATS = {
    "n18": "00 8006 8017 8018 8026",
    "n14": "01 02 03 8001",
    "n6": "11 12 13 15 16 17 3100-3105 3110-3115 3120-3125 3130-3135 3140-3145 3150-3155 3160-3165 3200-3205 3210-3215"
    " 3220-3225 3230-3235 3240-3245 3250-3255 3260-3265 3270-3275 3280-3285 3290-3295 3300-3305 3310-3315 3320-3325"
    " 3330-3335 3340-3345 3350-3355 3360-3365 3370-3375 3400-3405 3410-3415 3420-3425 3430-3435 3440-3445 3450-3455"
    " 3460-3465 3470-3475 3480-3485 3490-3495 3500-3505 3510-3515 3520-3525 3530-3535 3540-3545 3550-3555 3560-3565"
    " 3570-3575 3600-3605 3610-3615 3620-3625 3630-3635 3640-3645 3650-3655 3660-3665 3670-3675 3680-3685 3690-3695"
    " 3950-3955 4326 7006 8005",
    "n2": "20 7241",
    "n13": "410 411 412 413 414 415 416 417 7001",
    "n17": "402",
    "n4": "3940-3943 8111",
    "n3": "422 424 426",
    "n1": "4321 4322 4323 7252",
    "n10": "4324 4325 7003",
    "n8": "7250",
    "n12": "7251",
    "n20": "4309",
    "n..4": "7004",
    "n..6": "242",
    "n..8": "30 37",
    "n..10": "8019",
    "n..12": "8011",
    "n..15": "3900-3909 3920-3929 423 425",
    "n4..18": "3910-3919",
    "n13..25": "255",
    "n6..12": "7007",
    "n6..10": "7011",
    "n8..12": "8008",
    "x..2": "7010",
    "x..3": "427 7008 7258",
    "x..10": "7009 7255",
    "x..12": "7005",
    "x..20": "10 21 22 243 254 420 7020 7021 7022 710 711 712 713 714 715 716 717 7240 8002 8012 4318",
    "x..25": "7242 8013 8020",
    "x..28": "235",
    "x..30": "240 241 250 251 400 401 403 4308 4319 7002 7023 8004 8010 90",
    "x..34": "8007",
    "x..35": "4300 4301 4310 4311 4320",
    "x..40": "7253 7254 7259",
    "x..50": "8009",
    "x..70": "4302 4303 4304 4305 4306 4312 4313 4314 4315 4316 7257 8110 8112 8200",
    "x..90": "7256 8030 91 92 93 94 95 96 97 98 99",
    "x2": "4307 4317",
    "x4": "7040",
    "x3..30": "7230 7231 7232 7233 7234 7235 7236 7237 7238 7239",
    "n3x4..12": "421",
    "n3x4..30": "7030 7031 7032 7033 7034 7035 7036 7037 7038 7039",
    "n6x6..7": "4330 4331 4332 4333",
    "n13x13..30": "253",
    "n14x14..30": "8003",
}
"""Format -> application identifiers: digits or characters, length or lengths; `n3x4..12` begins with three digits."""

_WITHOUT_FNC1 = re.compile(r"0[0-4]|1[1-9]|20|3[1-6]|41")
"""First digits of the identifiers whose length is laid down, so that no FNC1 ends them (section 7.8)."""
_SET = r"[!\"%-?A-Z_a-z]"
"""The character set 82 of element strings (section 7.11)."""


class Application(NamedTuple):
    """One application identifier: the shape of its value, its least and greatest length, whether FNC1 ends it."""

    ai: str
    shape: re.Pattern[str]
    least: int
    most: int
    laid_down: bool


class Field(NamedTuple):
    """One element: identifier, value, and where it begins, counted from 0; without a value `application` is None."""

    application: Application | None
    ai: str
    value: str
    at: int


@cache
def applications() -> Mapping[str, Application]:
    """Every application identifier of the General Specifications."""
    return {found.ai: found for form, ais in _FORMATS.items() for found in _of_form(form, ais)}


def _of_form(form: str, ais: str) -> Iterator[Application]:
    found = re.fullmatch(r"(?:n(\d+)(?=x))?([nx])(\d*)(?:\.\.(\d+))?", form)
    assert found is not None
    most = int(found[4] or found[3])
    least = int(found[3] or 1) if found[4] else most
    head, rest = int(found[1] or 0), "[0-9]" if found[2] == "n" else _SET
    shape = re.compile(rf"[0-9]{{{head}}}{rest}{{{least - head},{most - head}}}", re.ASCII)
    for ai in _expanded(ais):
        yield Application(ai, shape, least, most, _WITHOUT_FNC1.match(ai) is not None)


def _expanded(ais: str) -> Iterator[str]:
    for word in ais.split():
        first, _, last = word.partition("-")
        yield from (str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1))


def application_at(text: str, at: int) -> Application | None:
    """The application identifier that stands there: of two, three or four digits, none the beginning of another."""
    known = applications()
    return next((known[text[at : at + size]] for size in (2, 3, 4) if text[at : at + size] in known), None)


def split(text: str, start: int = 0) -> Iterator[Field]:
    """The elements of a message with FNC1 between them (section 7.8). What has no known identifier ends at the next
    FNC1. Takes linear time.

    >>> [(field.ai, field.value) for field in split("0109521141012345" + "10LOT7" + FNC1 + "17270228")]
    [('01', '09521141012345'), ('10', 'LOT7'), ('17', '270228')]
    """
    at = start
    while at < len(text):
        if text[at] == FNC1:
            at += 1
            continue
        application = application_at(text, at)
        begin = at + (len(application.ai) if application else 0)
        end = text.find(FNC1, begin)
        end = len(text) if end < 0 else end
        if application and application.laid_down:
            end = min(end, begin + application.most)
        yield Field(application, application.ai if application else "", text[begin:end], at)
        at = end


_BRACKETS = re.compile(r"\(([0-9]{2,4})\)")


def split_bracketed(text: str) -> Iterator[Field]:
    """The elements of the form that people read, `(01)09521141012345(10)LOT7`."""
    found = list(_BRACKETS.finditer(text))
    for mark, following in zip(found, [*found[1:], None], strict=True):
        value = text[mark.end() : following.start() if following else len(text)]
        yield Field(applications().get(mark[1]), mark[1], value.strip(), mark.start())


def joined(elements: Sequence[tuple[str, str]], bracketed: bool = False) -> str:
    """Elements as one text: with FNC1 where one is needed, or in brackets for people.

    >>> joined([("10", "LOT7"), ("17", "270228")]) == "10LOT7" + FNC1 + "17270228"
    True
    """
    if bracketed:
        return "".join(f"({ai}){value}" for ai, value in elements)
    texts = [f"{ai}{value}{'' if applications()[ai].laid_down else FNC1}" for ai, value in elements]
    return "".join(texts).removesuffix(FNC1)
