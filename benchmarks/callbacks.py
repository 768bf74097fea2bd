"""Sends many callbacks, shuffled and repeated, to a running server.

``python -m benchmarks.callbacks --count 1000 --check``. The results are posted once and
in order for one container. The same results then go to a second container: shuffled,
one in five repeated, and one in ten preceded by a "still working". ``--check`` exits
with 1 unless both containers hold the same rows, all posts are answered within ten
seconds per thousand, and 99 of 100 within 200 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests

from tests.wire.live import Server, running_server

_SENDERS = 4
_WAIT_SECONDS = 900

# Any in this module: JSON.
Json = dict[str, Any]

_MAKE = """
import json, uuid
from django.urls import reverse
from scanning.choices import SourceType
from scanning.models import Container, ScannedFile
from scanning.services.scans import request_scan
from base.audit.services import record
told = []
for name in ("ordered", "shuffled"):
    container = Container.objects.create(name=name, engine="acrcloud")
    files = ScannedFile.objects.bulk_create(
        ScannedFile(container=container, name=f"file {{n}}", length_ms=60000,
                    source_type=SourceType.FILE) for n in range({count}))
    for file in files:
        request_scan(scanned_file=file, user=None)
    path = reverse("scanning:acrcloud_callback",
                   args=[container.pk, container.callback_secret])
    told.append([container.pk, path, [str(file.uid) for file in files]])
print(json.dumps(told))
"""
_ROWS = """
import hashlib, json
from scanning.models import Container, InboundCallback, ScannedFile, Segment
from review.models import Match
told = {{}}
for container in Container.objects.filter(name__in=["ordered", "shuffled"]):
    files = ScannedFile.objects.filter(container=container).order_by("name")
    rows = [list(files.values_list("name", "status"))]
    rows.append(list(Match.objects.filter(scanned_file__container=container)
        .order_by("scanned_file__name", "recording__acr_id", "pk")
        .values_list("scanned_file__name", "recording__acr_id", "state", "matched_ms")))
    rows.append(list(Segment.objects.filter(
        detection__scan__scanned_file__container=container)
        .order_by("detection__scan__scanned_file__name", "start_ms", "pk")
        .values_list("start_ms", "end_ms", "reference_start_ms", "reference_end_ms")))
    digest = hashlib.sha256(json.dumps(rows, default=str).encode()).hexdigest()
    told[container.name] = {{
        "digest": digest, "sizes": [len(one) for one in rows],
        "waiting": InboundCallback.objects.filter(
            container=container, outcome="queued").count(),
        "ready": files.filter(status="ready").count()}}
print(json.dumps(told))
"""


def result_of(file_id: str, number: int) -> Json:
    """Return a finished result for a file: one of two hundred recordings."""
    recording = number % 200
    return {
        "file_id": file_id,
        "state": 1,
        "cid": 1,
        "name": f"file {number}",
        "results": {
            "music": [
                {
                    "offset": number % 30,
                    "played_duration": 20,
                    "type": "traverse",
                    "score": 90,
                    "result": {
                        "title": f"Recording {recording}",
                        "acrid": uuid.uuid5(uuid.NAMESPACE_OID, str(recording)).hex,
                        "artists": [{"name": "Somebody"}],
                        "duration_ms": 180_000,
                        "external_ids": {},
                        "db_begin_time_offset_ms": 1000,
                        "sample_begin_time_offset_ms": 1000 * (number % 30),
                    },
                }
            ]
        },
    }


def bodies_of(ids: list[str]) -> list[Json]:
    """Return one result per file, in order."""
    return [result_of(file_id, number) for number, file_id in enumerate(ids)]


def disturbed(bodies: list[Json]) -> list[Json]:
    """Return the bodies shuffled, some repeated and some preceded by a progress message."""
    rng = random.Random(7)  # noqa: S311 - an order, no secret
    repeated = rng.sample(bodies, len(bodies) // 5)
    announced = [
        body | {"state": 0, "results": {}} for body in rng.sample(bodies, len(bodies) // 10)
    ]
    mixed = bodies + repeated + announced
    rng.shuffle(mixed)
    return mixed


def post_all(url: str, bodies: list[Json]) -> tuple[float, list[float]]:
    """Post bodies from several threads; return the total seconds and each post's."""
    sessions = [requests.Session() for _ in range(_SENDERS)]

    def post_some(part: int) -> list[float]:
        taken = []
        for body in bodies[part::_SENDERS]:
            begun = time.perf_counter()
            answer = sessions[part].post(url, json=body, timeout=60)
            taken.append(time.perf_counter() - begun)
            assert answer.status_code in (200, 202), answer.text
        return taken

    begun = time.perf_counter()
    with ThreadPoolExecutor(_SENDERS) as pool:
        times = [seconds for part in pool.map(post_some, range(_SENDERS)) for seconds in part]
    return time.perf_counter() - begun, sorted(times)


def rows_once_applied(server: Server, count: int) -> Json:
    """Return the stored rows once no callback waits to be applied."""
    end = time.monotonic() + _WAIT_SECONDS
    while True:
        text = server.manage("shell", "--verbosity", "0", "-c", _ROWS.format())
        containers: Json = json.loads(text.strip().splitlines()[-1])
        open_ones = sum(container["waiting"] for container in containers.values())
        done = all(container["ready"] == count for container in containers.values())
        if (not open_ones and done) or time.monotonic() > end:
            return containers
        time.sleep(2)


def web_seconds(server: Server) -> float:
    """Return the web server's processor seconds so far, as Linux counts them."""
    address = server.base.removeprefix("http://").encode()
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if address in (stat.parent / "cmdline").read_bytes():
                times = stat.read_text().rpartition(")")[2].split()[11:13]
                ticks += sum(int(second) for second in times)
    return ticks / os.sysconf("SC_CLK_TCK")


def run(server: Server, count: int) -> bool:
    """Post the results both ways and print the figures."""
    text = server.manage("shell", "--verbosity", "0", "-c", _MAKE.format(count=count))
    ordered, shuffled = json.loads(text.strip().splitlines()[-1])
    post_all(server.base + ordered[1], bodies_of(ordered[2]))
    bodies = disturbed(bodies_of(shuffled[2]))
    begun, worked = time.monotonic(), time.process_time() + web_seconds(server)
    seconds, times = post_all(server.base + shuffled[1], bodies)
    worked = time.process_time() + web_seconds(server) - worked
    rows = rows_once_applied(server, count)
    applied = time.monotonic() - begun
    p99 = times[int(0.99 * (len(times) - 1))]
    same = rows["ordered"]["digest"] == rows["shuffled"]["digest"]
    print(f"results / requests       {count} / {len(bodies)}")
    print(f"all requests answered in {seconds:.1f} s")
    print(f"processor time           {worked:.1f} s of server and senders")
    print(
        f"median / 99 % / maximum  {1000 * times[len(times) // 2]:.0f} / "
        f"{1000 * p99:.0f} / {1000 * times[-1]:.0f} ms"
    )
    print(f"all applied after        {applied:.0f} s")
    print(f"files, matches, segments {rows['shuffled']['sizes']}")
    print(f"rows as if in order      {'the same' if same else 'DIFFERENT'}")
    return same and seconds <= 10 * count / 1000 and p99 <= 0.2


def main() -> int:
    """Return 1 if ``--check`` finds a fault."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        right = run(server, arguments.count)
    return 0 if right or not arguments.check else 1


if __name__ == "__main__":
    sys.exit(main())
