"""Measures how fast the API lists and shows files, and its calls per second.

``python -m benchmarks.api --files 1000000 [--database URL]`` fills a container, serves
it with gunicorn as ``manage.py serve`` does, and calls it over persistent connections.
A bare Django view on the same machine is the baseline for calls per second.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, workplace

_BATCH = 5_000
_MATCHED_SHARE = 0.1
_THREADS = 4
_GUNICORN = ("--config", "python:acrportal.gunicorn_config", "--threads", str(_THREADS))


def main(argv: Sequence[str] | None = None) -> int:
    """Fill the container, serve it, measure, and print."""
    args = _arguments(argv)
    report = Report()
    with workplace() as folder:
        env = _environment(Path(folder), args.database)
        begun = time.monotonic()
        container, uids = _fill(args.files)
        report.title(f"API over {args.files:,} files, {env['DATABASE_URL'][:8]}")
        report.line(f"{machine()}; filled in {time.monotonic() - begun:.0f} s")
        with _serving("acrportal.wsgi:application", env) as port:
            client = Client(port, env["TOKEN"])
            _report_calls(report, client, container, uids, args.calls)
            per_second = client.per_second(
                lambda: f"/api/fs-containers/{container}/files/{random.choice(uids)}",  # noqa: S311 - no secret
                args.seconds,
            )
        with _serving("benchmarks.bare_view:application", env) as port:
            bare = Client(port, "").per_second(lambda: "/", args.seconds)
    report.line(
        f"Show one: {per_second:.0f} calls/s; a bare Django view: {bare:.0f} calls/s "
        f"({_THREADS} connections, one gunicorn process)"
    )
    return 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--files", type=int, default=100_000)
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--calls", type=int, default=200, help="measured calls per operation")
    made.add_argument(
        "--seconds", type=float, default=10.0, help="seconds to measure calls per second"
    )
    return made.parse_args(argv)


def _environment(folder: Path, database: str | None) -> dict[str, str]:
    """Set this process up for a separate installation; return its environment."""
    set_up(folder, database, ACRPORTAL_RATE_LIMITS="off")
    from django.core.management import call_command

    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from base.accounts.tokens import create_token

    call_command("migrate", verbosity=0)
    owner = create_user(username="benchmark", password=None, role=Role.ADMIN)
    return {
        **os.environ,
        "TOKEN": create_token(owner=owner, name="benchmark", scopes=["all"]).secret,
    }


def _fill(count: int) -> tuple[int, list[str]]:
    """Create a container with ``count`` scanned files; return it and some of their ids."""
    from django.db import connection

    from catalogue.models import Bucket, Recording, RecordingStatus
    from scanning.models import Container

    bucket = Bucket.objects.create(name="benchmark")
    recording = Recording.objects.create(
        bucket=bucket, title="Reference", status=RecordingStatus.READY
    )
    container = Container.objects.create(name="benchmark")
    container.buckets.add(bucket)
    uids: list[str] = []
    for begin in range(0, count, _BATCH):
        numbers = range(begin, min(begin + _BATCH, count))
        uids += _fill_batch(container.pk, recording.pk, numbers)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    return container.pk, uids


def _fill_batch(container: int, recording: int, numbers: range) -> list[str]:
    """Insert files with a scan each; every tenth file has a match."""
    from django.db import transaction

    from scanning.choices import FileStatus, ScanStatus
    from scanning.models import Detection, Scan, ScannedFile, Segment

    with transaction.atomic():
        files = ScannedFile.objects.bulk_create(
            ScannedFile(
                container_id=container,
                name=f"programme-{number:08d}.wav",
                size_bytes=1_000_000,
                length_ms=600_000,
                status=FileStatus.READY if number % 10 == 0 else FileStatus.NO_MATCH,
            )
            for number in numbers
        )
        scans = Scan.objects.bulk_create(
            Scan(scanned_file=file, engine="embedded", status=ScanStatus.SUCCEEDED)
            for file in files
        )
        detections = Detection.objects.bulk_create(
            Detection(scan=scan, recording_id=recording, score=90, score_scale="s")
            for scan, number in zip(scans, numbers, strict=True)
            if number % round(1 / _MATCHED_SHARE) == 0
        )
        Segment.objects.bulk_create(
            Segment(
                detection=detection,
                position=1,
                start_ms=1_000,
                end_ms=21_000,
                reference_start_ms=0,
                reference_end_ms=20_000,
            )
            for detection in detections
        )
    return [str(file.uid) for file in files[::50]]


@contextmanager
def _serving(application: str, env: dict[str, str]) -> Iterator[int]:
    """Serve on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", application, "--bind", f"127.0.0.1:{port}", *_GUNICORN],
        env=env,
    )
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=60)


class Client:
    """Calls over persistent connections."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}"}

    def times_ms(self, paths: Sequence[str]) -> list[float]:
        """Return the duration of each call in milliseconds; calls run one after the other."""
        connection = self._connection()
        taken = []
        for path in paths:
            begun = time.perf_counter()
            self._call(connection, path)
            taken.append(1000 * (time.perf_counter() - begun))
        return taken

    def per_second(self, path: Callable[[], str], seconds: float) -> float:
        """Return the calls per second that the server answers to all threads together."""
        self.times_ms([path() for _ in range(20)])
        end = time.monotonic() + seconds
        counts = [0] * _THREADS

        def call(number: int) -> None:
            connection = self._connection()
            while time.monotonic() < end:
                self._call(connection, path())
                counts[number] += 1

        threads = [threading.Thread(target=call, args=(number,)) for number in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sum(counts) / seconds

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)

    def _call(self, connection: http.client.HTTPConnection, path: str) -> None:
        connection.request("GET", path, headers=self._headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, body[:300])
        json.loads(body)


def _report_calls(
    report: Report, client: Client, container: int, uids: Sequence[str], calls: int
) -> None:
    base = f"/api/fs-containers/{container}"
    last = max(1, len(uids) * 50 // 20)
    rng = random.Random(7)  # noqa: S311 - a measurement's choice
    kinds = {
        "show a file": [f"{base}/files/{rng.choice(uids)}" for _ in range(calls)],
        "list, first page": [f"{base}/files"] * calls,
        "list with results": [f"{base}/files?with_result=1"] * calls,
        "list, per_page=1000": [f"{base}/files?per_page=1000"] * max(5, calls // 20),
        "list, any page": [f"{base}/files?page={rng.randint(1, last)}" for _ in range(calls)],
        "list, state=1": [f"{base}/files?state=1"] * calls,
        "list, search": [f"{base}/files?search=00012"] * max(5, calls // 20),
        "show a container": [base] * calls,
        "list containers": ["/api/fs-containers"] * calls,
    }
    rows = []
    for name, paths in kinds.items():
        client.times_ms(paths[:2])
        taken = client.times_ms(paths)
        p50, p95 = np.percentile(taken, [50, 95])
        rows.append((name, len(paths), f"{p50:.1f}", f"{p95:.1f}"))
    report.table(("call", "calls", "p50 ms", "p95 ms"), rows)


if __name__ == "__main__":
    sys.exit(main())
