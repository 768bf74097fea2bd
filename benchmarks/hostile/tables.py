"""Has broken tables, messages and evidence packs checked as the portal does.

Tables go through the services that the pages call and the jobs that the worker runs;
packs through the command. ``tests/imports`` has the limits of each reader.
"""

from __future__ import annotations

import io
import json
import resource
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.hostile.feeding import Feeding, feed_each, make_rng, mutated
from benchmarks.report import Report

if TYPE_CHECKING:
    from django.core.files.base import File

    from base.accounts.models import User
    from imports.models import Import
    from reports.evidence.signing import PublicKey

_WALL_S = 60.0
_GROWTH_MIB = 256
_CSV = (
    b"custom_id,title,artists,isrc,audio\n"
    b"L1,T,A,DEA620100001,https://files.example/a.wav\nL2,T,A,,\n"
)
_RESULT = {"id": "1", "name": "show.mp3", "state": -1, "results": None}


@dataclass(frozen=True)
class Sample:
    """A whole file, and the door through which it is sent."""

    name: str
    content: bytes
    door: Callable[[File[bytes]], Import]


# Plug-ins add theirs by name in ``registered_hostile`` of their tests.
MORE: dict[str, Callable[[User], list[Sample]]] = {}


def feed(report: Report, feeding: Feeding) -> None:
    """Feed tables to all doors in turn, and evidence packs between them."""
    samples = _samples()
    key, pack = _sealed(feeding.work)
    for sample in samples:
        outcome, fault = _checked(sample, sample.content)
        report.line(f"whole {sample.name}: {outcome or fault}")
    # The kernel counts in KiB.
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def read_one(number: int) -> tuple[str, str]:
        rng = make_rng(feeding.seed, "table", number)
        which = number % (len(samples) + 1)
        if which == len(samples):
            return _verified(feeding.work / "pack.zip", _broken(pack, rng), key)
        sample = samples[which]
        return _checked(sample, _broken(sample.content, rng))

    # One at a time: each runs the job that its file has asked for.
    feed_each(report, replace(feeding, workers=1), read_one, noun="tables", wall_s=_WALL_S)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    report.table(["", "measured", "limit"], [("memory growth, MiB", f"{grown:.0f}", _GROWTH_MIB)])
    report.check("memory growth is limited", reached=grown < _GROWTH_MIB)


def _broken(content: bytes, rng: Random) -> bytes:
    """Break a file, or what lies inside of an archive and is packed again."""
    if not content.startswith(b"PK") or rng.random() < 0.5:
        return mutated(content, rng)
    written = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as whole,
        zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        victim = rng.choice(whole.namelist())
        for name in whole.namelist():
            inside = whole.read(name)
            if name == victim:
                inside = rng.choice((mutated(inside or b"x", rng), bytes(20 << 20)))
            archive.writestr(name, inside)
    return written.getvalue()


def _checked(sample: Sample, content: bytes) -> tuple[str, str]:
    """Have a file checked; return how that ended, or the fault."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from base.jobs.choices import Pool
    from base.jobs.models import Job
    from base.jobs.runner import run_next
    from imports.models import ImportStatus

    upload = sample.door(SimpleUploadedFile(sample.name, content))
    job = run_next(Pool.WORK)
    upload.refresh_from_db()
    causes = list(Job.objects.values_list("code", "cause"))
    Job.objects.all().delete()
    # Work that raises is tried again, and its import is still being checked.
    ends = (ImportStatus.CHECKED, ImportStatus.REFUSED, ImportStatus.UNMAPPED)
    if job is None or upload.status not in ends:
        return "", f"{sample.name}: {upload.status}: {causes}"
    return f"{sample.name.rpartition('.')[2]}: {upload.status}", ""


def _verified(path: Path, content: bytes, key: PublicKey) -> tuple[str, str]:
    from reports.evidence.verification import PackUnreadable, verify

    path.write_bytes(content)
    try:
        holds = all(finding.holds for finding in verify(path, key))
    except PackUnreadable:
        return "pack: unreadable", ""
    except Exception as error:  # noqa: BLE001 - any other exception is the fault
        return "", f"pack: {type(error).__name__}: {error}"
    return f"pack: {'holds' if holds else 'does not hold'}", ""


def _sealed(work: Path) -> tuple[PublicKey, bytes]:
    """Return a key, and a pack that it has sealed."""
    from reports.evidence import sealing, signing

    folder, target = work / "pack", work / "whole.zip"
    folder.mkdir()
    (folder / "match.csv").write_bytes(_CSV)
    (folder / "audit.jsonl").write_bytes(b'{"case":"match:m"}\n')
    key = signing.create_key()
    sealing.seal(folder, target, about={"match_id": "m", "as_of": {"event": 1}})
    return key, target.read_bytes()


def _samples() -> list[Sample]:
    from base.accounts.roles import Role
    from base.accounts.services import create_user
    from catalogue.services import create_bucket
    from imports import services
    from imports.recordings.kind import RECORDINGS
    from imports.results.kind import RESULTS
    from scanning.models import Container
    from tests.registered import import_all

    import_all("registered_hostile")
    user = create_user(username="tables", password=None, role=Role.ADMIN)
    bucket = create_bucket(name="Tables", user=user)
    container = Container.objects.create(name="Tables")

    def recordings(file: File[bytes]) -> Import:
        return services.keep_upload(
            RECORDINGS,
            bucket=bucket,
            table=file,
            archive=None,
            encoding="utf-8",
            keep_unknown=False,
            user=user,
        )

    def results(file: File[bytes]) -> Import:
        return services.keep_upload(RESULTS, container=container, file=file, user=user)

    shows = json.dumps({"data": [_RESULT]}).encode()
    return [
        Sample("recordings.csv", _CSV, recordings),
        Sample("recordings.xlsx", _xlsx(), recordings),
        Sample("recordings.ods", _ods(), recordings),
        Sample("recordings.parquet", _parquet(), recordings),
        Sample("results.json", shows, results),
        *(sample for samples in MORE.values() for sample in samples(user)),
    ]


def _rows() -> list[list[str]]:
    return [line.split(",") for line in _CSV.decode().splitlines()]


def _xlsx() -> bytes:
    import openpyxl

    book, written = openpyxl.Workbook(), io.BytesIO()
    for row in _rows():
        book.worksheets[0].append(row)
    book.save(written)
    return written.getvalue()


def _ods() -> bytes:
    """Return a text table of OpenDocument, as far as a reader would look."""
    cells = "".join(
        "<table:table-row>"
        + "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in row)
        + "</table:table-row>"
        for row in _rows()
    )
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "content.xml", f"<office:document-content>{cells}</office:document-content>"
        )
    return written.getvalue()


def _parquet() -> bytes:
    import pyarrow as pa
    import pyarrow.parquet

    head, *rows = _rows()
    columns = {name: [row[n] for row in rows] for n, name in enumerate(head)}
    written = io.BytesIO()
    pyarrow.parquet.write_table(pa.table(columns), written)
    return written.getvalue()
