"""An installation whose search never ends by itself, and tells a test what happens to it.

``python -m tests.endless fill|worker|cancel`` acts on the installation of the environment;
gunicorn serves ``tests.endless:application``. The search connects to ``ENDLESS_PORT``.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import IO, Any, NoReturn

import django

ROOT = Path(__file__).resolve().parents[1]
PATIENCE_SECONDS = 240
_LOOK_SECONDS = 0.01
_PORT = "ENDLESS_PORT"

# Any in this module: JSON, WSGI, and what a search takes.


def application(environ: dict[str, Any], start_response: Any) -> Any:
    """Answer a request as the portal does, apart from the search."""
    _make_endless()
    from acrportal.wsgi import application as portal

    return portal(environ, start_response)


def _make_endless() -> None:
    from recognition.search import match

    match.scan = _search


def _search(*_: Any, **__: Any) -> NoReturn:
    from recognition import interrupts

    with socket.create_connection(("127.0.0.1", int(os.environ[_PORT]))) as line:
        line.sendall(b"begun\n")
        pause = Event()
        try:
            while True:
                interrupts.look()
                pause.wait(_LOOK_SECONDS)
        except Exception as stopped:
            line.sendall(f"{type(stopped).__name__}\n".encode())
            raise


@contextmanager
def searches() -> Iterator[tuple[dict[str, str], Callable[[], IO[str]]]]:
    """Yield an environment for processes, and a function that waits for their next
    search and returns what it says.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE_SECONDS)

        def wait() -> IO[str]:
            line, _address = listener.accept()
            line.settimeout(PATIENCE_SECONDS)
            stream = line.makefile()
            assert stream.readline() == "begun\n"
            return stream

        yield {_PORT: str(listener.getsockname()[1])}, wait


def act(env: Mapping[str, str], action: str) -> dict[str, Any]:
    """Do something in a process of its own; return what it found."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.endless", action],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        check=True,
    )
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def _fill() -> dict[str, Any]:
    """Make what a search needs, and submit a file."""
    from django.core.files.base import ContentFile

    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from catalogue.services import create_bucket
    from recognition.fingerprints.builder import extract
    from recognition.fingerprints.file_format import to_bytes
    from scanning.models import Container
    from scanning.services.identification import create_project
    from scanning.services.intake import submit_fingerprint
    from tests import audio

    bucket = create_bucket(name="Endless")
    container = Container.objects.create(name="Endless")
    container.buckets.add(bucket)
    project = create_project(name="Endless", buckets=[bucket], user=None)
    create_user(username="mira", password="not used here", role=Role.MANAGER)
    clip = to_bytes(extract(audio.tune(1, 5)))
    file = ContentFile(clip, name="clip.acrfp")
    submit_fingerprint(container=container, upload=file, user=None)
    return {"key": project.access_key, "secret": project.access_secret}


def _cancel() -> dict[str, Any]:
    """Cancel the running scan on the page of jobs, as a person does."""
    from django.test import Client
    from django.urls import reverse

    from base.accounts.models import User
    from base.jobs.models import Job

    client = Client(SERVER_NAME="127.0.0.1")
    client.force_login(User.objects.get(username="mira"))
    job = Job.objects.get(kind="scan")
    answer = client.post(reverse("portal:job_cancel"), {"job": job.uid}, follow=True)
    return {"is_said": "is being cancelled" in answer.content.decode()}


def _work() -> dict[str, Any]:
    from django.core.management import call_command

    _make_endless()
    call_command("worker")
    return {}


if __name__ == "__main__":
    django.setup()
    _ACTIONS = {"fill": _fill, "cancel": _cancel, "worker": _work}
    sys.stdout.write(json.dumps(_ACTIONS[sys.argv[1]]()))
