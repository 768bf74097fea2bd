"""Measures how many jobs workers run a second, and how soon one of a person begins.

``python -m benchmarks.jobs [--server URL] [--jobs N] [--waiting N] [--check]`` runs
jobs that do nothing: on SQLite with one worker, on PostgreSQL with four, which makes a
database on the server and drops it afterwards. Beside the same number of waiting jobs
it then asks for one that a person waits for, and it opens the jobs page and the
dashboard beside ``--waiting`` jobs. Run it on an idle machine: database and workers
share its cores.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, parser, workplace
from benchmarks.workers import new_database

if TYPE_CHECKING:
    from base.jobs.context import JobContext
    from base.jobs.models import Job

WORKERS = {"sqlite": 1, "postgresql": 4}
JOBS_A_SECOND = {"sqlite": 100, "postgresql": 200}
PERSON_SECONDS = 1.0
PAGE_MS = 150
_SERVER = "postgres://postgres@127.0.0.1:5432/postgres"
_PERSONS = 10
_PAGES = ("/jobs/?state=waiting", "/")
_PATIENCE_SECONDS = 300.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure on both databases, each in a process of its own."""
    made = parser(str(__doc__))
    made.add_argument("--server", default=_SERVER, help="PostgreSQL (%(default)s)")
    made.add_argument("--jobs", type=int, default=10_000)
    made.add_argument("--waiting", type=int, default=100_000)
    args = made.parse_args(argv)
    status = 0
    for database in WORKERS:
        # A process has one database: a new one starts without the other's settings.
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=_measure, args=(database, args))
        process.start()
        process.join()
        status |= process.exitcode or 0
    return status


def _measure(vendor: str, args: argparse.Namespace) -> None:
    report = Report()
    with workplace() as folder, _database(vendor, args.server) as url:
        set_up(Path(folder), url)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        _register()
        report.title(f"Empty jobs, {vendor}, {WORKERS[vendor]} workers")
        report.line(machine())
        a_second = _speed(args.jobs, WORKERS[vendor])
        report.line(f"{a_second:.0f} jobs per second (at least {JOBS_A_SECOND[vendor]})")
        report.check(
            f"{vendor}: {a_second:.0f} per second", reached=a_second >= JOBS_A_SECOND[vendor]
        )
        begun = _begun_for_people(args.jobs, WORKERS[vendor])
        report.line(
            f"A job that a person waits for starts among {args.jobs} others after "
            f"{max(begun):.2f} s at most, {median(begun):.2f} s in the median "
            f"(limit {PERSON_SECONDS} s)"
        )
        report.check(
            f"{vendor}: a person waits {max(begun):.2f} s", reached=max(begun) <= PERSON_SECONDS
        )
        for page, cost in _cost_of_pages(args.waiting).items():
            report.line(
                f"{args.waiting} waiting jobs add {cost:.0f} ms to {page} (limit {PAGE_MS} ms)"
            )
            report.check(f"{vendor}: {page} {cost:.0f} ms", reached=cost <= PAGE_MS)
    raise SystemExit(report.end(checked=args.check))


@contextmanager
def _database(vendor: str, server: str) -> Iterator[str | None]:
    if vendor == "sqlite":
        yield None
        return
    with new_database(server) as url:
        yield url


def nothing(_context: JobContext) -> None:
    """Do nothing."""


def _register() -> None:
    from base.jobs.kinds import Kind, register

    register(
        Kind("benchmark", None, "benchmarks.jobs.nothing", label="Nothing", key=lambda _subject: "")
    )


def _ask(number: int) -> None:
    """Make many jobs at once."""
    from django.utils.timezone import now

    from base.common.uid import new_uid
    from base.jobs.models import Job

    Job.objects.bulk_create(
        [Job(kind="benchmark", key=new_uid("k"), run_after=now()) for _ in range(number)],
        batch_size=1000,
    )


def _work() -> None:
    """Run a worker in a forked child."""
    from django.core.management import call_command

    call_command("worker", pool="work")
    os._exit(0)


@contextmanager
def _workers(number: int) -> Iterator[None]:
    from django.db import connections

    # Forked: the kind of this measurement is registered, and nothing is loaded anew.
    connections.close_all()
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=_work) for _ in range(number)]
    for worker in running:
        worker.start()
    try:
        yield
    finally:
        for worker in running:
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGTERM)
        for worker in running:
            worker.join()


def _waiting() -> int:
    from base.jobs.models import Job

    return Job.objects.filter(kind="benchmark", state="waiting").count()


def _speed(number: int, workers: int) -> float:
    """Return how many jobs were done a second, from the first start to the last end."""
    from django.db.models import Max, Min

    from base.jobs.models import Job

    _ask(number)
    with _workers(workers):
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while _waiting() and time.monotonic() < deadline:
            time.sleep(0.5)
    times = Job.objects.filter(kind="benchmark", state="done").aggregate(
        begun=Min("started_at"), ended=Max("finished_at")
    )
    begun: datetime = times["begun"]
    ended: datetime = times["ended"]
    done = Job.objects.filter(kind="benchmark", state="done").count()
    return done / (ended - begun).total_seconds()


def _begun_for_people(number: int, workers: int) -> list[float]:
    """Return how long jobs that a person waits for waited beside many others."""
    from base.jobs.kinds import find_kind
    from base.jobs.services import submit

    kind = find_kind("benchmark")
    assert kind is not None
    _ask(number)
    waited = []
    with _workers(workers):
        time.sleep(2.0)
        for _ in range(_PERSONS):
            job = submit(kind, None, person_waits=True)
            waited.append(_until_begun(job))
        assert _waiting(), "the other jobs ended before the measurement"
    _forget_all()
    return waited


def _until_begun(job: Job) -> float:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while job.started_at is None:
        if time.monotonic() > deadline:
            raise SystemExit("The workers make no progress.")
        time.sleep(0.02)
        job.refresh_from_db()
    return (job.started_at - job.created_at).total_seconds()


def _forget_all() -> None:
    from base.jobs.models import Job

    Job.objects.filter(kind="benchmark").delete()


def _cost_of_pages(number: int) -> dict[str, float]:
    """Return how many milliseconds many waiting jobs add to each page."""
    from django.test import Client

    from base.accounts.roles import Role
    from base.accounts.services import create_user

    client = Client(SERVER_NAME="localhost")
    client.force_login(create_user(username="ana", password=None, role=Role.ADMIN))
    before = {page: _ms(client, page) for page in _PAGES}
    _ask(number)
    return {page: _ms(client, page) - before[page] for page in _PAGES}


def _ms(client: object, page: str) -> float:
    """Return the shortest time of a page: what else runs on the machine adds to others."""
    times = []
    for _ in range(9):
        begin = time.perf_counter()
        answer = client.get(page)  # type: ignore[attr-defined]
        times.append(1000 * (time.perf_counter() - begin))
        assert answer.status_code == 200, answer.status_code
    return min(times)


if __name__ == "__main__":
    raise SystemExit(main())
