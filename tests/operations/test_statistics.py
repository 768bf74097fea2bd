"""The worker updates SQLite's table statistics."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection

from base.jobs.choices import Pool
from base.jobs.loop import look_after_jobs
from base.jobs.runner import run_next
from operations import statistics
from tests.factories.scanning import ScannedFileFactory

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)


def test_worker_has_the_tables_looked_at_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(statistics, "analyse", lambda: calls.append("looked"))

    with time_machine.travel(NOW, tick=False) as clock:
        for _ in range(3):
            look_after_jobs()
            while run_next(Pool.TALK) is not None:
                pass
            clock.shift(timedelta(minutes=20))

    assert calls == ["looked"]


def test_sqlite_knows_its_tables_afterwards() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps its own")
    ScannedFileFactory.create()

    statistics.analyse()

    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tbl FROM sqlite_stat1")
        assert ("scanning_scannedfile",) in cursor.fetchall()
