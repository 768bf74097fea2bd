"""What every test stands on: a data folder of its own, and a worker to call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.test import Client
from pytest_django import DjangoDbBlocker, Settings

from accounts.models import User
from accounts.roles import Role
from audit import triggers
from catalogue.models import Bucket, Recording
from catalogue.services import RecordingDetails, add_recording, create_bucket
from scanning.models import Container
from tests import audio
from tests.factories.accounts import make_user

Worker = Callable[[], None]


class MakeClient(Protocol):
    """Makes a client that is signed in with a role."""

    def __call__(self, role: Role) -> Client:
        """Return the client."""


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> None:
    """Let tests that commit be cleared up after: on SQLite that deletes the rows."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for table in triggers.TABLES:
                cursor.execute(f"DROP TRIGGER {table}_no_delete")


@pytest.fixture(autouse=True)
def data_dir(tmp_path: Path, settings: Settings) -> Path:
    """Give each test its own data folder, and quick password hashes."""
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
    """Return a function that does all queued work, by the real worker's own code."""

    def work() -> None:
        call_command("scan_worker", batch=True, interval=0.0)

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
    """Return a user who may do everything."""
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
        return add_recording(
            bucket=self.bucket,
            details=RecordingDetails(title=title, custom_id=f"T-{seed}"),
            audio=upload(f"{title}.wav", audio.wav_bytes(audio.tune(seed, 30))),
            user=user,
        )


@pytest.fixture
def catalogue(admin: User, run_worker: Worker) -> Catalogue:
    """Return a small searchable catalogue."""
    return Catalogue(admin, run_worker)


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    """Return an uploaded file."""
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")
