"""Names of time zones as Windows lists them, and many loggers with it, to IANA names. Knows no offset."""

from __future__ import annotations

import re

_LISTED = {
    "America/Los_Angeles": "Pacific Time (US & Canada)",
    "America/Denver": "Mountain Time (US & Canada)",
    "America/Chicago": "Central Time (US & Canada)",
    "America/New_York": "Eastern Time (US & Canada)",
    "America/Halifax": "Atlantic Time (Canada)",
    "America/St_Johns": "Newfoundland",
    "America/Anchorage": "Alaska",
    "America/Adak": "Aleutian Islands",
    "Pacific/Honolulu": "Hawaii",
    "America/Phoenix": "Arizona",
    "America/Indiana/Indianapolis": "Indiana (East)",
    "America/Regina": "Saskatchewan",
    "America/Tijuana": "Baja California",
    "America/Mexico_City": "Guadalajara, Mexico City, Monterrey",
    "America/Guatemala": "Central America",
    "America/Bogota": "Bogota, Lima, Quito, Rio Branco",
    "America/Santiago": "Santiago",
    "America/Sao_Paulo": "Brasilia",
    "America/Argentina/Buenos_Aires": "City of Buenos Aires, Buenos Aires",
    "America/Montevideo": "Montevideo",
    "Atlantic/Azores": "Azores",
    "Atlantic/Reykjavik": "Monrovia, Reykjavik",
    "Europe/London": "Dublin, Edinburgh, Lisbon, London",
    "Europe/Berlin": "Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",
    "Europe/Budapest": "Belgrade, Bratislava, Budapest, Ljubljana, Prague",
    "Europe/Paris": "Brussels, Copenhagen, Madrid, Paris",
    "Europe/Warsaw": "Sarajevo, Skopje, Warsaw, Zagreb",
    "Africa/Lagos": "West Central Africa",
    "Europe/Bucharest": "Athens, Bucharest",
    "Europe/Helsinki": "Helsinki, Kyiv, Kiev, Riga, Sofia, Tallinn, Vilnius",
    "Asia/Jerusalem": "Jerusalem",
    "Africa/Cairo": "Cairo",
    "Africa/Johannesburg": "Harare, Pretoria",
    "Europe/Istanbul": "Istanbul",
    "Europe/Moscow": "Moscow, St. Petersburg",
    "Asia/Riyadh": "Kuwait, Riyadh",
    "Africa/Nairobi": "Nairobi",
    "Asia/Dubai": "Abu Dhabi, Muscat",
    "Asia/Karachi": "Islamabad, Karachi",
    "Asia/Kolkata": "Chennai, Kolkata, Mumbai, New Delhi",
    "Asia/Dhaka": "Dhaka",
    "Asia/Bangkok": "Bangkok, Hanoi, Jakarta",
    "Asia/Shanghai": "Beijing, Chongqing, Hong Kong, Urumqi",
    "Asia/Singapore": "Kuala Lumpur, Singapore",
    "Asia/Taipei": "Taipei",
    "Australia/Perth": "Perth",
    "Asia/Tokyo": "Osaka, Sapporo, Tokyo",
    "Asia/Seoul": "Seoul",
    "Australia/Adelaide": "Adelaide",
    "Australia/Darwin": "Darwin",
    "Australia/Brisbane": "Brisbane",
    "Australia/Sydney": "Canberra, Melbourne, Sydney",
    "Australia/Hobart": "Hobart",
    "Pacific/Auckland": "Auckland, Wellington",
}


def _folded(words: str) -> str:
    return " ".join(word for word in re.findall(r"[a-z]+", words.casefold()) if word != "and")


_ZONES = {_folded(place): zone for zone, places in _LISTED.items() for place in places.split(",")}


def named(words: str) -> str:
    """The IANA name of a listed name, or of some of its places; empty for any other, and for places of several zones.

    A name such as `Eastern Standard Time` is none: some mean the zone by it, and some its winter time alone.

    >>> named("Amsterdam, Berlin"), named("Berlin, London"), named("Eastern Standard Time")
    ('Europe/Berlin', '', '')
    """
    zones = {_ZONES.get(_folded(place), "") for place in words.split(",")}
    return zones.pop() if len(zones) == 1 else ""
