"""Data for monitoring: metrics and slow statements."""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from django.conf import settings as portal
from django.db import connection
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families
from pytest_django import Settings

from base.jobs import periodic
from operations.middleware import log_slow_statement
from reports.evidence.models import EvidencePack
from tests.factories.review import make_match
from tests.fixtures import Catalogue
from tests.jobs.workers import fail_job

_ROOT = Path(portal.BASE_DIR)
_RULES = [
    _ROOT / "deploy" / "prometheus-rules.yaml",
    *sorted(_ROOT.glob("plugins/*/deploy/prometheus-rules.yaml")),
]


@pytest.fixture(autouse=True)
def one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the folder of a web server whose configuration another test imported."""
    monkeypatch.delenv("PROMETHEUS_MULTIPROC_DIR", raising=False)


def figures(client: Client) -> dict[tuple[str, tuple[str, ...]], float]:
    answer = client.get("/metrics", headers={"Authorization": "Bearer open sesame"})
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_figures_tell_what_is_there(catalogue: Catalogue, settings: Settings) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    periodic.plan()
    client = Client()
    client.get("/accounts/login/")

    metrics = figures(client)

    assert metrics["acrportal_recordings", ("ready",)] == 2
    assert metrics["acrportal_index_postings", ()] > 0
    assert metrics["acrportal_jobs", ("session_retention", "waiting")] == 1
    assert metrics["acrportal_jobs_given_up", ("scan",)] == 0
    assert metrics["acrportal_request_seconds_count", ("GET", "2xx", "login")] >= 1


def test_an_evidence_pack_that_failed_is_counted_as_given_up(db: None, settings: Settings) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    pack = EvidencePack.objects.create(match=make_match())
    fail_job("evidence", pack)

    assert figures(Client())["acrportal_jobs_given_up", ("evidence",)] == 1


def test_alerts_and_charts_name_metrics_and_guides_that_exist(
    catalogue: Catalogue, settings: Settings
) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    client = Client()
    client.get("/accounts/login/")
    answer = client.get("/metrics", headers={"Authorization": "Bearer open sesame"})
    families = text_string_to_metric_families(answer.content.decode())
    # A family without samples is there, too: no copy of the index is late.
    metrics = {family.name for family in families}
    expressions = list[str]()
    for path in _RULES:
        (group,) = yaml.safe_load(path.read_text("utf-8"))["groups"]
        for rule in group["rules"]:
            expressions.append(rule["expr"])
            page, _hash, heading = rule["annotations"]["guide"].partition("#")
            guide = (_ROOT / page).read_text("utf-8")
            headings = [line.lstrip("# ").lower() for line in guide.splitlines() if line[:1] == "#"]
            assert not heading or heading in [text.replace(" ", "-") for text in headings]
    dashboard = json.loads((_ROOT / "deploy" / "grafana-dashboard.json").read_text("utf-8"))
    for panel in dashboard["panels"]:
        expressions += [target["expr"] for target in panel.get("targets", ())]

    for expression in expressions:
        for name in re.findall(r"acrportal_\w+", expression):
            assert re.sub(r"_(bucket|count)$", "", name) in metrics, expression


@pytest.mark.skipif(shutil.which("promtool") is None, reason="needs promtool of Prometheus")
def test_prometheus_reads_the_alerts() -> None:
    subprocess.run(["promtool", "check", "rules", *map(str, _RULES)], check=True)


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer wrong"])
@pytest.mark.parametrize("token", ["", "open sesame"])
def test_figures_are_for_who_knows_the_token(
    db: None, settings: Settings, token: str, header: str
) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = token

    answer = Client().get("/metrics", headers={"Authorization": header})

    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_monitoring_only_reads(db: None, path: str, method: str) -> None:
    assert Client().generic(method, path).status_code == 405


def test_methods_that_nobody_knows_are_not_counted_one_by_one(db: None, settings: Settings) -> None:
    settings.ACRPORTAL_METRICS_TOKEN = "open sesame"
    client = Client()
    for number in range(5):
        assert client.generic(f"BREW{number}", "/healthz").status_code == 405

    assert not [labels for _name, labels in figures(client) if "BREW0" in labels]


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
