"""How much time lies between two moments, as lists of what is due say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from portal.shared.times import lasting

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_days_stand_alone() -> None:
    for late, words in (
        (timedelta(minutes=12), "12 minutes"),
        (timedelta(hours=3, minutes=40), "3 hours"),
        (timedelta(days=1, hours=5), "1 day"),
        (timedelta(days=5, hours=1), "5 days"),
        (timedelta(days=13, hours=9), "13 days"),
        (timedelta(days=59), "59 days"),
        (timedelta(days=100), "3 months"),
    ):
        assert lasting(NOW - late, NOW).replace("\xa0", " ") == words
