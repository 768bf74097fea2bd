"""A server that speaks as much of ACRCloud's protocol as ``acrfp send`` uses."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pytest_httpserver import HTTPServer
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException

TOKEN = "acrp_desk"

Trouble = Callable[[], Response | None]


@dataclass
class DeskServer:
    """Takes files for container 7, bucket 8 and dedup bucket 9.

    ``troubles`` are called before the next uploads, ``lost`` after they are stored.
    """

    base: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON
    keys: list[str] = field(default_factory=list)
    troubles: list[Trouble] = field(default_factory=list)
    lost: list[Trouble] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Response:
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return _json(401, {"message": "This token is unknown."})
        paths = {
            "/api/fs-containers/7/files": "name",
            "/api/buckets/8/files": "title",
            "/api/buckets/9/dedup-files": "id",
        }
        if request.path not in paths:
            return _json(404, {"message": "There is no such thing here."})
        naming = paths[request.path]
        if request.method == "GET":
            search = request.args.get("search", "")
            rows = [row for row in self.taken if search in str(row.get(naming))]
            return _json(200, {"data": rows[::-1]})
        try:
            return self._take(request, naming)
        except HTTPException as error:
            return _json(error.code or 500, {"message": str(error)})

    def _take(self, request: Request, naming: str) -> Response:
        if self.troubles and (refusal := self.troubles.pop(0)()):
            return refusal
        content = request.files["file"].read()
        with self.lock:
            row = {
                "id": f"f-{len(self.taken) + 1}",
                **request.form,
                "content": content.hex(),
                "file": request.files["file"].filename,
                "created_at": datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M:%S"),
            }
            self.taken.append(row)
            self.keys.append(request.headers["Idempotency-Key"])
        if self.lost and (failure := self.lost.pop(0)()):
            return failure
        return _json(201, {"data": {"id": row["id"], naming: row[naming]}})


def busy() -> Response:
    return _json(503, {"message": "Later."}, {"Retry-After": "0"})


def refusal(status: int, code: str) -> Response:
    return _json(status, {"message": f"Refused: {code}", "code": code})


@contextmanager
def desk_server() -> Iterator[DeskServer]:
    desk = DeskServer()
    with HTTPServer(threaded=True) as server:
        desk.base = server.url_for("").rstrip("/")
        server.expect_request(re.compile(".*")).respond_with_handler(desk.answer)
        yield desk


def _json(status: int, body: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(body), status, headers, content_type="application/json")
