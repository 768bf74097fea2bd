"""A server with the lists of an account, which pages, faults and shifts as real ones do."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from werkzeug import Request, Response
from werkzeug.serving import make_server

# Any in this module: JSON of the protocol.
Json = dict[str, Any]

TOKEN = "token-that-nobody-may-see"
DEFAULT_PER_PAGE = 20


@dataclass
class Account:
    """``lists`` by path below ``/api/``; ``plays`` by stream and day;
    ``fingerprints`` by ACR id.

    ``faults`` are answered first, one for each call, and ``refused`` each time that a
    path is asked for. ``before`` is called before each
    page is cut, and may change the lists.
    """

    lists: dict[str, list[Json]] = field(default_factory=dict)
    plays: dict[tuple[str, str], list[Json]] = field(default_factory=dict)
    faults: list[Response] = field(default_factory=list)
    refused: dict[str, Response] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    fingerprints: dict[str, Response] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    most_per_page: int = 1000
    tells_total: bool = True
    before: Callable[[str, int], None] = lambda _path, _page: None

    def answer(self, request: Request) -> Response:
        self.calls.append(request.full_path)
        self.tokens.add(request.headers.get("Authorization", ""))
        if self.faults:
            return self.faults.pop(0)
        path = request.path.removeprefix("/api/")
        if path in self.refused:
            return self.refused[path]
        if path.startswith("portal/v1/recordings/") and self.fingerprints:
            return self.fingerprints[path.split("/")[3]]
        if "/streams/" in path and path.endswith("/results"):
            key = (path.split("/")[-2], request.args["date"])
            return json_answer({"data": self.plays.get(key, [])})
        page = int(request.args.get("page", 1))
        self.before(path, page)
        if path not in self.lists:
            return json_answer({"message": "Not Found.", "status": 404}, 404)
        rows = self.lists[path]
        count = int(request.args.get("per_page", DEFAULT_PER_PAGE))
        per_page = min(count, self.most_per_page)
        cut = rows[(page - 1) * per_page : page * per_page]
        meta = {
            "current_page": page,
            "total": len(rows),
            "last_page": max(1, -(-len(rows) // per_page)),
        }
        return json_answer({"data": cut} | ({"meta": meta} if self.tells_total else {}))


@contextmanager
def serving(answer: Callable[[Request], Response]) -> Iterator[str]:
    """Answer calls on this machine; yield the address for the account."""
    application = Request.application(answer)
    server = make_server("127.0.0.1", 0, application, threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api"
    finally:
        server.shutdown()


def json_answer(content: object, status: int = 200, **headers: str) -> Response:
    """Return an answer in JSON."""
    return Response(json.dumps(content), status, headers, content_type="application/json")


def bucket(number: int, name: str, **options: Any) -> Json:
    return {"id": number, "name": name, "type": "File", "region": "eu-west-1"} | options


def bucket_file(number: int, title: str, **options: Any) -> Json:
    return {
        "id": number,
        "acr_id": f"{number:032x}",
        "title": title,
        "audio_id": f"A-{number}",
        "duration": "180.250000",
        "user_defined": {"Artist": "Anna Muster", "isrc": "ZZX012600001"},
        "state": 1,
        "created_at": "2025-03-04T05:06:07.000000Z",
    } | options


def dedup_file(number: int, *track_ids: str) -> Json:
    return {
        "dup_files": list(track_ids),
        "acr_id": f"{number:032x}",
        "created_at": "2025-03-04 05:06:07",
        "updated_at": "2025-03-04 05:06:07",
    }


def container(number: int, name: str, buckets: list[Json], **options: Any) -> Json:
    return {
        "id": number,
        "name": name,
        "region": "eu-west-1",
        "buckets": [{"id": bucket["id"], "name": bucket["name"]} for bucket in buckets],
        "audio_type": "linein",
        "engine": 1,
        "policy": {"type": "traverse", "interval": 0, "rec_length": 10},
        "callback_url": "https://team.example/hook",
    } | options


def scanned_file(number: int, results: Json | None, **options: Any) -> Json:
    item = results and {
        "offset": 12,
        "played_duration": 30,
        "score": 97,
        "result": {
            "acrid": results["acr_id"],
            "title": results["title"],
            "external_ids": [],
            "duration_ms": 180_250,
            "sample_begin_time_offset_ms": 12_000,
            "sample_end_time_offset_ms": 42_000,
            "db_begin_time_offset_ms": 5_000,
            "db_end_time_offset_ms": 35_000,
        },
    }
    return {
        "id": f"{number:08d}-0000-4000-8000-000000000000",
        "name": f"show-{number}.mp3",
        "duration": 3600,
        "state": 1 if item else -1,
        "results": {"custom_files": [item]} if item else None,
        "created_at": "2025-05-06T07:08:09.000000Z",
    } | options


def stream(number: int, name: str, **options: Any) -> Json:
    return {
        "id": f"s{number}",
        "name": name,
        "stream_urls": ["https://radio.example/live"],
        "user_defined": {"desk": "north"},
    } | options


def play(at: str, recording: Json, seconds: int = 120) -> Json:
    return {
        "metadata": {
            "timestamp_utc": at,
            "played_duration": seconds,
            "custom_files": [
                {
                    "acrid": recording["acr_id"],
                    "title": recording["title"],
                    "score": 100,
                    "sample_begin_time_offset_ms": 0,
                    "db_begin_time_offset_ms": 10_000,
                }
            ],
        }
    }
