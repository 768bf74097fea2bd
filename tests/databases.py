"""Migrated databases, made once and copied by every test process.

Migrating takes many seconds, a copy milliseconds. The databases stay for later runs, until
code, packages or settings change. ``python -m tests.databases`` migrates the database of
``DATABASE_URL`` step by step, and keeps a copy of it before each of ``STEPS``.
"""

from __future__ import annotations

import copy
import gc
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import django
import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Field
from psycopg import sql

from tests import keeping

Step = tuple[str, str]

STEPS: tuple[Step, ...] = (
    ("catalogue", "0013_rename_exclusion"),
    ("catalogue", "0015_fingerprinting_is_a_job"),
    ("catalogue", "0020_note_searchable_recordings"),
    ("dedup", "0004_checks_are_jobs"),
    ("imports", "0002_imports_are_jobs"),
    ("reports", "0006_rename_report_delivery"),
    ("reports", "0007_evidence_packs_are_jobs"),
    ("scanning", "0022_retro_searches_are_jobs"),
    ("scanning", "0024_callbacks_sent_are_jobs"),
    ("scanning", "0030_cloud_deletions_are_jobs"),
    ("scanning", "0032_cloud_scans_are_jobs"),
    ("scanning", "0035_scans_are_jobs"),
)
"""Migrations whose tests start from the database before them."""
TEMPLATE = "acrportal_tests_template"
"""The migrated, empty database on PostgreSQL."""
_ROOT = Path(__file__).parent.parent
_KEPT = _ROOT / "var" / "test-databases"
_PATIENCE_SECONDS = 60.0


@cache
def fingerprint() -> str:
    """Return a hash of all that a migrated database depends on.

    ``tests.conftest`` asks before any test, because tests change settings.
    """
    hashed = sha256(f"{sys.version} {sqlite3.sqlite_version}".encode())
    for package in sorted(f"{d.name}=={d.version}" for d in metadata.distributions()):
        hashed.update(package.encode())
    hashed.update(_settings().encode())
    hashed.update(_code_at_first().encode())
    return hashed.hexdigest()[:32]


@cache
def _code_at_first() -> str:
    return _code_now()


def _code_now() -> str:
    """Return a hash of all code that migrations and models may use."""
    hashed = sha256()
    for path in [*code(), Path(__file__)]:
        hashed.update(f"\0{path}\0".encode() + path.read_bytes())
    return hashed.hexdigest()


def _settings() -> str:
    """Return the settings, except for those of the database, which differ by process."""
    names = (name for name in dir(settings) if name.isupper() and name != "DATABASES")
    values = {name: getattr(settings, name) for name in names}
    return json.dumps(values, default=lambda value: type(value).__qualname__)


def code() -> list[Path]:
    """Return all modules, of which migrations and models may use any, but no tests."""
    found = []
    for folder, folders, files in os.walk(_ROOT):
        here = Path(folder)
        left_out = {"var", "tests"} if here == _ROOT else set()
        folders[:] = [
            name
            for name in folders
            if name not in left_out and not name.startswith((".", "__"))
        ]
        found += [here / name for name in files if name.endswith(".py")]
    return sorted(found)


def file(step: Step | None = None) -> Path:
    """Return the migrated SQLite file, or the file from before a step."""
    folder = keeping.folder(_KEPT, fingerprint(), _make, days=7)
    return folder / f"{_name(step)}.sqlite3"


def _make(folder: Path) -> None:
    migrate(f"sqlite:///{folder / _name(None)}.sqlite3")


def _name(step: Step | None) -> str:
    return "_".join(["migrated"] if step is None else ["before", *step])


def template(step: Step) -> str:
    """Return the name of the PostgreSQL database from before a step."""
    app, migration = step
    return f"{TEMPLATE}_{app}_{migration[:4]}"


def prepare(server: psycopg.Connection, url: str) -> None:
    """Make the databases that tests copy on a server, unless the same code made them.

    ``url`` leads to any database of the server. The first process makes them, the
    others wait for them.
    """
    lock = [zlib.crc32(TEMPLATE.encode())]
    server.execute("SELECT pg_advisory_lock(%s)", lock)
    try:
        made_with = server.execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = %s",
            [TEMPLATE],
        ).fetchone()
        if made_with != (fingerprint(),):
            _make_on(server, url)
    finally:
        server.execute("SELECT pg_advisory_unlock(%s)", lock)


def _make_on(server: psycopg.Connection, url: str) -> None:
    old = server.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [TEMPLATE]
    )
    for (name,) in old.fetchall():
        server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(name)))
    name = sql.Identifier(TEMPLATE)
    server.execute(sql.SQL("CREATE DATABASE {}").format(name))
    migrate(urlsplit(url)._replace(path=f"/{TEMPLATE}").geturl())
    # Only now is it whole.
    server.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(name, fingerprint()))


def migrate(url: str) -> None:
    """Migrate an empty database in a process of its own, with copies before each step.

    Refuse the result if it may be that of other code.
    """
    own = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "acrportal.settings"}
    subprocess.run(
        [sys.executable, "-m", "tests.databases"],
        env=os.environ | own,
        cwd=_ROOT,
        check=True,
    )
    if _code_now() != _code_at_first():
        raise RuntimeError("The code changed meanwhile. Run the tests again.")


@contextmanager
def models_made_quickly() -> Iterator[None]:
    """Copy fields where migrations make all models anew, which takes most of their time.

    Django takes each field apart and makes it again, and looks through all models for
    the user model at each foreign key. The databases are the same.
    """
    clone = Field.clone

    def copied(field: Field[Any, Any]) -> Field[Any, Any]:
        # Fields of models and relations remember the models that they belong to.
        if hasattr(field, "model") or field.remote_field or field.auto_created:
            return clone(field)
        made = copy.copy(field)
        # The order of the columns.
        made.creation_counter = Field.creation_counter
        Field.creation_counter += 1
        return made

    # The models that settings name stay the same, whatever is migrated.
    swapped = cache(apps.get_swappable_settings_name)
    with (
        patch.object(Field, "clone", copied),
        patch.object(apps, "get_swappable_settings_name", swapped),
    ):
        yield


def main() -> None:
    """Migrate the database of this process, and keep a copy before each step."""
    django.setup()
    with models_made_quickly():
        _migrate_and_keep()


def _migrate_and_keep() -> None:
    # Migrations make models by the thousand, which each collection would look through.
    gc.set_threshold(100_000)
    database = connections["default"]
    executor: Any = MigrationExecutor(database)  # Any: not fully typed
    executor.recorder.ensure_schema()
    state = executor._create_project_state(with_applied_migrations=True)
    missing = set(STEPS)
    for migration, _ in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        step = (migration.app_label, migration.name)
        if step in missing:
            missing.remove(step)
            _keep(database, step)
        state = executor.apply_migration(state, migration)
    if missing:
        raise SystemExit(f"No such migrations: {sorted(missing)}")
    # Nothing is left to migrate; its signals fill content types, permissions and roles.
    call_command("migrate", verbosity=0)
    database.close()


def _keep(database: BaseDatabaseWrapper, step: Step) -> None:
    name = database.settings_dict["NAME"]
    # PostgreSQL copies only what nobody uses.
    database.close()
    if isinstance(database, SQLite):
        _copy(Path(name), str(Path(name).with_name(f"{_name(step)}.sqlite3")))
        return
    with database._nodb_cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{template(step)}" TEMPLATE "{name}"')


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

    def execute_soon(
        cursor: SQLiteCursorWrapper, query: Any, params: Any = None
    ) -> sqlite3.Cursor:
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


@contextmanager
def instead(step: Step | None) -> Iterator[BaseDatabaseWrapper]:
    """Replace the tests' database with one from before a step, or with an empty one."""
    usual = connections["default"]
    other = usual.copy()
    on_server = usual.vendor == "postgresql"
    name = f"{usual.settings_dict['NAME']}_other" if on_server else ":memory:"
    other.settings_dict = usual.settings_dict | {"NAME": name}
    if on_server:
        source = f'TEMPLATE "{template(step)}"' if step else ""
        _on_server(usual, f'DROP DATABASE IF EXISTS "{name}"')
        _on_server(usual, f'CREATE DATABASE "{name}" {source}')
    elif step:
        other.ensure_connection()
        with closing(sqlite3.connect(file(step))) as origin:
            origin.backup(other.connection)
    connections["default"] = other
    try:
        yield other
    finally:
        other.close()
        connections["default"] = usual
        if on_server:
            _on_server(usual, f'DROP DATABASE "{name}"')


def _on_server(usual: BaseDatabaseWrapper, statement: str) -> None:
    with usual._nodb_cursor() as cursor:
        cursor.execute(statement)


if __name__ == "__main__":
    main()
