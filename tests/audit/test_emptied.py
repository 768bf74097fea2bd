"""A trail that was emptied is not called intact, and the portal's account cannot empty it."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from io import StringIO
from pathlib import Path
from shutil import which
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from psycopg import sql

from base.accounts.models import User
from base.audit import triggers
from base.audit.models import Anchor, Event
from base.audit.services import record
from review.choices import MatchState
from review.models import Match
from tests import databases, on_postgres
from tests.factories.review import make_match
from tests.processes import python

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

_SERVER = os.environ.get("TEST_DATABASE_URL", "postgres://postgres@127.0.0.1:5432/postgres")


def verify(**options: object) -> tuple[int, str]:
    """Return the exit code of the verification, and what it says."""
    output = StringIO()
    try:
        call_command("verify_audit", stdout=output, stderr=output, **options)
    except SystemExit as ended:
        return int(str(ended.code)), output.getvalue()
    return 0, output.getvalue()


def _check_now() -> None:
    """Check the constraints of earlier writes, which would lock the tables."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _empty() -> None:
    _check_now()
    with connection.cursor() as cursor:
        for table in triggers.TABLES:
            if connection.vendor == "postgresql":
                cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
                cursor.execute(f"TRUNCATE {table} CASCADE")
                continue
            cursor.execute(f"DROP TRIGGER IF EXISTS {table}_no_delete")
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - our own names


def test_an_emptied_trail_is_not_intact(admin: User) -> None:
    decided, waiting = make_match(), make_match()
    Match._base_manager.filter(pk=decided.pk).update(state=MatchState.CONFIRMED)
    _empty()

    code, output = verify()

    assert (Event.objects.count(), Anchor.objects.count()) == (0, 0)
    assert code == 1
    assert "intact" not in output
    assert "there are no events to check" in output
    assert f"{decided.case} #0: a decided match without any event" in output
    assert f"user:{admin.pk} #0: an account without any event" in output
    assert waiting.case not in output


def test_a_decided_match_without_events_is_found_among_others(admin: User) -> None:
    decided = make_match()
    Match._base_manager.filter(pk=decided.pk).update(state=MatchState.CONFIRMED)
    _empty()
    record(case=f"user:{admin.pk}", action="user.created")

    code, output = verify()

    assert code == 1
    assert f"{decided.case} #0: a decided match without any event" in output
    assert "user:" not in output


@pytest.mark.parametrize("case", ["match:m_NOBODY", ""])
def test_a_case_without_events_is_not_intact(admin: User, case: str) -> None:
    code, output = verify(case=case)

    assert code == 1
    assert "there are no events to check" in output


def test_an_empty_export_is_not_intact(tmp_path: Path) -> None:
    file = tmp_path / "audit.jsonl"
    file.touch()

    code, output = verify(file=file)

    assert code == 1
    assert "intact" not in output


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no TRUNCATE")
def test_the_database_refuses_to_empty_the_trail(admin: User) -> None:
    _check_now()
    triggers.install(connection)
    for table in triggers.TABLES:
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(f"TRUNCATE {table} CASCADE")


# --- The accounts of deploy/database-roles.sh ---------------------------------------


class Accounts:
    """A database that belongs to one account and is used by another."""

    def __init__(self, name: str) -> None:
        self._name = name

    def url(self, user: str) -> str:
        server = urlsplit(_SERVER)
        place = f"{server.hostname}:{server.port or 5432}"
        return f"postgres://{user}:password@{place}/{self._name}"

    @property
    def portal(self) -> str:
        return self.url(self._name)

    @property
    def owner(self) -> str:
        return self.url(f"{self._name}_owner")

    def make_tables(self) -> None:
        """Make all tables as their owner; migrating to the same ones takes much longer."""
        postgres = urlsplit(_SERVER)._replace(path=f"/{databases.TEMPLATE}").geturl()
        dump = subprocess.run(
            ["pg_dump", "--no-owner", "--no-privileges", "--no-comments", postgres],
            check=True,
            capture_output=True,
        )
        restore = ["psql", "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", self.owner]
        subprocess.run(restore, input=dump.stdout, stdout=subprocess.DEVNULL, check=True)
        with closing(psycopg.connect(self.owner, autocommit=True)) as owner:
            # Of Django's connection, it needs no more.
            used = SimpleNamespace(vendor="postgresql", cursor=owner.cursor)
            triggers.install(cast("BaseDatabaseWrapper", used))

    def run(self, folder: Path, commands: str) -> str:
        """Run commands of the portal in one process, with the portal's account."""
        own = {
            "DATABASE_URL": self.portal,
            "ACRPORTAL_DATA_DIR": str(folder),
            "SECRET_KEY": "only for this test, and long enough",
            "DJANGO_SETTINGS_MODULE": "acrportal.settings",
            "DJANGO_SUPERUSER_PASSWORD": "only for this test",
        }
        return python(
            *("manage.py", "shell", "-v", "0", "-c", commands), env=os.environ | own, check=True
        ).stdout


_USE = """
from django.core.management import call_command
call_command("createsuperuser", interactive=False, username="adam", email="adam@example.org")
call_command("worker", batch=True)
call_command("erase_person", "adam", yes=True)
call_command("verify_audit")
"""


@pytest.fixture
def accounts() -> Iterator[Accounts]:
    """Return a database made by the script that administrators run."""
    if which("psql") is None or on_postgres.prepared() is None:
        pytest.skip("needs psql and a PostgreSQL server")
    server = psycopg.connect(_SERVER, autocommit=True)
    parts, name = urlsplit(_SERVER), f"roles_{uuid.uuid4().hex[:12]}"
    own = {
        "PGHOST": parts.hostname or "127.0.0.1",
        "PGPORT": str(parts.port or 5432),
        "PGPASSWORD": parts.password or "",
        "POSTGRES_USER": parts.username or "postgres",
        "PORTAL_DATABASE": name,
        "OWNER_PASSWORD": "password",
        "PORTAL_PASSWORD": "password",
    }
    script = settings.BASE_DIR / "deploy" / "database-roles.sh"
    with closing(server):
        try:
            subprocess.run(["sh", str(script)], env=os.environ | own, check=True)
            yield Accounts(name)
        finally:
            named = sql.Identifier(name)
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(named))
            for role in (name, f"{name}_owner"):
                server.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


@pytest.mark.soak
@pytest.mark.slow
def test_the_account_of_the_portal_adds_events_and_can_do_no_more(
    accounts: Accounts, tmp_path: Path
) -> None:
    accounts.make_tables()

    output = accounts.run(tmp_path, _USE)

    with closing(psycopg.connect(accounts.portal, autocommit=True)) as portal:
        for table in triggers.TABLES:
            for attack in (
                f"TRUNCATE {table} CASCADE",
                f"DROP TABLE {table} CASCADE",
                f"DELETE FROM {table}",  # noqa: S608 - our own names
                f"UPDATE {table} SET hash = 'x'",  # noqa: S608 - as above
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                f"DROP TRIGGER {table}_append_only ON {table}",
                f"CREATE OR REPLACE TRIGGER {table}_append_only BEFORE UPDATE ON "
                f"{table} FOR EACH ROW EXECUTE FUNCTION "
                "suppress_redundant_updates_trigger()",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    portal.execute(attack)
        with pytest.raises(psycopg.Error):
            portal.execute("DROP FUNCTION audit_refuse CASCADE")
        with pytest.raises(psycopg.Error):
            portal.execute("SET session_replication_role = replica")
    with (
        closing(psycopg.connect(accounts.owner, autocommit=True)) as owner,
        pytest.raises(psycopg.Error, match="append-only"),
    ):
        owner.execute("TRUNCATE audit_event CASCADE")

    assert "The audit trail is intact." in output
