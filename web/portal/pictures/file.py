"""Draws a file, and explains a scan without matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from base.accounts.reach import seen_buckets, sees_every_bucket
from base.common.stored import read_stored
from catalogue.models import Recording
from review import rule_names
from review.choices import MatchState
from review.intervals import union
from review.models import Match
from review.timeline import Kind, Piece, Timeline
from review.timeline.division import MATCHED
from review.timeline.sounds import spoken_in
from scanning.choices import NoMatchReason
from scanning.models import Scan, ScannedFile
from web.portal.pictures import ribbon
from web.portal.pictures.waveform import Window, load_waveform

# An estimate says which of it is speech.
_NO_MATCH = (Kind.UNKNOWN, Kind.SPEECH)
_FACTS = (Kind.ITEM, Kind.SILENCE, Kind.NOT_SCANNED, Kind.NOT_DECODED)
_ENTERED = (Kind.ENTERED, Kind.NO_MUSIC)
# What the engine could compare.
_SOUND = [kind for kind in Kind if kind not in (Kind.SILENCE, Kind.NOT_SCANNED, Kind.NOT_DECODED)]
# The coverage bar shows all kinds in their order, and those without a match as one.
_REST = (*_NO_MATCH, Kind.UNDESCRIBED)
_COVERAGE = [kind for kind in Kind if kind not in _REST]


# Sentence on the page for each reason.
WHY_NO_MATCH = {
    NoMatchReason.CLEAN_SCAN: (lazy("The scan finished without errors and found no recording.")),
    NoMatchReason.NO_BUCKET: lazy(
        "The file was compared with no recording, because its container has no bucket. "
        "Give it one and scan again."
    ),
    NoMatchReason.BELOW_FLOOR: (
        lazy("The scan finished without errors; the closest candidate stayed below the floor.")
    ),
    NoMatchReason.SILENCE: lazy("The file has no sound that can be compared."),
    NoMatchReason.SPEECH_ONLY: (
        lazy(
            "The scan finished without errors and found no recording. The engine "
            "estimates that nearly all of the sound is speech."
        )
    ),
    NoMatchReason.TOO_SHORT: lazy("Without its silence, the file is too short to scan."),
    NoMatchReason.PARTIAL_SCAN: lazy("Part of the file was not scanned."),
}


def draw_ribbon(file: ScannedFile, line: Timeline, query: QueryDict) -> ribbon.Ribbon | None:
    """Draw the file with its matches; None while its length is unknown."""
    if not file.length_ms:
        return None
    begin, end = query.get("from", ""), query.get("to", "")
    is_window = begin.isdecimal() and end.isdecimal()
    return ribbon.ribbon(
        duration_ms=line.length_ms,
        waveform=load_waveform(file),
        lanes=[_lane(match) for match in line.matches if match.state != MatchState.SUPPRESSED],
        facts=fact_lanes(file, line),
        window=Window(int(begin), int(end)) if is_window else None,
        all_lanes=query.get("lanes") == "all",
    )


def draw_coverage(file: ScannedFile, line: Timeline) -> ribbon.Coverage | None:
    """Draw the share of each kind of time; None while the file's length is unknown."""
    if not file.length_ms:
        return None
    return ribbon.coverage(
        duration_ms=line.length_ms,
        parts=[_part(kind.value, line, kind) for kind in _COVERAGE],
        matched=_part("", line, *MATCHED),
        unmatched=_part(_nothing(), line, *_REST),
    )


def _part(name: str, line: Timeline, *kinds: Kind) -> ribbon.CoveragePart:
    return ribbon.CoveragePart(name, line.ms(*kinds), line.pct(*kinds))


def _lane(match: Match) -> ribbon.Lane:
    return ribbon.Lane(
        name=match.recording.full_title,
        url=reverse("portal:recording_detail", args=[match.recording.uid]),
        segments=[
            ribbon.DrawnSegment(
                start_ms=counted_segment.start_ms,
                end_ms=counted_segment.end_ms,
                state=match.state,
                reference_start_ms=counted_segment.segment.reference_start_ms,
                reference_end_ms=counted_segment.segment.reference_end_ms,
                score=None
                if counted_segment.segment.score is None
                else float(counted_segment.segment.score),
                key=str(counted_segment.segment.pk),
                excluded=counted_segment.excluded,
            )
            for counted_segment in match.tally.segments
        ],
    )


def fact_lanes(file: ScannedFile, line: Timeline) -> list[ribbon.FactLane]:
    """Return a lane for each kind of sound without a match, and one for speech.

    For a user with access limits, "no match" covers hidden matches too, so that no gap
    reveals them.
    """
    limited = not sees_every_bucket()
    unmatched = _REST if limited else _NO_MATCH
    return [
        ribbon.FactLane(
            _nothing() if limited else str(Kind.UNKNOWN.label),
            "no_match",
            _join_intervals(line.of(*unmatched)),
        ),
        *(
            ribbon.FactLane(str(kind.label), kind.value, _join_intervals(line.of(kind)))
            for kind in (*_FACTS, *_ENTERED)
        ),
        ribbon.FactLane(
            str(Kind.SUPPRESSED.label),
            Kind.SUPPRESSED.value,
            [
                ribbon.DrawnInterval(piece.start_ms, piece.end_ms, _why(piece))
                for piece in line.of(Kind.SUPPRESSED)
            ],
        ),
        ribbon.FactLane(
            str(Kind.SPEECH.label),
            "speech",
            [ribbon.DrawnInterval(*interval) for interval in spoken_in(file, line)],
        ),
    ]


def _why(piece: Piece) -> str:
    """Return what was suppressed in a piece, and by which policy."""
    return "; ".join(
        " – ".join(filter(None, [match.shown.title, rule_names.policy_of(match)]))
        for match in piece.matches
    )


def _join_intervals(pieces: Iterable[Piece]) -> list[ribbon.DrawnInterval]:
    joined = union((piece.start_ms, piece.end_ms) for piece in pieces)
    return [ribbon.DrawnInterval(*interval) for interval in joined]


def _nothing() -> str:
    """Return the label of time without a match that the user may see."""
    if sees_every_bucket():
        return str(Kind.UNKNOWN.label)
    return _("No match in your buckets")


def why_no_match(file: ScannedFile, scan: Scan, line: Timeline) -> dict[str, object]:
    """Return the facts that explain a scan without matches, and what sound it had."""
    is_judged = any("sound" in interval for interval in scan.unmatched)
    return {
        **why_no_matches([(file, scan)])[0],
        "used_ms": line.ms(*_SOUND),
        "silence_pct": line.pct(Kind.SILENCE) if file.length_ms else None,
        "speech_pct": line.pct(Kind.SPEECH) if is_judged else None,
        "not_scanned": list(line.of(Kind.NOT_SCANNED)),
    }


def why_no_matches(scanned: Sequence[tuple[ScannedFile, Scan]]) -> list[dict[str, object]]:
    """Return for each file the facts that explain its scan without matches."""
    # The closest candidate below the floor of each unmatched interval.
    refused = [
        [interval["candidate"] for interval in scan.unmatched if "candidate" in interval]
        for _file, scan in scanned
    ]
    recordings = Recording.objects.in_bulk(
        {candidate["recording_id"] for candidates in refused for candidate in candidates}
    )
    return [
        {**_facts(file, scan), "closest": _closest(candidates, recordings)}
        for (file, scan), candidates in zip(scanned, refused, strict=True)
    ]


def _facts(file: ScannedFile, scan: Scan) -> dict[str, object]:
    seen = seen_buckets()
    is_known = scan.no_match_reason in NoMatchReason.values
    reason = NoMatchReason(scan.no_match_reason if is_known else "clean_scan")
    return {
        "reason_label": reason.label,
        "is_searched": reason != NoMatchReason.NO_BUCKET,
        "sentence": " ".join([str(WHY_NO_MATCH[reason]), *map(read_stored, scan.warnings)]),
        "bucket_count": len(scan.buckets),
        "only_bucket": scan.buckets[0]["id"] if len(scan.buckets) == 1 else "",
        "buckets": [
            bucket["name"] for bucket in scan.buckets if seen is None or bucket["id"] in seen
        ],
        "recordings_searched": scan.recordings_searched,
        "engine": scan.engine_label,
        "floor": file.container.score_floor,
    }


def _closest(
    candidates: Iterable[dict[str, Any]],  # Any: JSON
    recordings: Mapping[int, Recording],
) -> dict[str, object] | None:
    """Return the best candidate among ``recordings``; None if there is none."""
    near = max(
        (candidate for candidate in candidates if candidate["recording_id"] in recordings),
        key=lambda candidate: float(candidate["score"]),
        default=None,
    )
    if near is None:
        return None
    recording = recordings[near["recording_id"]]
    return {
        "url": reverse("portal:recording_detail", args=[recording.uid]),
        "title": recording.full_title,
        "artists": recording.artist_names,
        "start_ms": near["start_ms"],
        "end_ms": near["end_ms"],
        "score": near["score"],
        "text": near["reason"],
    }
