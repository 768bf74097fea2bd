"""Countries of the groups of CISAC's TIS, for the sums of the second readers.

Written without the product's list: unions by their members' own lists, parts of the
world by the states that the United Nations count to them (M49). Groups whose members
only the TIS tells are missing: the reader says that it cannot sum them.
"""

from __future__ import annotations

from collections.abc import Iterable

from tests.monitoring.declarations.readers.common import ISO_COUNTRIES

WORLD = "2136"
GROUPS = {
    "2100": "DZ EG LY MA SD TN EH BI KM DJ ER ET KE MG MW MU MZ RW SC SO SS TZ UG ZM "
    "ZW AO CM CF TD CG CD GQ GA ST BW SZ LS NA ZA BJ BF CV CI GM GH GN GW LR ML MR NE "
    "NG SN SL TG",
    "2105": "BN KH ID LA MY MM PH SG TH VN",
    "2109": "EE LV LT",
    "2110": "BE NL LU",
    "2111": "IE GB",
    "2120": "BY BG CZ HU PL MD RO RU SK UA DK EE FI IS IE LV LT NO SE GB AL AD BA HR GR "
    "VA IT MT ME MK PT SM RS SI ES AT BE FR DE LI LU MC NL CH",
    "2123": "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI "
    "ES SE",
    "2124": "DE CH AT",
    "2127": "DK FI IS NO SE",
    "2131": "DK NO SE",
    "2132": "AR BO BR CL CO EC GY PY PE SR UY VE",
}


def countries(code: str) -> frozenset[str] | None:
    """Return the countries of a code by ISO's letters; None if the reader cannot tell."""
    if code == WORLD:
        return frozenset(ISO_COUNTRIES)
    if code in GROUPS:
        return frozenset(GROUPS[code].split())
    letters = [name for name, number in ISO_COUNTRIES.items() if f"0{number}" == code]
    return frozenset(letters) or None


def unknown(codes: Iterable[str]) -> list[str]:
    """Return the codes whose countries the reader cannot tell."""
    return sorted({code for code in codes if countries(code) is None})


def area(included: Iterable[str], excluded: Iterable[str]) -> frozenset[str]:
    """Return the countries that are meant; those of ``unknown`` codes are left out."""
    inside = frozenset[str]().union(*(countries(code) or () for code in included))
    return inside.difference(*(countries(code) or () for code in excluded))
