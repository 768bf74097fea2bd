"""A report that fails while it is streamed by a real HTTP server."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import pytest
import requests
from django.conf import settings

from tests.fixtures import CopyDatabase

pytestmark = pytest.mark.slow  # a server has to start

# Three chunks of rows and several blocks of 64 KiB.
FILES = 1_100
_CSRF = "c" * 32
PATHS = ["/matches/export/", "/files/export/", "/api/portal/v1/reports/stream/"]

_FILL = """
import sys
import django
django.setup()
from django.test import Client
from base.accounts.roles import Role
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from scanning.models import ScannedFile

person = make_user(Role.MANAGER)
container = ContainerFactory.create()
ScannedFile.objects.bulk_create(
    ScannedFileFactory.build(
        container=container, name=f"{number:05d}.wav", status="no_match"
    )
    for number in range(int(sys.argv[1]))
)
client = Client()
client.force_login(person)
print(client.cookies["sessionid"].value)
"""


@dataclass(frozen=True, slots=True)
class Portal:
    """A running portal with many files and a signed-in person."""

    port: int
    cookie: str
    database: Path

    @property
    def headers(self) -> dict[str, str]:
        cookies = f"sessionid={self.cookie}; csrftoken={_CSRF}"
        return {"Cookie": cookies, "X-CSRFToken": _CSRF}

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def set_status(self, name: str, status: str) -> None:
        """Set a file's status; an unknown status breaks its row."""
        with closing(sqlite3.connect(self.database)) as rows, rows:
            rows.execute(
                "UPDATE scanning_scannedfile SET status = ? WHERE name = ?", (status, name)
            )


@pytest.fixture(scope="module")
def portal(
    copy_database: CopyDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Portal]:
    """Serve the portal with gunicorn, as ``manage.py serve`` does."""
    folder = tmp_path_factory.mktemp("served")
    database = copy_database(folder)
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "ACRPORTAL_DATA_DIR": str(folder),
        "ACRPORTAL_HTTPS": "off",
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "only for this test, and as long as a real one has to be",
    }
    cookie = subprocess.run(
        [sys.executable, "-c", _FILL, str(FILES)],
        env=env,
        cwd=settings.BASE_DIR,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "acrportal.wsgi:application"),
            *("--bind", "127.0.0.1:0", "--worker-class", "gthread"),
            *("--threads", "4", "--log-level", "info"),
        ],
        env=env,
        cwd=settings.BASE_DIR,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert server.stderr is not None
    try:
        port = next(
            int(match[1])
            for line in server.stderr
            if (match := re.search(r"Listening at: http://127.0.0.1:(\d+)", line))
        )
        # A full pipe would block the server.
        Thread(target=server.stderr.read, daemon=True).start()
        yield Portal(port, cookie, database)
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture
def broken_late(portal: Portal) -> Iterator[Portal]:
    """Return a portal in which the last of many rows cannot be written."""
    name = f"{FILES - 1:05d}.wav"
    portal.set_status(name, "broken")
    yield portal
    portal.set_status(name, "no_match")


def test_a_whole_report_arrives_whole(portal: Portal) -> None:
    for path in PATHS:
        answer = requests.post(portal.url(path), headers=portal.headers, timeout=60)
        assert answer.status_code == 200, path
        lines = answer.content.decode("utf-8-sig").splitlines()
        assert len(lines) == FILES + 1


def test_a_report_that_fails_midway_is_no_complete_answer_and_kept_as_failed(
    broken_late: Portal,
) -> None:
    for path in PATHS:
        answer = requests.post(
            broken_late.url(path), headers=broken_late.headers, stream=True, timeout=60
        )
        assert answer.status_code == 200, path
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            b"".join(answer.iter_content(1024))

    listing = requests.get(
        broken_late.url("/api/portal/v1/reports/"), headers=broken_late.headers, timeout=60
    )
    newest = json.loads(listing.content)[0]
    assert newest["state"] == "failed"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_curl_fails_where_a_report_does(broken_late: Portal, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *("curl", "-sS", "-X", "POST"),
            *(f"-H{name}: {value}" for name, value in broken_late.headers.items()),
            *("-o", str(tmp_path / "report.csv"), broken_late.url(PATHS[0])),
        ],
        check=False,
        capture_output=True,
    )

    assert done.returncode != 0


def test_a_report_that_fails_at_its_first_rows_is_an_error_page(portal: Portal) -> None:
    portal.set_status("00000.wav", "broken")
    answers = [
        requests.post(portal.url(path), headers=portal.headers, timeout=60) for path in PATHS
    ]
    portal.set_status("00000.wav", "no_match")

    for answer in answers:
        assert answer.status_code == 500
        assert answer.headers["X-Request-Id"]
        assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize(("status", "expected"), [("no_match", 200), ("broken", 500)])
def test_http_1_0_gets_a_whole_report_or_an_error(
    portal: Portal, status: str, expected: int
) -> None:
    name = f"{FILES - 1:05d}.wav"
    portal.set_status(name, status)
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=60)
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"  # type: ignore[attr-defined]  # as older proxies ask
    try:
        connection.request("POST", PATHS[0], headers=portal.headers)
        answer = connection.getresponse()
        sent = answer.read()
    finally:
        connection.close()
        portal.set_status(name, "no_match")

    assert answer.status == expected
    if answer.status == 200:
        assert answer.headers["Content-Length"] == str(len(sent))
