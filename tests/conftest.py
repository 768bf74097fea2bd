"""Fixtures for every test: an own data folder, signed-in clients, and a worker to run."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.cache import caches
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connections
from django.db.backends.sqlite3.base import DatabaseWrapper as SQLite
from django.db.models.signals import post_migrate
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from accounts.roles import Role
from audit import triggers
from catalogue.models import Bucket, Recording
from catalogue.services import RecordingDetails, add_recording, create_bucket
from recognition.media import write_proxy
from scanning.models import Container
from tests import audio, on_postgres, scheduling
from tests.clocks import follow_this_machine
from tests.factories.accounts import make_user
from tests.undefined_variables import Undefined

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadScopeScheduling

Worker = Callable[[], None]


# Migrating takes seconds; tests that are not about migrations start from a copy.
CopyDatabase = Callable[[Path], Path]


class MakeClient(Protocol):
    """Makes a client that is signed in with a role."""

    def __call__(self, role: Role) -> Client:
        """Return the client."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(
    config: pytest.Config, log: Producer | None
) -> LoadScopeScheduling:
    """Keep tests that share a portal in the same process."""
    return scheduling.scheduler(config, log)


@pytest.fixture(autouse=True, scope="session")
def jobs_follow_the_clock_of_the_test() -> None:
    """Let tests set the clock, which no database server follows."""
    follow_this_machine()


@pytest.fixture(autouse=True, scope="session")
def undefined_variables_fail() -> None:
    """Fail the test when a rendered template names an undefined variable."""
    for engine in django_settings.TEMPLATES:
        options = engine["OPTIONS"]
        assert isinstance(options, dict)
        options["string_if_invalid"] = Undefined()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest tests first."""
    items.sort(key=scheduling.rank)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Copy a migrated database for each process, if there is one, instead of migrating."""
    template = os.environ.get(on_postgres.TEMPLATE)
    connections["default"].settings_dict["TEST"]["TEMPLATE"] = template


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path | None:
    """Keep a copy of the empty database when it is SQLite in memory.

    Also let the cleanup of committing tests delete rows, and restore what the migrations
    stored after each cleanup. If no collected test uses the database, there is no database
    and nothing happens.
    """
    database = connections["default"]
    if not str(database.settings_dict["NAME"]).startswith(("test_", "file:")):
        return None
    with django_db_blocker.unblock():
        made_by_migrations = list(Bucket.objects.all())

    def make_again(**_told: object) -> None:
        Bucket.objects.bulk_create(made_by_migrations, ignore_conflicts=True)

    # Tests that commit empty every table; Django then sends post_migrate.
    post_migrate.connect(
        make_again, sender=apps.get_app_config("catalogue"), weak=False
    )
    if not isinstance(database, SQLite):
        on_postgres.empty_tables_fast(database)
        return None
    copy = tmp_path_factory.mktemp("empty") / "portal.sqlite3"
    with django_db_blocker.unblock(), database.cursor() as cursor:
        with closing(sqlite3.connect(copy)) as file:
            database.connection.backup(file)
        for table in triggers.TABLES:
            cursor.execute(f"DROP TRIGGER {table}_no_delete")
    return copy


@pytest.fixture(scope="session")
def copy_database(
    django_db_setup: Path | None, tmp_path_factory: pytest.TempPathFactory
) -> CopyDatabase:
    """Return a function that copies a migrated, empty SQLite database into a folder."""
    empty = django_db_setup or _migrated(tmp_path_factory.mktemp("empty"))

    def copy(folder: Path) -> Path:
        return Path(shutil.copy(empty, folder))

    return copy


def _migrated(folder: Path) -> Path:
    database = folder / "portal.sqlite3"
    own = {
        "ACRPORTAL_DATA_DIR": str(folder),
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "only for this test, and long enough",
    }
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=os.environ | own,
        cwd=django_settings.BASE_DIR,
        check=True,
    )
    return database


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """Give each test its own data folder and fast password hashes."""
    settings.ACRPORTAL_DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECURE_SSL_REDIRECT = False
    caches["process"].clear()
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    return tmp_path


@pytest.fixture
def run_worker(transactional_db: None) -> Worker:
    """Return a function that does all queued work with the real worker's code."""

    def work() -> None:
        call_command("worker", batch=True)

    return work


@pytest.fixture
def signed_in(db: None) -> MakeClient:
    """Return a function that makes a signed-in client of a role."""

    def make(role: Role) -> Client:
        client = Client()
        client.force_login(make_user(role))
        return client

    return make


@pytest.fixture
def admin(db: None) -> User:
    """Return a user with every permission."""
    return make_user(Role.ADMIN)


class Catalogue:
    """A bucket with two fingerprinted tunes, and a container that searches it."""

    def __init__(self, user: User, run_worker: Worker) -> None:
        self.bucket: Bucket = create_bucket(name="Test catalogue", user=user)
        self.first = self._add("First tune", seed=1, user=user)
        self.second = self._add("Second tune", seed=2, user=user)
        run_worker()
        self.first.refresh_from_db()
        self.second.refresh_from_db()
        self.container = Container.objects.create(name="Test container")
        self.container.buckets.add(self.bucket)

    def _add(self, title: str, *, seed: int, user: User) -> Recording:
        added = add_recording(
            bucket=self.bucket,
            details=RecordingDetails(title=title, custom_id=f"T-{seed}"),
            audio=upload(f"{title}.wav", audio.wav_bytes(audio.tune(seed, 30))),
            user=user,
        )
        # Stored already, so that the worker need not encode it in each test.
        rendition = ContentFile(_rendition(seed))
        added.proxy = default_storage.save(f"proxies/{added.acr_id}.webm", rendition)
        added.save(update_fields=["proxy"])
        return added


@cache
def _rendition(seed: int) -> bytes:
    """Return the rendition of a tune."""
    with tempfile.TemporaryDirectory() as folder:
        source, made = Path(folder) / "tune.wav", Path(folder) / "proxy.webm"
        source.write_bytes(audio.wav_bytes(audio.tune(seed, 30)))
        write_proxy(source, made)
        return made.read_bytes()


@pytest.fixture
def catalogue(admin: User, run_worker: Worker) -> Catalogue:
    """Return a small searchable catalogue."""
    return Catalogue(admin, run_worker)


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    """Return an uploaded file."""
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")
