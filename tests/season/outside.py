"""Other hosts on the season's network: sounds, a feed, webhooks, and ACRCloud."""

from __future__ import annotations

import json
import random
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.season import samples

CLOUD_CONTAINER = 77
CLOUD_BUCKET = "8881"
"""The bucket of recordings in the account, which its container searches."""
CLOUD_RECORDINGS = 5
CLOUD_DEDUP_BUCKET = "8883"
CLOUD_TRACKS = 3
CLOUD_TOKEN = "a token that no page, log or event has"  # invented
CALLBACK = "/hook-of-the-account"
"""Where the account posts results; nothing here may, before an admin takes it over."""
_FILES = rf"/cloud/fs-containers/{CLOUD_CONTAINER}/files"
_FINGERPRINT = r"/cloud/portal/v1/recordings/(\w+)/fingerprint/"
_PER_PAGE = 20
_NAME = re.compile(rb'name="name"\r\n\r\n(.*?)\r\n', re.DOTALL)


@dataclass
class Cloud:
    """A stand-in for ACRCloud that stores the submitted files.

    A file has results from the second request on. Some answers are refusals, and one
    kind of answer gets lost although the file arrived.
    """

    calls: int = 0
    file_count: int = 0
    titles: int = 0
    "Changes some titles of the account's recordings."
    files: dict[str, dict[str, Any]] = field(default_factory=dict)  # Any: JSON
    fingerprints: dict[str, bytes] = field(default_factory=dict)
    "By ACR id; with any, the account is that of another portal."

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        """Return the status and body for one call."""
        self.calls += 1
        address, _, query = path.partition("?")
        if method == "GET" and address == "/cloud/fs-containers":
            return 200, {"data": [_container()]}
        if method == "GET" and address.startswith("/cloud/buckets"):
            return self._of_buckets(address)
        if method == "GET" and address in _LISTED:
            return 200, {"data": _LISTED[address]}
        asked_for = re.fullmatch(_FINGERPRINT, address)
        if asked_for is not None:
            return self._fingerprint(asked_for[1])
        if self.calls % 13 == 5:
            return 429, {"message": "Too Many Attempts."}
        if self.calls % 17 == 9:
            return 200, {"status": {"code": 3003, "msg": "Limit exceeded"}}
        if method == "POST" and address == _FILES:
            file = self._take(body)
            is_lost = self.calls % 7 == 3
            return (502, {}) if is_lost else (201, {"data": file})
        if method == "GET" and address == _FILES:
            name = query.partition("search=")[2].partition("&")[0]
            page = int(query.partition("page=")[2].partition("&")[0] or 1)
            rows = [row for row in self.files.values() if name in row["name"]][::-1]
            return 200, {"data": rows[(page - 1) * _PER_PAGE : page * _PER_PAGE]}
        return self._of_one_file(method, address)

    def _of_buckets(self, address: str) -> tuple[int, object]:
        """Return the buckets of the account, or the files of one; titles may change."""
        if address == "/cloud/buckets":
            dedup = int(CLOUD_DEDUP_BUCKET)
            rows = [
                {"id": int(CLOUD_BUCKET), "name": "Season songs", "type": "File"},
                {"id": 8882, "name": "Radio", "type": "Live"},
                {"id": dedup, "name": "Season deliveries", "type": "DedupFile"},
            ]
            return 200, {"data": rows}
        if address == f"/cloud/buckets/{CLOUD_DEDUP_BUCKET}/dedup-files":
            tracks = range(1, CLOUD_TRACKS + 1)
            return 200, {"data": [self.track(number) for number in tracks]}
        if not address.startswith(f"/cloud/buckets/{CLOUD_BUCKET}/"):
            return 404, {"message": "Not Found"}
        files = [
            {
                "id": number,
                "acr_id": acr_id_there(number),
                "title": f"Account song {number}, {self.titles % number}",
                "audio_id": f"S-{number}",
                "duration": 20,
                "user_defined": {"artist": "Season"},
                "state": 1,
            }
            for number in range(1, CLOUD_RECORDINGS + 1)
        ]
        meta = {"total": CLOUD_RECORDINGS, "last_page": 1}
        return 200, {"data": files, "meta": meta}

    def track(self, number: int) -> dict[str, Any]:  # Any: JSON
        """Return a row of the dedup bucket; one of its ids is of the first row, too."""
        ids = [f"T-{number}", f"T-{number}-{self.titles % number}", "T-1"]
        return {"dup_files": ids, "acr_id": acr_id_there(100 + number)}

    def keep(self, name: str, **options: Any) -> dict[str, Any]:  # Any: JSON
        """Keep a file that a program sent."""
        self.file_count += 1
        file_id = str(uuid.UUID(int=self.file_count))
        file = {"id": file_id, "name": name, "state": 0, "duration": 20}
        self.files[file_id] = file | {"results": None} | options
        return self.files[file_id]

    def _take(self, body: bytes) -> dict[str, Any]:  # Any: JSON
        match = _NAME.search(body)
        name = match.group(1).decode() if match else f"file {self.file_count + 1}"
        return self.keep(name)

    def _fingerprint(self, acr_id: str) -> tuple[int, object]:
        """Return what another portal has of a recording instead of its audio."""
        if not self.fingerprints:
            return 404, {"message": "Not Found"}
        content = self.fingerprints.get(acr_id)
        return (200, content) if content else (404, {"code": "no_fingerprint"})

    def _of_one_file(self, method: str, address: str) -> tuple[int, object]:
        match = re.fullmatch(rf"{_FILES}/([\w-]+)(/rescan)?", address)
        if match is None or match[1] not in self.files:
            return 404, {"message": "Not Found"}
        if method == "DELETE":
            del self.files[match[1]]
            return 204, {}
        file = self.files[match[1]]
        answered = dict(file)
        if method == "PUT":
            file |= {"state": 0, "results": None}
        else:
            rng = random.Random(match[1])
            file |= {"state": 1, "results": samples.results(rng)}
        return 200, {"data": [answered]}


def acr_id_there(number: int) -> str:
    """Return the ACR id of a recording in the account."""
    return f"5ea5{number:028x}"


def _container() -> dict[str, Any]:  # Any: JSON
    return {
        "id": CLOUD_CONTAINER,
        "name": "Season",
        "buckets": [{"id": int(CLOUD_BUCKET), "name": "Season songs"}],
        "callback_url": f"{address}{CALLBACK}",
    }


# What only people can move: here it is listed, with what to do.
_LISTED = {
    "/cloud/ucf-projects": [{"id": 5, "name": "Season unknowns"}],
    "/cloud/ucf-projects/5/results": [
        {"id": "u1", "metadata": {}, "duration_ms": 5000, "num": 4, "status": 0}
    ],
    "/cloud/base-projects": [
        {"id": 6, "name": "Season phones", "buckets": [{"id": int(CLOUD_BUCKET)}]}
    ],
}

cloud = Cloud()
posted: list[tuple[str, bytes]] = []
"""The path and body of each callback and webhook that arrived."""
address = ""
"""Where the server is while it serves."""
addresses: list[str] = []
"""The path of each request that arrived."""


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        addresses.append(self.path)
        if self.path.startswith("/cloud/"):
            self._answer_as_cloud(b"")
        elif self.path == "/feed":
            self._answer("application/rss+xml", self._feed())
        elif self.path.startswith("/shows/"):
            number = int(self.path.rpartition("/")[2].partition(".")[0])
            self._answer("audio/wav", samples.programme(number % samples.PROGRAMMES))
        else:
            self.send_error(404)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        """Accept a callback, a webhook or a file for the cloud."""
        addresses.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/cloud/"):
            self._answer_as_cloud(body)
        else:
            posted.append((self.path, body))
            self._answer("text/plain", b"")

    def do_PUT(self) -> None:
        self.do_POST()

    def do_DELETE(self) -> None:
        self.do_POST()

    def _answer_as_cloud(self, body: bytes) -> None:
        status, answer = cloud.answer(self.command, self.path, body)
        if isinstance(answer, bytes):
            self._answer("application/octet-stream", answer, status)
        else:
            self._answer("application/json", json.dumps(answer).encode(), status)

    def _feed(self) -> bytes:
        base = f"http://{self.headers['Host']}"
        items = "".join(
            f"<item><title>Episode {number}</title><guid>{number}</guid>"
            f"<enclosure url='{base}/shows/{number}.wav' type='audio/wav' length='1'/>"
            "</item>"
            for number in range(3)
        )
        return (
            "<?xml version='1.0'?><rss version='2.0'><channel><title>Shows</title>"
            f"{items}</channel></rss>"
        ).encode()

    def _answer(self, kind: str, body: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(0 if status == 204 else len(body)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Log nothing."""


@contextmanager
def web_server() -> Iterator[None]:
    """Serve on this machine while the block runs, and tell ``samples`` the address."""
    global address
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = base = f"http://127.0.0.1:{server.server_port}"
        samples.TEXTS["links"] = [
            f"{base}/shows/0.wav",
            f"{base}/shows/1.wav\n{base}/shows/2.wav",
            f"{base}/gone.wav",
            "not a link\nftp://example.com/a",
        ]
        samples.TEXTS["url"] = [f"{base}/feed", f"{base}/shows/2.wav", "no address"]
        try:
            yield
        finally:
            server.shutdown()
