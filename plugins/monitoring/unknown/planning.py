"""Decides which files' unmatched sound is compared, and submits the jobs.

What is true now decides: rescans, late finds, deleted files and changed policies need no
code of their own.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet

from base.accounts.reach import working_for
from base.jobs import clock
from base.jobs.choices import OPEN_STATES
from base.jobs.models import Job
from base.jobs.services import submit
from plugins.monitoring.unknown.jobs import COMPARE, SEARCH_BACK
from plugins.monitoring.unknown.models import (
    ItemState,
    KeptFile,
    KeptState,
    UnknownItem,
    UnknownPolicy,
)
from recognition.params import DEFAULT
from review.counting import is_mostly_speech
from review.intervals import Interval, without
from scanning.choices import EngineChoice, ScanStatus
from scanning.models import Scan, ScannedFile, Segment

# Of each kind, in one round of the planning; the next one follows in a minute.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Truth:
    """What is to be compared of a file: its fingerprint, and where nothing matched.

    ``scan_id`` is the newest scan that says so.
    """

    scan_id: int
    fingerprint_name: str
    sha256: str
    unmatched: tuple[Interval, ...]
    speech: tuple[Interval, ...] = ()
    """Where the scan heard mostly speech, which is not unknown music."""

    @property
    def basis(self) -> str:
        """Return a digest that differs when the file must be compared again."""
        engine = DEFAULT.index_hash()
        named = [engine, self.fingerprint_name, self.sha256, self.unmatched]
        return hashlib.sha256(json.dumps(named).encode()).hexdigest()


def truth_of(file: ScannedFile) -> Truth | None:
    """Return which sound of a file is to be compared; None if the file is left out."""
    if not files_to_keep().filter(pk=file.pk).exists():
        return None
    scan = _full_scans().filter(scanned_file=file).order_by("-pk").first()
    if scan is None:
        return None
    # Late scans, and those of another engine, explain what the full scan could not.
    after = _succeeded().filter(scanned_file=file, pk__gt=scan.pk)
    newest = after.aggregate(newest=Max("pk"))["newest"] or scan.pk
    segments = Segment.objects.filter(detection__scan__in=after).exclude(
        detection__recording__in=UnknownItem.taken_back.through.objects.values("recording")
    )
    without_match = [
        (interval["start_ms"], interval["end_ms"])
        for interval in scan.unmatched
        if interval["kind"] == "no_match"
    ]
    unmatched = without(without_match, segments.values_list("start_ms", "end_ms"))
    speech = tuple(
        (interval["start_ms"], interval["end_ms"])
        for interval in scan.unmatched
        if is_mostly_speech(interval.get("speech_pct"))
    )
    return Truth(newest, str(file.fingerprint), file.sha256, tuple(unmatched), speech)


def files_to_keep() -> QuerySet[ScannedFile]:
    """Return the files whose unmatched sound is to be compared."""
    scanned = _full_scans().filter(scanned_file=OuterRef("pk"))
    present = ScannedFile.objects.filter(deleted_at__isnull=True)
    with_sound = present.exclude(fingerprint="").exclude(_given_up("container"))
    return with_sound.filter(Exists(scanned))


def _given_up(container: str) -> Q:
    """Return the condition that a policy says not to compare a file, or no longer."""
    file = container.removesuffix("container")
    given_up = Q(**{f"{container}__unknown_policy__is_on": False})
    limited = UnknownPolicy.objects.filter(is_on=True, days_kept__isnull=False)
    for key, days in limited.values_list("container", "days_kept"):
        oldest = clock.now() - timedelta(days=days or 0)
        given_up |= Q(**{container: key, f"{file}created_at__lt": oldest})
    return given_up


def _succeeded() -> QuerySet[Scan]:
    return Scan.objects.filter(status=ScanStatus.SUCCEEDED)


def _full_scans() -> QuerySet[Scan]:
    return _succeeded().filter(engine=EngineChoice.EMBEDDED, retro_search__isnull=True)


def note_scan(scan: Scan, **_signal: object) -> None:
    """Have a file compared once a scan of it succeeded, in the same transaction."""
    with working_for(None):
        file = scan.scanned_file
        if files_to_keep().filter(pk=file.pk).exists():
            kept_file, _made = KeptFile.objects.get_or_create(scanned_file=file)
            submit(COMPARE, kept_file)


def plan() -> None:
    """Ask for every comparison that is due; called each minute."""
    missing = files_to_keep().filter(kept_sound__isnull=True).order_by("pk")
    for file in missing[:_AT_ONCE]:
        KeptFile.objects.get_or_create(scanned_file=file)
    # Failed ones wait for a person, or for the next scan.
    newer = _succeeded().filter(scanned_file=OuterRef("scanned_file"), pk__gt=OuterRef("scan_id"))
    outdated = (
        Q(revision=None)
        | Q(scanned_file__deleted_at__isnull=False)
        | _given_up("scanned_file__container")
        | Exists(newer)
    )
    open_jobs = Job.objects.filter(kind=COMPARE.name, subject=OuterRef("pk"), state__in=OPEN_STATES)
    rows = KeptFile.objects.filter(outdated).exclude(Exists(open_jobs))
    stopped = [KeptState.FAILED, KeptState.CANCELLED]
    for kept_file in rows.exclude(state__in=stopped).order_by(
        F("revision").asc(nulls_last=True), "pk"
    )[:_AT_ONCE]:
        submit(COMPARE, kept_file)
    if to_search().exists():
        submit(SEARCH_BACK, None)


def to_search() -> QuerySet[UnknownItem]:
    """Return the items that are not yet searched in all earlier files."""
    return UnknownItem.objects.filter(
        state=ItemState.UNIDENTIFIED, settled=False, searched_to__isnull=False
    )
