"""Readiness: the answer names what stands in the way, and asking changes nothing."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from base.accounts.roles import Role
from tests.fixtures import MakeClient

DiskUsage = namedtuple("DiskUsage", ["total", "used", "free"])


def test_ready_says_what_stands_in_the_way(
    db: None, signed_in: MakeClient, data_dir: Path, settings: Settings
) -> None:
    assert Client().get("/readyz").json()["status"] == "ok"

    settings.MEDIA_ROOT = data_dir / "file"
    settings.MEDIA_ROOT.write_bytes(b"")
    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert "cannot be written" in answer.json()["storage"]
    assert answer.json()["database"] == "ok"
    assert signed_in(Role.VIEWER).get("/").status_code == 200


def test_asking_for_readiness_writes_nothing(
    db: None, data_dir: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.MEDIA_ROOT = data_dir / "media"

    with CaptureQueriesContext(connection) as statements:
        first, second = Client().get("/readyz"), Client().get("/readyz")

    assert first.json() == second.json()
    assert {statement["sql"].split()[0] for statement in statements} == {"SELECT"}
    assert not settings.MEDIA_ROOT.exists()
    settings.MEDIA_ROOT.mkdir()
    assert Client().get("/readyz").status_code == 200
    assert not any(settings.MEDIA_ROOT.iterdir())


def test_full_disk_is_not_ready(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _folder: DiskUsage(10, 10, 0))

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert "No space left" in answer.json()["storage"]
