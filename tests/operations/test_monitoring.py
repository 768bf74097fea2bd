"""What monitoring reads: liveness, readiness, figures, slow statements."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from accounts.roles import Role
from operations.middleware import log_slow_statement
from tests.conftest import Catalogue, MakeClient


def figures(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return every figure by name and label values."""
    answer = client.get("/metrics", headers={"Authorization": "Bearer open sesame"})
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_figures_tell_what_is_there(catalogue: Catalogue, settings: Settings) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    client = Client()
    client.get("/accounts/login/")

    told = figures(client)

    assert told["acrportal_recordings", ("ready",)] == 2
    assert told["acrportal_index_postings", ()] > 0
    assert told["acrportal_queue_failures", ()] == 0
    assert told["acrportal_jobs_given_up", ("scan",)] == 0
    assert told["acrportal_request_seconds_count", ("GET", "2xx", "login")] >= 1


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong"])
@pytest.mark.parametrize("token", ["", "open sesame"])
def test_figures_are_for_who_knows_the_token(
    db: None, settings: Settings, token: str, header: str
) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = token

    answer = Client().get("/metrics", headers={"Authorization": header})

    assert answer.status_code == 404


def test_ready_says_what_stands_in_the_way(
    db: None, signed_in: MakeClient, data_dir: Path, settings: Settings
) -> None:
    assert Client().get("/readyz").json()["status"] == "ok"

    settings.MEDIA_ROOT = data_dir / "file"
    settings.MEDIA_ROOT.write_bytes(b"")
    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert "cannot be written" in answer.json()["storage"]
    assert answer.json()["database"] == "ok"
    assert signed_in(Role.VIEWER).get("/").status_code == 200


def test_a_slow_statement_is_logged_without_its_values(
    db: None, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ACRPORTAL_SLOW_QUERY_MS = -1

    with (
        caplog.at_level(logging.WARNING, logger="acrportal.slow"),
        connection.execute_wrapper(log_slow_statement),
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT %s", ["secret value"])

    (record,) = caplog.records
    assert record.__dict__["sql"] == "SELECT %s"
    assert "secret" not in caplog.text
