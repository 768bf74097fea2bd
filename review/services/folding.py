"""Folds the detections of a finished scan into matches.

It runs in the transaction that stores the scan's outcome, so a finished scan and its
matches appear together or not at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Max, Q

from base.audit.services import SYSTEM, record
from catalogue.models import Recording, RecordingStatus
from review import match_events, versions
from review.choices import MatchState, QueueReason, VersionChoice
from review.models import Match
from review.services import choosing, evaluation, joining, rescans, transitions
from review.services.drafts import MatchDraft, MatchDrafts, drafts_of, family_of
from review.subjects import Subject
from review.timeline import figures
from scanning import selectors
from scanning.choices import ACTIVE_SCAN_STATUSES, COMBINED_ENGINES, EngineChoice, ScanStatus
from scanning.models import Scan, ScannedFile, Segment


def note_result(*, scan: Scan, **_signal: object) -> None:
    """Write the matches of a scan that has a result, then the figures of its file."""
    fold_scan(scan=scan)
    figures.refresh([scan.scanned_file_id])


def note_end(*, scan: Scan, **_signal: object) -> None:
    """Write them for a scan without a result, too: another result may have waited for it.

    The file may also have another length since.
    """
    if scan.status != ScanStatus.SUCCEEDED:
        note_result(scan=scan)


@transaction.atomic
def fold_scan(*, scan: Scan) -> None:
    """Write the matches of a finished scan; running it again changes nothing.

    The match of an earlier scan gets the new evidence, or is marked as lost if the scan
    searched for the recording and did not find it. If two engines scan a file, the
    embedded engine's match leads and ACRCloud's detection is noted on it; ACRCloud's
    scan therefore waits until the embedded scan has ended.
    """
    # Lock the file so that two scans of it do not fold at the same time.
    ScannedFile.objects.select_for_update().get(pk=scan.scanned_file_id)
    scan.scanned_file.lengthen_to(_last_end(scan))
    if scan.retro_search_id is not None:
        _fold_late(scan)
        return
    current = selectors.current_scans(scan.scanned_file)
    if scan not in current:
        return
    embedded_runs = any(
        running.status in ACTIVE_SCAN_STATUSES and running.engine == EngineChoice.EMBEDDED
        for running in current
    )
    for current_scan in current:
        waits = embedded_runs and current_scan.engine == EngineChoice.ACRCLOUD
        if current_scan.status == ScanStatus.SUCCEEDED and not waits:
            partner = next((candidate for candidate in current if candidate != current_scan), None)
            _fold_one(scan=current_scan, partner=partner)
    _note_disagreements(scan)


def _last_end(scan: Scan) -> int:
    """Return where the last segment of the scan or of the file's matches ends."""
    of_file = Q(detection__matches__scanned_file=scan.scanned_file_id)
    segments = Segment.objects.filter(Q(detection__scan=scan) | of_file)
    return segments.aggregate(end=Max("end_ms"))["end"] or 0


def _fold_one(*, scan: Scan, partner: Scan | None) -> None:
    matches = _matches_of(scan.scanned_file_id)
    drafts = drafts_of(scan, matches)
    for draft in drafts.counting:
        earlier = _take_earlier(matches, draft, drafts, partner=partner)
        is_grouped_since = any(match.scan_id == scan.pk for match in earlier[1:])
        if not earlier or is_grouped_since or earlier[0].scan_id not in {scan.pk, _key(partner)}:
            _fold(draft, earlier, drafts.rivals(draft), partner=partner)
        elif earlier[0].scan_id != scan.pk:
            _find_too(match=earlier[0], scan=scan)
    _mark_lost(
        scan=scan, matches=[match for match in matches.values() if match.scan_id != _key(partner)]
    )


def _matches_of(file: int) -> dict[int, Match]:
    """Return the file's matches by recording, locked."""
    return {
        match.recording_id: match
        for match in Match.objects.select_for_update(of=("self",))
        .filter(scanned_file_id=file)
        .select_related("recording", "scan", "scanned_file__container")
        .prefetch_related("candidates__recording")
    }


def _key(scan: Scan | None) -> int | None:
    return scan.pk if scan is not None else None


def _take_earlier(
    matches: dict[int, Match],
    draft: MatchDraft,
    drafts: MatchDrafts,
    *,
    partner: Scan | None = None,
) -> list[Match]:
    """Remove and return the matches that go on as one of the draft's recording.

    They belong to the recording itself, which comes first, to recordings merged into it,
    to copies that it stands for, to a version that fitted as well and is not found any
    more, and to the stub with its ISRC.
    """
    recording = draft.recording
    drafted = {counting.recording.pk for counting in drafts.counting}
    keys = [
        key
        for key, match in matches.items()
        if key == recording.pk
        or match.recording.stands_for_it == recording
        or drafts.copies.get(key) == recording
        or (
            key not in drafted
            and not match.is_decided_alone
            and any(candidate.recording == recording for candidate in match.candidates.all())
        )
    ]
    if recording.status != RecordingStatus.STUB and recording.isrc_normalised:
        # The cloud knew the recording by its ISRC before it was in our catalogue.
        keys += [
            key
            for key, match in matches.items()
            if match.recording.status == RecordingStatus.STUB
            and match.recording.isrc_normalised == recording.isrc_normalised
            # The other engine still finds the stub beside a match of the recording.
            and not (keys and match.scan_id == _key(partner))
        ]
    keys.sort(key=lambda key: (key != recording.pk, matches[key].pk))
    return [matches.pop(key) for key in keys]


def _fold(
    draft: MatchDraft, earlier: Sequence[Match], rivals: int, *, partner: Scan | None = None
) -> None:
    """Write what a scan found of one recording to its match.

    Of several earlier matches, which are one now, the first survives.
    """
    if not earlier:
        _create(draft, rivals)
        return
    survivor, *joined = earlier
    before = rescans.intervals_of(earlier)
    joining.join([(match, survivor) for match in joined], actor=SYSTEM, scan=draft.scan)
    rescans.update(match=survivor, draft=draft, rivals=rivals, before=before, partner=partner)


def _create(draft: MatchDraft, rivals: int) -> None:
    scan, recording, file = draft.scan, draft.recording, draft.scan.scanned_file
    late = _is_late(scan=scan, recording=recording)
    choice = versions.choice_of(recording=recording, candidates=draft.candidates)
    subject = Subject(
        file=file,
        recording=recording,
        scan=scan,
        measured=draft.measured,
        rivals=rivals,
        found_late=late,
        has_open_versions=choice == VersionChoice.OPEN,
        heard=lambda: draft.source_intervals,
    )
    match = Match.objects.create(
        scanned_file=file,
        recording=recording,
        scan=scan,
        source_views=file.views,
        rivals=rivals,
        found_late=late,
        version_choice=choice,
        **asdict(draft.measured),
        **evaluation.evaluate(subject=subject).fields(),
    )
    if match.decided_at is not None:
        # A rule decided while the row was made, not before it was found.
        match.decided_at = match.created_at
        match.save(update_fields=["decided_at"])
    match.detections.set(draft.detections)
    match.candidates.set(draft.candidates)
    record(
        case=match.case,
        action=match_events.FOUND,
        after={
            **transitions.snapshot(match),
            "scan": scan.uid,
            "recording": recording.uid,
            "relation": match.relation,
            "score": None if match.score is None else str(match.score),
            "matched_ms": match.matched_ms,
            "candidates": versions.uids(draft.candidates),
        },
    )


def _is_late(*, scan: Scan, recording: Recording) -> bool:
    """Return whether a change of catalogue or engine made this match possible."""
    if scan.retro_search_id is not None:
        return True
    earlier = Scan.objects.full().filter(
        scanned_file_id=scan.scanned_file_id, status=ScanStatus.SUCCEEDED, pk__lt=scan.pk
    )
    if scan.scanned_file.engine in COMBINED_ENGINES:
        # With two engines, the second engine's first scan is not late.
        earlier = earlier.filter(engine=scan.engine)
    first = earlier.order_by("pk").first()
    if first is None:
        return False
    other_engine = (first.engine, first.engine_version) != (scan.engine, scan.engine_version)
    return other_engine or recording.created_at > (first.finished_at or first.created_at)


def _find_too(*, match: Match, scan: Scan) -> None:
    """Note that the other engine found the recording too; score and times stay."""
    if match.second_scan_id == scan.pk:
        return
    Match.objects.filter(pk=match.pk).update(
        second_scan=scan, version=match.version + 1, updated_at=datetime.now(tz=UTC)
    )
    record(
        case=match.case,
        action=match_events.FOUND_TOO,
        after={"scan": scan.uid, "engine": scan.engine},
    )


def _mark_lost(*, scan: Scan, matches: Sequence[Match]) -> None:
    """Mark matches whose recording the scan searched for but did not find."""
    searched = {bucket["id"] for bucket in scan.buckets}
    for match in matches:
        looked_for = (
            match.recording.bucket_id in searched if searched else match.scan.engine == scan.engine
        )
        # A retro search that ended after this scan began knew more recordings.
        if match.lost or match.scan_id >= scan.pk or not looked_for:
            continue
        Match.objects.filter(pk=match.pk).update(
            lost=True, version=match.version + 1, updated_at=datetime.now(tz=UTC)
        )
        record(
            case=match.case,
            action=match_events.LOST,
            before={"lost": False},
            after={"lost": True, "scan": scan.uid},
        )


def _fold_late(scan: Scan) -> None:
    """Write matches of recordings added after the full scan, and of those lost since.

    Other matches stay as they are.

    Detections of the file's other scans in the same interval count as rivals, as if one
    scan had found both.
    """
    matches = _matches_of(scan.scanned_file_id)
    drafts = drafts_of(scan, matches)
    beside = MatchDrafts(
        [
            draft
            for counting_scan in selectors.counting_scans(scan.scanned_file)
            if counting_scan != scan
            for draft in drafts_of(counting_scan, matches).counting
        ],
        {},
    )
    for draft in drafts.counting:
        equal = _match_of_equal(draft, beside.counting, matches)
        if equal is not None:
            own = matches.get(draft.recording.pk)
            if own is not None and own != equal and not own.is_decided_alone:
                # It was found before its recording was a version of the other.
                joining.join([(matches.pop(own.recording_id), equal)], actor=SYSTEM)
            choosing.add_candidates(equal, [*draft.detections, *draft.candidates])
            continue
        # A match for the recording or its canonical one already stands for the sound.
        sound = draft.stays.sound
        standing = matches.get(draft.recording.pk) or matches.get(sound)
        if standing is None or standing.lost:
            rivals = drafts.rivals(draft) + beside.rivals(draft)
            _fold(draft, _take_earlier(matches, draft, drafts), rivals)


def _match_of_equal(
    draft: MatchDraft, beside: Sequence[MatchDraft], matches: Mapping[int, Match]
) -> Match | None:
    """Return the match of another version that fits as well as this one."""
    for version in beside:
        match = matches.get(version.recording.pk)
        if (
            match is not None
            and not match.lost
            and family_of(draft) == family_of(version)
            and versions.differ(draft.stays, version.stays)
            and draft.fits_as(version)
        ):
            return match
    return None


def _note_disagreements(scan: Scan) -> None:
    """Set the reason of earlier matches that the second engine's result contradicts."""
    if scan.scanned_file.engine not in COMBINED_ENGINES:
        return
    pending = Match.objects.filter(
        scanned_file_id=scan.scanned_file_id,
        state=MatchState.PENDING,
        queue_reason__in=evaluation.OWN_REASONS,
    )
    for match in pending.select_related("recording", "scan", "scanned_file"):
        if Subject.of(match).engines_disagree:
            Match.objects.filter(pk=match.pk).update(
                queue_reason=QueueReason.ENGINES_DISAGREE,
                version=match.version + 1,
                updated_at=datetime.now(tz=UTC),
            )
            record(
                case=match.case,
                action=match_events.DISAGREE,
                before={"queue_reason": match.queue_reason},
                after={"queue_reason": QueueReason.ENGINES_DISAGREE.value},
            )


def keep_views(*, file: ScannedFile, **_signal: object) -> None:
    """Copy the source's view count to its matches, so that lists can sort by it."""
    changed = Match.objects.filter(scanned_file=file).exclude(source_views=file.views)
    changed.update(source_views=file.views)
