"""Summaries: their counts, their page, and their CSV."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.http import QueryDict

from base.accounts.roles import Role
from base.audit.models import Event
from base.common.reading import read_date
from reports import summaries
from reports.summaries import By
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from scanning.choices import FileStatus
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient
from tests.reports.reading import rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def matches() -> list[Match]:
    """Return three matches of two labels on two platforms."""
    first = RecordingFactory.create(title="=Night Drive", label="Example")
    ScannedFileFactory.create(status=FileStatus.NO_MATCH)
    return [
        make_match(
            (0, 60_000, 0, 60_000),
            recording=first,
            state="confirmed",
            scan__scanned_file__platform="YouTube",
            scan__scanned_file__account="Channel",
        ),
        make_match((0, 30_000, 0, 30_000), recording=first, scan__scanned_file__platform="youtube"),
        make_match(
            (0, 200_000, 0, 200_000),
            recording__label="Other",
            recording__duration_ms=300_000,
            state="rejected",
            scan__scanned_file__platform="Vimeo",
        ),
    ]


def summary(by: By, filters: MatchFilter | None = None) -> list[summaries.SummaryRow]:
    return list(summaries.summarise(filters=filters or MatchFilter(), by=by))


def test_summaries_count_states_and_time(matches: list[Match]) -> None:
    example, other_summary = summary(By.LABEL)
    assert (example.key, example.matches, example.files) == ("Example", 2, 2)
    assert (example.confirmed, example.waiting, example.rejected) == (1, 1, 0)
    # 90 seconds of the 40 minutes in all four files.
    assert (example.matched_ms, example.share_pct) == (90_000, Decimal("3.75"))
    assert (other_summary.key, other_summary.rejected, other_summary.matched_ms) == ("Other", 1, 0)

    first = summary(By.RECORDING)[0]
    assert (first.key, first.name) == (matches[0].recording.uid, "=Night Drive")

    # Platforms are one whatever their case.
    assert [(row.key, row.matches) for row in summary(By.PLATFORM)] == [
        ("youtube", 2),
        ("vimeo", 1),
    ]

    accounts = summary(By.ACCOUNT, MatchFilter(platform="youtube"))
    assert {row.key: row.matches for row in accounts} == {"Channel": 1, "": 1}


def test_the_states_of_a_row_add_up_and_so_do_the_rows(matches: list[Match]) -> None:
    make_match(recording=matches[0].recording, state=MatchState.SUPPRESSED)
    make_match(recording=matches[0].recording, state=MatchState.DISPUTED)
    states = ("waiting", "confirmed", "cleared", "rejected", "suppressed")
    whole = summaries.total(filters=MatchFilter())

    rows = summary(By.LABEL)

    for row in (*rows, whole):
        assert row.matches == sum(getattr(row, state) for state in states), row
    for name in ("matches", *states, "matched_ms"):
        assert getattr(whole, name) == sum(getattr(row, name) for row in rows), name


def test_a_label_is_one_whatever_its_case_as_in_the_list_behind_it(
    signed_in: MakeClient, matches: list[Match]
) -> None:
    make_match(recording__label="EXAMPLE")
    make_match(recording__label="")

    named = {row.name: row.matches for row in summary(By.LABEL)}

    assert named == {"EXAMPLE": 3, "Other": 1, "": 1}
    condition = MatchFilter(label="EXAMPLE").condition()
    assert Match.objects.filter(condition).count() == 3
    page = signed_in(Role.VIEWER).get("/reports/summary/?by=label").content.decode()
    assert "Without a label" in page


def test_rows_are_sorted_by_any_number_and_by_name(matches: list[Match]) -> None:
    make_match(recording__label="Other", state=MatchState.REJECTED)
    make_match(recording__label="Other", state=MatchState.REJECTED)

    def names(sort: str) -> list[str]:
        rows = summaries.summarise(filters=MatchFilter(), by=By.LABEL, sort=sort)
        return [row.name for row in rows]

    assert names("") == names("-matched_ms") == ["Example", "Other"]
    assert names("-rejected") == names("-name") == ["Other", "Example"]
    assert names("name") == names("nonsense") == ["Example", "Other"]


def test_months_are_words_newest_first_and_lead_to_their_matches(
    signed_in: MakeClient, matches: list[Match]
) -> None:
    # Half an hour later it is February in Berlin.
    at = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
    Match.objects.filter(pk=matches[0].pk).update(created_at=at)
    viewer = signed_in(Role.VIEWER)

    page = viewer.get("/reports/summary/?by=month").content.decode()
    zoned = "by=month&found_from=2026-01-15&zone=Europe%2FBerlin"
    other_page = viewer.get(f"/reports/summary/?{zoned}").content.decode()

    months = [read_date(datetime.now(tz=UTC), "month"), "January 2026"]
    assert page.rindex(months[0]) < page.rindex(months[1])
    assert "found_from=2026-01-01&amp;found_until=2026-01-31" in page
    assert "February 2026" in other_page
    link = "found_from=2026-02-01&amp;zone=Europe%2FBerlin&amp;found_until=2026-02-28"
    assert link in other_page
    days = MatchFilter.from_query(QueryDict(html.unescape(link)))
    assert Match.objects.filter(days.condition()).get() == matches[0]


def test_an_empty_portal_is_not_told_to_remove_filters(signed_in: MakeClient) -> None:
    page = signed_in(Role.REVIEWER).get("/reports/summary/").content.decode()

    assert "No matches yet" in page
    assert "Remove a filter" not in page


def test_months_come_in_order_and_a_trend_has_the_last_weeks(matches: list[Match]) -> None:
    first = Match.objects.filter(pk=matches[0].pk)
    first.update(created_at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    assert summary(By.MONTH)[0].key == "2026-01"

    now = datetime.now(tz=UTC)
    first.update(created_at=now - timedelta(days=7), decided_at=now)
    weeks = summaries.trend(filters=MatchFilter())
    assert len(weeks) == summaries.WEEKS
    assert (weeks[-2].new, weeks[-1].new, weeks[-1].decided) == (1, 2, 1)


def test_pages_show_bars_numbers_and_trend(signed_in: MakeClient, matches: list[Match]) -> None:
    viewer = signed_in(Role.VIEWER)

    page = viewer.get("/reports/summary/?by=label").content.decode()
    assert 'class="share-bars"' in page
    assert "/matches/?label=Example" in page
    assert "3.75 %" in page
    assert "found_from=None" not in page

    for by in {*By.values, "nonsense"} - {By.LABEL}:
        assert viewer.get(f"/reports/summary/?by={by}").status_code == 200, by

    empty = viewer.get("/reports/summary/?platform=nowhere").content.decode()
    assert "No matches fit" in empty


def test_csv_has_all_rows_in_the_dialect_of_reports(
    signed_in: MakeClient, matches: list[Match]
) -> None:
    answer = signed_in(Role.REVIEWER).get("/reports/summary/rows.csv?by=recording")
    first, _second = rows(b"".join(answer))

    assert (first["name"], first["matches"]) == ("'=Night Drive", "2")
    assert first["share_pct"] == "3.75"
    assert Event.objects.filter(case="report-summary:recording").exists()
    assert signed_in(Role.VIEWER).get("/reports/summary/rows.csv").status_code == 403
