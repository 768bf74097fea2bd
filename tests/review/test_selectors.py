"""Lists of matches: filters, order, and query count."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from django.http import QueryDict
from pytest_django import DjangoAssertNumQueries

from base.accounts.roles import Role
from review import selectors
from review.choices import MatchState, RejectCode
from review.decisions import assignment
from review.filters import MatchFilter
from review.models import Match
from review.services import locks
from review.services.folding import fold_scan
from review.timeline import timeline
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.scanning import ScanFactory, make_detection

pytestmark = pytest.mark.django_db


def matches_of(query: str) -> list[Match]:
    """Return the matches of a list with this query string."""
    filters = MatchFilter.from_query(QueryDict(query))
    return list(selectors.matches(filters=filters))


def test_filter_survives_the_way_through_a_query_string() -> None:
    query = (
        "state=pending&state=escalated&container=3&bucket=4&file=7d5e4f20-9a55-4b6e-8d3c-0123456789ab&recording=r"
        "&score_min=50.5&score_max=90&relation=loop&reason=short&late=yes&lost=yes&q=x"
    )
    filters = MatchFilter.from_query(QueryDict(query))
    again = QueryDict(mutable=True)
    for name, value in filters.to_query().items():
        again.setlist(name, value if isinstance(value, list) else [value])

    assert MatchFilter.from_query(again) == filters
    assert filters.get("state") == ("pending", "escalated")
    assert filters.get("score_min") == Decimal("50.5")


def test_what_cannot_be_read_filters_nothing() -> None:
    for query in (
        "state=nonsense",
        "container=-1",
        "container=²",
        "score_min=NaN",
        "score_max=high",
        "relation=x&reason=y",
        "file=nonsense",
    ):
        assert MatchFilter.from_query(QueryDict(query)) == MatchFilter(), query
    # Nor does a number that no id has.
    match = make_match()
    for name in ("container", "bucket"):
        for digits in (19, 5000):
            assert matches_of(f"{name}={'9' * digits}") == [match]


def test_each_filter_finds_its_own() -> None:
    match = make_match(
        recording__title="Glass Harbour",
        recording__artists=["Vela Orrin", "Björk"],
        score=Decimal("55.0"),
    )
    make_match()

    for query in (
        f"container={match.scanned_file.container_id}",
        f"bucket={match.recording.bucket_id}",
        f"file={match.scanned_file.uid}",
        f"recording={match.recording.uid}",
        "score_max=60",
        "reason=low_score",
        "q=glass harb",
        "q=orrin",
        "q=Björk",
        f"q={match.scanned_file.name}",
        f"q={match.recording.custom_id}",
        f"q={match.uid}",
    ):
        assert matches_of(query) == [match], query


def test_what_waits_is_what_a_person_must_look_at() -> None:
    for state in (MatchState.PENDING, MatchState.ESCALATED):
        make_match(state=state)
    decided = make_match(state=MatchState.CONFIRMED)

    assert selectors.waiting().count() == 2
    # A deleted file takes its open matches out and leaves decisions.
    ScannedFile.objects.update(deleted_at=datetime.now(tz=UTC))
    assert matches_of("") == [decided]
    assert selectors.waiting().count() == 0


def test_segments_of_many_matches_need_two_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    first = make_match((50_000, 60_000, 0, 10_000), (10_000, 20_000, 0, 10_000))
    second = make_match(scan=first.scan)
    make_match()

    # The second reads exclusions.
    with django_assert_num_queries(2):
        selectors.with_segments([first, second])

    assert [segment.start_ms for segment in first.segments] == [10_000, 50_000]
    assert len(second.segments) == 1


def test_list_reads_matches_then_containers_and_people_at_once(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(3):
        match, person = make_match(), make_user(Role.REVIEWER)
        assignment.assign(match=match, user=person, assignee=person)
        if number:
            locks.take_lock(match=match, user=person)

    with django_assert_num_queries(4):
        for match in selectors.matches():
            assert match.recording.title
            assert match.scanned_file.container.name
            assert match.assignee
            assert match.locked_by in (None, match.assignee)


def test_earlier_decisions_show_the_rescanned_case_first() -> None:
    reviewer = make_user(Role.REVIEWER)
    match = make_match()
    deciding.reject(match=match, user=reviewer, version=1, reason="noise")
    elsewhere = make_match(recording=match.recording)
    deciding.confirm(match=elsewhere, user=reviewer, version=1)
    scan = ScanFactory.create(scanned_file=match.scanned_file)
    make_detection((0, 9_000, 0, 9_000), scan=scan, recording=match.recording)
    fold_scan(scan=scan)
    again = Match.objects.get(scan=scan)

    earlier = selectors.earlier_decisions(again)

    assert [(decision.match.pk, decision.state) for decision in earlier] == [
        (match.pk, MatchState.REJECTED),
        (elsewhere.pk, MatchState.CONFIRMED),
    ]
    assert earlier[0].reason == "noise"
    assert list(timeline(again.scanned_file).matches) == [again]


def test_queries_take_the_matches_for_heard_that_say_so() -> None:
    match = make_match()
    for state in MatchState:
        for code in RejectCode:
            Match.objects.update(state=state, decision_reason=code)
            match.refresh_from_db()

            assert Match.objects.filter(Match.heard()).exists() == match.is_heard, (state, code)
