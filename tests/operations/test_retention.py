"""Retention: announced deletions, which then happen."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from base.jobs.choices import JobState
from base.jobs.models import Job
from base.jobs.services import prune as prune_jobs
from base.jobs.services import submit
from operations.retention import outlook, prune
from reports.choices import RunState
from reports.models import ReportRun
from scanning.choices import KeepAudio
from scanning.jobs import RENDITION
from scanning.models import Container, InboundCallback, ScannedFile
from scanning.services.filing import delete_container
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

NOW = datetime.now(tz=UTC)


def taken(kind: str, *, days: int = 0, of: str = "") -> tuple[int, int]:
    """Return how many objects a rule deletes within ``days``, and their bytes."""
    (rule,) = [
        outlook
        for outlook in outlook(by=NOW + timedelta(days=days))
        if (outlook.kind, outlook.of) == (kind, of)
    ]
    return rule.count, rule.size_bytes


def file_of(container: Container, *, age_days: int) -> ScannedFile:
    return ScannedFileFactory.create(
        container=container,
        media="audio/one.wav",
        audio_at=NOW - timedelta(days=age_days),
        size_bytes=1_000,
    )


def test_audio_is_told_before_it_goes(settings: Settings) -> None:
    settings.ACRPORTAL_AUDIO_DAYS = 100
    desk = ContainerFactory.create(name="Desk")
    soon = ContainerFactory.create(name="Soon", audio_days=10)
    file_of(desk, age_days=95)
    file_of(soon, age_days=5)
    file_of(soon, age_days=20)

    assert taken("audio", of="Desk") == (0, 0)
    assert taken("audio", of="Desk", days=7) == (1, 1_000)
    assert taken("audio", of="Soon") == (1, 1_000)
    assert taken("audio", of="Soon", days=7) == (2, 2_000)


def test_what_a_container_does_not_keep_goes_once_scanned() -> None:
    container = ContainerFactory.create(name="Desk", upload_audio=KeepAudio.NOTHING)
    file_of(container, age_days=0)

    assert taken("audio", of="Desk") == (1, 1_000)


def test_callbacks_without_a_file_are_told_before_they_go() -> None:
    for age_days, outcome in ((6, "orphan"), (6, "applied"), (8, "orphan")):
        callback = InboundCallback.objects.create(
            body="{}", body_bytes=2, body_sha256=f"{age_days}{outcome}", outcome=outcome
        )
        received = NOW - timedelta(days=age_days)
        InboundCallback.objects.filter(pk=callback.pk).update(received_at=received)

    assert taken("callbacks") == (1, 2)
    assert taken("callbacks", days=3) == (2, 4)


def test_audio_of_a_deleted_container_is_told_before_it_goes() -> None:
    gone = ContainerFactory.create(name="Gone", audio_days=10)
    empty = ContainerFactory.create(name="Empty", audio_days=10)
    file_of(gone, age_days=20)
    delete_container(container=gone, user=None, reason="")
    delete_container(container=empty, user=None, reason="")

    assert taken("audio", of="Gone") == (1, 1_000)
    assert "Empty" not in {outlook.of for outlook in outlook(by=NOW)}


def test_reports_are_told_before_they_go(settings: Settings) -> None:
    settings.ACRPORTAL_REPORT_DAYS = 10
    run = ReportRun.objects.create(name="Old", state=RunState.READY, size_bytes=500)
    ReportRun.objects.filter(pk=run.pk).update(created_at=NOW - timedelta(days=8))

    assert taken("reports") == (0, 0)
    assert taken("reports", days=3) == (1, 500)


def test_sessions_and_jobs_that_are_over_go() -> None:
    user, client = make_user(Role.VIEWER, username="ana"), Client()
    client.post("/accounts/login/", {"username": "ana", "password": "secret"})
    submit(RENDITION, ScannedFileFactory.create())
    Job.objects.update(state=JobState.DONE, finished_at=NOW - timedelta(days=8))
    submit(RENDITION, ScannedFileFactory.create())
    assert (taken("sessions"), taken("jobs")) == ((0, 0), (1, 0))
    assert taken("sessions", days=15) == (1, 0)
    Session.objects.update(expire_date=NOW - timedelta(days=1))

    assert (prune(), prune_jobs()) == (1, 1)

    assert not UserSession.objects.filter(user=user).exists()
    assert Job.objects.count() == 1
    assert (prune(), prune_jobs()) == (0, 0)


def test_the_command_tells_and_deletes_nothing() -> None:
    file_of(ContainerFactory.create(name="Desk", audio_days=1), age_days=5)
    output, as_json = StringIO(), StringIO()

    call_command("retention", days=7, stdout=output)
    call_command("retention", format="json", stdout=as_json)

    assert "Audio of scanned files: Desk (after 1 day): 1" in output.getvalue()
    kinds = [json.loads(line)["kind"] for line in as_json.getvalue().splitlines()]
    assert kinds == ["audio", "reports", "callbacks", "sessions", "jobs"]
    assert ScannedFile.objects.get().media


def test_managers_see_it_and_reviewers_do_not(signed_in: MakeClient) -> None:
    file_of(ContainerFactory.create(name="Desk", audio_days=1), age_days=5)

    page = signed_in(Role.MANAGER).get("/retention/?days=7")

    assert "Desk" in page.content.decode()
    assert page.context["days"] == 7
    assert signed_in(Role.REVIEWER).get("/retention/").status_code == 403
    assert "/retention/" in signed_in(Role.MANAGER).get("/jobs/").content.decode()
