"""A server with scripted answers in place of the cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from werkzeug import Request, Response

from base.accounts.models import User
from base.common.fingerprint_files import ACCEPT_HEADER
from base.jobs.choices import JobState, Pool, Priority
from base.jobs.kinds import Kind
from base.jobs.models import Job
from base.jobs.runner import run_next
from scanning.choices import ACTIVE_SCAN_STATUSES
from scanning.cloud_jobs import CLOUD_SCAN
from scanning.models import CloudAccount, Container, Scan, ScannedFile
from scanning.services.intake import submit_upload
from tests.fixtures import upload

REMOTE_ID = "3a1f1d1e-0c2e-4f38-9d5a-2f2b6e1c9a01"
CONTAINER_PATH = "/api/fs-containers/77"
# Before jobs of every other priority.
_FIRST = 100
MUSIC = {
    "music": [
        {
            "offset": 5,
            "played_duration": 20,
            "score": 90,
            "result": {"title": "Song", "acrid": "a" * 32, "duration_ms": 60_000},
        }
    ]
}


@dataclass
class Vendor:
    """A scripted server; ``calls`` are the requests it got."""

    account: CloudAccount
    container: Container
    file: dict[str, Any] = field(default_factory=dict)  # Any: JSON
    calls: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    faults: list[Response] = field(default_factory=list)
    listing: list[dict[str, Any]] = field(default_factory=list)
    accepts: str | None = None
    "The fingerprints that its container takes; None for a server that is no portal."
    meanwhile: Callable[[], object] | None = None
    "Done before the next answer."

    def answer(self, request: Request) -> Response:
        """Answer with the next scripted fault, otherwise as the protocol says."""
        self.calls.append((request.method, request.path))
        self.bodies.append(request.get_data())
        if self.meanwhile is not None:
            self.meanwhile()
            # The server has a thread of its own, and so a connection.
            connection.close()
            self.meanwhile = None
        if self.faults:
            return self.faults.pop(0)
        if request.method == "DELETE":
            return Response(status=204)
        if request.path.endswith("/files") and request.method == "GET":
            return json_answer({"data": self.listing})
        if request.path == CONTAINER_PATH and self.accepts is not None:
            taken = json_answer({"data": {"id": 77, "name": "Cloud"}})
            taken.headers[ACCEPT_HEADER] = self.accepts
            return taken
        one_id = request.path.rsplit("/", 1)[-1] == REMOTE_ID
        return json_answer({"data": [self.file] if one_id else self.file})

    def sends(self) -> int:
        return sum(method == "POST" for method, _ in self.calls)


def json_answer(message: object, status: int = 200) -> Response:
    return Response(json.dumps(message), status, content_type="application/json")


class AnyPath(str):
    """Equal to every path, so that the vendor answers all of them."""

    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("any")


def remote_file(state: int, results: object = None) -> dict[str, Any]:  # Any: JSON
    return {"id": REMOTE_ID, "name": "x", "state": state, "duration": 60, "results": results}


def submit(vendor: Vendor, user: User, content: bytes = b"x" * 100) -> ScannedFile:
    return submit_upload(
        container=vendor.container, upload=upload("show.mp3", content), user=user
    ).scanned_file


def run_jobs(kind: Kind, **of_subject: object) -> None:
    """Run each waiting job of a kind once, as if the time it waits for had come."""
    assert kind.model is not None
    rows = kind.model._base_manager.filter(**of_subject)
    subjects = list(rows.values_list("pk", flat=True))
    jobs = Job.objects.filter(kind=kind.name, state=JobState.WAITING, subject__in=subjects)
    for key in list(jobs.order_by("turn", "pk").values_list("pk", flat=True)):
        now = datetime.now(tz=UTC)
        if jobs.filter(pk=key).update(priority=_FIRST, run_after=now):
            run_next(Pool.TALK)
            Job.objects.filter(pk=key).update(priority=Priority.USUAL)


def send_due() -> None:
    run_jobs(CLOUD_SCAN, cloud_job__sent_at__isnull=True)


def check_due() -> int:
    active = Scan.objects.filter(status__in=ACTIVE_SCAN_STATUSES)
    before = active.count()
    run_jobs(CLOUD_SCAN, cloud_job__sent_at__isnull=False)
    return before - active.count()


def state_of(file: ScannedFile) -> tuple[str, str]:
    file.refresh_from_db()
    return file.status, file.error_code
