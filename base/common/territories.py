"""The codes of countries and territories, ISO 3166-1 alpha-2, and their names.

The portal stores codes only. Browsers and Babel know the names in every language.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from babel import Locale, UnknownLocaleError
from django.utils.translation import get_language
from django.utils.translation import gettext as _

_CODES = (
    "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM "
    "BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX "
    "CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG "
    "GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR "
    "IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV "
    "LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE "
    "NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF "
    "TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF "
    "WS YE YT ZA ZM ZW"
)
TERRITORIES = frozenset(_CODES.split())
# What people write for a territory that has another code.
MEANT = {"UK": "GB", "EL": "GR"}
WORLD: Final = "WW"
_WORLD: Final = frozenset(
    {"ww", "world", "worldwide", "welt", "weltweit", "monde", "mundo", "le monde"}
)
_EXCEPT: Final = re.compile(
    r"\b(?:ex|excl|excluding|except|without|ohne|außer|sauf|hors|excepto|salvo|sin)\b"
    r"\.?:?",
    re.IGNORECASE,
)
_BETWEEN: Final = re.compile(r"[|,;/\r\n]")
_NAMES_IN: Final = ("en", "de", "fr", "es")
# A list of every code, with a name for each.
_LONGEST_LIST: Final = 10_000


def why_no_territory(code: str) -> str:
    """Return why a code in capitals names no territory, and what to write instead."""
    values = {"code": code[:20]}
    if meant := MEANT.get(code):
        return _("%(code)s is not a territory: %(meant)s is meant. Write %(meant)s.") % {
            **values,
            "meant": meant,
        }
    return _("%(code)s is not a territory. Use a code of two letters such as GB.") % values


def territory_names() -> Mapping[str, str]:
    """Return names by code in the language of the reader; empty if it has none."""
    try:
        return Locale.parse(get_language() or "en", sep="-").territories
    except UnknownLocaleError:
        return {}


def read_territories(codes: Iterable[str]) -> str:
    """Return the names of territories in the reader's language: "Germany, Austria"."""
    names = territory_names()
    return ", ".join(str(names.get(code, code)) for code in codes)


def territories_in(text: str) -> tuple[list[str], list[str]]:
    """Return the territories in a cell that count, and those that it excepts.

    ``DE, AT, CH``, ``DE/AT/CH``, ``DE AT CH`` and ``DE|AT|CH`` say the same, and so do
    ``WW|-US`` and ``World ex US``.
    """
    inside, *outside = _EXCEPT.split(text[:_LONGEST_LIST], maxsplit=1)
    included, excluded = _parts(inside), _parts(" ".join(outside))
    excluded += [part[1:].strip() for part in included if part.startswith(("-", "−"))]
    included = [part for part in included if not part.startswith(("-", "−"))]
    return included, list(dict.fromkeys(excluded))


def _parts(text: str) -> list[str]:
    parts: list[str] = []
    for part in _BETWEEN.split(text):
        words = part.strip(" ()").split()
        # Only codes stand beside each other; names have blanks of their own.
        is_codes = all(len(word.lstrip("-−")) == 2 for word in words)
        parts += words if is_codes else [" ".join(words)]
    return [part for part in parts if part]


def territory_code(written: str) -> str:
    """Return the code of a territory by its code or its name; "" if it is neither."""
    bare = written.strip()
    if bare.casefold() in _WORLD:
        return WORLD
    code = bare.upper()
    code = MEANT.get(code, code)
    return code if code in TERRITORIES else _codes().get(bare.casefold(), "")


@cache
def _codes() -> dict[str, str]:
    """Return codes by the names of territories in four languages."""
    return {
        str(name).casefold(): code
        for language in _NAMES_IN
        for code, name in Locale.parse(language).territories.items()
        if code in TERRITORIES
    } | {"usa": "US", "u.s.a.": "US", "u.s.": "US", "great britain": "GB"}
