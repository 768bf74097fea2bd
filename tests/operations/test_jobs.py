"""The jobs page: what waits, runs and failed, and why."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import User
from accounts.roles import Role
from operations.jobs import JobState, job_counts, jobs
from scanning.services.intake import submit_upload
from tests.conftest import Catalogue, MakeClient, Worker, upload


@pytest.fixture
def viewer(signed_in: MakeClient) -> Client:
    """Return a client of somebody who may only look."""
    return signed_in(Role.VIEWER)


def test_a_scan_is_listed_until_it_is_done(
    catalogue: Catalogue, run_worker: Worker, admin: User, viewer: Client
) -> None:
    submit_upload(
        container=catalogue.container,
        upload=upload("broken.mp3", b"x" * 99),
        user=admin,
    )
    assert b"broken.mp3" in viewer.get("/jobs/?state=waiting").content
    assert job_counts()[JobState.WAITING] == 1

    run_worker()

    assert b"broken.mp3" not in viewer.get("/jobs/?state=waiting").content
    failed = viewer.get("/jobs/?state=failed&kind=scan").content
    assert b"broken.mp3" in failed
    assert b"could not be decoded as audio" in failed
    assert viewer.get("/jobs/?state=failed&kind=report").content.count(b"broken") == 0


def test_the_list_is_empty_where_nothing_happens(db: None, viewer: Client) -> None:
    assert b"Nothing runs" in viewer.get("/jobs/").content
    assert b"Nothing runs" in viewer.get("/jobs/?state=odd&kind=odd").content
    assert all(jobs(state=state) == [] for state in JobState)
