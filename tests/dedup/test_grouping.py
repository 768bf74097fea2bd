"""Links form groups with one canonical recording each."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue.models import CodeStatus, Recording
from dedup.grouping import GroupPlace, LinkedPair, canonical_order, groups
from dedup.models import DuplicateKind

EXACT, SAME = DuplicateKind.EXACT_FILE, DuplicateKind.SAME_AUDIO
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def recording(pk: int, **fields: object) -> Recording:
    """Return an unsaved recording with a primary key."""
    return Recording(**{"pk": pk, "title": str(pk), "created_at": NOON, **fields})


def grouped(*links: LinkedPair, **recordings: Recording) -> list[tuple[GroupPlace, ...]]:
    """Group recordings 1 to 9, with overridden columns for some."""
    fields = {pk: recordings.get(f"r{pk}", recording(pk)) for pk in range(1, 10)}
    return groups(links=links, recordings=fields)


def test_linked_recordings_become_one_group_and_strangers_another() -> None:
    group_places = grouped(LinkedPair(1, 2, SAME), LinkedPair(2, 3, EXACT), LinkedPair(5, 6, SAME))

    assert [[place.recording for place in group] for group in group_places] == [[1, 2, 3], [5, 6]]


def test_members_name_the_link_that_brought_them_in() -> None:
    (group,) = grouped(LinkedPair(1, 2, SAME), LinkedPair(2, 3, EXACT))

    assert group == (GroupPlace(1, "", None), GroupPlace(2, SAME, 1), GroupPlace(3, EXACT, 2))


def test_exact_file_is_named_before_same_audio() -> None:
    (group,) = grouped(LinkedPair(1, 2, EXACT), LinkedPair(1, 2, SAME))

    assert group[1] == GroupPlace(2, EXACT, 1)


@pytest.mark.parametrize(
    "better",
    [
        {"isrc_status": CodeStatus.VALID},
        {"facts": {"codec": "flac"}},
        {"facts": {"codec": "pcm_s16le"}},
        {"facts": {"sample_rate": 96_000}},
        {"duration_ms": 200_000},
        {"created_at": datetime(2025, 1, 1, tzinfo=UTC)},
    ],
)
def test_better_recording_stands_for_the_group(better: dict[str, object]) -> None:
    (group,) = grouped(LinkedPair(1, 2, SAME), r2=recording(2, **better))

    assert group == (GroupPlace(2, "", None), GroupPlace(1, SAME, 2))


def test_isrc_counts_more_than_quality() -> None:
    coded = recording(2, isrc_status=CodeStatus.VALID, facts={"codec": "mp3"})
    lossless = recording(1, facts={"codec": "flac", "sample_rate": 96_000})

    assert canonical_order(coded) < canonical_order(lossless)


@given(
    st.lists(
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([EXACT, SAME]))
        .filter(lambda link: link[0] != link[1])
        .map(lambda link: LinkedPair(*link)),
        max_size=15,
    )
)
def test_every_linked_recording_has_one_place_and_every_group_one_canonical(
    links: list[LinkedPair],
) -> None:
    group_places = grouped(*links)

    placed = [place.recording for group in group_places for place in group]
    assert sorted(placed) == sorted({pk for link in links for pk in (link.first, link.second)})
    for group in group_places:
        assert [place.linked_to is None for place in group].count(True) == 1
        inside = {place.recording for place in group}
        assert all(place.linked_to in inside for place in group[1:])
    assert grouped(*reversed(links)) == group_places


def test_the_record_that_people_know_stands_for_the_group() -> None:
    described = recording(2, album="Signal Fires", label="Northlight")
    lossless = recording(1, facts={"codec": "flac", "sample_rate": 96_000})
    links = [LinkedPair(1, 2, SAME)]
    fields = {1: lossless, 2: described}

    (by_metadata,) = groups(links=links, recordings=fields)
    used = {1: lossless, 2: recording(2)}
    (by_use,) = groups(links=links, recordings=used, uses={2: 3})

    assert by_metadata[0].recording == by_use[0].recording == 2
