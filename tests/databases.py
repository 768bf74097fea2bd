"""Migrated databases, made once and copied by every test process.

Migrating takes many seconds, a copy milliseconds. The databases stay for later runs, until
migrations, packages or settings change. Each process still runs ``migrate`` on its copy,
which fills content types, permissions and roles from the code as it is now.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import sysconfig
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from psycopg import sql

from base.audit import triggers
from tests import keeping, product

TEMPLATE = "acrportal_tests_template"
"""The migrated, empty database on PostgreSQL."""
_ROOT = Path(__file__).parent.parent
_KEPT = _ROOT / "var" / "test-databases"
_PATIENCE_SECONDS = 60.0


@cache
def fingerprint_code() -> str:
    """Return a hash of all code of the product, of its packages and its settings.

    ``tests.fixtures`` asks before any test, because tests change settings.
    """
    return _fingerprint(product.files(".py"))


@cache
def fingerprint_schema() -> str:
    """Return a hash of all that the tables of an empty database depend on."""
    used = [path for path in product.files(".py") if path.parent.name == "migrations"]
    return _fingerprint([*used, Path(triggers.__file__), Path(__file__)])


def _fingerprint(files: Iterable[Path]) -> str:
    hashed = sha256(f"{sys.version} {sqlite3.sqlite_version}".encode())
    for package in _packages():
        hashed.update(package.encode())
    hashed.update(_settings().encode())
    for path in files:
        name = product.name_of(path)
        hashed.update(f"\0{name}\0".encode() + path.read_bytes())
    return hashed.hexdigest()[:32]


@cache
def _packages() -> list[str]:
    """Return the folders that name the installed packages and their versions."""
    installed = Path(sysconfig.get_path("purelib"))
    return sorted(path.name for path in installed.glob("*.dist-info"))


def _settings() -> str:
    """Return the settings, except for those of the database, which differ by process."""
    names = (name for name in dir(settings) if name.isupper() and name != "DATABASES")
    values = {name: getattr(settings, name) for name in names}
    return json.dumps(values, default=lambda value: type(value).__qualname__)


def file() -> Path:
    """Return the migrated SQLite file."""
    folder = keeping.folder(_KEPT, fingerprint_schema(), _make, days=7)
    return folder / "migrated.sqlite3"


def _make(folder: Path) -> None:
    migrate(f"sqlite:///{folder / 'migrated.sqlite3'}")


def prepare(server: psycopg.Connection, url: str) -> None:
    """Make the database that tests copy on a server, unless the same code made it.

    ``url`` leads to any database of the server. The first process makes it, the others
    wait for it.
    """
    lock = [zlib.crc32(TEMPLATE.encode())]
    server.execute("SELECT pg_advisory_lock(%s)", lock)
    try:
        made_with = server.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s",
            [TEMPLATE],
        ).fetchone()
        if made_with != (fingerprint_schema(),):
            _make_on(server, url)
    finally:
        server.execute("SELECT pg_advisory_unlock(%s)", lock)


def _make_on(server: psycopg.Connection, url: str) -> None:
    name = sql.Identifier(TEMPLATE)
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(name))
    server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    migrate(urlsplit(url)._replace(path=f"/{TEMPLATE}").geturl())
    # Only now is it whole.
    fingerprint = fingerprint_schema()
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, fingerprint))


def migrate(url: str) -> None:
    """Migrate an empty database in a process of its own."""
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "acrportal.settings"}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=os.environ | own,
        cwd=_ROOT,
        check=True,
    )


def _copy(source: Path, name: str) -> None:
    with closing(sqlite3.connect(source)) as origin, closing(_open(name)) as target:
        origin.backup(target)


def _open(name: str) -> sqlite3.Connection:
    return sqlite3.connect(name, uri=True)


@contextmanager
def in_memory(name: str) -> Iterator[None]:
    """Keep a copy of the migrated database in memory, for connections of this process."""
    with closing(_open(name)), _patient():
        _copy(file(), name)
        yield


@contextmanager
def _patient() -> Iterator[None]:
    """Let the main thread wait while another thread writes.

    SQLite waits for other connections to a file, but refuses at once where connections
    share a database in memory. So a test that runs a job for more than a second, on a
    busy machine, met the thread that renews the job's lease.
    """
    execute = SQLiteCursorWrapper.execute

    def execute_soon(cursor: SQLiteCursorWrapper, query: Any, params: Any = None) -> sqlite3.Cursor:
        if threading.current_thread() is not threading.main_thread():
            return execute(cursor, query, params)
        end = time.monotonic() + _PATIENCE_SECONDS
        while True:
            try:
                return execute(cursor, query, params)
            except sqlite3.OperationalError as error:
                late = time.monotonic() > end
                if late or "table is locked" not in str(error):
                    raise
            time.sleep(0.01)

    with patch.object(SQLiteCursorWrapper, "execute", execute_soon):
        yield
