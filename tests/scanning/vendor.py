"""A server with scripted answers in place of the cloud."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request, Response

from accounts.models import User
from scanning.models import CloudAccount, Container, ScannedFile
from scanning.services import cloud
from scanning.services.intake import submit_upload
from tests.conftest import upload

REMOTE_ID = "3a1f1d1e-0c2e-4f38-9d5a-2f2b6e1c9a01"
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
    listed: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request) -> Response:
        """Answer with the next scripted fault, otherwise as the protocol says."""
        self.calls.append((request.method, request.path))
        self.bodies.append(request.get_data())
        if self.faults:
            return self.faults.pop(0)
        if request.method == "DELETE":
            return Response(status=204)
        if request.path.endswith("/files") and request.method == "GET":
            return json_answer({"data": self.listed})
        one_id = request.path.rsplit("/", 1)[-1] == REMOTE_ID
        return json_answer({"data": [self.file] if one_id else self.file})

    def sends(self) -> int:
        """Return how often a file was posted."""
        return sum(method == "POST" for method, _ in self.calls)


def json_answer(told: object, status: int = 200) -> Response:
    return Response(json.dumps(told), status, content_type="application/json")


class AnyPath(str):
    """Equal to every path, so that the vendor answers all of them."""

    __slots__ = ()

    def __eq__(self, _other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("any")


def remote_file(state: int, results: object = None) -> dict[str, Any]:  # Any: JSON
    return {
        "id": REMOTE_ID,
        "name": "x",
        "state": state,
        "duration": 60,
        "results": results,
    }


def submit(vendor: Vendor, user: User, content: bytes = b"x" * 100) -> ScannedFile:
    """Upload a file to the cloud container."""
    return submit_upload(
        container=vendor.container, upload=upload("show.mp3", content), user=user
    ).scanned_file


def send_due() -> None:
    """Send the scans that are due."""
    cloud.send_due(owner="test")


def check_due() -> int:
    """Check the scans that are due for a result."""
    return cloud.check_due(owner="test")


def state_of(file: ScannedFile) -> tuple[str, str]:
    """Return a file's status and error code."""
    file.refresh_from_db()
    return file.status, file.error_code
