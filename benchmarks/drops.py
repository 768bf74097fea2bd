"""Kills workers while they take files from a drop: each file arrives exactly once.

``python -m benchmarks.drops --files 10000 --kills 200 [--database URL] [--check]`` runs
two workers as real processes. Each round writes files into the drop, with copies of
earlier bytes, subfolders and bad sidecars, and ends the worker that polls with SIGKILL at
a random moment. Nothing is scanned.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, workplace

if TYPE_CHECKING:
    from scanning.models import Drop

_WORKERS = 2
_SETTLE_SECONDS = 600.0
_PATIENCE_SECONDS = 60.0
_LEAST_BYTES, _MOST_BYTES = 1_000, 60_000


def main(argv: Sequence[str] | None = None) -> int:
    """Set up, kill, let the work finish, and check."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--files", type=int, default=500)
    made.add_argument("--kills", type=int, default=30)
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--seed", type=int, default=7)
    made.add_argument("--check", action="store_true", help="exit 1 if a check fails")
    args = made.parse_args(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        set_up(
            work / "data",
            args.database or f"sqlite:///{work}/portal.sqlite3",
            ACRPORTAL_DROP_ROOTS=str(work / "drops"),
            ACRPORTAL_DROP_SETTLE_SECONDS="0",
            LOG_LEVEL="ERROR",
        )
        begun = time.monotonic()
        there = _Dropping(work / "drops" / "radio", random.Random(args.seed))  # noqa: S311 - no secret
        with _Workers(work / "processes.log") as workers:
            in_polls = 0
            typical = 0.5
            for number in range(args.kills):
                there.write(args.files * (number + 1) // args.kills)
                # The first poll only notes new files, the second takes them.
                # Otherwise kills in a crowded folder would let no poll come to its end.
                crowded = there.waiting() > 3 * args.files / args.kills
                for _ in range(2 if crowded else there.rng.randrange(2)):
                    there.poll()
                    there.wait_for_poll(running=True)
                    there.wait_for_poll(running=False)
                there.poll()
                there.wait_for_poll(running=True)
                time.sleep(there.rng.uniform(0.0, typical))
                in_polls += workers.kill_one()
                typical = min(5.0, 1.2 * there.last_seconds)
            settled = there.settle()
        report.title(f"{args.files:,} files, {args.kills:,} kills")
        report.line(f"{machine()}; seed {args.seed}")
        report.line(f"{in_polls:,} of the killed workers held the drop's job")
        report.table(["ended", "files"], there.ended())
        report.line(f"{there.stray_copies()} copies without a row, for doctor to delete")
        faults = list(there.faults())
        for fault in faults[:20]:
            report.line(fault)
        report.check("all files end after the last kill", reached=settled)
        report.check("each file arrives exactly once", reached=not faults)
        report.line(f"{len(faults)} faults; {time.monotonic() - begun:.0f} s in total")
    return report.end(checked=args.check)


# States of a job while it is not running yet, and while it is.
_OTHER = {True: ("waiting",), False: ("running",)}


class _Workers:
    """Workers for what is no scan, which restart after each kill."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.actors"])
        self._running: list[BaseProcess] = []

    def __enter__(self) -> _Workers:
        self._running = [self._start() for _ in range(_WORKERS)]
        return self

    def __exit__(self, *_error: object) -> None:
        for worker in self._running:
            worker.kill()
            worker.join()

    def kill_one(self) -> bool:
        """Kill the worker that polls, if one does; return whether it did."""
        from base.jobs.choices import JobState
        from base.jobs.models import Job
        from base.jobs.services import reclaim

        running = Job.objects.filter(kind="drop_poll", state=JobState.RUNNING)
        owner = running.values_list("lease_owner", flat=True).first() or ""
        pids = [str(worker.pid) for worker in self._running]
        pid = owner.rpartition(":")[2]
        at = pids.index(pid) if pid in pids else 0
        self._running[at].kill()
        self._running[at].join()
        # Others need not wait until the lease of the dead one runs out.
        dead = running.filter(lease_owner=owner) if pid in pids else running.none()
        held = bool(dead.update(lease_until=datetime.now(tz=UTC)))
        reclaim()
        self._running[at] = self._start()
        return held

    def _start(self) -> BaseProcess:
        from benchmarks import actors

        made = self._context.Process(
            target=actors.run,
            args=("worker", "--pool", "talk", "--interval", "0.05"),
            kwargs={"log": str(self._log)},
        )
        made.start()
        return made


@dataclass
class _Written:
    """A file as it was written into the drop."""

    path: str
    sha256: str
    is_good: bool


@dataclass
class _Dropping:
    """A drop, the files written into it, and what became of them."""

    folder: Path
    rng: random.Random
    written: list[_Written] = field(default_factory=list)
    poll_job: int = 0
    """The job of the newest poll."""
    last_seconds: float = 0.5
    """How long the last poll took that ended."""

    def __post_init__(self) -> None:
        """Make the drop, with a container for one of its subfolders."""
        from django.core.management import call_command

        from base.accounts.roles import Role
        from base.accounts.services import create_user
        from scanning.choices import DropInterval
        from scanning.drops.services import assign_folder, create_drop
        from scanning.models import Container, Drop

        call_command("migrate", verbosity=0)
        self.folder.mkdir(parents=True)
        user = create_user(username="somebody", password=None, role=Role.MANAGER)
        radio = Container.objects.create(name="Radio")
        news = Container.objects.create(name="News")
        drop = Drop(
            name="Incoming",
            place=str(self.folder),
            container=radio,
            every_seconds=DropInterval.QUARTER_MINUTE,
        )
        self.drop: Drop = create_drop(drop=drop, user=user)
        assign_folder(drop=drop, name="news", container=news, user=user)

    def write(self, until: int) -> None:
        """Write files until there are so many."""
        for number in range(len(self.written), until):
            folder = "news/today/" if number % 5 == 3 else ""
            path = f"{folder}show {number}.mp3"
            # Every tenth file has the bytes of one in the same folder.
            seed = number - 5 if number % 10 == 9 else number
            if number % 10 == 8:
                seed = number - 5
            content = _content(seed)
            is_good = number % 25 != 7
            target = self.folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if not is_good:
                target.with_name(f"{target.name}.json").write_bytes(b"{")
            elif number % 4 == 0:
                good = b'{"programme": "Morning"}'
                target.with_name(f"{target.name}.json").write_bytes(good)
            unfinished = target.with_name(f"{target.name}.part")
            unfinished.write_bytes(content)
            unfinished.rename(target)
            digest = hashlib.sha256(content).hexdigest()
            self.written.append(_Written(path, digest, is_good))

    def poll(self) -> None:
        """Ask for a poll now."""
        from base.jobs.services import submit
        from scanning.jobs import DROP_POLL

        self.poll_job = submit(DROP_POLL, self.drop).pk

    def waiting(self) -> int:
        """Return how many files the drop knows and has not taken."""
        from scanning.choices import DropItemState

        return self.drop.items.filter(state=DropItemState.WAITING).count()

    def wait_for_poll(self, *, running: bool) -> None:
        """Wait until the drop is polled, or until that has ended."""
        from base.jobs.choices import JobState
        from base.jobs.models import Job

        jobs = Job.objects.filter(kind="drop_poll")
        begun = time.monotonic()
        while time.monotonic() - begun < _PATIENCE_SECONDS:
            # A poll may have ended before anybody looked.
            states = jobs.filter(pk=self.poll_job).values_list("state", flat=True)
            if states.get() not in _OTHER[running]:
                break
            time.sleep(0.01)
        ended = jobs.filter(state=JobState.DONE).order_by("-pk").first()
        if ended is not None and ended.started_at and ended.finished_at:
            took = ended.finished_at - ended.started_at
            self.last_seconds = max(0.3, took.total_seconds())

    def settle(self) -> bool:
        """Poll until every file was put away; return whether that happened."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while time.monotonic() < deadline:
            self.poll()
            rows = self.drop.items.filter(put_away_at=None)
            if not rows.exists() and not self._list_leftovers():
                return True
            time.sleep(0.2)
        return False

    def ended(self) -> list[tuple[str, int]]:
        """Return how many items ended in each state."""
        from scanning.choices import DropItemState

        states = Counter(self.drop.items.values_list("state", flat=True))
        return [(str(state.label), states[state]) for state in DropItemState]

    def stray_copies(self) -> int:
        """Return how many stored copies no row names."""
        from django.conf import settings

        from scanning.models import ScannedFile

        stored = {path for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()}
        named = {
            settings.MEDIA_ROOT / name
            for name in ScannedFile.objects.values_list("media", flat=True)
        }
        return len(stored - named)

    def faults(self) -> Iterator[str]:
        """Compare what was written with rows, stored bytes and the drop's folders."""
        yield from self._wrong_rows()
        yield from self._wrong_places()
        for path in self._list_leftovers():
            yield f"{path}: still in the drop"

    def _wrong_rows(self) -> Iterator[str]:
        from base.audit.models import Event
        from scanning.models import Scan, ScannedFile

        files = ScannedFile.objects.select_related("container").order_by("pk")
        made = Counter((file.container.name, file.sha256) for file in files)
        expected = {
            ("News" if name.path.startswith("news/") else "Radio", name.sha256)
            for name in self.written
            if name.is_good
        }
        for key in expected - set(made):
            yield f"lost: {key}"
        for key, count in made.items():
            if count != 1 or key not in expected:
                yield f"{count} files of {key}"
        for file in files:
            with file.media.open("rb") as media:
                if hashlib.file_digest(media, "sha256").hexdigest() != file.sha256:
                    yield f"{file.name}: its bytes have another hash"
        for name, count in (
            ("scans", Scan.objects.count()),
            ("events", Event.objects.filter(action="file.submitted").count()),
        ):
            if count != made.total():
                yield f"{count} {name} of {made.total()} files"

    def _wrong_places(self) -> Iterator[str]:
        from django.conf import settings

        items = Counter(self.drop.items.values_list("path", flat=True))
        for name in self.written:
            if items[name.path] != 1:
                yield f"{name.path}: {items[name.path]} items"
            place = self.folder / ("done" if name.is_good else "failed") / name.path
            content = place.read_bytes() if place.is_file() else b""
            if hashlib.sha256(content).hexdigest() != name.sha256:
                yield f"{name.path}: not whole in {place.parent}"
            if not name.is_good and not Path(f"{place}.reason.txt").is_file():
                yield f"{name.path}: no reason"
        put_away = len(list(self.folder.glob("done/**/*.mp3")))
        put_away += len(list(self.folder.glob("failed/**/*.mp3")))
        if put_away != len(self.written):
            yield f"{put_away} files were put away, not {len(self.written)}"
        for scratch in settings.FILE_UPLOAD_TEMP_DIR.glob("drop-*"):
            yield f"{scratch.name}: a copy was left"

    def _list_leftovers(self) -> list[str]:
        """Return what still lies in the drop."""
        return [
            str(path)
            for folder, _names, files in os.walk(self.folder)
            for path in (Path(folder) / name for name in files)
            if path.relative_to(self.folder).parts[0] not in ("done", "failed")
        ]


def _content(seed: int) -> bytes:
    rng = random.Random(seed)  # noqa: S311 - no secret
    return rng.randbytes(rng.randrange(_LEAST_BYTES, _MOST_BYTES))


if __name__ == "__main__":
    raise SystemExit(main())
