"""Territories of rights: ISO codes, and the numbers of CISAC's TIS.

A share names territories by ISO 3166-1 alpha-2 codes or by numbers of the Territory
Information System: four digits, for a country its ISO number, for a group one from 2100.
The members of groups are those that the TIS has today, from the open list of the project
"music-metadata-territories" (MIT, December 2024); that a group had other members
earlier is not taken into account. ISO numbers come from Unicode's CLDR, through Babel.
The world is every ISO territory, also those that the TIS counts to another state.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from babel.core import get_global
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.common.territories import MEANT, TERRITORIES, territory_names, why_no_territory

WORLD: Final = "2136"
# More countries than this are counted.
_MOST_NAMED: Final = 6
# What other formats call the world.
_WORLDWIDE = frozenset({"WW", "WORLDWIDE", WORLD})
_GROUPS: Final[Mapping[str, tuple[str | Promise, str]]] = {
    "2100": (
        _("Africa"),
        "AO BF BI BJ BW CD CF CG CI CM CV DJ DZ EG EH ER ET GA GH GM GN GQ GW "
        "KE KM LR LS LY MA MG ML MR MU MW MZ NA NE NG RW SC SD SL SN SO SS ST "
        "SZ TD TG TN TZ UG ZA ZM ZW",
    ),
    "2101": (
        _("America"),
        "AG AR BB BO BR BS BZ CA CL CO CR CU DM DO EC GD GT GY HN HT JM KN LC "
        "MX NI PA PE PR PY SR SV TT US UY VC VE",
    ),
    "2102": (
        _("American continent"),
        "AR BO BR BZ CA CL CO CR EC GT GY HN MX NI PA PE PY SR SV US UY VE",
    ),
    "2103": (_("Antilles"), "AG BB CU DM DO GD HT JM KN LC PR TT VC"),
    "2104": (
        _("APEC countries"),
        "AU BN CA CL CN HK ID JP KR MO MX MY NZ PE PG PH PR RU SG TH TW US VN",
    ),
    "2105": (_("ASEAN countries"), "BN ID KH LA MM MY PH SG TH VN"),
    "2106": (
        _("Asia"),
        "AE AF AM AZ BD BH BN BT CN CY GE HK ID IL IN IQ IR JO JP KG KH KP KR "
        "KW KZ LA LB LK MM MN MO MV MY NP OM PH PK QA SA SG SY TH TJ TL TM TR "
        "TW UZ VN YE",
    ),
    "2107": (_("Australasia"), "AU FJ NC NZ SB VU"),
    "2108": (_("Balkans"), "AL BA BG GR HR ME MK RO RS SI"),
    "2109": (_("Baltic states"), "EE LT LV"),
    "2110": (_("Benelux"), "BE LU NL"),
    "2111": (_("British Isles"), "GB IE"),
    "2112": (_("British West Indies"), "AG BB BS DM GD JM KN LC TT VC"),
    "2113": (_("Central America"), "BZ CR GT HN NI PA SV"),
    "2114": (
        _("Commonwealth"),
        "AG AU BB BD BN BS BW BZ CA CM CY DM FJ GB GD GH GM GY IN JM KE KI KN "
        "LC LK LS MT MU MV MW MY MZ NA NG NR NZ PG PK SB SC SG SL SZ TO TT TV "
        "TZ UG VC VU WS ZA ZM",
    ),
    "2115": (
        _("Commonwealth African territories"),
        "BW CM GH GM KE LS MU MW MZ NA NG SC SL SZ TZ UG ZA ZM",
    ),
    "2116": (_("Commonwealth Asian territories"), "BD BN CY IN LK MV MY PK SG"),
    "2117": (_("Commonwealth Australasian territories"), "AU FJ NZ SB VU"),
    "2118": (_("Commonwealth of Independent States"), "AM AZ BY KG KZ MD RU TJ TM UZ"),
    "2119": (_("Eastern Europe"), "AL BG BY CZ EE HU LT LV MD PL RO RU SK UA"),
    "2120": (
        _("Europe"),
        "AD AL AT BA BE BG BY CH CZ DE DK EE ES FI FR GB GR HR HU IE IS IT LI "
        "LT LU LV MC MD ME MK MT NL NO PL PT RO RS RU SE SI SK SM UA VA",
    ),
    "2121": (
        _("European Economic Area"),
        "AT BE BG CY CZ DE DK EE ES FI FR GR HU IE IS IT LI LT LU LV MT NL NO PL PT RO SE SI SK",
    ),
    "2122": (
        _("European continent"),
        "AD AL AT BA BE BG BY CH CZ DE DK EE ES FI FR GR HR HU IT LI LT LU LV "
        "MC MD ME MK NL NO PL PT RO RS RU SE SI SK SM UA VA",
    ),
    "2123": (
        _("European Union"),
        "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK",
    ),
    "2124": (_("Germany, Switzerland, Austria"), "AT CH DE"),
    "2125": (_("Middle East"), "AE AF BD BH BT IN IQ IR JO KW LK MN MV NP OM PK QA SA YE"),
    "2126": (_("NAFTA countries"), "CA MX PR US"),
    "2127": (_("Nordic countries"), "DK FI IS NO SE"),
    "2128": (_("North Africa"), "DZ EG LY MA TN"),
    "2129": (_("North America"), "CA MX US"),
    "2130": (_("Oceania"), "AU FJ FM KI MH NC NR NZ PF PG PW SB TO TV VU WS"),
    "2131": (_("Scandinavia"), "DK NO SE"),
    "2132": (_("South America"), "AR BO BR CL CO EC GY PE PY SR UY VE"),
    "2133": (_("South East Asia"), "BN ID KH LA MM MY PH SG TH TL VN"),
    "2134": (_("West Indies"), "AG BB BS CU DM DO GD HT JM KN LC PR TT VC"),
}


class UnknownTerritory(Exception):
    """A code names no territory; the text says which and what codes there are."""


def normalised(code: str) -> str:
    """Return a code as it is stored: two letters, or the four digits of a group.

    Raises ``UnknownTerritory``.
    """
    bare = code.strip().upper()
    if bare in _WORLDWIDE:
        return WORLD
    if bare in TERRITORIES:
        return bare
    if bare.isascii() and bare.isdigit() and len(bare) <= 4:
        number = bare.zfill(4)
        if number in _GROUPS:
            return number
        if country := _countries().get(number[1:] if number[0] == "0" else ""):
            return country
    if bare in MEANT:
        raise UnknownTerritory(why_no_territory(bare))
    raise UnknownTerritory(
        gettext(
            "'%(code)s' is not a territory. Use a code of two letters such as GB, a TIS "
            "number such as 2110, or 2136 for the world."
        )
        % {"code": code}
    )


def expand(included: Iterable[str], excluded: Iterable[str] = ()) -> frozenset[str]:
    """Return the countries of stored codes; no code included is the whole world."""
    inside = _members(included) or TERRITORIES
    return inside - _members(excluded)


def _members(codes: Iterable[str]) -> frozenset[str]:
    return frozenset().union(*(members(code) for code in codes))


@cache
def members(code: str) -> frozenset[str]:
    """Return the countries that a stored code stands for."""
    if code == WORLD:
        return TERRITORIES
    if code in _GROUPS:
        return frozenset(_GROUPS[code][1].split())
    return frozenset({code})


def in_words(included: Iterable[str], excluded: Iterable[str] = ()) -> str:
    """Return territories in words: "World without United States"."""
    inside = ", ".join(map(_name, included)) or _name(WORLD)
    outside = ", ".join(map(_name, excluded))
    if not outside:
        return inside
    return gettext("%(inside)s without %(outside)s") % {"inside": inside, "outside": outside}


def group_names() -> Mapping[str, str]:
    """Return the names of the world and of all groups by number."""
    return {WORLD: gettext("World")} | {
        number: str(name) for number, (name, _codes) in _GROUPS.items()
    }


def shortest(countries: frozenset[str]) -> tuple[list[str], list[str]]:
    """Return stored codes for a set of countries: those included, those excluded."""
    for number in (WORLD, *_GROUPS):
        if members(number) == countries:
            return [number], []
    left_out = TERRITORIES - countries
    for number in _GROUPS:
        if members(number) == left_out:
            return [WORLD], [number]
    if len(left_out) < len(countries):
        return [WORLD], sorted(left_out)
    return sorted(countries), []


def described(countries: frozenset[str]) -> str:
    """Return a set of countries in few words: the world, a group, or some names."""
    included, excluded = shortest(countries)
    if len(included) + len(excluded) <= _MOST_NAMED:
        return in_words(included, excluded)
    named = excluded or included
    names = ", ".join(_name(code) for code in named[:_MOST_NAMED])
    some = {"shown": names, "more": len(named) - _MOST_NAMED}
    if excluded:
        return gettext("World without %(shown)s and %(more)s more") % some
    return gettext("%(shown)s and %(more)s more") % some


def _name(code: str) -> str:
    if code == WORLD:
        return gettext("World")
    if code in _GROUPS:
        return str(_GROUPS[code][0])
    return territory_names().get(code, code)


@cache
def _countries() -> Mapping[str, str]:
    """Return countries by the three digits of their ISO number, former ones left out."""
    return {
        number: codes[0]
        for number, codes in get_global("territory_aliases").items()
        if number.isdigit() and len(codes) == 1 and codes[0] in TERRITORIES
    }
