"""A separate installation for the season: settings, database, files, and a reset.

``prepare`` must run before any import of Django. ``Installation`` keeps a copy of the
initial world and restores it for each episode.
"""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Callable


def prepare(folder: Path, database_url: str) -> None:
    """Set the environment of an installation in ``folder`` and load Django."""
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "ACRPORTAL_DATA_DIR": str(folder),
        "ACRPORTAL_ENV_FILE": os.devnull,
        "DATABASE_URL": database_url,
        "SECRET_KEY": "a key for the season test alone, long enough",
        "ACRPORTAL_HTTPS": "off",
        "ACRPORTAL_BASE_URL": "http://testserver",
        "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
        "ACRPORTAL_RATE_LIMITS": "off",
        # Its people sign in with passwords; tests/accounts covers second factors.
        "ACRPORTAL_SECOND_FACTOR_ROLES": "",
        # A server on this machine answers every address in the season.
        "ACRPORTAL_ALLOW_PRIVATE_ADDRESSES": "on",
        # Site readers start a process per link; tests/scanning covers them.
        "ACRPORTAL_YTDLP": "off",
        "ACRPORTAL_CLOUD_POLL_SECONDS": "0",
        "ACRPORTAL_DROP_ROOTS": str(_drops_beside(folder)),
        # The season's clock passes; the one that drops read does not.
        "ACRPORTAL_DROP_SETTLE_SECONDS": "0",
        "EMAIL_URL": "memorymail://",
        # Licences count days of a zone in which few people of the season are.
        "TIME_ZONE": "America/New_York",
    }
    import django
    from django.conf import settings

    django.setup()
    # Refusals are part of the season; each would be a log line.
    logging.disable(logging.CRITICAL)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


def _drops_beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}-drops")


class Installation:
    """The season's database and files, and a copy of their initial state."""

    def __init__(self, folder: Path, build: Callable[[], None], world: Path | None = None) -> None:
        """Migrate an empty database, let ``build`` fill it, and keep a copy.

        A copy in ``world`` from an earlier run is used unchanged.
        """
        from django.core.management import call_command
        from django.db import connection

        from reports.evidence import signing
        from tests.clocks import follow_this_machine

        follow_this_machine()
        self.folder = folder
        self._copy = world or folder.with_name(f"{folder.name}-copy")
        self._stays = world is not None
        self._database: _SQLite | _PostgreSQL = (
            _SQLite(folder, self._copy)
            if connection.vendor == "sqlite"
            else _PostgreSQL(connection.settings_dict)
        )
        if self._stays and self._copy.exists():
            return
        call_command("migrate", verbosity=0)
        self._copy.mkdir(parents=True)
        self._database.keep_empty()
        build()
        self._database.keep()
        shutil.copy(signing.key_path(), self._copy)
        for part in ("media", "index"):
            if (folder / part).exists():
                shutil.copytree(folder / part, self._copy / part)

    def begin_again(self) -> None:
        """Restore the database and files as ``build`` left them."""
        from django.core import mail
        from django.db import connections

        from reports.evidence import signing

        connections.close_all()
        self._database.lay_out()
        self._clear_files()
        shutil.rmtree(self.backups, ignore_errors=True)
        shutil.rmtree(self.drops, ignore_errors=True)
        for part in ("media", "index"):
            if (self._copy / part).exists():
                shutil.copytree(self._copy / part, self.folder / part)
        shutil.copy(self._copy / signing.key_path().name, signing.key_path())
        mail.outbox = []

    def restart(self) -> None:
        """Forget what a web server keeps in memory; its people stay signed in."""
        from django.contrib.contenttypes.models import ContentType
        from django.core.cache import caches
        from django.db import connections

        from catalogue import index_store

        connections.close_all()
        caches["process"].clear()
        ContentType.objects.clear_cache()
        index_store._open.cache_clear()

    @property
    def drops(self) -> Path:
        """Return the folder below which drops may lie."""
        return _drops_beside(self.folder)

    @property
    def backups(self) -> Path:
        """Return the folder of the season's backups."""
        return self.folder / "backups"

    def lose_everything(self) -> None:
        """Leave an empty database and no files but the backups."""
        from django.db import connections

        from reports.evidence import signing

        connections.close_all()
        self._database.lay_out_empty()
        self._clear_files()
        signing.key_path().unlink()

    def _clear_files(self) -> None:
        from django.core.cache import caches

        for part in ("media", "tmp", "out", "streams"):
            shutil.rmtree(self.folder / part, ignore_errors=True)
        for index in self.folder.glob("index*"):
            # Locks of folders are files.
            shutil.rmtree(index) if index.is_dir() else index.unlink()
        (self.folder / "tmp").mkdir()
        caches["process"].clear()

    def remove(self) -> None:
        """Remove everything that the season made."""
        from django.db import connections

        connections.close_all()
        self._database.remove()
        if not self._stays:
            shutil.rmtree(self._copy, ignore_errors=True)
        shutil.rmtree(self.drops, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)


class _SQLite:
    def __init__(self, folder: Path, copy: Path) -> None:
        self._file, self._copy = folder / "portal.sqlite3", copy / "portal.sqlite3"
        self._empty = copy / "empty.sqlite3"

    def keep_empty(self) -> None:
        self._keep_as(self._empty)

    def keep(self) -> None:
        self._keep_as(self._copy)

    def lay_out_empty(self) -> None:
        self._lay_out(self._empty)

    def lay_out(self) -> None:
        self._lay_out(self._copy)

    def _keep_as(self, path: Path) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
        shutil.copyfile(self._file, path)

    def _lay_out(self, path: Path) -> None:
        # A thread may still have the old file open: it keeps the unlinked file.
        _leave_lease_keeper()
        for ending in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + ending).unlink(missing_ok=True)
        shutil.copyfile(path, self._file)

    def remove(self) -> None:
        """Do nothing: the file is in the season's folder."""


def _leave_lease_keeper() -> None:
    """Let the next job start a thread for its lease, as a restarted process would.

    The present thread may go on with the old file for a second, would not find the
    next job there, and would tell that job that its lease is lost.
    """
    from base.jobs import keeper

    keeper._keeper = None


class _PostgreSQL:
    def __init__(self, settings: dict[str, Any]) -> None:
        self._name = str(settings["NAME"])
        self._copy, self._empty = f"{self._name}_copy", f"{self._name}_empty"
        self._address: dict[str, Any] = {  # Any: arguments of psycopg
            "host": settings["HOST"] or None,
            "port": settings["PORT"] or None,
            "user": settings["USER"] or None,
            "password": settings["PASSWORD"] or None,
            "dbname": "postgres",
        }
        self.remove()
        self._run("CREATE DATABASE {}", self._name)

    def keep_empty(self) -> None:
        self._keep_as(self._empty)

    def keep(self) -> None:
        self._keep_as(self._copy)

    def lay_out_empty(self) -> None:
        self._lay_out(self._empty)

    def lay_out(self) -> None:
        self._lay_out(self._copy)

    def remove(self) -> None:
        for name in (self._name, self._copy, self._empty):
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", name)

    def _keep_as(self, name: str) -> None:
        from django.db import connections

        connections.close_all()
        self._end_connections()
        self._run("CREATE DATABASE {} TEMPLATE {}", name, self._name)

    def _lay_out(self, name: str) -> None:
        self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", self._name)
        self._run("CREATE DATABASE {} TEMPLATE {}", self._name, name)

    def _end_connections(self) -> None:
        """End all connections, autovacuum's too: a template must have none."""
        with psycopg.connect(**self._address, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
                [self._name],
            )

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(**self._address, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*(sql.Identifier(name) for name in names)))
