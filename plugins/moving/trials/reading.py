"""Compares files that programs send to the account alone with the same files here.

The account's containers are read, and their files paired with ours by name and length,
so that both results stand on one file. Where two files fit, none is compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any, Final

from base.common.outside_text import normalised, without_joiners
from base.jobs.context import JobContext
from catalogue.models import Recording
from imports.results.file_scanning import milliseconds
from plugins.moving.models import EngineTrial
from plugins.moving.trials.comparing import FileComparison, Start, Theirs
from scanning.choices import EngineChoice, ScanStatus, Section
from scanning.comparison import EngineDetection
from scanning.engines.acrcloud import Cloud
from scanning.engines.acrcloud_results import read_items
from scanning.engines.cloud_faults import CloudFault
from scanning.models import Container, Scan, ScannedFile
from scanning.selectors import current_scans_of

_PER_PAGE: Final = 20
_MOST_PAGES: Final = 2_500
_SAME_LENGTH_MS: Final = 2_500
"""ACRCloud rounds lengths to seconds."""
_READY, _NOTHING_FOUND = 1, -1

Json = dict[str, Any]  # Any: JSON of another service


@dataclass(frozen=True, slots=True)
class FileThere:
    """A file that the account has scanned."""

    id: str
    name: str
    length_ms: int
    created_at: datetime
    results: object


def compare_files_there(trial: EngineTrial, context: JobContext) -> None:
    """Compare what programs sent to the account; one that is away is asked later."""
    cloud, unpaired = Cloud(trial.account), 0
    for container in trial.containers.order_by("pk"):
        context.report()
        try:
            there = list(_files_there(trial, cloud, container, context))
        except CloudFault:
            return
        unpaired += _compare(trial, container, there, context)
    running = EngineTrial.objects.filter(pk=trial.pk)
    running.update(unpaired=unpaired)


def _files_there(
    trial: EngineTrial, cloud: Cloud, container: Container, context: JobContext
) -> Iterator[FileThere]:
    """Yield the files that came during the trial; the newest are listed first."""
    seen: set[str] = set()
    before: list[Json] = []
    for page in range(1, _MOST_PAGES + 1):
        context.report()
        answer = cloud.read_page(
            f"fs-containers/{container.cloud_container_id}/files",
            page=page,
            per_page=_PER_PAGE,
            of_files=True,
            with_result="1",
        )
        # A server that ignores the page returns the same one for ever.
        if answer.rows == before:
            return
        before = answer.rows
        files = [file for row in answer.rows if (file := _read(row)) is not None]
        fresh = [file for file in files if file.created_at >= trial.begins_at]
        for file in fresh:
            if file.id not in seen and file.created_at < trial.ends_at:
                seen.add(file.id)
                yield file
        is_last = answer.last is not None and page >= answer.last
        if is_last or not answer.rows or (files and not fresh):
            return


def _read(row: Json) -> FileThere | None:
    if row.get("state") not in (_READY, _NOTHING_FOUND):
        return None
    try:
        created_at = datetime.fromisoformat(str(row.get("created_at")))
    except ValueError:
        return None
    if created_at.tzinfo is None:
        created_at = created_at.replace(tzinfo=UTC)
    return FileThere(
        id=str(row.get("id"))[:64],
        name=str(row.get("name")),
        length_ms=milliseconds(row.get("duration")),
        created_at=created_at,
        results=row.get("results"),
    )


def _compare(
    trial: EngineTrial, container: Container, there: Iterable[FileThere], context: JobContext
) -> int:
    """Compare the pairs that are new; return how many files there have none here."""
    files = ScannedFile.objects.present().filter(
        container=container, created_at__gte=trial.begins_at, created_at__lt=trial.ends_at
    )
    ours: dict[str, list[ScannedFile]] = defaultdict(list)
    for file in files.select_related("container").order_by("pk"):
        ours[_key(file.name)].append(file)
    theirs: dict[str, list[FileThere]] = defaultdict(list)
    for their_file in there:
        theirs[_key(their_file.name)].append(their_file)
    compared = set(trial.files.values_list("scanned_file", "our_scan", "their_file"))
    unpaired = 0
    for key, group in theirs.items():
        for their_file in group:
            context.report()
            fitting = [file for file in ours[key] if _fits(file, their_file)]
            rivals = [rival for rival in group if any(_fits(f, rival) for f in fitting)]
            if len(fitting) != 1 or len(rivals) != 1:
                unpaired += 1
                continue
            file = fitting[0]
            scan = _our_scan(file)
            if scan is not None and (file.pk, scan.pk, their_file.id) not in compared:
                FileComparison(trial, file, scan, _heard(trial, file, their_file)).write()
    return unpaired


def _key(name: str) -> str:
    """Return a name for comparison, without folders, letter case and suffix."""
    plain = normalised(without_joiners(name.replace("\\", "/")), "NFKC").strip().casefold()
    return PurePosixPath(plain).stem


def _fits(file: ScannedFile, there: FileThere) -> bool:
    if not file.length_ms or not there.length_ms:
        return False
    return abs(file.length_ms - there.length_ms) <= _SAME_LENGTH_MS


def _our_scan(file: ScannedFile) -> Scan | None:
    for scan in current_scans_of([file])[file.pk]:
        if scan.engine == EngineChoice.EMBEDDED and scan.status == ScanStatus.SUCCEEDED:
            return Scan.objects.get(pk=scan.pk)
    return None


def _heard(trial: EngineTrial, file: ScannedFile, there: FileThere) -> Theirs:
    """Return what the account found in a file."""
    items = read_items(there.results)
    acr_ids = {item.acrid for item in items}
    recordings = {row.acr_id: row for row in Recording.objects.filter(acr_id__in=acr_ids)}
    detections: dict[int, EngineDetection] = {}
    starts: list[Start] = []
    below = elsewhere = own = 0
    for item in items:
        recording, segment = recordings.get(item.acrid), item.segment
        if item.score is not None and item.score < file.container.score_floor:
            below += 1
        elif recording is None:
            is_own = item.section == Section.CUSTOM_FILES
            elsewhere, own = elsewhere + is_own, own + (not is_own)
        else:
            entry = detections.setdefault(recording.pk, EngineDetection(recording))
            entry.intervals.append((segment.start_ms, segment.end_ms))
            starts.append((recording.pk, segment.start_ms, segment.reference_start_ms))
    return Theirs(
        detections=detections,
        starts=starts,
        buckets=trial.their_buckets.get(str(file.container_id), []),
        asked_at=there.created_at,
        file_id=there.id,
        own_catalogue=own,
        elsewhere=elsewhere,
        below_floor=below,
    )
