"""A signed-in reviewer for the pages on which reviewers work, and a file to review."""

from __future__ import annotations

import pytest
from django.test import Client

from base.accounts.models import User
from scanning.models import ScannedFile
from tests.reports.test_cue_sheets import interval, programme


@pytest.fixture
def client(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


@pytest.fixture
def file() -> ScannedFile:
    """A programme with two recordings, one of them twice, and unknown sound."""
    file = programme(interval(200, 240)).scanned_file
    file.length_ms = 600_000
    file.save()
    return file
