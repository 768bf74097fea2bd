"""Summaries: their counts, their page, and their CSV."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from accounts.roles import Role
from audit.models import Event
from reports import summaries
from reports.summaries import By
from review.filters import MatchFilter
from review.models import Match
from scanning.choices import FileStatus
from tests.conftest import MakeClient
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.scanning import ScannedFileFactory
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
        make_match(
            (0, 30_000, 0, 30_000),
            recording=first,
            scan__scanned_file__platform="youtube",
        ),
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
    example, other = summary(By.LABEL)
    assert (example.key, example.matches, example.files) == ("Example", 2, 2)
    assert (example.confirmed, example.waiting, example.rejected) == (1, 1, 0)
    # 90 seconds of the 40 minutes in all four files.
    assert (example.matched_ms, example.share_pct) == (90_000, Decimal("3.75"))
    assert (other.key, other.rejected, other.matched_ms) == ("Other", 1, 0)

    first = summary(By.RECORDING)[0]
    assert (first.key, first.name) == (matches[0].recording.uid, "=Night Drive")

    # Platforms are one whatever their case.
    assert [(row.key, row.matches) for row in summary(By.PLATFORM)] == [
        ("youtube", 2),
        ("vimeo", 1),
    ]

    accounts = summary(By.ACCOUNT, MatchFilter(platform="youtube"))
    assert {row.key: row.matches for row in accounts} == {"Channel": 1, "": 1}


def test_months_come_in_order_and_a_trend_has_the_last_weeks(
    matches: list[Match],
) -> None:
    first = Match.objects.filter(pk=matches[0].pk)
    first.update(created_at=datetime(2026, 1, 31, 23, 59, tzinfo=UTC))
    assert summary(By.MONTH)[0].key == "2026-01"

    now = datetime.now(tz=UTC)
    first.update(created_at=now - timedelta(days=7), decided_at=now)
    weeks = summaries.trend(filters=MatchFilter())
    assert len(weeks) == summaries.WEEKS
    assert (weeks[-2].new, weeks[-1].new, weeks[-1].decided) == (1, 2, 1)


def test_pages_show_bars_numbers_and_trend(
    signed_in: MakeClient, matches: list[Match]
) -> None:
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
