"""Contradictions open, go and stay settled by themselves."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.owners import ledger
from catalogue.owners.choices import ConflictKind, ConflictState, Right, ShareKind
from catalogue.owners.models import Conflict, RightsRecording, Share, Work
from plugins.rights import conflicts, contradictions
from plugins.rights.tests.factories import (
    ISRC,
    WRITER,
    claim,
    claim_all,
    master,
    recording,
    release,
    share,
    work,
)
from tests.factories.catalogue import RecordingFactory

DAY = date(2026, 11, 1)


def open_kinds() -> list[str]:
    rows = Conflict.objects.filter(state=ConflictState.OPEN).order_by("kind")
    return list(rows.values_list("kind", flat=True))


@pytest.mark.django_db
def test_what_agrees_is_no_conflict() -> None:
    claim_all()
    claim_all(sender="Another")

    assert not Conflict.objects.exists()


@pytest.mark.django_db
def test_more_than_all_opens_a_conflict_that_goes_by_itself() -> None:
    claim(works=[work(shares=(share("W1", "60"), share("P1", "40.07")))])
    row = Conflict.objects.get()
    assert (row.kind, row.state) == (ConflictKind.OVER, ConflictState.OPEN)
    assert row.evidence["cells"][0]["included"] == ["2136"]

    claim(works=[work(shares=(share("W1", "60"), share("P1", "40.06")))])

    row.refresh_from_db()
    assert row.state == ConflictState.GONE


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("options", "kinds"),
    [
        ({}, [ConflictKind.OVER]),
        ({"included": ("US",)}, [ConflictKind.OVER]),
        ({"included": ("US",), "excluded": ("US",)}, []),
        ({"valid_from": date(2031, 1, 1)}, [ConflictKind.OVER]),
        ({"kind": ShareKind.COLLECTION}, []),
        ({"right": Right.MECHANICAL}, []),
    ],
)
def test_only_one_right_kind_day_and_country_is_summed(
    options: dict[str, object], kinds: list[str]
) -> None:
    claim(works=[work(shares=(share("W1", "100"), share("P1", "1", **options)))])

    assert open_kinds() == kinds


@pytest.mark.django_db
def test_shares_that_follow_each_other_are_not_summed() -> None:
    first = share("W1", "100", valid_until=date(2031, 12, 31))
    then = share("P1", "100", valid_from=date(2032, 1, 1))

    claim(works=[work(shares=(first, then))])

    assert not Conflict.objects.exists()


@pytest.mark.django_db
def test_two_sources_that_disagree_are_seen_and_those_that_add_up_are_not() -> None:
    claim(works=[work(shares=(share("W1"),))])
    claim(sender="Another", works=[work(shares=(share("P1"),))])
    assert not Conflict.objects.exists()

    claim(sender="A third", works=[work(shares=(share("W1", "30"),))])

    assert open_kinds() == [ConflictKind.OVERLAP]


@pytest.mark.django_db
def test_codes_titles_and_durations_that_differ_are_seen() -> None:
    claim_all()
    claim_all(
        sender="Another",
        works=[work(submitter_id="", iswc="")],
        recordings=[recording(title="BLUE LANTERN", duration_ms=193_900)],
    )
    assert not Conflict.objects.exists()

    claim_all(
        sender="Another",
        recordings=[recording(title="Red Lantern", duration_ms=195_000)],
        releases=[release(upc="040000000013")],
        works=[],
    )
    claim(works=[work(iswc="T0345246801")])

    assert open_kinds() == ["DURATION", "ISWC", "TITLE", "UPC"]


@pytest.mark.django_db
def test_the_title_of_the_catalogue_counts_too() -> None:
    RecordingFactory.create(title="Something else", isrc_normalised=ISRC)

    claim(recordings=[recording(duration_ms=None)])

    assert open_kinds() == ["TITLE"]


@pytest.mark.django_db
def test_one_iswc_with_other_writers_is_seen_once() -> None:
    claim_all()
    other_party_claim = type(WRITER)(key="W2", name="Beispiel")

    claim(
        sender="Another",
        parties=[other_party_claim],
        works=[work(shares=(share("W2", "100"),), recordings=(), submitter_id="X")],
    )

    assert open_kinds() == ["WRITERS"]


@pytest.mark.django_db
def test_an_agreement_that_ended_is_seen_until_another_follows() -> None:
    ended = master("L1", valid_until=date(2026, 6, 30), agreement="A-1")
    claim(recordings=[recording(shares=(ended,))])
    assert open_kinds() == ["LAPSED"]

    follower = master("P1", valid_from=date(2026, 7, 1))
    claim(recordings=[recording(shares=(ended, follower))])

    assert open_kinds() == []
    conflicts.refresh(RightsRecording.objects.all(), today=date(2026, 6, 30))
    assert open_kinds() == []


@pytest.mark.django_db
def test_hand_made_shares_replace_those_of_the_same_party() -> None:
    claim(works=[work(shares=(share("W1", "80"), share("P1", "40")))])
    changed_work = Work.objects.get()
    theirs = Share.objects.get(party__name="Muster")
    Share.objects.create(
        work=changed_work, party=theirs.party, role="CA", right=Right.PERFORMING, percent=60
    )

    held = ledger.held(list(changed_work.shares.all()), day=DAY)

    assert sorted((str(holder.share.party), holder.share.percent) for holder in held) == [
        ("Anna Muster", Decimal(60)),
        ("Example Music", Decimal(40)),
    ]


_DAYS = st.none() | st.dates(date(2020, 1, 1), date(2020, 1, 20))
_PLACES = st.lists(st.sampled_from(["US", "GB", "2110", "2136"]), max_size=2)


@st.composite
def shares(draw: st.DrawFn) -> list[Share]:
    """Draw shares of one right, with any territories and times."""
    shares = []
    for number in range(draw(st.integers(0, 4))):
        begin, end = draw(_DAYS), draw(_DAYS)
        if begin and end and end < begin:
            begin, end = end, begin
        shares.append(
            Share(
                pk=number,
                party_id=number,
                percent=50,
                included=draw(_PLACES),
                excluded=draw(_PLACES),
                valid_from=begin,
                valid_until=end,
            )
        )
    return shares


@given(drawn=shares(), day=st.dates(date(2019, 12, 30), date(2020, 1, 25)))
def test_cells_hold_exactly_the_shares_of_each_day_and_country(
    drawn: list[Share], day: date
) -> None:
    now = [
        cell
        for cell in contradictions.cells(drawn)
        if (cell.begin is None or cell.begin <= day) and (cell.end is None or day <= cell.end)
    ]

    seen: dict[str, list[Share]] = {}
    for cell in now:
        for country in cell.countries:
            assert country not in seen
            seen[country] = list(cell.shares)
    expected: dict[str, list[Share]] = {}
    for drawn_share in drawn:
        if ledger.holds_on(drawn_share, day):
            for country in ledger.countries_of(drawn_share):
                expected.setdefault(country, []).append(drawn_share)
    assert seen == expected
