"""Examines an installation after many kills: everything exists exactly once."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.kills import Rounds
    from catalogue.models import Bucket


@dataclass
class Acknowledged:
    """Operations that the server acknowledged, which must survive."""

    uploads: dict[str, str] = field(default_factory=dict)
    """SHA-256 by the file's uid."""
    recordings: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    merges: list[str] = field(default_factory=list)
    """Groups by uid."""
    backups: list[Path] = field(default_factory=list)
    programmes: dict[str, int] = field(default_factory=dict)
    """What a plug-in's file has, by the file's uid; the plug-in examines it."""
    dropped: dict[str, str] = field(default_factory=dict)
    """SHA-256 by the path of the file in the drop."""


@dataclass
class Checks:
    """The number of examined objects of each kind, and the faults."""

    counted: list[tuple[str, int, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def add(self, subject: str, number: int, faults: Iterator[str]) -> None:
        """Add the result of one check."""
        faults_seen = list(faults)
        self.counted.append((subject, number, len(faults_seen)))
        self.faults += faults_seen


@dataclass(frozen=True, slots=True)
class More:
    """What a plug-in does while its process is killed, and how that is examined.

    ``act`` takes the rounds of ``benchmarks.kills`` and the moment of the kill, which is
    None for an act that ends; it returns whether the act was answered.
    """

    label: str
    act: Callable[[Rounds, float | None], bool]
    examine: Callable[[Acknowledged], Iterator[str]]


MORE: dict[str, More] = {}
"""By name; plug-ins add theirs in ``registered_kills`` of their tests."""


def open_work() -> bool:
    """Return whether work still waits or runs."""
    from base.jobs.choices import OPEN_STATES
    from base.jobs.kinds import regular_work
    from base.jobs.models import Job
    from catalogue.models import Recording, RecordingStatus
    from reports.choices import UNFINISHED
    from reports.models import ReportRun
    from scanning.choices import ACTIVE_SCAN_STATUSES
    from scanning.jobs import DROP_POLL
    from scanning.models import DropItem, Scan

    waiting = (RecordingStatus.WAITING, RecordingStatus.PROCESSING)
    return any(
        rows.exists()
        for rows in (
            Scan.objects.filter(status__in=ACTIVE_SCAN_STATUSES),
            Recording.objects.filter(status__in=waiting),
            ReportRun.objects.filter(state__in=UNFINISHED),
            DropItem.objects.filter(put_away_at=None),
            Job.objects.filter(state__in=OPEN_STATES).exclude(
                # A drop is polled again and again; its files are looked at above.
                kind__in=[*regular_work(), DROP_POLL.name]
            ),
        )
    )


def examine(acknowledged: Acknowledged, backups: Path, dropped: Path) -> Checks:
    """Compare the installation with the acknowledged work, and with itself."""
    from catalogue.models import Bucket, Recording
    from operations.backup_places import backups_in
    from reports.models import ReportRun
    from scanning.models import ScannedFile

    checks = Checks()
    checks.add("acknowledged uploads", len(acknowledged.uploads), _uploads(acknowledged.uploads))
    checks.add("dropped files", len(acknowledged.dropped), _dropped(acknowledged.dropped, dropped))
    checks.add("files", ScannedFile.objects.count(), _files(acknowledged))
    for check in MORE.values():
        checks.add(check.label, len(acknowledged.programmes), check.examine(acknowledged))
    checks.add("acknowledged recordings", len(acknowledged.recordings), _recordings(acknowledged))
    for bucket in Bucket.objects.filter(name__in=["Known", "Doubled"]):
        number = Recording.objects.filter(bucket=bucket).count()
        checks.add(f"recordings of {bucket} in the index", number, _index(bucket))
    checks.add("acknowledged reports", len(acknowledged.reports), _reports(acknowledged.reports))
    checks.add("reports", ReportRun.objects.count(), _all_reports())
    checks.add("acknowledged merges", len(acknowledged.merges), _merges(acknowledged))
    checks.add(
        "acknowledged backups", len(acknowledged.backups), _acknowledged_backups(acknowledged)
    )
    finished = backups_in(backups)
    checks.add("finished backups", len(finished), _backups(finished))
    checks.add("audit trail and doctor", 1, _whole())
    return checks


def _uploads(uploads: dict[str, str]) -> Iterator[str]:
    from scanning.models import ScannedFile

    for uid, digest in uploads.items():
        rows = list(ScannedFile.objects.filter(uid=uid))
        if [row.sha256 for row in rows] != [digest]:
            yield f"upload {uid}: {len(rows)} files, {[row.sha256 for row in rows]}"


def _dropped(written: dict[str, str], folder: Path) -> Iterator[str]:
    """Check that each dropped file is one file, and was put away whole."""
    from scanning.models import DropItem, ScannedFile

    for path, digest in written.items():
        items = DropItem.objects.filter(path=path).count()
        files = ScannedFile.objects.filter(sha256=digest).count()
        if (items, files) != (1, 1):
            yield f"dropped {path}: {items} items, {files} files"
        place = folder / "done" / path
        content = place.read_bytes() if place.is_file() else b""
        if hashlib.sha256(content).hexdigest() != digest:
            yield f"dropped {path}: not whole in done"
    for remainder in folder.glob("*.*"):
        yield f"dropped {remainder.name}: still in the drop"


def _files(acknowledged: Acknowledged) -> Iterator[str]:
    """Check each clip of a reference: stored whole, scanned once, matched once."""
    from scanning.choices import FileStatus, ScanStatus
    from scanning.models import Detection, ScannedFile

    for file in ScannedFile.objects.exclude(uid__in=acknowledged.programmes).order_by("pk"):
        with file.media.open("rb") as media:
            stored = hashlib.file_digest(media, "sha256").hexdigest()
        if stored != file.sha256:
            yield f"file {file.uid}: its bytes have another hash"
        scans = list(file.scans.values_list("status", flat=True))
        if file.status != FileStatus.READY or scans != [ScanStatus.SUCCEEDED]:
            yield f"file {file.uid}: {file.status} {file.message}, scans {scans}"
        detections = Detection.objects.filter(scan__scanned_file=file)
        recordings = list(detections.values_list("recording_id", flat=True))
        matches = list(file.matches.values_list("recording_id", flat=True))
        if len(recordings) != 1 or matches != recordings:
            yield f"file {file.uid}: detections {recordings}, matches {matches}"


def _recordings(acknowledged: Acknowledged) -> Iterator[str]:
    from catalogue.models import Recording

    for title in acknowledged.recordings:
        states = list(Recording.objects.filter(title=title).values_list("status", flat=True))
        if states != ["ready"]:
            yield f"recording {title}: {states}"


def _index(bucket: Bucket) -> Iterator[str]:
    """Check the index against the stored fingerprints of searchable recordings."""
    from catalogue import following, index_store
    from catalogue.models import Recording, RecordingStatus

    index = following.open_index()
    ready = Recording.objects.filter(bucket=bucket, status=RecordingStatus.READY)
    keys = set(ready.values_list("pk", flat=True))
    held = index.recordings(bucket.pk).tolist()
    if sorted(held) != sorted(keys):
        yield f"index of {bucket}: {set(held) ^ keys} too many, missing or duplicated"
    postings = sum(len(index_store.postings_of(recording)[1]) for recording in ready)
    if index.stats(bucket.pk).postings != postings:
        yield (
            f"index of {bucket}: {index.stats(bucket.pk).postings} postings, of the "
            f"fingerprints {postings}"
        )
    for problem in index.verify(bucket.pk):
        yield f"index of {bucket}: {problem}"


def _reports(reports: list[str]) -> Iterator[str]:
    from reports.models import ReportRun

    for uid in reports:
        states = list(ReportRun.objects.filter(uid=uid).values_list("state", flat=True))
        if states != ["ready"]:
            yield f"report {uid}: {states}"


def _all_reports() -> Iterator[str]:
    from reports.files import check_run
    from reports.models import ReportRun

    for run in ReportRun.objects.order_by("pk"):
        for check in check_run(run=run):
            if not check.is_whole:
                yield f"report {run.uid}, {check.name}: {check.fault}"


def _merges(acknowledged: Acknowledged) -> Iterator[str]:
    """Check that each merge is complete and single, or, if unacknowledged, absent."""
    from catalogue.models import Recording, RecordingStatus
    from dedup.models import ActionState, DedupAction, DedupGroup

    for uid in acknowledged.merges:
        done = DedupAction.objects.filter(group_uid=uid, state=ActionState.DONE).count()
        if done != 1 or DedupGroup.objects.filter(uid=uid).exists():
            yield f"merge of {uid}: done {done} times"
    merged = Recording.objects.filter(merged_into__isnull=False)
    actions = DedupAction.objects.filter(state=ActionState.DONE).count()
    if merged.count() != actions:
        yield f"{merged.count()} recordings were merged by {actions} actions"
    for recording in merged.exclude(status=RecordingStatus.RETIRED):
        yield f"{recording}: merged, and still {recording.status}"


def _acknowledged_backups(acknowledged: Acknowledged) -> Iterator[str]:
    for folder in acknowledged.backups:
        if not folder.is_dir():
            yield f"backup {folder.name} is gone"


def _backups(finished: list[Path]) -> Iterator[str]:
    from operations.restoring import check_backup
    from operations.tables import BackupUnusable

    for folder in finished:
        try:
            check_backup(folder, lambda _message: None)
        except BackupUnusable as error:
            yield f"backup {folder.name}: {error}"


def _whole() -> Iterator[str]:
    from django.core.management import call_command

    from base.audit.models import Event
    from operations.doctor import examine as doctor
    from scanning.models import ScannedFile

    try:
        call_command("verify_audit", stdout=io.StringIO(), stderr=io.StringIO())
    except SystemExit:
        yield "the audit trail is not intact"
    submitted = Event.objects.filter(action="file.submitted").count()
    if submitted != ScannedFile.objects.count():
        yield f"{submitted} submissions recorded, {ScannedFile.objects.count()} files"
    for finding in doctor():
        yield f"doctor: {finding.check}: {finding.problem}"
