"""The ``results`` of a file, for answers and the callback of a scan, in wire format.

They are the detections of its latest scans. Excluded intervals of recordings are left
out. Review changes nothing here, unless the container hides rejected matches. Times are
seconds outside ``result`` and milliseconds inside. Empty sections are absent, and a file
without sections has the result null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from catalogue.models import Recording
from catalogue.selectors import excluded_intervals_of
from recognition.speech_track import SoundKind, SpeechTrack
from review.choices import MatchState
from review.counting import counted_pieces
from review.intervals import Interval
from review.models import Match
from review.timeline.sounds import sounds
from scanning.choices import COMBINED_ENGINES, EngineChoice, FileStatus, ScanStatus, Section
from scanning.models import Detection, Scan, ScannedFile, ScanSpeech, Segment
from scanning.services.outbound_callbacks import queue_callback
from web.acrapi.formats import seconds, whole_seconds
from web.acrapi.rights import rights_on_wire
from web.acrapi.states import file_state

# Any in this module: JSON.
Json = dict[str, Any]

_ENGINE_TYPES = {Section.CUSTOM_FILES: "1", Section.MUSIC: "1", Section.COVER_SONGS: "2"}
_SOUND_LABELS = {
    SoundKind.MUSIC: "m",
    SoundKind.SPEECH: "s",
    SoundKind.BOTH: "ms",
    SoundKind.OTHER: "o",
}


def results_of(files: Sequence[ScannedFile]) -> dict[int, Json | None]:
    """Return the results by file id, with at most twelve queries for all files."""
    ready = [file.pk for file in files if file.status == FileStatus.READY]
    scans = _current_scans(ready)
    detections = list(
        Detection.objects.filter(scan__in=scans)
        .select_related("recording")
        .prefetch_related("segments")
        .order_by("scan_id", "pk")
    )
    excluded = excluded_intervals_of({detection.recording_id for detection in detections})
    # One query for all files, and none if no container hides matches.
    hidden = _rejected(files)
    by_file: dict[int, list[Detection]] = {}
    for detection in detections:
        file_id = scans[detection.scan_id]
        if (file_id, detection.recording_id) not in hidden:
            by_file.setdefault(file_id, []).append(detection)
    tracks = _tracks(files, scans)
    rights = rights_on_wire({row.recording for rows in by_file.values() for row in rows})
    return {
        file.pk: _sections(file, by_file.get(file.pk, ()), excluded, rights)
        | _music_speech(file, by_file.get(file.pk, ()), tracks.get(file.pk))
        or None
        for file in files
    }


def _tracks(files: Sequence[ScannedFile], scans: dict[int, int]) -> dict[int, SpeechTrack]:
    """Return where files have speech and music, for containers that ask for it."""
    file_ids = {file.pk for file in files if file.container.music_detection}
    if not file_ids:
        return {}
    rows = ScanSpeech.objects.filter(
        scan__in=[scan for scan, file in scans.items() if file in file_ids]
    )
    return {scans[row.pk]: row.track for row in rows}


def _music_speech(
    file: ScannedFile, detections: Iterable[Detection], track: SpeechTrack | None
) -> Json:
    """Return the section, from detections that the reader may see."""
    if track is None:
        return {}
    floor = file.container.score_floor
    segments = [
        segment
        for detection in detections
        if detection.score is None or detection.score >= floor
        for segment in detection.segments.all()
    ]
    rows = music_speech(track, file.length_ms, segments)
    return {"music_speech": rows} if rows else {}


def music_speech(track: SpeechTrack, length_ms: int, segments: Iterable[Segment]) -> list[Json]:
    """Return where a file has what, in order of time, without overlaps, in seconds."""
    return [
        {
            "start": seconds(piece.start_ms),
            "end": seconds(piece.end_ms),
            "label": _SOUND_LABELS[piece.kind],
        }
        for piece in sounds(track, length_ms, segments)
    ]


def _rejected(files: Sequence[ScannedFile]) -> set[tuple[int, int]]:
    """Return file and recording of rejected matches that their containers hide."""
    file_ids = [file.pk for file in files if file.container.hide_rejected]
    if not file_ids:
        return set()
    rejected = Match.objects.filter(scanned_file__in=file_ids, state=MatchState.REJECTED)
    return set(rejected.values_list("scanned_file_id", "recording_id"))


def _current_scans(file_ids: Iterable[int]) -> dict[int, int]:
    """Return the scans behind each file's current results, with their file ids.

    That is the newest successful scan. In containers with two engines, ACRCloud's
    newest joins the embedded engine's newest before it. Late scans add to these.
    """
    by_file: dict[int, dict[str, int]] = {}
    scans = Scan.objects.filter(scanned_file__in=list(file_ids), status=ScanStatus.SUCCEEDED)
    rows = scans.order_by("pk").values_list(
        *("pk", "scanned_file_id", "engine", "scanned_file__container__engine"), "retro_search"
    )
    for scan_id, file_id, engine, container_engine, search in rows:
        current = by_file.setdefault(file_id, {})
        if search is not None:
            current[f"search {scan_id}"] = scan_id
            continue
        # Rows come oldest first: a newer scan replaces all earlier ones.
        if container_engine not in COMBINED_ENGINES or engine == EngineChoice.EMBEDDED:
            current.clear()
        current[engine] = scan_id
    return {
        scan_id: file_id for file_id, current in by_file.items() for scan_id in current.values()
    }


def _sections(
    file: ScannedFile,
    detections: Iterable[Detection],
    excluded: dict[int, list[Interval]],
    rights: dict[int, Json],
) -> Json:
    floor = file.container.score_floor
    sections: dict[str, list[Json]] = {}
    reported_by: dict[int, int] = {}
    for detection in detections:
        if detection.score is not None and detection.score < floor:
            continue
        if reported_by.setdefault(detection.recording_id, detection.scan_id) != (detection.scan_id):
            # Another engine found the same recording, which is listed once.
            continue
        intervals = excluded.get(detection.recording_id, [])
        named = _describe_recording(detection, rights.get(detection.recording_id, {}))
        sections.setdefault(detection.section, []).extend(
            _item(file, detection, named, segment, *piece)
            for segment in detection.segments.all()
            for piece in counted_pieces(segment, intervals)
        )
    for items in sections.values():
        # Detections come by recording; clients read results by time.
        items.sort(key=lambda item: float(item["offset"]))
    return {name: items for name, items in sections.items() if items}


def _item(
    file: ScannedFile,
    detection: Detection,
    named: Json,
    segment: Segment,
    source: Interval,
    reference: Interval,
) -> Json:
    score = segment.score if segment.score is not None else detection.score
    policy = file.container.policy
    kind = policy.get("type") if isinstance(policy, dict) else None
    return {
        "offset": seconds(source[0]),
        "played_duration": seconds(source[1] - source[0]),
        "type": kind if isinstance(kind, str) else "traverse",
        "engine_type": _ENGINE_TYPES[Section(detection.section)],
        "file_duration": whole_seconds(file.length_ms),
        "score": _whole(score),
        # The protocol states relative changes, our segments ratios and cents.
        "time_skew": round(1 - float(segment.tempo_ratio or 1), 3),
        "frequency_skew": round(2 ** (float(segment.pitch_cents or 0) / 1200) - 1, 3),
        "result": named
        | {
            "score": _whole(score),
            "play_offset_ms": reference[1],
            "sample_begin_time_offset_ms": source[0],
            "sample_end_time_offset_ms": source[1],
            "db_begin_time_offset_ms": reference[0],
            "db_end_time_offset_ms": reference[1],
        },
    }


def _describe_recording(detection: Detection, rights: Json) -> Json:
    """Return the recording of a detection with the rights that we know of it.

    Where we know none, those that the other engine named with it are kept.
    """
    recording, ids = detection.recording, detection.ids
    theirs = {name: ids[name] for name in ("rights_claim", "works") if name in ids}
    if detection.section == Section.CUSTOM_FILES:
        return custom_file(recording) | theirs | rights
    return {
        **_common_fields(recording),
        "acrid": recording.acr_id,
        "genres": [],
        "result_from": 1,
        "external_metadata": ids.get("external_metadata", {}),
        **theirs,
        **rights,
    }


def custom_file(recording: Recording) -> Json:
    """Return one of our recordings, with the client's user-defined keys on top level.

    Where both use a name (``artists`` as a text, say), ours wins, because clients rely
    on its form. The client's value is in ``user_defined``.
    """
    user_defined = recording.user_defined
    return {
        **user_defined,
        "bucket_id": str(recording.bucket_id),
        "acrid": recording.acr_id,
        "audio_id": recording.custom_id or str(recording.pk),
        "user_defined": user_defined,
        **_common_fields(recording),
    }


def _common_fields(recording: Recording) -> Json:
    """Return the fields common to both kinds; objects are never null or lists."""
    ids = {"isrc": recording.isrc_normalised, "upc": recording.upc, "iswc": recording.iswc}
    return {
        "title": recording.title,
        "artists": [{"name": name} for name in recording.artists],
        "album": {"name": recording.album} if recording.album else {},
        "label": recording.label,
        "release_date": recording.release_date or None,
        "duration_ms": recording.duration_ms,
        "external_ids": {name: value for name, value in ids.items() if value},
        "external_metadata": {},
    }


def _whole(score: Decimal | None) -> int:
    return 100 if score is None else round(score)


def queue_for_scan(*, scan: Scan, **_signal: object) -> None:
    """Queue the callback of a scan's file, if its container has a callback address."""
    file = ScannedFile.objects.select_related("container").get(pk=scan.scanned_file_id)
    if file.container.callback_url and file.deleted_at is None:
        queue_callback(scanned_file=file, body=json.dumps(callback_body(file)))


def callback_body(file: ScannedFile) -> dict[str, Any]:  # Any: JSON
    """Return ACRCloud's body; ``results`` is an object, empty without results."""
    return {
        "file_id": str(file.uid),
        "state": file_state(file),
        "cid": file.container_id,
        "name": file.name,
        "results": results_of([file])[file.pk] or {},
    }
