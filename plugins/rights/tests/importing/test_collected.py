"""Collected shares add up in each country, also where groups of countries overlap."""

from __future__ import annotations

from catalogue.owners import tis
from plugins.rights.tests.importing.test_cwr import (
    SAMPLE,
    SPT,
    SWT,
    faults_of,
    put,
    read,
    renumbered,
)

# Groups of CISAC's TIS, written without the product's list: unions by their members' own
# lists, parts of the world by the states that the United Nations count to them (M49).
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
    "2123": "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE",
    "2124": "DE CH AT",
    "2127": "DK FI IS NO SE",
    "2131": "DK NO SE",
    "2132": "AR BO BR CL CO EC GY PY PE SR UY VE",
}


def collected(place: int, *areas: tuple[str, str, str]) -> list[str]:
    """Return more lines like a collection of the sample: I or E, TIS, three shares."""
    start = {SPT: (35, 50), SWT: (29, 44)}[place]
    return [
        put(start[0], shares)(put(start[1], f"{sign}{territory}")(SAMPLE[place]))
        for sign, territory, shares in areas
    ]


def test_groups_have_their_countries() -> None:
    assert {group: tis.members(group) for group in GROUPS} == {
        group: frozenset(codes.split()) for group, codes in GROUPS.items()
    }


def test_what_is_collected_in_a_group_and_within_it_adds_up() -> None:
    for first, second in (
        ("2136", "2120"),
        ("2136", "2123"),
        ("2120", "0276"),
        ("2120", "2110"),
        ("2124", "2123"),
        ("2136", "2114"),
    ):
        lines = [*SAMPLE]
        lines[SPT], lines[SWT] = put(51, first)(lines[SPT]), put(45, first)(lines[SWT])
        assert not faults_of(read(renumbered(lines))), first
        lines[SPT + 1 : SPT + 1] = collected(SPT, ("I", second, "00100" + "0" * 10))

        faults = faults_of(read(renumbered(lines)))

        assert any("At most 100 %" in fault.rule for fault in faults), (first, second)


def test_a_country_whose_group_was_taken_off_is_free_for_others() -> None:
    lines = [*SAMPLE]
    off = ("E", "2120", "0" * 15)
    swiss = ("I", "0756", "0500010000" + "10000")
    lines[SWT + 1 : SWT + 1] = collected(SWT, off, swiss)
    lines[SPT + 1 : SPT + 1] = collected(SPT, off, ("I", "0276", "10000" + "0" * 10))

    assert not faults_of(read(renumbered(lines)))
