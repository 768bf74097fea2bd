"""Measures how much faster two machines are than one, on PostgreSQL and a broker.

``python -m benchmarks.workers [--server URL] [--broker URL] [--music DIR] [--check]``
scans the same programmes with one worker process and then with two, each with its
children on its own core and with one thread, and with a data folder of its own, where
its copy of the index follows the catalogue; only the media are shared. It makes a
database on the server and drops it afterwards, and uses its own queues on the broker. A
few scans come first and do not count, because every worker has to load everything for
them. Run it on an idle machine: database, broker and workers share its cores.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psycopg
from psycopg import sql

from benchmarks.corpus import DEMO
from benchmarks.installation import set_up
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.sound import RATE, write_stereo

if TYPE_CHECKING:
    from scanning.models import Container

TARGET = 1.8
_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"
_BROKER = "amqp://guest:guest@127.0.0.1//"
_WARM_UP_EACH = 4
_PATIENCE_SECONDS = 1_800.0


def main(argv: Sequence[str] | None = None) -> int:
    """Set up, scan with one and with two workers, and compare."""
    args = _arguments(argv)
    report = Report()
    queue = f"benchmark-{uuid.uuid4().hex}-"
    with workplace() as folder, new_database(args.server) as database:
        work = Path(folder)
        set_up(work / "data", database, BROKER_URL=args.broker)
        from base.jobs import broker

        broker.PREFIX = queue
        try:
            programmes = _programmes(args, work)
            container = _fill(args.music, queue, work)
            seconds = {
                number: _scanned_by(
                    _workers(number, queue, work), number, container, programmes, args.scans
                )
                for number in (1, 2)
            }
        finally:
            _remove_queues(args.broker)
    hours = args.scans * args.seconds / 3600
    report.title(f"Scans of {args.scans} programmes, PostgreSQL and {args.broker[:5]}…")
    report.line(machine())
    report.table(
        ["machines", "seconds", "hours of sound per hour"],
        [(number, f"{took:.1f}", f"{hours / took * 3600:.0f}") for number, took in seconds.items()],
    )
    times = seconds[1] / seconds[2]
    report.line(f"Two machines scan {times:.2f} × as fast as one (at least {TARGET} ×)")
    report.check(f"two machines: {times:.2f} ×", reached=times >= TARGET)
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = parser(str(__doc__))
    made.add_argument("--server", default=_SERVER, help="PostgreSQL (%(default)s)")
    made.add_argument("--broker", default=_BROKER, help="(%(default)s)")
    made.add_argument("--scans", type=int, default=40)
    made.add_argument("--seconds", type=float, default=600.0, help="of each programme")
    return made.parse_args(argv)


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """Make a database on the server, yield its address, and drop it at the end."""
    name = f"acrportal_benchmark_{os.getpid()}"
    with psycopg.connect(server, autocommit=True) as connected:
        connected.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        from django.db import connections

        connections.close_all()
        with psycopg.connect(server, autocommit=True) as connected:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            connected.execute(drop.format(sql.Identifier(name)))


def _remove_queues(url: str) -> None:
    from kombu import Connection

    from base.jobs import broker
    from base.jobs.choices import Pool

    with Connection(url) as connected:
        for pool in Pool:
            connected.default_channel.queue_delete(broker.queue_name(pool))


def _programmes(args: argparse.Namespace, work: Path) -> list[Path]:
    """Write different programmes: excerpts of tracks, one after the other."""
    rng = np.random.default_rng(args.seed)
    tracks = music(args.music, work)
    written = []
    for number in range(max(4, args.scans // 8)):
        parts, length = [], 0.0
        while length < args.seconds:
            track = tracks[rng.integers(len(tracks))]
            sound = track.samples()
            part = sound[rng.integers(len(sound) // 2) :]
            parts.append(part)
            length += len(part) / RATE
        path = work / f"programme-{number}.mp3"
        write_stereo(path, np.concatenate(parts)[: int(args.seconds * RATE)], 128_000)
        written.append(path)
    return written


def _fill(folder: Path | None, queue: str, work: Path) -> Container:
    """Make a catalogue of all tracks, and a container that searches it."""
    from django.core.files.base import File
    from django.core.management import call_command

    from catalogue.models import Recording, RecordingStatus
    from catalogue.services import add_recording, create_bucket
    from scanning.models import Container

    call_command("migrate", verbosity=0)
    bucket = create_bucket(name="Music")
    for path in _audio_files(folder or DEMO):
        with path.open("rb") as sound:
            add_recording(
                bucket=bucket,
                details=Recording(title=path.name),
                audio=File(sound, name=path.name),
            )
    container = Container.objects.create(name="Programmes")
    container.buckets.add(bucket)
    waiting = (RecordingStatus.WAITING, RecordingStatus.PROCESSING)
    with _workers(2, queue, work):
        _wait(lambda: Recording.objects.filter(status__in=waiting).exists())
    return container


def _audio_files(folder: Path) -> list[Path]:
    """Return the source files of the measurement's tracks."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in {".opus", ".ogg", ".mp3", ".flac", ".wav"}
        and "programmes" not in path.parts
    )


def _scanned_by(
    workers: AbstractContextManager[None],
    number: int,
    container: Container,
    programmes: list[Path],
    scans: int,
) -> float:
    """Scan everything with these workers; return the duration after loading."""
    from django.db.models import Max, Min

    from scanning.models import Scan

    with workers:
        _submit(container, programmes, _WARM_UP_EACH * number)
        _wait_for_scans()
        last = Scan.objects.order_by("-pk").values_list("pk", flat=True)[0]
        _submit(container, programmes, scans)
        _wait_for_scans()
    times = Scan.objects.filter(pk__gt=last).aggregate(
        begun=Min("started_at"), ended=Max("finished_at")
    )
    begun: datetime = times["begun"]
    ended: datetime = times["ended"]
    return (ended - begun).total_seconds()


def _submit(container: Container, programmes: list[Path], count: int) -> None:
    """Submit files; the workers get them once all are stored."""
    from django.core.files.base import File
    from django.db import transaction

    from scanning.services.intake import submit_upload

    with transaction.atomic():
        for number in range(count):
            path = programmes[number % len(programmes)]
            with path.open("rb") as sound:
                submit_upload(
                    container=container,
                    upload=File(sound, name=path.name),
                    user=None,
                    scan_again=True,
                )


@contextmanager
def _workers(number: int, queue: str, work: Path) -> Iterator[None]:
    """Run that many workers, each on its own core and folder; drain them at the end."""
    cores = sorted(os.sched_getaffinity(0))
    if number > len(cores):
        raise SystemExit(f"{number} workers need {number} cores; there are {len(cores)}")
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "benchmarks.pinned_worker", str(core), queue],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"ACRPORTAL_DATA_DIR": str(_machine(work, core))},
        )
        for core in cores[:number]
    ]
    try:
        yield
    finally:
        for worker in running:
            worker.terminate()
        for worker in running:
            worker.wait()


def _machine(work: Path, core: int) -> Path:
    """Return the data folder of a machine, which shares nothing but the media."""
    folder = work / f"machine-{core}"
    folder.mkdir(exist_ok=True)
    if not (folder / "media").exists():
        (work / "data" / "media").mkdir(parents=True, exist_ok=True)
        (folder / "media").symlink_to(work / "data" / "media")
    return folder


def _wait(while_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while while_so():
        if time.monotonic() > deadline:
            raise SystemExit("The workers make no progress.")
        time.sleep(0.2)


def _wait_for_scans() -> None:
    from scanning.choices import ACTIVE_SCAN_STATUSES
    from scanning.models import Scan

    _wait(lambda: Scan.objects.filter(status__in=ACTIVE_SCAN_STATUSES).exists())


if __name__ == "__main__":
    raise SystemExit(main())
