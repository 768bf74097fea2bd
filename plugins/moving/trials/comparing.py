"""Writes what two engines say of each file that both have scanned.

Hours of streams are compared by ``listening``. Only recordings count that both could find before they scanned: they are searchable here,
and a move brought them from a bucket that the container in the account searches. Copies
of one sound count once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction

from base.jobs.context import JobContext
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Recording
from catalogue.sounds import members_of, sounds_of
from plugins.moving.models import (
    EngineTrial,
    Moved,
    MovedKind,
    TrialFile,
    TrialKind,
    TrialRow,
    TrialState,
)
from review.models import Match
from scanning.choices import EngineChoice, ScanStatus
from scanning.comparison import SAME_PLACE_MS, EngineDetection, Interval, found_in, overlap
from scanning.models import Detection, Scan, ScannedFile, Segment
from scanning.selectors import current_scans_of, has_searched, index_positions

Detections = dict[int, EngineDetection]
"""What one engine found, by the canonical recording of its sound."""


Start = tuple[int, int, int]
"""A recording, and where it begins in the file and in itself, in ms."""


@dataclass(frozen=True, slots=True)
class Theirs:
    """What the account found in a file, by recording.

    ``starts`` are recordings with where they began in the file and in themselves.
    ``buckets`` are those that it searched, and ``asked_at`` is when. ``file_id`` names a
    file that it got from others, of which there is no ``scan`` here. ``own_catalogue``
    and ``elsewhere`` count finds without a recording here.
    """

    detections: dict[int, EngineDetection]
    starts: Sequence[Start]
    buckets: Sequence[str]
    asked_at: datetime
    scan: Scan | None = None
    file_id: str = ""
    own_catalogue: int = 0
    elsewhere: int = 0
    below_floor: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """What both engines say of one sound; the times of one may be missing."""

    kind: TrialKind
    recording: Recording
    ours: Interval | None
    theirs: Interval | None


def still_runs(trial: EngineTrial) -> bool:
    """Return whether the trial still runs; it cannot end before the transaction does."""
    running = EngineTrial.objects.select_for_update().filter(state=TrialState.RUNNING)
    return running.filter(pk=trial.pk).first() is not None


def compare_files(trial: EngineTrial, keys: Collection[int], context: JobContext) -> None:
    """Compare those files that both engines have scanned since."""
    files = ScannedFile.objects.filter(pk__in=keys).select_related("container")
    compared = {
        (row.scanned_file_id, row.our_scan_id, row.their_scan_id)
        for row in trial.files.filter(scanned_file__in=keys)
    }
    scans = current_scans_of(files)
    for file in files:
        context.report()
        done = {scan.engine: scan for scan in scans[file.pk] if scan.status == ScanStatus.SUCCEEDED}
        ours = done.get(EngineChoice.EMBEDDED)
        theirs = done.get(EngineChoice.ACRCLOUD)
        if ours and theirs and (file.pk, ours.pk, theirs.pk) not in compared:
            scanned = Scan.objects.in_bulk([ours.pk, theirs.pk])
            heard = _scanned_there(trial, file, scanned[theirs.pk])
            FileComparison(trial, file, scanned[ours.pk], heard).write()


def _scanned_there(trial: EngineTrial, file: ScannedFile, scan: Scan) -> Theirs:
    floor = file.container.score_floor
    return Theirs(
        detections=found_in([scan], floor=floor),
        starts=_reference_starts(scan),
        buckets=trial.their_buckets.get(str(file.container_id), []),
        asked_at=scan.created_at,
        scan=scan,
        below_floor=_below_floor(scan, floor),
    )


def _reference_starts(scan: Scan) -> list[Start]:
    segments = Segment.objects.filter(detection__scan=scan)
    return list(segments.values_list("detection__recording", "start_ms", "reference_start_ms"))


def _below_floor(scan: Scan, floor: Decimal) -> int:
    return Detection.objects.filter(scan=scan, score__lt=floor).count()


class FileComparison:
    """The comparison of one file, which this portal has scanned and the account heard."""

    def __init__(self, trial: EngineTrial, file: ScannedFile, ours: Scan, theirs: Theirs) -> None:
        self._trial, self._file = trial, file
        self._ours, self._theirs = ours, theirs
        floor = file.container.score_floor
        raw = [found_in([ours], floor=floor), theirs.detections]
        recordings = {detection.recording for side in raw for detection in side.values()}
        self._sounds = sounds_of(recordings)
        self._sound_of = members_of(set(self._sounds.values()))
        self._members = Recording.objects.in_bulk(
            {*self._sound_of, *(recording.pk for recording in recordings)}
        )
        comparable = self._comparable()
        sides = [self._by_sound(raw_side) for raw_side in raw]
        self._detections = [
            {key: detection for key, detection in side.items() if key in comparable}
            for side in sides
        ]
        left_out = [
            detection for side in sides for key, detection in side.items() if key not in comparable
        ]
        own = sum(
            detection.recording.bucket_id == ACRCLOUD_MUSIC_BUCKET_ID for detection in left_out
        )
        self._counts = {
            "own_catalogue": own + theirs.own_catalogue,
            "not_in_both": len(left_out) - own + theirs.elsewhere,
            "below_floor": _below_floor(ours, floor) + theirs.below_floor,
        }

    def _comparable(self) -> set[int]:
        """Return the sounds that both engines could find when they scanned."""
        positions = index_positions(self._members)
        uids = {recording.uid: recording.pk for recording in self._members.values()}
        there = Moved.objects.filter(
            account=self._trial.account,
            kind=MovedKind.RECORDING,
            case__in=[f"recording:{uid}" for uid in uids],
            parent__in=self._theirs.buckets,
            # A move that came after the scan says nothing of what was there before.
            moved_at__lte=self._theirs.asked_at,
        )
        theirs = {
            self._sound_of.get(uids[case.partition(":")[2]])
            for case in there.values_list("case", flat=True)
        }
        ours = {
            self._sound_of.get(recording.pk)
            for recording in self._members.values()
            if has_searched(self._ours, recording, positions)
        }
        return {sound for sound in ours & theirs if sound is not None}

    def _by_sound(self, detections: Mapping[int, EngineDetection]) -> Detections:
        """Join what an engine found of copies of one sound."""
        joined: Detections = {}
        for key, detection in detections.items():
            # A recording that was given up since stays beside the others.
            sound = self._sounds.get(key, key)
            stands = self._members.get(sound, detection.recording)
            entry = joined.setdefault(sound, EngineDetection(stands))
            entry.intervals += detection.intervals
        return joined

    def _lines(self) -> Iterator[_Line]:
        ours, theirs = self._detections
        for key in sorted(ours):
            our_detection, their_detection = ours[key], theirs.get(key)
            if their_detection is not None:
                kind = _agreement(our_detection.whole, their_detection.whole)
                yield _Line(
                    kind, our_detection.recording, our_detection.whole, their_detection.whole
                )
            elif _has_rival(our_detection, theirs):
                yield _Line(
                    TrialKind.OTHER_OURS, our_detection.recording, our_detection.whole, None
                )
            else:
                yield _Line(TrialKind.ONLY_OURS, our_detection.recording, our_detection.whole, None)
        for key in sorted(theirs.keys() - ours.keys()):
            their_detection = theirs[key]
            kind = (
                TrialKind.OTHER_THEIRS
                if _has_rival(their_detection, ours)
                else TrialKind.ONLY_THEIRS
            )
            yield _Line(kind, their_detection.recording, None, their_detection.whole)

    @transaction.atomic
    def write(self) -> None:
        """Replace the file's rows; what people heard of a recording stays."""
        if not still_runs(self._trial):
            return
        file, _made = TrialFile.objects.update_or_create(
            trial=self._trial,
            scanned_file=self._file,
            defaults={
                "our_scan": self._ours,
                "their_scan": self._theirs.scan,
                "their_file": self._theirs.file_id,
                "duration_ms": self._file.length_ms,
                **self._counts,
            },
        )
        earlier = {row.recording_id: row for row in file.rows.select_for_update()}
        file.rows.all().delete()
        matches, starts = self._matches(), self._starts()
        rows = []
        for line in self._lines():
            before = earlier.get(line.recording.pk)
            ours, theirs = line.ours or (None, None), line.theirs or (None, None)
            sound = self._sounds.get(line.recording.pk, line.recording.pk)
            rows.append(
                TrialRow(
                    file=file,
                    recording=line.recording,
                    match=matches.get(sound),
                    kind=line.kind,
                    our_start_ms=ours[0],
                    our_end_ms=ours[1],
                    their_start_ms=theirs[0],
                    their_end_ms=theirs[1],
                    reference_start_ms=starts.get(sound, 0),
                    draw=_draw(self._trial, self._file, line.recording),
                    sampled=line.kind != TrialKind.BOTH,
                    judged=before.judged if before else "",
                    judged_by=before.judged_by if before else None,
                    judged_at=before.judged_at if before else None,
                )
            )
        TrialRow.objects.bulk_create(rows)

    def _matches(self) -> dict[int, Match]:
        live = Match.objects.filter(scanned_file=self._file)
        return {
            self._sounds.get(match.recording_id, match.recording_id): match
            for match in live.order_by("-pk")
        }

    def _starts(self) -> dict[int, int]:
        """Return where in each recording its first segment begins."""
        starts: dict[int, int] = {}
        all_starts = [*_reference_starts(self._ours), *self._theirs.starts]
        for recording, _at, begin in sorted(all_starts, key=lambda start: start[1:]):
            starts.setdefault(self._sounds.get(recording, recording), begin)
        return starts


def _agreement(ours: Interval, theirs: Interval) -> TrialKind:
    apart = max(abs(our_ms - their_ms) for our_ms, their_ms in zip(ours, theirs, strict=True))
    return TrialKind.TIMES if apart > SAME_PLACE_MS else TrialKind.BOTH


def _has_rival(alone: EngineDetection, rivals: Detections) -> bool:
    """Return whether the other engine found another recording in the same place."""
    return any(overlap(alone.intervals, rival.intervals) for rival in rivals.values())


def _draw(trial: EngineTrial, file: ScannedFile, recording: Recording) -> int:
    """Return a number by chance that is the same when the file is compared again."""
    text = f"{trial.seed}:{file.uid}:{recording.uid}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1
