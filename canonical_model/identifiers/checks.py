"""Check characters: of GS1 keys (modulo 10) and of ISBT 128 numbers (ISO/IEC 7064, MOD 37-2). Knows no structure."""

from __future__ import annotations

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*"
"""The characters of MOD 37-2, each at its value. The last one is only ever a check character."""

_VALUES = {char: value for value, char in enumerate(ALPHABET)}


def check_digit(digits: str) -> str:
    """The GS1 check digit of the digits before it: modulo 10, weights 3 and 1 from the right.

    GS1 General Specifications, section 7.9. Raises ValueError where a character is no digit.

    >>> check_digit("10614141123456789"), check_digit("952114111111")
    ('7', '6')
    """
    total = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-total % 10)


def is_checked(key: str) -> bool:
    """True when a key of digits ends in its own check digit (GS1 General Specifications, section 7.9)."""
    return key.isascii() and key.isdigit() and len(key) > 1 and check_digit(key[:-1]) == key[-1]


def mod_37_2(text: str) -> int:
    """The check value, 0 to 36, of digits and capital letters (ISO/IEC 7064, MOD 37-2, a pure system).

    Raises ValueError for any other character.

    >>> mod_37_2("G123417654321")
    10
    """
    remainder = 0
    for char in text:
        value = _VALUES.get(char)
        if value is None or value == 36:
            raise ValueError("only digits and capital letters have a check value")
        remainder = (remainder + value) * 2 % 37
    return (38 - remainder) % 37


def check_character(text: str) -> str:
    """The check value as one character, as printed in a box behind a donation identification number.

    ISBT 128 Standard Technical Specification (ST-001), appendix A; ISO/IEC 7064, MOD 37-2.

    >>> check_character("G123498654321"), check_character("G123417654321")
    ('H', 'A')
    """
    return ALPHABET[mod_37_2(text)]
