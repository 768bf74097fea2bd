"""Kills processes at random moments: no acknowledged work is lost or counted twice.

``python -m benchmarks.kills --kills 1000 [--database URL] [--broker URL] [--check]``
runs a web server, a worker and backups as real processes and ends them with SIGKILL in
the middle of an upload, a scan, an addition to the index, a report, a merge, a backup, a
poll of a drop and what plug-ins do, one after the other. Work answered before the kill
counts as acknowledged.
``benchmarks.kills_checks`` then examines the whole installation.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from multiprocessing.process import BaseProcess
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import kills_checks
from benchmarks.installation import set_up
from benchmarks.kills_checks import Acknowledged
from benchmarks.kills_filling import World, fill
from benchmarks.people import PageAnswer, Person, session_of
from benchmarks.report import Report, machine, workplace
from tests import audio

KINDS = ("upload", "scan", "index", "report", "merge", "backup", "drop")
_REFERENCES = 6
_LEASE_SECONDS = 4
_PATIENCE_SECONDS = 120.0
_SETTLE_SECONDS = 600.0
_GUNICORN = (
    "-m",
    "gunicorn",
    "--config",
    "python:acrportal.gunicorn_config",
    "--preload",
    "--threads",
    "4",
    "--log-level",
    "critical",
)


def main(argv: Sequence[str] | None = None) -> int:
    """Set up, kill, let the work finish, and check."""
    args = _arguments(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        set_up(
            work / "data",
            args.database or f"sqlite:///{work}/portal.sqlite3",
            ACRPORTAL_LEASE_SECONDS=str(_LEASE_SECONDS),
            # Each kill uses up an attempt, although the work is not to blame.
            ACRPORTAL_MAX_ATTEMPTS="1000",
            ACRPORTAL_DROP_ROOTS=str(work / "drops"),
            ACRPORTAL_DROP_SETTLE_SECONDS="0",
            LOG_LEVEL="ERROR",
            BROKER_URL=args.broker,
        )
        if args.broker:
            _delete_queues(args.broker)
        from tests.registered import import_all

        import_all("registered_kills")
        kinds = (*KINDS, *kills_checks.MORE)
        begun = time.monotonic()
        world = fill(
            references=_REFERENCES,
            copies=args.kills // len(kinds) + 3,
            dropped=work / "drops" / "radio",
        )
        rng = random.Random(args.seed)  # noqa: S311 - no secret
        with _Installation(work) as installation:
            rounds = Rounds(installation, world, work / "backups", rng)
            rounds.warm_up()
            report.title(f"Up to {args.kills:,} kills in {args.minutes:,} minutes")
            report.line(f"{_where(args)}; seed {args.seed}")
            report.line(f"{machine()}; ready in {time.monotonic() - begun:.0f} s")
            end = time.monotonic() + 60 * args.minutes
            for number in range(args.kills):
                if time.monotonic() > end:
                    break
                rounds.kill(kinds[number % len(kinds)])
            settled = installation.settle()
        report.table(
            ["killed during", "kills", "answered before", "seconds"],
            [
                (kind, rounds.kills[kind], rounds.answered[kind], f"{took:.2f}")
                for kind, took in rounds.typical.items()
            ],
        )
        report.line(f"{rounds.kills.total():,} kills in total")
        report.check("all work finishes after the last kill", reached=settled)
        checks = kills_checks.examine(rounds.acknowledged, work / "backups", world.dropped)
        report.table(["checked", "count", "faults"], checks.counted)
        for fault in checks.faults[:20]:
            report.line(fault)
        report.check("nothing is lost or duplicated", reached=not checks.faults)
        if args.broker:
            _delete_queues(args.broker)
        report.line(f"{time.monotonic() - begun:.0f} s in total")
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--kills", type=int, default=60)
    made.add_argument("--minutes", type=int, default=240, help="do not kill for longer")
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--broker", default="", help="URL of a broker for Celery")
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--check", action="store_true", help="exit 1 if a check fails")
    return made.parse_args(argv)


def _where(args: argparse.Namespace) -> str:
    """Name the database and the broker, without their passwords."""
    database = urlsplit(args.database or "sqlite://").scheme
    return database + (f" and {urlsplit(args.broker).scheme}" if args.broker else "")


def _delete_queues(broker: str) -> None:
    """Delete the queues of both pools, with the messages of an earlier measurement."""
    from kombu import Connection

    from base.jobs.broker import queue_name
    from base.jobs.choices import Pool

    with Connection(broker) as connected:
        for pool in Pool:
            connected.default_channel.queue_delete(queue_name(pool))


class _Installation:
    """A web server and a worker that restart after each kill."""

    def __init__(self, work: Path) -> None:
        self.log = work / "processes.log"
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.actors"])
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]

    def __enter__(self) -> _Installation:
        with self.log.open("ab") as out:
            self._web = subprocess.Popen(
                [sys.executable, *_GUNICORN, "--bind", f"127.0.0.1:{self.port}"],
                stdout=out,
                stderr=out,
            )
        self.worker = self.command("worker", "--interval", "0.05")
        self.wait_for_web()
        return self

    def __exit__(self, *_error: object) -> None:
        self.worker.kill()
        self._web.send_signal(signal.SIGKILL)
        for child in self._web_children():
            os.kill(child, signal.SIGKILL)
        self._web.wait()

    def command(self, *arguments: str) -> BaseProcess:
        """Start a command in a separate process."""
        from benchmarks import actors

        made = self._context.Process(
            target=actors.run, args=arguments, kwargs={"log": str(self.log)}
        )
        made.start()
        return made

    def kill_web(self) -> None:
        """Kill gunicorn's worker process; gunicorn starts another."""
        for child in self._web_children():
            os.kill(child, signal.SIGKILL)

    def kill_worker(self) -> None:
        """Kill the worker and start another."""
        self.worker.kill()
        self.worker.join()
        self.worker = self.command("worker", "--interval", "0.05")

    def wait_for_web(self) -> None:
        """Wait until the server answers pages."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            person = Person(self.port, "", timeout=5.0)
            try:
                if person.get("/healthz").status == 200:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            finally:
                person.close()
        raise SystemExit(f"The web server does not answer; see {self.log}")

    def settle(self) -> bool:
        """Let the worker finish all work; return whether it did, and drained."""
        from benchmarks.kills_checks import open_work

        deadline = time.monotonic() + _SETTLE_SECONDS
        while open_work() and time.monotonic() < deadline:
            time.sleep(0.5)
        self.worker.terminate()
        self.worker.join(timeout=60)
        return not open_work() and self.worker.exitcode == 0

    def _web_children(self) -> list[int]:
        pid = self._web.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]


class Rounds:
    """One operation after the other, each killed at a random moment."""

    def __init__(
        self, installation: _Installation, world: World, backups: Path, rng: random.Random
    ) -> None:
        self._there = installation
        self.world = world
        self._backups = backups
        self.rng = rng
        self._session = session_of(world.username)
        self.numbers = iter(range(1_000, 1_000_000))
        self.acknowledged = Acknowledged()
        self.typical: dict[str, float] = {}
        self.kills: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self._acts: dict[str, Callable[[float | None], bool]] = {
            kind: getattr(self, f"_{kind}") for kind in KINDS
        } | {kind: partial(check.act, self) for kind, check in kills_checks.MORE.items()}

    def warm_up(self) -> None:
        """Run each kind twice to the end; the second run is its typical duration."""
        for kind in self._acts:
            self._acts[kind](None)
            begun = time.monotonic()
            self._acts[kind](None)
            self.typical[kind] = time.monotonic() - begun

    def kill(self, kind: str) -> None:
        """Start an operation and kill its process at a random moment."""
        self.answered[kind] += self._acts[kind](self.rng.uniform(0.0, 1.1 * self.typical[kind]))
        self.kills[kind] += 1

    def _upload(self, moment: float | None) -> bool:
        content = self._clip()
        fields = {"container": str(self.world.container), "scan_again": "true"}
        answer = self.web(
            lambda person: person.bring("/api/portal/v1/files/", fields, "file", content), moment
        )
        if answer is None or answer.status != 201:
            return False
        uid = str(json.loads(answer.body)["uid"])
        self.acknowledged.uploads[uid] = sha256(content).hexdigest()
        return True

    def _scan(self, moment: float | None) -> bool:
        before = set(self.acknowledged.uploads)
        self._upload(None)
        (uid,) = set(self.acknowledged.uploads) - before
        from scanning.choices import FileStatus
        from scanning.models import ScannedFile

        done = (FileStatus.READY, FileStatus.NO_MATCH)
        file = ScannedFile.objects.filter(uid=uid)
        return self.work(
            begun=lambda: not file.filter(status=FileStatus.WAITING).exists(),
            ended=lambda: file.filter(status__in=done).exists(),
            moment=moment,
        )

    def _index(self, moment: float | None) -> bool:
        from catalogue.models import Recording, RecordingStatus

        title = f"New {next(self.numbers)}"
        content = audio.wav_bytes(audio.tune(next(self.numbers), 12))
        fields = {"bucket": str(self.world.bucket), "title": title}
        answer = self.web(
            lambda person: person.bring("/catalogue/recordings/new/", fields, "audio", content),
            None,
        )
        if answer is None or answer.status != 302:
            raise SystemExit(f"A recording was not accepted: {answer}")
        self.acknowledged.recordings.append(title)
        recording = Recording.objects.filter(title=title)
        return self.work(
            begun=lambda: not recording.filter(status=RecordingStatus.WAITING).exists(),
            ended=lambda: recording.filter(status=RecordingStatus.READY).exists(),
            moment=moment,
        )

    def _report(self, moment: float | None) -> bool:
        from reports.choices import RunState
        from reports.models import ReportRun

        answer = self.web(lambda person: person.post("/reports/", {"format": "xlsx"}), None)
        if answer is None or answer.status != 302:
            raise SystemExit(f"A report was not accepted: {answer}")
        uid = answer.location.rstrip("/").rsplit("/", 1)[-1]
        self.acknowledged.reports.append(uid)
        run = ReportRun.objects.filter(uid=uid)
        return self.work(
            begun=lambda: not run.filter(state=RunState.QUEUED).exists(),
            ended=lambda: run.filter(state=RunState.READY).exists(),
            moment=moment,
        )

    def _merge(self, moment: float | None) -> bool:
        """Kill the server during the merge, or the worker while it updates the index."""
        from dedup.models import DedupGroup

        group = DedupGroup.objects.filter(kind="same_sound").order_by("pk").first()
        if group is None:
            raise SystemExit("No group is left to merge.")
        uid = group.uid
        seen = list(group.members.order_by("pk").values_list("recording__uid", flat=True))
        fields = {
            "verb": "merge",
            "version": str(group.version),
            "seen": seen,
            "canonical": seen[0],
        }
        in_worker = moment is not None and self.rng.random() < 0.5
        answer = self.web(
            lambda person: person.post(f"/duplicates/g/{uid}/act/", fields),
            None if in_worker else moment,
        )
        if in_worker:
            time.sleep(self.rng.uniform(0.0, 0.3))
            self._there.kill_worker()
        if answer is None or answer.status != 302:
            return False
        self.acknowledged.merges.append(uid)
        return True

    def _backup(self, moment: float | None) -> bool:
        made = self._there.command("backup", str(self._backups))
        made.join(timeout=moment)
        made.kill()
        made.join()
        if made.exitcode != 0:
            return False
        from operations.backup_places import backups_in

        self.acknowledged.backups.append(backups_in(self._backups)[-1])
        return True

    def _drop(self, moment: float | None) -> bool:
        """Kill the worker while it takes a file from a drop."""
        from base.jobs.services import submit
        from scanning.jobs import DROP_POLL
        from scanning.models import Drop, DropItem

        content, name = self._clip(), f"show {next(self.numbers)}.wav"
        unfinished = self.world.dropped / f"{name}.part"
        unfinished.write_bytes(content)
        unfinished.rename(self.world.dropped / name)
        self.acknowledged.dropped[name] = sha256(content).hexdigest()
        item = DropItem.objects.filter(path=name)
        drop = Drop.objects.get()
        # The first poll notes the file, the second takes it.
        submit(DROP_POLL, drop)
        _wait(item.exists)
        submit(DROP_POLL, drop)
        return self.work(
            begun=lambda: True,
            ended=lambda: item.filter(put_away_at__isnull=False).exists(),
            moment=moment,
        )

    def web(self, act: Callable[[Person], PageAnswer], moment: float | None) -> PageAnswer | None:
        """Send a request and kill the server at ``moment``; None if no answer came."""
        answers: list[PageAnswer] = []

        def ask() -> None:
            person = Person(self._there.port, self._session)
            try:
                answers.append(act(person))
            except (OSError, http.client.HTTPException):
                return
            finally:
                person.close()

        asking = threading.Thread(target=ask)
        asking.start()
        if moment is not None:
            time.sleep(moment)
            self._there.kill_web()
        asking.join()
        if moment is not None:
            self._there.wait_for_web()
        return answers[0] if answers else None

    def work(
        self, *, begun: Callable[[], bool], ended: Callable[[], bool], moment: float | None
    ) -> bool:
        """Let the worker finish, or kill it after ``moment``; return whether it finished."""
        if moment is None:
            _wait(ended)
            return True
        _wait(begun)
        time.sleep(moment)
        self._there.kill_worker()
        return ended()

    def _clip(self) -> bytes:
        """Return some seconds of a reference, different in each call."""
        sound = self.world.sounds[self.rng.randrange(len(self.world.sounds))]
        begin = self.rng.randrange(len(sound) // 3)
        clip = sound[begin : begin + 10 * audio.RATE].copy()
        clip[0] = (next(self.numbers) % 1_000) / 1_000
        return audio.wav_bytes(clip)


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not until():
        if time.monotonic() > deadline:
            raise SystemExit("The work makes no progress.")
        time.sleep(0.01)


if __name__ == "__main__":
    raise SystemExit(main())
