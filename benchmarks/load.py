"""Measures many people at once: pages, uploads and scans on one machine.

``python -m benchmarks.load --minutes 10 --browsing 200 --uploading 50 [--database URL]
[--check]`` fills a database, starts ``manage.py serve``, and lets signed-in people
work. Some open page after page, with the style sheets and scripts that a browser
requests: all on the first page, then only those that the cache lacks. Others upload
sound, follow its scan as the upload page does, and open its result. Everybody pauses
``--think`` seconds on average (between half and one and a half times that) after each
page and each result. All people are threads of this process, on the same machine.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import threading
import time
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.installation import set_up
from benchmarks.people import Person, session_of
from benchmarks.report import Report, machine, workplace
from benchmarks.serving import children_of, proportional_kib, read_process, serving, tree_of
from tests import audio

_ROOT = Path(__file__).resolve().parent.parent
_PAGE_MS, _UPLOAD_MS = 500, 2_000
_WEB_MIB, _WORKER_MIB = 1_024, 2_048
_FOLLOW_SECONDS = 2.0
_REST_SECONDS = 300.0
# The part after "#" is an icon's name in a sprite, not another file.
_STATIC = re.compile(rb'(?:href|src)="(/static/[^"#]+)[#"]')
_SETTLED = {"ready", "no_match", "error", "needs_audio", "cancelled"}


@dataclass
class Times:
    """The duration of each kind of page, and the faults."""

    taken: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    scanned: list[float] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)

    def note(self, name: str, path: str, begun: float, status: int) -> None:
        """Record one answer."""
        self.taken[name].append(1000 * (time.perf_counter() - begun))
        if status not in (200, 201, 304):
            self.errors.append(f"{status}: {path}")


@dataclass(frozen=True, slots=True)
class Targets:
    """The objects that people can open."""

    container: int
    files: list[str]
    matches: list[str]
    recordings: list[str]


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, serve, let people work, and report."""
    args = _arguments(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        set_up(
            work / "data",
            args.database or f"sqlite:///{work}/portal.sqlite3",
            ACRPORTAL_BASE_URL="http://127.0.0.1",
        )
        places, sounds = _fill(args.matches)
        sessions = _sessions(args.browsing + args.uploading)
        times = Times()
        with serving(work / "serve.log") as (port, pid):
            memory = _ServerMemory(pid)
            ends = time.monotonic() + 60 * args.minutes
            browsers = [
                _Browsing(port, session, times, places, args.think, number)
                for number, session in enumerate(sessions[: args.browsing])
            ]
            uploaders = [
                _Uploading(port, session, times, places, args.think, sounds)
                for session in sessions[args.browsing :]
            ]
            _work(browsers, uploaders, ends, memory)
            done = _wait_for_scans(times.uploads)
        _report(report, args, times, memory, done=done)
    return report.end(checked=args.check)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("--minutes", type=float, default=10.0)
    made.add_argument("--browsing", type=int, default=200)
    made.add_argument("--uploading", type=int, default=50)
    made.add_argument("--think", type=float, default=30.0, help="mean seconds between two actions")
    made.add_argument("--matches", type=int, default=20_000, help="matches before the start")
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    made.add_argument("--check", action="store_true", help="exit 1 above a limit")
    return made.parse_args(argv)


def _fill(matches: int) -> tuple[Targets, list[audio.Samples]]:
    """Make a portal with some history, and a container whose scans have matches."""
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.management import call_command

    from benchmarks.portal_filling import fill
    from catalogue.models import Recording
    from catalogue.services import add_recording, create_bucket
    from review.models import Match
    from scanning.models import Container, ScannedFile

    call_command("migrate", verbosity=0)
    fill(matches)
    places = Targets(
        container=Container.objects.create(name="Uploads").pk,
        files=[str(uid) for uid in ScannedFile.objects.values_list("uid", flat=True)],
        matches=list(Match.objects.filter(state="pending").values_list("uid", flat=True)),
        recordings=list(Recording.objects.values_list("uid", flat=True)),
    )
    bucket = create_bucket(name="Uploads")
    Container.objects.get(pk=places.container).buckets.add(bucket)
    sounds = [audio.tune(seed, 30.0) for seed in range(8)]
    for number, sound in enumerate(sounds):
        add_recording(
            bucket=bucket,
            details=Recording(title=f"Reference {number}"),
            audio=SimpleUploadedFile("sound.wav", audio.wav_bytes(sound)),
        )
    call_command("worker", batch=True)
    return places, sounds


def _sessions(number: int) -> list[str]:
    """Sign in ``count`` people; every fifth is a manager."""
    from base.accounts.roles import Role
    from base.accounts.services import create_user

    sessions = []
    for asked_number in range(number):
        role = Role.REVIEWER if asked_number % 5 else Role.MANAGER
        user = create_user(username=f"person-{asked_number}", password=None, role=role)
        sessions.append(session_of(user.username))
    return sessions


class _ServerMemory:
    """The peak memory of the web server and the worker, with their child processes."""

    def __init__(self, serve: int) -> None:
        self._serve = serve
        self.most: dict[str, float] = defaultdict(float)

    def look(self) -> None:
        """Add up the current memory; shared pages count proportionally (PSS)."""
        for child in children_of(self._serve):
            command = read_process(child, "cmdline").replace("\0", " ")
            name = "worker" if "manage.py worker" in command else "web"
            taken = sum(proportional_kib(pid) for pid in tree_of(child)) / 1024
            self.most[name] = max(self.most[name], taken)


class _Anybody(threading.Thread, ABC):
    """A person at a browser, who alternates actions and pauses until the time is over."""

    def __init__(
        self, port: int, session: str, times: Times, places: Targets, think: float
    ) -> None:
        super().__init__(daemon=True)
        self.ends = 0.0
        self.rng = random.Random(session)  # noqa: S311 - no secret
        self.person = Person(port, session)
        self.times = times
        self.places = places
        self._think = think

    def run(self) -> None:
        """Start at a random moment of the first pause, then continue until the end."""
        time.sleep(self.rng.uniform(0.0, self._think))
        while time.monotonic() < self.ends:
            try:
                self.act()
            except (OSError, http.client.HTTPException) as error:
                self.times.errors.append(f"{type(error).__name__}: {error}")
            pause = self._think * self.rng.uniform(0.5, 1.5)
            time.sleep(max(0.0, min(pause, self.ends - time.monotonic())))
        self.person.close()

    @abstractmethod
    def act(self) -> None:
        """Do one action."""

    def open_page(self, name: str, path: str) -> None:
        """Open a page and fetch its assets, as browsers do."""
        begun = time.perf_counter()
        answer = self.person.get(path)
        self.times.note(name, path, begun, answer.status)
        for asset in dict.fromkeys(_STATIC.findall(answer.body)):
            begun = time.perf_counter()
            for address, drawn in self.person.draw_with(asset.decode()):
                self.times.note("(styles, scripts)", address, begun, drawn.status)
                begun = time.perf_counter()


class _Browsing(_Anybody):
    """A reviewer, who opens the queue, matches, files and sometimes other pages."""

    def __init__(
        self, port: int, session: str, times: Times, places: Targets, think: float, number: int
    ) -> None:
        super().__init__(port, session, times, places, think)
        pick = self.rng.choice
        self._pages: list[tuple[int, str, Callable[[], str]]] = [
            (5, "Match", lambda: f"/m/{pick(places.matches)}"),
            (4, "Queue", lambda: "/queue/?view=waiting"),
            (2, "Files", lambda: "/files/"),
            (2, "File", lambda: f"/files/{pick(places.files)}/"),
            (2, "Matches", lambda: "/matches/"),
            (1, "Dashboard", lambda: "/"),
            (1, "Catalogue", lambda: "/catalogue/"),
            (1, "Recording", lambda: f"/catalogue/recordings/{pick(places.recordings)}/"),
            (1, "Search", lambda: f"/search/?q=Recording+{self.rng.randrange(100)}"),
            (1, "Jobs", lambda: "/jobs/"),
            (1, "Reports", lambda: "/reports/"),
        ]
        self._weights = [weight for weight, _name, _path in self._pages]

    def act(self) -> None:
        """Open a page."""
        _weight, name, path = self.rng.choices(self._pages, self._weights)[0]
        self.open_page(name, path())


class _Uploading(_Anybody):
    """A person who uploads sound and waits for its result."""

    def __init__(
        self,
        port: int,
        session: str,
        times: Times,
        places: Targets,
        think: float,
        sounds: list[audio.Samples],
    ) -> None:
        super().__init__(port, session, times, places, think)
        self._sounds = sounds

    def act(self) -> None:
        """Upload, follow the scan, and open the result."""
        self.open_page("Upload page", "/upload/")
        sound = self.rng.choice(self._sounds)
        begin = self.rng.randrange(len(sound) // 2)
        clip = sound[begin : begin + 12 * audio.RATE].copy()
        clip[:16] = [self.rng.uniform(-0.01, 0.01) for _ in range(16)]
        begun, since = time.perf_counter(), time.monotonic()
        answer = self.person.bring(
            "/api/portal/v1/files/",
            {"container": str(self.places.container)},
            "file",
            audio.wav_bytes(clip),
        )
        self.times.note("Upload", "/api/portal/v1/files/", begun, answer.status)
        if answer.status != 201:
            return
        uid = json.loads(answer.body)["uid"]
        self.times.uploads.append(uid)
        while time.monotonic() < self.ends:
            time.sleep(_FOLLOW_SECONDS)
            begun = time.perf_counter()
            path = f"/api/portal/v1/files/{uid}/"
            answer = self.person.get(path)
            self.times.note("State of a scan", path, begun, answer.status)
            if json.loads(answer.body)["state"] in _SETTLED:
                self.times.scanned.append(time.monotonic() - since)
                self.open_page("File", f"/files/{uid}/")
                return


def _work(
    browsers: Sequence[_Anybody], uploaders: Sequence[_Anybody], ends: float, memory: _ServerMemory
) -> None:
    people = [*browsers, *uploaders]
    for person in people:
        person.ends = ends
        person.start()
    while any(person.is_alive() for person in people):
        memory.look()
        time.sleep(2.0)


def _wait_for_scans(uploads: Sequence[str]) -> int:
    """Let the worker finish; return how many uploads have a match."""
    from scanning.choices import ACTIVE_FILE_STATUSES, FileStatus
    from scanning.models import ScannedFile

    mine = ScannedFile.objects.filter(uid__in=uploads)
    ends = time.monotonic() + _REST_SECONDS
    while mine.filter(status__in=ACTIVE_FILE_STATUSES).exists() and time.monotonic() < ends:
        time.sleep(1.0)
    return mine.filter(status=FileStatus.READY).count()


def _report(
    report: Report, args: argparse.Namespace, times: Times, memory: _ServerMemory, *, done: int
) -> None:
    report.title(f"{args.browsing} browsing, {args.uploading} uploading")
    report.line(
        f"{machine()}; web server, worker, database and all people share "
        f"{os.cpu_count()} cores; {args.minutes:g} min, {args.matches:,} matches, "
        f"{args.think:g} s between two actions"
    )
    rows = []
    for name, taken in sorted(times.taken.items()):
        p50, p95, p99 = np.percentile(taken, [50, 95, 99])
        limit = _UPLOAD_MS if name == "Upload" else _PAGE_MS
        rows.append((name, len(taken), *(f"{p:.0f}" for p in (p50, p95, p99)), limit))
        report.check(f"{name}: p95 {p95:.0f} ms", reached=p95 <= limit)
    head = ["", "responses", "p50, ms", "p95, ms", "p99, ms", "p95 limit, ms"]
    report.table(head, rows)
    waits = np.percentile(times.scanned, [50, 95]) if times.scanned else [0.0, 0.0]
    limits = {"web": _WEB_MIB, "worker": _WORKER_MIB}
    report.table(
        ["", "measured", "limit"],
        [
            ("errors", len(times.errors), 0),
            ("uploads acknowledged", len(times.uploads), ""),
            ("uploads scanned, with their match", done, len(times.uploads)),
            ("upload to result, s: median", f"{waits[0]:.1f}", ""),
            ("upload to result, s: 95 %", f"{waits[1]:.1f}", ""),
            *(
                (f"peak memory of {name}, MiB", f"{memory.most[name]:.0f}", limit)
                for name, limit in limits.items()
            ),
        ],
    )
    for error in times.errors[:10]:
        report.line(error)
    report.check("no errors", reached=not times.errors)
    report.check("every upload has its match", reached=done == len(times.uploads))
    for name, limit in limits.items():
        report.check(f"memory of {name}", reached=memory.most[name] <= limit)


if __name__ == "__main__":
    raise SystemExit(main())
