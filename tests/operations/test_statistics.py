"""The worker updates SQLite's table statistics."""

from __future__ import annotations

import pytest
from django.db import connection

from operations import statistics
from scanning.signals import worker_swept
from tests.factories.scanning import ScannedFileFactory

pytestmark = pytest.mark.django_db


def test_worker_has_the_tables_looked_at_once_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(statistics, "_due", 0.0)
    monkeypatch.setattr(statistics, "analyse", lambda: calls.append("looked"))

    for _ in range(3):
        worker_swept.send(sender=None)

    assert calls == ["looked"]


def test_sqlite_knows_its_tables_afterwards() -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL keeps its own")
    ScannedFileFactory.create()

    statistics.analyse()

    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT tbl FROM sqlite_stat1")
        assert ("scanning_scannedfile",) in cursor.fetchall()
