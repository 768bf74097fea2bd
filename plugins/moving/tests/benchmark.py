"""Moves a made-up account in, kills the move, gives it audio, and runs both for a week.

``python -m plugins.moving.tests.benchmark [--files N] [--results N] [--audio N] [--days N]
[--pairing N] [--moved N] [--database URL] [--check]``

The account answers as ``plugins.moving.tests.account`` does, with N files in three
buckets, files with results in three containers, and two streams. ``manage.py move_in``
is killed twice in the middle of a page and called again. A folder and a ZIP then bring
the audio, with traps. In a trial of a week, whose clock is moved, the account misses
some songs and names a wrong one now and then; people judge by what was really played.
At last many files are paired, and pages are asked for over many moved objects.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from werkzeug import Request, Response

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, parser, workplace
from plugins.moving.tests.account import (
    TOKEN,
    Account,
    Json,
    bucket,
    bucket_file,
    container,
    json_answer,
    play,
    scanned_file,
    serving,
    stream,
)
from tests import audio, clocks

_SECONDS = 10
_SHARES = {8881: 0.7, 8882: 0.2, 8883: 0.1}
_NAMES = {8881: "Songs", 8882: "Idents", 8883: "Film"}
_SONGS_A_SHOW = 5
_SHOWS_A_DAY = 6
_LEASE_SECONDS = 4


def main(argv: Sequence[str] | None = None) -> int:
    """Move an account in, pair its audio, run both for a week, and print the results."""
    made = parser("Move a made-up account in and run both for a week.")
    made.add_argument("--files", type=int, default=2_000)
    made.add_argument("--results", type=int, default=180, help="files with results")
    made.add_argument("--audio", type=int, default=40, help="songs with audio")
    made.add_argument("--days", type=int, default=7)
    made.add_argument("--pairing", type=int, default=10_000, help="files to pair")
    made.add_argument("--moved", type=int, default=1_000_000, help="objects on pages")
    made.add_argument("--database", help="URL of an empty database (default: SQLite)")
    args = made.parse_args(argv)
    report = Report()
    report.title(f"An account of {args.files:,} files")
    report.line(machine())
    with workplace() as folder:
        work = Path(folder)
        set_up(work / "data", args.database, ACRPORTAL_LEASE_SECONDS=str(_LEASE_SECONDS))
        from django.core.management import call_command

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        # Jobs follow the moved clock, too, and not that of the database's server.
        clocks.follow_this_machine()
        call_command("migrate", verbosity=0)
        there = _There(
            args.files,
            args.results,
            args.audio,
            random.Random(args.seed),  # noqa: S311
        )
        with serving(there.answer) as address:
            _move(report, there, address)
            _pair(report, there, work)
            _compare(report, there, args.days)
            from plugins.moving.tests import benchmark_large as large_move

            large_move.measure_pairing(report, work, args.pairing)
            large_move.measure_pages(report, args.moved)
    return report.end(checked=args.check)


# --- The account ----------------------------------------------------------------------


@dataclass
class _There:
    """The account; ``shows`` has what was really played in each file that it gets."""

    files: int
    results: int
    songs: int
    rng: random.Random
    account: Account = field(default_factory=Account)
    shows: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    sent: dict[str, Json] = field(default_factory=dict)
    kill_at: int = 0
    process: subprocess.Popen[str] | None = None

    def __post_init__(self) -> None:
        lists, first = self.account.lists, 1
        lists["buckets"] = [bucket(key, name) for key, name in _NAMES.items()]
        for key, share in _SHARES.items():
            count = round(self.files * share)
            rows = [self._row(number) for number in range(first, first + count)]
            lists[f"buckets/{key}/files"] = rows
            first += count
        songs = lists["buckets/8881/files"]
        lists["fs-containers"] = [
            container(number, f"Uploads {number}", lists["buckets"]) for number in (77, 78, 79)
        ]
        for number in (77, 78, 79):
            lists[f"fs-containers/{number}/files"] = [
                scanned_file(100_000 * number + n, self.rng.choice(songs) if n % 4 else None)
                for n in range(self.results // len(_NAMES))
            ]
        lists["bm-cs-projects"] = [{"id": 5, "name": "Radio", "buckets": lists["buckets"][:1]}]
        lists["bm-cs-projects/5/streams"] = [stream(1, "Harbour"), stream(2, "Hill")]
        today = datetime.now(tz=UTC).date()
        for back in range(1, 8):
            day = today - timedelta(days=back)
            for name in ("s1", "s2"):
                self.account.plays[name, f"{day:%Y%m%d}"] = [
                    play(f"{day} {hour:02d}:00:00", self.rng.choice(songs)) for hour in range(24)
                ]

    def _row(self, number: int) -> Json:
        return bucket_file(
            number,
            f"Song {number}",
            duration=f"{_SECONDS + number % 7 / 10:.6f}",
            user_defined={"artist": f"Band {number % 40}"},
        )

    @property
    def rows(self) -> list[Json]:
        """The songs that have audio."""
        return self.account.lists["buckets/8881/files"][: self.songs]

    def answer(self, request: Request) -> Response:
        if self.process is not None and len(self.account.calls) == self.kill_at:
            self.process.send_signal(signal.SIGKILL)
        match = re.fullmatch(r"/api/fs-containers/(\d+)/files(?:/([\w-]+))?", request.path)
        if match is not None and request.method == "POST":
            return self._take(request)
        if match is not None and match[2]:
            if request.method == "DELETE":
                return Response(status=204)
            return json_answer({"data": [self.sent[match[2]]]})
        if match is not None and request.args.get("search"):
            return json_answer({"data": []})
        return self.account.answer(request)

    def _take(self, request: Request) -> Response:
        """Take a file, and know at once what is in it, with a few mistakes."""
        name = request.form.get("name") or request.files["file"].filename or ""
        # The portal adds the uid of its scan.
        played = self.shows[name.partition(" [")[0]]
        key = f"{len(self.sent):08d}-0000-4000-8000-000000000000"
        titles = []
        for song, at in played:
            chance = self.rng.random()
            if chance < 0.08:
                continue
            named = self.rows[song - 1] if chance < 0.98 else self.rng.choice(self.rows)
            titles.append(_reported(named, at))
        row = {"id": key, "name": name, "duration": 60, "data_type": "audio"}
        self.sent[key] = row | {"state": 1, "results": {"custom_files": titles}}
        return json_answer({"data": row | {"state": 0, "results": None}}, 201)


def _reported(named: Json, at_ms: int) -> Json:
    length_ms = 1_000 * _SECONDS
    return {
        "offset": at_ms / 1_000,
        "played_duration": _SECONDS,
        "score": 95,
        "result": {
            "acrid": named["acr_id"],
            "title": named["title"],
            "duration_ms": length_ms,
            "sample_begin_time_offset_ms": at_ms,
            "sample_end_time_offset_ms": at_ms + length_ms,
            "db_begin_time_offset_ms": 0,
            "db_end_time_offset_ms": length_ms,
        },
    }


# --- The move -------------------------------------------------------------------------


def _move(report: Report, there: _There, address: str) -> None:
    from base.accounts.models import User
    from base.accounts.roles import Role
    from catalogue.models import Recording
    from plugins.moving.models import Moved
    from scanning.models import CloudAccount, ScannedFile
    from scanning.services.cloud import save_account
    from tests.factories.accounts import make_user

    admin: User = make_user(Role.ADMIN, username="anna")
    save_account(account=CloudAccount(name="Console", base_url=address), token=TOKEN, user=admin)
    pages = there.files // 100
    rows = []
    for kill_after in (pages // 2, pages + 5, 0):
        before, worked = len(there.account.calls), _processor()
        there.kill_at = before + kill_after if kill_after else -1
        began = time.monotonic()
        there.process = _started("move_in", "Console", "--username", "anna")
        output, _ = there.process.communicate()
        code, there.process = there.process.returncode, None
        calls, seconds = len(there.account.calls) - before, time.monotonic() - began
        if kill_after:
            # A move that was killed can be called again when its lease has ended.
            time.sleep(_LEASE_SECONDS)
        worked = _processor() - worked
        times = f"{seconds:.0f} s", f"{worked:.0f} s"
        rows.append((calls, *times, code, Moved.objects.count()))
    report.table(("calls", "time", "processor", "status", "objects here"), rows)
    sys.stdout.write(f"{output}\n")
    twice = [
        (kind, key)
        for (kind, key), n in Counter(Moved.objects.values_list("kind", "remote_id")).items()
        if n > 1
    ]
    stubs = Recording.objects.exclude(bucket=23)
    report.check(f"each object once: {twice}", reached=not twice)
    report.check(
        f"{stubs.count()} recordings of {there.files}",
        reached=stubs.count() == there.files
        and stubs.values("acr_id").distinct().count() == there.files,
    )
    files = ScannedFile.objects.exclude(name__contains="(ACRCloud)").count()
    days = ScannedFile.objects.filter(name__contains="(ACRCloud)").count()
    report.check(f"{files} files of {there.results}", reached=files == there.results)
    report.check(f"14 days of plays: {days}", reached=days == 14)
    report.check(f"status 0: {code}", reached=code == 0)


def _started(*words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", *words],
        env=os.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


# --- The audio ------------------------------------------------------------------------


def _sound(number: int) -> audio.Samples:
    return audio.tune(number, _SECONDS + number % 7 / 10)


def _pair(report: Report, there: _There, work: Path) -> None:
    """Bring the audio; the last songs are traps, which no rule may pair wrongly."""
    from catalogue.models import Recording, RecordingStatus

    folder = work / "masters"
    (folder / "second").mkdir(parents=True)
    wavs = {n: audio.wav_bytes(_sound(n)) for n in range(1, there.songs + 1)}
    expected: dict[str, int] = {}
    last = there.songs
    zipped, traps = {last - 6, last - 7, last - 8}, set(range(last - 5, last + 1))
    for number, wav in wavs.items():
        if number in zipped | traps:
            continue
        by_name = number % 2
        name = f"A-{number}.wav" if by_name else f"{number:02d} Song {number}.wav"
        (folder / name).write_bytes(wav)
        expected[name] = number
    # Two masters of one song; the length of one song under another's title; a copy of a
    # song that is paired, under a title of its own; cut off; empty; no sound.
    (folder / f"A-{last}.wav").write_bytes(wavs[last])
    (folder / "second" / f"A-{last}.wav").write_bytes(wavs[last - 1])
    (folder / "Nobody knows.wav").write_bytes(wavs[last - 1])
    (folder / f"Song {last - 2}.wav").write_bytes(wavs[1])
    (folder / f"Song {last - 3}.wav").write_bytes(wavs[last - 3][:100_000])
    (folder / f"A-{last - 4}.wav").write_bytes(b"")
    (folder / f"A-{last - 5}.wav").write_bytes(b"no sound at all" * 100)
    began, used = time.monotonic(), _processor()
    for words in (("--dry-run",), ("--username", "anna")):
        process = _started("add_audio", "Songs", str(folder), *words, "--format", "json")
        output, _ = process.communicate()
    result = json.loads(output)
    _work_off()
    report.line(
        f"{result['files']} files, {result['paired']} paired, {result['given']} given, "
        f"{result['refused']} left out; {time.monotonic() - began:.0f} s"
    )
    report.table(
        ("left out", "code", "why"),
        [(fault["file"], fault["code"], fault["message"]) for fault in result["faults"]],
    )
    _zip(report, work, {n: wavs[n] for n in sorted(zipped)})
    recordings = Recording.objects.filter(bucket__name="Songs").exclude(audio="")
    titles = {row.title: row for row in recordings}
    texts = {f"Song {n}" for n in {*expected.values(), *zipped}}
    report.table(
        ("audio of", "status", "error"),
        [
            (title, row.status, row.status_message)
            for title, row in titles.items()
            if row.status != RecordingStatus.READY or title not in texts
        ],
    )
    missing = sorted(texts - titles.keys())
    report.check(f"no song without its audio: {missing}", reached=not missing)
    wrong = [
        title
        for title, row in titles.items()
        if title in texts and row.audio_sha256 != _sha(wavs[int(title.split()[1])])
    ]
    report.check(f"no wrong audio: {wrong}", reached=not wrong)
    report.line(f"{_processor() - used:.0f} s of processor time")


def _zip(report: Report, work: Path, wavs: dict[int, bytes]) -> None:
    """Send a ZIP whose names are odd, as programs for other systems write them."""
    from base.accounts.models import User
    from catalogue.models import Bucket
    from imports import services
    from imports.audio.kind import AUDIO
    from imports.models import AudioImport

    names = iter(("C:\\Masters\\A-{}.wav", "../../A-{}.wav", "/Über/Song {}.WAV"))
    path = work / "odd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, wav in wavs.items():
            archive.writestr(next(names).format(number), wav)
        archive.writestr("__MACOSX/._A-1.wav", b"notes")
        archive.writestr("Re\u0301sume\u0301\n.wav", b"")
        archive.writestr("folder/", b"")
    user = User.objects.get(username="anna")
    import_ = services.keep_upload(
        AUDIO,
        bucket=Bucket.objects.get(name="Songs"),
        archive=SimpleUploadedFile("odd.zip", path.read_bytes()),
        user=user,
    )
    _work_off()
    services.start(import_=import_, user=user)
    _work_off()
    import_ = AudioImport.objects.get(pk=import_.pk)
    report.line(
        f"ZIP: {import_.status}, {import_.summary['given']} of {import_.summary['files']} given; "
        + "; ".join(f"{fault['file']!r} {fault['code']}" for fault in import_.summary["faults"])
    )
    report.check("the ZIP's songs", reached=import_.summary["given"] == len(wavs))


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


# --- The trial ------------------------------------------------------------------------


def _compare(report: Report, there: _There, days: int) -> None:
    from base.accounts.models import User
    from catalogue.models import Recording, RecordingStatus
    from plugins.moving.models import EngineTrial, Judgement, TrialKeeps, TrialRow
    from plugins.moving.pages.page import trial_context
    from plugins.moving.trials import services
    from plugins.moving.trials.selectors import waiting_rows
    from scanning.models import CloudAccount, Container
    from scanning.services.intake import submit_upload

    used = _processor()
    user = User.objects.get(username="anna")
    account, ours = CloudAccount.objects.get(), Container.objects.get(name="Uploads 77")
    Container.objects.filter(pk=ours.pk).update(cloud_account=account, cloud_container_id=77)
    ready = Recording.objects.filter(
        bucket__name="Songs", status=RecordingStatus.READY
    ).values_list("title", flat=True)
    playable = sorted(int(title.split()[1]) for title in ready)
    trial = services.begin_trial(
        account=account,
        containers=[Container.objects.get(pk=ours.pk)],
        terms=services.TrialTerms(weeks=1, cap_hours=500, price_per_hour=None, currency=""),
        user=user,
    )
    began = datetime.now(tz=UTC)
    for day in range(days):
        with time_machine.travel(began + timedelta(days=day, hours=1)):
            for show in range(_SHOWS_A_DAY):
                name = f"show-{day}-{show}.wav"
                songs = there.rng.sample(playable, _SONGS_A_SHOW)
                sound, there.shows[name] = _show(songs)
                submit_upload(
                    container=Container.objects.get(pk=ours.pk),
                    upload=SimpleUploadedFile(name, sound),
                    user=user,
                )
            _work_off()
        for hours in (2, 4, 8):
            with time_machine.travel(began + timedelta(days=day, hours=hours)):
                _work_off()
    with time_machine.travel(began + timedelta(days=days - 1, hours=12)):
        services.compare_now(trial=trial, user=user)
        _work_off()
        judged = 0
        while rows := list(
            waiting_rows(trial).select_related("match", "recording", "file__scanned_file")[:50]
        ):
            for row in rows:
                played = there.shows[row.file.scanned_file.name]
                is_heard = any(
                    f"Song {song}" == row.recording.title
                    and at < row.end_ms
                    and row.start_ms < at + 1_000 * _SECONDS
                    for song, at in played
                )
                row.refresh_from_db(fields=["match"])
                services.judge(
                    row=row,
                    judgement=Judgement.HEARD if is_heard else Judgement.WRONG,
                    version=row.match.version if row.match else 0,
                    user=user,
                )
                judged += 1
        context: dict[str, Any] = trial_context(EngineTrial.objects.get(pk=trial.pk))
        report.line(f"{judged} judged. {context['verdict']}")
        report.table(
            ("kind", "rows", "heard", "wrong"),
            [(kind.label, kind.rows, kind.heard, kind.wrong) for kind in context["kinds"]],
        )
        ended = services.end_trial(trial=trial, keeps=TrialKeeps.OURS, user=user)
        report.check(
            "the report is the same when made again",
            reached=ended.report == services.report_text(ended),
        )
    figures = context["figures"]
    total = sum(len(played) for played in there.shows.values())
    report.line(
        f"{total} songs were played in {len(there.shows)} files; rows "
        f"{TrialRow.objects.count()}; {_processor() - used:.0f} s of processor time, "
        f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
    )
    report.check(
        f"this portal found {figures.ours.found.value}",
        reached=(figures.ours.found.value or 0) >= 0.95,
    )
    report.check("this portal wins", reached=figures.outcome == "ours")


def _show(songs: Sequence[int]) -> tuple[bytes, list[tuple[int, int]]]:
    """Return the sound of a programme, and where in it each song begins."""
    parts: list[audio.Samples] = []
    played, at = [], 0
    rng = np.random.default_rng(songs[0])
    for song in songs:
        gap = (0.02 * rng.standard_normal(audio.RATE)).astype(np.float32)
        parts += [gap, _sound(song)]
        played.append((song, round(1_000 * (at + len(gap)) / audio.RATE)))
        at += len(gap) + len(parts[-1])
    return audio.wav_bytes(audio.join(parts)), played


def _work_off() -> None:
    """Do every job that is due."""
    from base.jobs.choices import Pool
    from base.jobs.runner import run_next

    while any(run_next(pool) is not None for pool in Pool):
        pass


def _processor() -> float:
    """Return the seconds of processor time of this process and of its ended children."""
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


if __name__ == "__main__":
    sys.exit(main())
