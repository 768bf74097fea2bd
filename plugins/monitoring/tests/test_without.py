"""A portal that is started without this plug-in, in processes of its own."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from plugins.monitoring.tests.factories.streams import StationFactory
from tests.processes import python, shared_url

pytestmark = pytest.mark.slow  # starts portals

_KEY = secrets.token_urlsafe(50)
INSTALLED: list[str] = settings.ACRPORTAL_PLUGINS
OTHERS = [name for name in INSTALLED if name != "monitoring"]
_LEFT_OUT = {"streams", "broadcasts", "recurring", "declarations"}
_COLUMNS = {"station", "stream", "aired_at", "channels", "first_broadcast_at"}


def portal(
    folder: Path, *arguments: str, plugins: Sequence[str] = OTHERS
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with a data folder of its own."""
    environ = os.environ | {
        "ACRPORTAL_PLUGINS": ",".join(plugins),
        "ACRPORTAL_DATA_DIR": str(folder),
        "ACRPORTAL_HTTPS": "off",
        "DATABASE_URL": f"sqlite:///{folder}/portal.sqlite3",
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "SECRET_KEY": _KEY,
        "ALLOWED_HOSTS": "testserver",
        "ACRPORTAL_SECOND_FACTOR_ROLES": "",
    }
    return python(*arguments, env=environ)


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "portal.sqlite3")) as database:
        rows = database.execute(query).fetchall()
        database.commit()
    return rows


@pytest.mark.soak  # asks a new installation for every address
def test_nothing_of_monitoring_is_there(tmp_path: Path) -> None:
    ran = portal(tmp_path, "-m", "plugins.monitoring.tests.walk_without")
    assert ran.returncode == 0, ran.stderr
    names = json.loads(ran.stdout.splitlines()[-1])

    assert not _LEFT_OUT & {*names["apps"]}
    assert not [view for view in names["views"] if "plugins.monitoring" in view]
    assert not [label for label in names["screens"] if label.split(".")[0] in _LEFT_OUT]
    assert not [
        name
        for name in names["jobs"]
        if any(word in name for word in ("stream", "broadcast", "unknown", "declar"))
    ]
    assert "broadcasts" not in names["imports"]
    for mode, columns in names["columns"].items():
        assert not _COLUMNS & {*columns}, mode
    assert "stream" not in names["metrics"]
    assert names["findings"] == []
    pages = names["pages"]
    assert sum(status == 200 for status, _words in pages.values()) > 70
    # A container takes audio "from files and streams", as ACRCloud calls it.
    assert {
        address: message
        for address, message in pages.items()
        if message[0] >= 500 or (message[1] and not address.startswith("/containers/"))
    } == {}
    for address in ("/", "/files/", "/queue/", "/matches/", "/reports/", "/guides/"):
        assert pages[address] == [200, []]
    # A fresh database has no table of it.
    tables = {name for (name,) in rows(tmp_path, "SELECT name FROM sqlite_master")}
    assert not [table for table in tables if table.split("_")[0] in _LEFT_OUT - {"broadcasts"}]
    assert "broadcasts_broadcast" not in tables


_USE = """
from django.core.management import CommandError, call_command
from operations.doctor import examine
call_command("migrate", check_unapplied=True)
assert [finding.check for finding in examine()] == ["stray files"], list(examine())
try:
    call_command("backup", "{folder}")
except CommandError as refused:
    print(refused)
"""
_READ = """
from django.core.management import call_command
from plugins.monitoring.streams.models import Station
call_command("migrate", check_unapplied=True)
print(Station.objects.get().name)
"""


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a copy is a file")
def test_what_a_database_holds_stays_while_it_is_off(
    transactional_db: None, tmp_path: Path
) -> None:
    StationFactory.create(name="Radio One")
    shared_url(tmp_path)

    backups = tmp_path / "backups"
    used = portal(tmp_path, "manage.py", "shell", "-c", _USE.format(folder=backups))
    # A backup would leave rows out.
    assert "ACRPORTAL_PLUGINS" in used.stdout, used.stderr
    assert "streams" in used.stdout
    assert not backups.exists()

    read = portal(tmp_path, "manage.py", "shell", "-c", _READ, plugins=INSTALLED)
    assert read.stdout.splitlines()[-1] == "Radio One", read.stderr
