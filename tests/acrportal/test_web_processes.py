"""The web server with several processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families

from tests.fixtures import CopyDatabase
from tests.wire.live import free_port

pytestmark = pytest.mark.slow

TOKEN = "open sesame"
PROCESSES = 2


@dataclass(frozen=True, slots=True)
class WebServer:
    """A web server, and the folder for its temporary files."""

    url: str
    pid: int
    temporary: Path


@pytest.fixture
def web_server(copy_database: CopyDatabase, tmp_path: Path) -> Iterator[WebServer]:
    """Serve the portal from two processes, configured as ``manage.py serve`` is."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    url = f"127.0.0.1:{free_port()}"
    command = ["gunicorn", "--config", "python:acrportal.gunicorn_config"]
    server = subprocess.Popen(
        [sys.executable, "-m", *command, "--bind", url],
        cwd=settings.BASE_DIR,
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "acrportal.settings",
            "ACRPORTAL_DATA_DIR": str(tmp_path),
            "ACRPORTAL_HTTPS": "off",
            "ACRPORTAL_METRICS_TOKEN": TOKEN,
            "DATABASE_URL": f"sqlite:///{copy_database(tmp_path)}",
            "SECRET_KEY": "only for this test, and as long as a real one has to be",
            "TMPDIR": str(temporary),
            "WEB_CONCURRENCY": str(PROCESSES),
        },
    )
    try:
        yield WebServer(f"http://{url}", server.pid, temporary)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def _get(server: WebServer, path: str) -> requests.Response:
    """Request a page on a connection of its own, which any process can accept."""
    head = {"Authorization": f"Bearer {TOKEN}", "Connection": "close"}
    return requests.get(f"{server.url}{path}", headers=head, timeout=30)


def _wait_until_it_answers(server: WebServer) -> None:
    for _ in range(300):
        try:
            if _get(server, "/healthz").status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    pytest.fail("The web server does not answer.")


def _sign_in_pages(server: WebServer) -> float:
    text = _get(server, "/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == "acrportal_request_seconds_count" and sample.labels["view"] == "login"
    )


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()


@pytest.mark.soak
def test_request_times_of_all_processes_add_up_and_go_with_the_server(
    web_server: WebServer,
) -> None:
    _wait_until_it_answers(web_server)
    assert len(_children(web_server.pid)) == PROCESSES

    for _ in range(30):
        assert _get(web_server, "/accounts/login/").status_code == 200
    # Whichever process answers.
    assert {_sign_in_pages(web_server) for _ in range(10)} == {30}

    # What a lost process counted stays.
    os.kill(int(_children(web_server.pid)[0]), signal.SIGKILL)
    _wait_until_it_answers(web_server)
    assert _sign_in_pages(web_server) == 30

    assert any(web_server.temporary.glob("acrportal-metrics-*"))
    os.kill(web_server.pid, signal.SIGTERM)
    for _ in range(300):
        if not any(web_server.temporary.glob("acrportal-metrics-*")):
            return
        time.sleep(0.1)
    pytest.fail("The files are still there.")
