"""Scanned files with unknown sound, as their scans leave them, and the jobs on them."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Model

from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.monitoring.unknown import planning
from plugins.monitoring.unknown.models import KeptFile, Occurrence, SharedRun, UnknownItem
from recognition.fingerprints.builder import extract
from recognition.fingerprints.file_format import to_bytes
from recognition.types import Fingerprint
from scanning.models import Container, Scan, ScannedFile
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.recognition.synthesis import join, music

SONG = 1


@cache
def sound(*seeds: int) -> Fingerprint:
    """Return the fingerprint of tunes in sequence, the song among them is twice as long.

    Kept for all tests, since extracting takes longest.
    """
    return extract(join(*(music(seed, 20 if seed == SONG else 10) for seed in seeds)))


def broadcast(container: Container, *seeds: int) -> ScannedFile:
    """Return a scanned file of these tunes, none of which matched."""
    return scanned(container, sound(*seeds))


def scanned(container: Container, made: Fingerprint) -> ScannedFile:
    """Return a scanned file with this fingerprint in which nothing matched."""
    file = ScannedFileFactory.create(container=container, length_ms=made.duration_ms)
    name = f"scans/{file.uid.hex}.acrfp"
    file.fingerprint = default_storage.save(name, ContentFile(to_bytes(made)))
    file.save()
    scan_again(file, (0, made.duration_ms))
    return file


def scan_again(file: ScannedFile, *unmatched: tuple[int, int]) -> Scan:
    """Store a scan of a file after which only these intervals are unmatched."""
    nothing = [{"start_ms": start, "end_ms": end, "kind": "no_match"} for start, end in unmatched]
    return ScanFactory.create(scanned_file=file, unmatched=nothing)


def work() -> None:
    """Plan and do all that is due, and what that makes due."""
    for _ in range(2):
        planning.plan()
        while run_next(Pool.WORK) is not None:
            pass


def places(item: UnknownItem) -> list[tuple[str, int, int]]:
    """Return file, start and end in seconds of each occurrence."""
    return [
        (
            occurrence.file.scanned_file.name,
            round(occurrence.start_ms, -3) // 1000,
            round(occurrence.end_ms, -3) // 1000,
        )
        for occurrence in Occurrence.objects.filter(item=item).order_by("file", "start_ms")
    ]


def rows() -> dict[str, Any]:  # Any: rows as tuples
    """Return what all rows say, without what differs between two equal histories."""
    files = KeptFile.objects.order_by("pk")
    items = UnknownItem.objects.order_by("pk")
    return {
        "files": [*files.values_list("pk", "state", "unmatched", "basis", "revision")],
        "runs": [*map(_plain, SharedRun.objects.order_by("file", "start_ms", "pk"))],
        "items": [(*_plain(item), bytes(item.landmarks), places(item)) for item in items],
    }


def _plain(row: Model) -> tuple[Any, ...]:  # Any: as each column has it
    left_out = {"id", "uid", "created_at", "updated_at", "landmarks"}
    columns = [field.attname for field in row._meta.concrete_fields]
    return tuple(getattr(row, name) for name in columns if name not in left_out)
