"""Measures pages over many moved objects, and the pairing of many files."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
import uuid
from pathlib import Path

import numpy as np
from django.db import connection
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from benchmarks import serving
from benchmarks.report import Report
from catalogue.models import Bucket, Recording, RecordingStatus
from imports.models import AudioImport, ImportStatus
from plugins.moving.models import EngineTrial, Moved, MovedKind, MovedOutcome, MoveIn
from scanning.models import CloudAccount
from tests import audio

PAGE_MS = 150.0
PAIRING_MINUTES = 5.0
MEMORY_MB = 300.0
_CALLS = 40
_WARM = 5
_LOOK_SECONDS = 0.2
_WAITING_OF = 10
"""One of so many moved objects is a recording that waits; most accounts hold results."""


def measure_pages(report: Report, moved: int) -> None:
    """Ask for the pages of moves and trials when an account had so many objects."""
    account = CloudAccount.objects.get()
    last = Moved.objects.order_by("-pk").values_list("pk", flat=True)[0]
    _add_moved(account, moved, last)
    bucket = Bucket.objects.create(name="Many")
    _add_waiting(bucket, moved // _WAITING_OF)
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username="anna"))
    move = MoveIn.objects.filter(status=ImportStatus.DONE).latest("pk")
    trial, pairing = EngineTrial.objects.get(), AudioImport.objects.latest("pk")
    rows = []
    for name, address in (
        ("A move", reverse("portal:move_in_detail", args=[move.uid])),
        ("Move in", reverse("portal:move_in")),
        ("Add audio", reverse("portal:audio_import") + f"?bucket={bucket.pk}"),
        ("Pairs", reverse("portal:audio_import_detail", args=[pairing.uid])),
        ("Trials", reverse("portal:trial_list")),
        ("A trial", trial.url),
        ("Moved, in the administration", reverse("admin:moving_moved_changelist")),
    ):
        taken, busy = [], []
        for _call in range(_CALLS + _WARM):
            begun, worked = time.perf_counter(), _processor_s()
            answer = client.get(address)
            busy.append(1000 * (_processor_s() - worked))
            taken.append(1000 * (time.perf_counter() - begun))
            if answer.status_code != 200:
                raise SystemExit(f"{address} answered {answer.status_code}")
        clock, (p50, p95) = (
            np.percentile(taken[_WARM:], 95),
            np.percentile(busy[_WARM:], [50, 95]),
        )
        rows.append((name, f"{p50:.0f}", f"{p95:.0f}", f"{clock:.0f}"))
        report.check(f"{name}: p95 {p95:.0f} ms", reached=p95 <= PAGE_MS)
    report.line(
        f"Pages over {Moved.objects.count():,} moved objects, "
        f"{Recording.objects.filter(status=RecordingStatus.STUB).count():,} waiting"
    )
    report.table(("page", "processor p50, ms", "p95, ms", "clock p95, ms"), rows)


def _processor_s() -> float:
    """Return the processor time of this process and of its database's server."""
    if connection.vendor != "postgresql":
        return time.process_time()
    server = connection.connection.info.backend_pid
    nanoseconds = Path(f"/proc/{server}/schedstat").read_text().split()[0]
    return time.process_time() + int(nanoseconds) / 1e9


def _add_moved(account: CloudAccount, number: int, last: int) -> None:
    """Add objects; one in a hundred has a remark."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            INSERT INTO {Moved._meta.db_table} (account_id, kind, remote_id, parent, name,
                "case", theirs, ours, callback_url, outcome, code, text, moved_at)
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %s)
            SELECT %s, CASE i %% 3 WHEN 0 THEN %s ELSE %s END, 'many' || i, '8881',
                'Object ' || i, 'recording:many' || i, 'd' || i, '', '', %s,
                CASE i %% 100 WHEN 0 THEN 'move_changed' ELSE '' END,
                CASE i %% 100 WHEN 0 THEN 'It changed there.' ELSE '' END, moved_at
            FROM n, (SELECT moved_at FROM {Moved._meta.db_table} WHERE id = %s) AS one
            """,  # noqa: S608  # a table's own name
            [*(number, account.pk, MovedKind.RECORDING, MovedKind.FILE), *(MovedOutcome.NEW, last)],
        )


def _add_waiting(bucket: Bucket, number: int) -> None:
    """Add waiting recordings, each with its id and its title."""
    made = (
        Recording(
            bucket=bucket,
            title=f"Many {index}",
            artists=[f"Band {index % 40}"],
            custom_id=f"M-{index}",
            acr_id=uuid.uuid4().hex,
            duration_ms=1_000,
            status=RecordingStatus.STUB,
        )
        for index in range(number)
    )
    Recording.objects.bulk_create(made, batch_size=500)


def measure_pairing(report: Report, work: Path, number: int) -> None:
    """Pair so many files with as many waiting recordings, by id and by name."""
    folder = work / "many"
    folder.mkdir()
    _add_waiting(Bucket.objects.create(name="Paired"), number)
    content = audio.wav_bytes(audio.silence(0.5))
    for index in range(number):
        name = f"M-{index}" if index % 2 else f"{index % 40:02d} Many {index}"
        (folder / f"{name}.wav").write_bytes(content)
    words = ("add_audio", "Paired", str(folder), "--dry-run", "--format", "json")
    before, peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN), 0
    with (work / "paired.json").open("w+b") as output:
        run = subprocess.Popen([sys.executable, "manage.py", *words], env=os.environ, stdout=output)
        # What getrusage says of children includes what this process had when it
        # started them.
        while run.poll() is None:
            peak_kib = max(peak_kib, serving.peak_kib(run.pid))
            time.sleep(_LOOK_SECONDS)
        output.seek(0)
        message = json.load(output)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
    minutes, memory = seconds / 60, peak_kib / 1024
    report.line(
        f"{message['paired']:,} of {number:,} files paired in {seconds:.0f} s of processor "
        f"time; the command has had {memory:.0f} MB"
    )
    report.check(
        f"{message['paired']:,} of {number:,} files paired in {minutes:.1f} minutes",
        reached=message["paired"] == number and minutes <= PAIRING_MINUTES,
    )
    report.check(f"{memory:.0f} MB to pair them", reached=memory <= MEMORY_MB)
