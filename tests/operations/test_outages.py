"""Outages of the portal's dependencies: the messages, and the data that survives."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.files.storage import storages
from django.db import OperationalError, connection
from django.test import Client, override_settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs.models import Job
from operations.doctor import examine
from scanning import pipeline
from scanning.choices import FileStatus, ScanStatus
from scanning.models import Container, Scan, ScannedFile
from scanning.services.intake import submit_upload
from tests import audio
from tests.factories.accounts import make_user
from tests.failures import failing
from tests.fixtures import Catalogue, MakeClient, Worker, submit_sound, upload

_UPLOADS = "/api/portal/v1/files/"
_NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def client_of(role: Role) -> Client:
    """Return a signed-in client that gets error pages as browsers do."""
    client = Client(raise_request_exception=False)
    client.force_login(make_user(role))
    return client


def test_pages_and_programs_are_told_that_the_database_is_away(db: None) -> None:
    client = client_of(Role.REVIEWER)
    with connection.execute_wrapper(failing(OperationalError("no route to host"))):
        page = client.get("/files/")
        answer = client.get("/api/portal/v1/reports/")
        alive, ready = client.get("/healthz"), client.get("/readyz")

    assert page.status_code == 503
    assert b"The database does not answer" in page.content
    assert b"no route" not in page.content
    assert (answer.status_code, answer.json()["code"]) == (503, "database_away")
    assert answer["Retry-After"] == page["Retry-After"] == "30"
    assert alive.status_code == ready.status_code == 503
    assert client.get("/files/").status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (_NO_ROOM, 507, "no_room"),
        (OperationalError("database or disk is full"), 507, "no_room"),
        (EndpointConnectionError(endpoint_url="http://s3"), 503, "storage_away"),
    ],
)
def test_an_upload_that_cannot_be_kept_is_refused_whole(
    error: Exception, status: int, code: str, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container.objects.create(name="C")
    client = client_of(Role.REVIEWER)
    monkeypatch.setattr(type(storages["default"]), "save", failing(error))

    response = client.post(
        _UPLOADS, {"container": container.pk, "file": upload("a.wav", b"x" * 99)}
    )
    page = client.post(
        "/upload/", {"container": container.pk, "files": [upload("a.wav", b"x" * 99)]}
    )

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert page.status_code == status
    assert b"not stored" in page.content
    assert not ScannedFile.objects.exists()


def test_readiness_says_that_the_object_storage_is_away(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = EndpointConnectionError(endpoint_url="http://s3")
    monkeypatch.setattr(storages["default"], "exists", failing(away))

    ready = Client(raise_request_exception=False).get("/readyz")

    assert ready.status_code == 503
    assert "http://s3" in ready.json()["storage"]
    assert ready.json()["database"] == "ok"


def test_no_room_for_the_upload_itself_is_told_too(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = Container.objects.create(name="C")
    client = client_of(Role.REVIEWER)
    monkeypatch.setattr("django.core.files.uploadhandler.TemporaryUploadedFile", failing(_NO_ROOM))

    response = client.post(
        _UPLOADS, {"container": container.pk, "file": upload("a.wav", b"x" * 99)}
    )

    assert (response.status_code, response.json()["code"]) == (507, "no_room")


def test_a_scan_without_room_goes_on_once_there_is_some(
    catalogue: Catalogue, admin: User, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = submit_sound(catalogue.container, audio.tune(1, 8), admin)
    with monkeypatch.context() as full:
        full.setattr(pipeline, "analyse", failing(_NO_ROOM))
        run_worker()
    scan = file.scans.get()
    assert scan.status == ScanStatus.QUEUED
    assert "No space left on device" in scan.message

    Job.objects.update(run_after=datetime.now(tz=UTC) - timedelta(minutes=5))
    run_worker()

    file.refresh_from_db()
    scan.refresh_from_db()
    assert file.status == FileStatus.READY
    assert (scan.status, scan.message) == (ScanStatus.SUCCEEDED, "")


def test_the_jobs_page_says_that_nobody_works(db: None, signed_in: MakeClient, admin: User) -> None:
    container = Container.objects.create(name="C")
    submit_upload(container=container, upload=upload("a.wav", b"x" * 9), user=admin)
    client = signed_in(Role.VIEWER)
    assert b"no worker is running" not in client.get("/jobs/").content

    jobs = Job.objects.filter(kind="scan")
    before = datetime.now(tz=UTC) - timedelta(minutes=10)
    jobs.update(run_after=before)
    assert b"no worker is running" in client.get("/jobs/").content

    # A job that waits for its next attempt does not mean that no worker runs.
    Scan.objects.update(created_at=before)
    jobs.update(run_after=datetime.now(tz=UTC) + timedelta(minutes=1))
    assert b"no worker is running" not in client.get("/jobs/").content


def test_the_doctor_finds_a_broker_that_is_away(db: None) -> None:
    with override_settings(BROKER_URL="amqp://guest:guest@127.0.0.1:9//"):
        problems = [finding.problem for finding in examine()]

    assert any("the broker does not answer" in problem for problem in problems)
