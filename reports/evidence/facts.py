"""The content of a pack: all facts about one match, read at one moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

import base.audit.services
from base.accounts.models import User
from base.audit.models import Event
from catalogue.models import Exclusion, Recording
from catalogue.selectors import shown_for
from reports.choices import Mode
from reports.evidence.parts import Row, columns_left_out, day_text, parts_of, time_text
from reports.layouts import Layout, schema_of
from reports.selectors import match_rows
from review import coverage, selectors
from review.counting import Count
from review.coverage import LicenceCheck
from review.intervals import Interval
from review.models import Dispute, Match
from review.subjects import Subject
from review.timeline import Timeline, timeline
from scanning.models import Container, Detection, Scan, ScannedFile, Segment

# Other recordings of the file belong to other cases, and a pack cannot describe itself.
_OWN = frozenset({"other_candidates", "evidence_status", "evidence_sha256"})
_FILES = {"match.csv": Mode.MATCH, "segments.csv": Mode.SEGMENT}
# Any in this module: JSON.
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """One match with everything that belongs to it and to no other match.

    ``chain`` and ``anchors`` are lines of the audit export. ``tables`` holds the match
    report of this match, by file name.
    """

    match: Match
    line: Timeline
    count: Count
    detections: Sequence[Detection]
    exclusions: Sequence[Exclusion]
    licences: Sequence[LicenceCheck]
    disputes: Sequence[Dispute]
    parts: Mapping[str, Sequence[Row]]
    events: Sequence[Event]
    chain: str
    anchors: str
    tables: Mapping[str, bytes]

    @property
    def file(self) -> ScannedFile:
        """Return the scanned file."""
        return self.match.scanned_file

    @property
    def segments(self) -> list[Segment]:
        """Return the segments in source order."""
        return [counted_segment.segment for counted_segment in self.count.segments]

    @property
    def recording(self) -> Recording:
        """Return the recording that the match is shown with, as in reports."""
        return shown_for(self.match.recording)

    @property
    def heard(self) -> Recording:
        """Return the recording whose sound was found; it may be merged into another."""
        return heard_of(self.match, self.detections)

    @property
    def as_of(self) -> Event:
        """Return the last event of the match that the facts include."""
        return [event for event in self.events if event.case == self.match.case][-1]

    @property
    def scans(self) -> list[Scan]:
        """Return the scans that found the recording, the match's own first."""
        second = self.match.second_scan
        noted = [second] if second is not None else []
        other_scans = (detection.scan for detection in self.detections)
        return list(dict.fromkeys([self.match.scan, *noted, *other_scans]))


def gather(*, match_id: int) -> CaseFacts:
    """Read everything while the match's row is locked against decisions."""
    with transaction.atomic():
        # Decisions update this row, so they wait for the lock.
        Match.objects.select_for_update().get(pk=match_id)
        match = Match.objects.select_related(
            "recording__bucket",
            "recording__merged_into__bucket",
            "scanned_file__container",
            "scan",
            "second_scan",
            "licence",
            "policy",
            "dispute__recorded_by",
        ).get(pk=match_id)
        noted = Q(scan=match.second_scan_id, recording=match.recording_id)
        detections = Detection.objects.filter(Q(matches=match) | noted).distinct()
        exclusions = Exclusion.objects.filter(
            recording__in=detections.order_by().values("recording"),
            approved=True,
            removed_at__isnull=True,
        )
        return CaseFacts(
            match=match,
            line=timeline(match.scanned_file),
            count=selectors.count_of(match),
            detections=list(
                detections.select_related("scan", "recording")
                .prefetch_related("segments")
                .order_by("pk")
            ),
            exclusions=list(exclusions),
            licences=coverage.checks(subject=Subject.of(match)),
            disputes=list(
                match.disputes.select_related("recorded_by", "answered_by").order_by("pk")
            ),
            parts=parts_of(match),
            events=list(selectors.events_of(match).reverse()),
            chain="".join(base.audit.services.export_case(case=match.case)),
            anchors="".join(base.audit.services.export_anchors(case=match.case)),
            tables=_report_of(match),
        )


def case_json(facts: CaseFacts) -> Json:
    """Return the part of ``case.json`` about the match, without clips and pictures."""
    match, last = facts.match, facts.as_of
    return {
        "schema": "evidence-case/2",
        "as_of": {"event": last.sequence, "at": time_text(last.at), "event_hash": last.hash},
        "case_url": f"{settings.ACRPORTAL_BASE_URL}{match.review_url}",
        "match": match_json(match),
        "recording": recording_json(facts.match, facts.heard),
        "segments": [
            segment_json(counted_segment.segment, counted_segment.number)
            | {
                "counted_ms": counted_segment.counted_ms,
                "counted": _intervals(counted_segment.parts),
            }
            for counted_segment in facts.count.segments
        ],
        "counted": _intervals(facts.count.counted),
        "not_counted": _intervals(facts.count.excluded),
        "excluded_stretches_of_the_recording": [
            exclusion_json(exclusion) for exclusion in facts.exclusions
        ],
        "decisions": decisions_json(facts.events),
        "disputes": [dispute_json(dispute) for dispute in facts.disputes],
        **facts.parts,
    }


def decision_events(events: Iterable[Event]) -> list[Event]:
    """Return the events that changed the match's state, oldest first."""
    return [event for event in events if event.after.get("state") and not _is_look(event)]


def decisions_json(events: Iterable[Event]) -> list[Json]:
    """Return the decisions for programs."""
    return [
        {
            "event": event.sequence,
            "at": time_text(event.at),
            "by": event.actor_name,
            "action": event.action,
            "from": event.before.get("state", ""),
            "to": event.after.get("state", ""),
            "reason": event.reason,
            "note": event.note,
        }
        for event in decision_events(events)
    ]


def source_json(match: Match) -> Json:
    """Return the facts about the scanned file as they were read."""
    file = match.scanned_file
    return {
        "name": file.name,
        "type": file.source_type,
        "url": file.source_url,
        "platform": file.platform,
        "account": file.account,
        "external_id": file.external_id,
        "programme": file.programme,
        "published_at": time_text(file.published_at),
        "tags": file.tags,
        "platform_says": file.platform_facts,
        "taken_in_at": time_text(file.created_at),
        "read_at": time_text(match.scan.started_at),
        "sha256": file.sha256,
        "size_bytes": file.size_bytes,
        "duration_ms": file.length_ms,
        "undecoded_ms": file.undecoded_ms,
        "media": file.facts,
    }


def engine_json(facts: CaseFacts) -> list[Json]:
    """Return each scan with its settings and its detections of the recording."""
    return [
        {
            "scan_id": scan.uid,
            "engine": scan.engine,
            "engine_and_index_version": scan.engine_version,
            "started_at": time_text(scan.started_at),
            "finished_at": time_text(scan.finished_at),
            "buckets_searched": scan.buckets,
            "recordings_searched": scan.recordings_searched,
            "catalogue_state": scan.catalogue_state,
            "warnings": scan.warnings,
            "answer_sha256": scan.result_sha256,
            "settings": settings_json(facts.file.container),
            "detections": [
                _detection(detection)
                for detection in facts.detections
                if detection.scan_id == scan.pk
            ],
        }
        for scan in facts.scans
    ]


def licences_json(match: Match, checks: Iterable[LicenceCheck]) -> list[Json]:
    """Return the considered licences, with their verdict on this use."""
    return [
        {
            "licence_id": check.licence.number,
            "holder": check.licence.holder,
            "scope": check.licence.scope,
            "uses": check.licence.use_kind,
            "use_values": check.licence.use_values,
            "territories": check.licence.territories,
            "valid_from": day_text(check.licence.valid_from),
            "valid_until": day_text(check.licence.valid_until),
            "max_seconds": check.licence.max_seconds,
            "edited_uses": check.licence.edited_uses,
            "max_speed_pct": _number(check.licence.max_speed_pct),
            "max_semitones": _number(check.licence.max_semitones),
            "covers": check.cover.value,
            "why_not": check.why,
            "clears_the_match": check.licence.pk == match.licence_id,
        }
        for check in checks
    ]


def segment_json(segment: Segment, number: int) -> Json:
    """Return one segment, in milliseconds of file and recording."""
    speech = segment.speech
    return {
        "number": number,
        "source_start_ms": segment.start_ms,
        "source_end_ms": segment.end_ms,
        "reference_start_ms": segment.reference_start_ms,
        "reference_end_ms": segment.reference_end_ms,
        "score": _number(segment.score),
        "tempo_ratio": _number(segment.tempo_ratio),
        "pitch_cents": _number(segment.pitch_cents),
        "under_speech_pct": _pct(speech and speech.least),
        "under_speech_at_most_pct": _pct(speech and speech.most),
        "aligned_landmarks": segment.aligned_landmarks,
        "expected_by_chance": _number(segment.expected_by_chance),
        "sound_track": segment.track,
        "heard_from_hz": segment.low_hz,
        "heard_to_hz": segment.high_hz,
    }


def _pct(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 2)


def _intervals(intervals: Iterable[Interval]) -> list[Json]:
    """Return intervals of the file."""
    return [{"start_ms": start, "end_ms": end} for start, end in intervals]


def match_json(match: Match) -> Json:
    """Return the figures and the state of the match."""
    return {
        "match_id": match.uid,
        "state": match.state,
        "relation": match.relation,
        "score": _number(match.score),
        "score_scale": match.score_scale,
        "segment_count": match.segment_count,
        "matched_ms": match.matched_ms,
        "longest_ms": match.longest_ms,
        "excluded_ms": match.excluded_ms,
        "source_coverage_pct": _number(match.source_share),
        "reference_coverage_pct": _number(match.reference_coverage_pct),
        "first_start_ms": match.first_start_ms,
        "last_end_ms": match.last_end_ms,
        "edit": match.edit,
        "speed_pct": _number(match.speed_pct),
        "pitch_cents": match.pitch_cents,
        "heard_from_hz": match.low_hz,
        "heard_to_hz": match.high_hz,
        "under_speech": match.under_speech,
        "speech_checked": match.speech_checked,
        "found_late": match.found_late,
        "queue_reason": match.queue_reason,
        "version_choice": match.version_choice,
        "policy_action": match.policy_action,
        "policy": match.policy_name,
        **_decision_json(match),
        "licence_id": match.licence.number if match.licence else "",
        "note": match.note,
    }


def _decision_json(match: Match) -> Json:
    """Return who decided the match, when and why; empty texts while it waits."""
    values = {
        "decided_by": match.decided_by_name,
        "decider": match.decider or "",
        "decided_at": time_text(match.decided_at),
        "decision_reason": match.decision_reason,
    }
    return values if match.is_decided else dict.fromkeys(values, "")


def heard_of(match: Match, evidence: Sequence[Detection]) -> Recording:
    """Return the recording whose sound was found; it may be merged into the match's."""
    recordings = [detection.recording for detection in evidence]
    if not recordings or match.recording in recordings:
        return match.recording
    return recordings[0]


def recording_json(match: Match, heard: Recording) -> Json:
    """Return what identifies the recording; the sound is the one that was found."""
    recording = shown_for(match.recording)
    return {
        "recording_id": recording.uid,
        "custom_id": heard.custom_id,
        "acr_id": recording.acr_id,
        "bucket": recording.bucket.name,
        "title": recording.title,
        "version_title": recording.version_title,
        "artists": recording.artists,
        "album": recording.album,
        "label": recording.label,
        "release_date": recording.release_date,
        "isrc": recording.isrc_normalised or recording.isrc,
        "isrc_status": recording.isrc_status,
        "upc": recording.upc,
        "iswc": recording.iswc,
        "writers": recording.writers,
        "publishers": recording.publishers,
        "added_at": time_text(recording.created_at),
        "audio_sha256": heard.audio_sha256,
        "audio_bytes": heard.audio_bytes,
        "duration_ms": heard.duration_ms,
        "media": heard.facts,
        "merged_from": None
        if heard == recording
        else {
            "recording_id": heard.uid,
            "title": heard.full_title,
            "isrc": heard.isrc_normalised or heard.isrc,
        },
    }


def exclusion_json(exclusion: Exclusion) -> Json:
    """Return an interval of the recording that is not counted."""
    return {
        "start_ms": exclusion.start_ms,
        "end_ms": exclusion.end_ms,
        "reason": exclusion.reason,
        "note": exclusion.note,
    }


def dispute_json(dispute: Dispute) -> Json:
    """Return a dispute with its answer."""
    return {
        "dispute_id": dispute.uid,
        "code": dispute.code,
        "is_appeal": dispute.is_appeal,
        "statement": dispute.statement,
        "received_at": time_text(dispute.received_at),
        "recorded_at": time_text(dispute.created_at),
        "recorded_by": _name(dispute.recorded_by),
        "due_at": time_text(dispute.due_at),
        "status": dispute.status,
        "answer": dispute.answer,
        "answered_at": time_text(dispute.answered_at),
        "answered_by": _name(dispute.answered_by),
    }


def settings_json(container: Container) -> Json:
    """Return the settings that a file is scanned with."""
    return {
        "container": container.name,
        "container_engine": container.engine,
        "audio_type": container.audio_type,
        "edited_music": container.edited_music,
        "policy": container.policy,
        "score_floor": _number(container.score_floor),
    }


def _detection(detection: Detection) -> Json:
    return {
        "section": detection.section,
        "score": _number(detection.score),
        "score_scale": detection.score_scale,
        "reported_at": time_text(detection.created_at),
        "ids": detection.ids,
        "segments": [
            segment_json(segment, segment.position) for segment in detection.segments.all()
        ],
    }


def _is_look(event: Event) -> bool:
    """Tell whether the event only took or released the review lock."""
    looks = {"pending", "in_review"}
    return (
        event.before.get("state") in looks
        and event.after.get("state") in looks
        and event.before.get("state") != event.after.get("state")
    )


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def _name(person: User | None) -> str:
    return person.get_username() if person else ""


def left_out() -> frozenset[str]:
    """Return the columns of match reports that packs leave out."""
    return _OWN | columns_left_out()


def _report_of(match: Match) -> dict[str, bytes]:
    """Return the match report of one match as CSV files by name."""
    without = left_out()
    rows = match_rows([match.pk], None, without=without).values()
    files = {}
    for name, mode in _FILES.items():
        columns = [field.name for field in schema_of(mode).fields]
        layout = Layout(
            mode=mode, columns=tuple(column for column in columns if column not in without)
        )
        files[name] = b"".join(layout.pieces(rows, {}))
    return files
