"""The codes of countries and territories, ISO 3166-1 alpha-2, and their names.

The portal stores codes only. Browsers and Babel know the names in every language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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


def why_no_territory(code: str) -> str:
    """Return why a code in capitals names no territory, and what to write instead."""
    said = {"code": code[:20]}
    if meant := MEANT.get(code):
        return _(
            "%(code)s is not a territory: %(meant)s is meant. Write %(meant)s."
        ) % {
            **said,
            "meant": meant,
        }
    return (
        _("%(code)s is not a territory. Use a code of two letters such as GB.") % said
    )


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
