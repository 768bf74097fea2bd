"""A search ends with the job, the time and the client that it is for."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import IO, Any

import pytest
import requests

from recognition.fingerprints.builder import extract
from recognition.fingerprints.file_format import to_bytes
from tests import audio, endless
from tests.fixtures import CopyDatabase
from tests.wire.live import free_port
from web.acrapi.views.identify import signature_of

pytestmark = pytest.mark.slow

WaitForSearch = Callable[[], IO[str]]


@pytest.fixture(scope="module")
def filled(
    copy_database: CopyDatabase, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any]]:
    """Return the folder of an installation with a file, and the keys that sign a request."""
    folder = tmp_path_factory.mktemp("filled")
    return folder, endless.act(_environment(folder, copy_database(folder)), "fill")


@pytest.fixture
def installation(
    filled: tuple[Path, dict[str, Any]], tmp_path: Path
) -> Iterator[tuple[dict[str, str], WaitForSearch]]:
    """Return the environment of an installation, and a function that waits for its
    next search.
    """
    made, _recordings = filled
    folder = tmp_path / "portal"
    shutil.copytree(made, folder)
    database = next(folder.glob("*.sqlite3"))
    with endless.searches() as (searches, wait):
        yield _environment(folder, database) | searches, wait


def _environment(folder: Path, database: Path) -> dict[str, str]:
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "ACRPORTAL_DATA_DIR": str(folder),
        "ACRPORTAL_HTTPS": "off",
        "ALLOWED_HOSTS": "127.0.0.1",
        "DATABASE_URL": f"sqlite:///{database}",
        "SECRET_KEY": "only for this test, and as long as a real one has to be",
    }


@contextmanager
def serving(env: dict[str, str]) -> Iterator[tuple[str, int]]:
    """Serve the installation with one thread; yield the address once it answers."""
    address = "127.0.0.1", free_port()
    ready = socket.create_server(address)
    # gunicorn takes the listening socket, so that clients may connect at once.
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "gunicorn", "tests.endless:application"),
            *("--config", "python:acrportal.gunicorn_config"),
            *("--bind", f"fd://{ready.fileno()}", "--workers", "1", "--threads", "1"),
        ],
        cwd=endless.ROOT,
        env=env,
        pass_fds=[ready.fileno()],
    )
    ready.close()
    try:
        yield address
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=endless.PATIENCE_SECONDS)


def identify(recording: dict[str, Any]) -> bytes:
    """Return the request that identifies a clip. Any: JSON."""
    fields = {
        "access_key": recording["key"],
        "data_type": "fingerprint",
        "signature_version": "1",
        "timestamp": "1605856524",
        "sample": base64.b64encode(to_bytes(extract(audio.tune(1, 5)))).decode(),
    }
    fields["signature"] = signature_of(
        secret=recording["secret"],
        access_key=fields["access_key"],
        data_type=fields["data_type"],
        version=fields["signature_version"],
        timestamp=fields["timestamp"],
    )
    url = "http://127.0.0.1/v1/identify"
    request = requests.Request("POST", url, data=fields).prepare()
    assert isinstance(request.body, str)
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    line = "POST /v1/identify HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    return f"{line}{head}\r\n{request.body}".encode()


@pytest.mark.soak
def test_a_client_that_hangs_up_frees_its_thread(
    filled: tuple[Path, dict[str, Any]], installation: tuple[dict[str, str], WaitForSearch]
) -> None:
    env, wait_for_search = installation
    request = identify(filled[1])
    with serving(env) as address:
        client = socket.create_connection(address)
        client.sendall(request)
        search = wait_for_search()

        client.close()

        assert search.readline() == "ClientGone\n"
        # The only thread answers again.
        health = f"http://127.0.0.1:{address[1]}/healthz"
        assert requests.get(health, timeout=endless.PATIENCE_SECONDS).ok


@pytest.mark.soak
def test_a_search_that_takes_too_long_is_answered(
    filled: tuple[Path, dict[str, Any]], installation: tuple[dict[str, str], WaitForSearch]
) -> None:
    env, _wait_for_search = installation
    request = identify(filled[1])
    with serving(env | {"ACRPORTAL_SEARCH_SECONDS": "0.1"}) as address:
        client = socket.create_connection(address, timeout=endless.PATIENCE_SECONDS)
        client.sendall(request)

        # On a busy machine, the time is over before the endless part of it begins.
        answer = client.recv(65_536).decode()

    assert answer.startswith("HTTP/1.1 503")
    assert "Retry-After: 30" in answer


@pytest.mark.soak
def test_a_job_that_is_cancelled_on_its_page_ends_its_search(
    installation: tuple[dict[str, str], WaitForSearch],
) -> None:
    env, wait_for_search = installation
    command = [sys.executable, "-m", "tests.endless", "worker"]
    worker = subprocess.Popen(command, cwd=endless.ROOT, env=env, stdout=subprocess.DEVNULL)
    try:
        search = wait_for_search()

        cancelled = endless.act(env, "cancel")

        assert cancelled == {"is_said": True}
        assert search.readline() == "Cancelled\n"
    finally:
        worker.send_signal(signal.SIGTERM)
        worker.wait(timeout=endless.PATIENCE_SECONDS)
    with closing(sqlite3.connect(env["DATABASE_URL"].removeprefix("sqlite:///"))) as at:
        state = at.execute("SELECT state FROM jobs_job WHERE kind = 'scan'").fetchone()
    assert state == ("cancelled",)
