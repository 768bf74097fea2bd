"""Territories: ISO codes and TIS numbers, and the countries that they stand for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from base.common.territories import TERRITORIES
from catalogue.owners import tis

GROUPS = sorted(tis.group_names())
CODES = st.lists(st.sampled_from([*sorted(TERRITORIES), *GROUPS]), max_size=6)


def test_a_territory_is_normalised() -> None:
    cases: list[tuple[str, str]] = [
        ("gb", "GB"),
        ("0756", "CH"),
        ("756", "CH"),
        ("2136", "2136"),
        ("WW", "2136"),
        ("Worldwide", "2136"),
        ("2110", "2110"),
    ]
    for given_code, stored in cases:
        assert tis.normalised(given_code) == stored, given_code


def test_what_is_no_territory_is_refused() -> None:
    for code in ["2135", "XX", "0000", "0890", "", "21100", "²110"]:
        with pytest.raises(tis.UnknownTerritory, match="is not a territory"):
            tis.normalised(code)


def test_a_territory_that_people_call_otherwise_names_the_code_that_is_meant() -> None:
    with pytest.raises(tis.UnknownTerritory, match="GB is meant"):
        tis.normalised("uk")


def test_groups_expand_and_exclusions_are_taken_out() -> None:
    assert tis.expand(["2110"]) == {"BE", "NL", "LU"}
    assert tis.expand(["2110", "DE"], ["NL"]) == {"BE", "LU", "DE"}
    assert tis.expand([]) == tis.expand(["2136"]) == TERRITORIES
    assert "GB" not in tis.expand(["2123"])
    assert tis.in_words(["2136"], ["US"]) == "World without United States"


@given(included=CODES, excluded=CODES)
def test_countries_are_always_those_included_without_those_excluded(
    included: list[str], excluded: list[str]
) -> None:
    countries = tis.expand(included, excluded)

    assert countries <= TERRITORIES
    assert not countries & frozenset().union(*map(tis.members, excluded))
    assert tis.described(countries) or not countries


@given(st.frozensets(st.sampled_from(sorted(TERRITORIES)), min_size=1))
def test_the_shortest_codes_stand_for_the_same_countries(countries: frozenset[str]) -> None:
    included, excluded = tis.shortest(countries)

    assert tis.expand(included, excluded) == countries
    assert [tis.normalised(code) for code in included] == included
    assert tis.described(countries)


def test_a_group_and_what_it_leaves_out_are_named() -> None:
    for number in GROUPS:
        inside = tis.members(number)
        assert tis.expand(*tis.shortest(inside)) == inside, number
        outside = TERRITORIES - inside
        if outside:
            assert tis.described(outside).startswith("World without ")


@given(st.text(max_size=12))
def test_any_text_is_a_territory_or_refused(text: str) -> None:
    try:
        code = tis.normalised(text)
    except tis.UnknownTerritory:
        return
    assert tis.normalised(code) == code
    assert tis.members(code) <= TERRITORIES
