"""Draws a file, and explains a scan without matches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

from accounts.reach import seen_buckets, sees_every_bucket
from catalogue.models import Recording
from portal.pictures import ribbon
from portal.pictures.waveform import Window, load_waveform
from review import selectors as review_selectors
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from review.services.figures import UNDER_SPEECH_PCT
from review.services.intervals import length, without
from scanning.choices import NoMatchReason
from scanning.models import Scan, ScannedFile, Segment

_UNMATCHED_LANES = {
    "no_match": lazy("No match"),
    "silence": lazy("Silence"),
    "not_scanned": lazy("Not scanned"),
    "speech": lazy("Speech"),
}
# Order of the states in the coverage bar: settled first, open last.
_COVERAGE_ORDER = (
    MatchState.CONFIRMED,
    MatchState.UPHELD,
    MatchState.CLEARED,
    MatchState.DISPUTED,
    MatchState.ESCALATED,
    MatchState.IN_REVIEW,
    MatchState.PENDING,
    MatchState.REJECTED,
    MatchState.RELEASED,
)


# Sentence on the page for each reason.
_WHY = {
    NoMatchReason.CLEAN_SCAN: (
        lazy("The scan finished without errors and found no recording.")
    ),
    NoMatchReason.BELOW_FLOOR: (
        lazy(
            "The scan finished without errors; the closest candidate stayed below the "
            "floor."
        )
    ),
    NoMatchReason.SILENCE: lazy("The file has no sound that can be compared."),
    NoMatchReason.SPEECH_ONLY: (
        lazy(
            "The scan finished without errors and found no recording. The engine "
            "estimates that nearly all of the sound is speech."
        )
    ),
    NoMatchReason.TOO_SHORT: lazy(
        "Without its silence, the file is too short to scan."
    ),
    NoMatchReason.PARTIAL_SCAN: lazy("Part of the file was not scanned."),
}


def matches_of(file: ScannedFile) -> list[Match]:
    """Return the live matches of a file with their segments, in file order."""
    matches = review_selectors.matches(filters=MatchFilter(file=str(file.uid)))
    return review_selectors.with_segments(matches.order_by("first_start_ms", "pk"))


def draw_ribbon(
    file: ScannedFile, scan: Scan | None, matches: Sequence[Match], query: QueryDict
) -> ribbon.Ribbon | None:
    """Draw the file with its matches; None while its duration is unknown."""
    if not file.duration_ms:
        return None
    begin, end = query.get("from", ""), query.get("to", "")
    is_window = begin.isdecimal() and end.isdecimal()
    return ribbon.ribbon(
        duration_ms=file.duration_ms,
        waveform=load_waveform(file),
        lanes=[
            _lane(match) for match in matches if match.state != MatchState.SUPPRESSED
        ],
        facts=fact_lanes(
            scan, [segment for match in matches for segment in match.segments]
        ),
        window=Window(int(begin), int(end)) if is_window else None,
    )


def draw_coverage(
    file: ScannedFile, matches: Iterable[Match]
) -> ribbon.Coverage | None:
    """Draw how much of the file each state covers; None while its duration is unknown.

    Time in several states counts once, for the first of them in ``_COVERAGE_ORDER``.
    """
    if not file.duration_ms:
        return None
    by_state: dict[str, list[tuple[int, int]]] = {}
    for match in matches:
        intervals = [(segment.start_ms, segment.end_ms) for segment in match.segments]
        by_state.setdefault(match.state, []).extend(intervals)
    taken: list[tuple[int, int]] = []
    parts = []
    for state in _COVERAGE_ORDER:
        intervals = by_state.get(state, [])
        parts.append(
            ribbon.CoveragePart(state, length(taken + intervals) - length(taken))
        )
        taken += intervals
    return ribbon.coverage(
        duration_ms=file.duration_ms, parts=parts, rest_label=_nothing()
    )


def fill_coverage(files: Iterable[ScannedFile]) -> None:
    """Set ``coverage_pct`` of each file: its matched share, overlaps counted once."""
    listed = {file.pk: file for file in files}
    matches = review_selectors.matches().filter(scanned_file__in=listed)
    intervals: dict[int, list[tuple[int, int]]] = {}
    for match in review_selectors.with_segments(
        matches.exclude(state=MatchState.SUPPRESSED)
    ):
        found = [(each.start_ms, each.end_ms) for each in match.segments]
        intervals.setdefault(match.scanned_file_id, []).extend(found)
    for pk, covered in intervals.items():
        if listed[pk].duration_ms:
            listed[pk].coverage_pct = 100 * length(covered) / listed[pk].duration_ms


def _lane(match: Match) -> ribbon.Lane:
    return ribbon.Lane(
        name=match.recording.title,
        url=reverse("portal:recording_detail", args=[match.recording.uid]),
        segments=[
            ribbon.DrawnSegment(
                start_ms=segment.start_ms,
                end_ms=segment.end_ms,
                state=match.state,
                reference_start_ms=segment.reference_start_ms,
                reference_end_ms=segment.reference_end_ms,
                score=None if segment.score is None else float(segment.score),
                key=str(segment.pk),
            )
            for segment in match.segments
        ],
    )


def fact_lanes(scan: Scan | None, segments: Iterable[Segment]) -> list[ribbon.FactLane]:
    """Return a lane for each kind of unmatched interval, and one for speech.

    Speech marks whole intervals and segments that are mostly speech. For a user with
    access limits, "no match" covers hidden matches too, so that no gap reveals them.
    """
    segments = list(segments)
    heard = [
        segment for segment in segments if (segment.speech_pct or 0) >= UNDER_SPEECH_PCT
    ]
    intervals = {
        "speech": [
            ribbon.DrawnInterval(segment.start_ms, segment.end_ms) for segment in heard
        ]
    }
    # A late match can lie where the full scan found none.
    taken = [(segment.start_ms, segment.end_ms) for segment in segments]
    for interval in scan.unmatched if scan else []:
        left = without([(interval["start_ms"], interval["end_ms"])], taken)
        drawn = [ribbon.DrawnInterval(start, end) for start, end in left]
        intervals.setdefault(interval["kind"], []).extend(drawn)
        if interval.get("speech_pct", 0) >= UNDER_SPEECH_PCT:
            intervals["speech"].extend(drawn)
    names = {kind: str(name) for kind, name in _UNMATCHED_LANES.items()}
    if scan and scan.unmatched and not sees_every_bucket():
        names = names | {"no_match": _nothing()}
        intervals["no_match"] = _rest(scan, segments)
    return [
        ribbon.FactLane(name, kind, intervals.get(kind, []))
        for kind, name in names.items()
    ]


def _rest(scan: Scan, segments: Iterable[Segment]) -> list[ribbon.DrawnInterval]:
    """Return the intervals outside the segments, silence and parts not scanned."""
    taken = [(segment.start_ms, segment.end_ms) for segment in segments]
    taken += [
        (interval["start_ms"], interval["end_ms"])
        for interval in scan.unmatched
        if interval["kind"] != "no_match"
    ]
    whole = (0, scan.scanned_file.duration_ms)
    return [ribbon.DrawnInterval(*interval) for interval in without([whole], taken)]


def _nothing() -> str:
    """Return the label of time without a match that the user may see."""
    return _("No match") if sees_every_bucket() else _("No match in your buckets")


def why_no_match(file: ScannedFile, scan: Scan) -> dict[str, object]:
    """Return the facts that explain a scan without matches."""
    return why_no_matches([(file, scan)])[0]


def why_no_matches(
    scanned: Sequence[tuple[ScannedFile, Scan]],
) -> list[dict[str, object]]:
    """Return for each file the facts that explain its scan without matches."""
    # The closest candidate below the floor of each unmatched interval.
    refused = [
        [each["candidate"] for each in scan.unmatched if "candidate" in each]
        for _file, scan in scanned
    ]
    recordings = Recording.objects.in_bulk(
        {
            candidate["recording_id"]
            for candidates in refused
            for candidate in candidates
        }
    )
    return [
        {**_facts(file, scan), "closest": _closest(candidates, recordings)}
        for (file, scan), candidates in zip(scanned, refused, strict=True)
    ]


def _facts(file: ScannedFile, scan: Scan) -> dict[str, object]:
    seen = seen_buckets()
    silent = [interval for interval in scan.unmatched if interval["kind"] == "silence"]
    silent_ms = sum(interval["end_ms"] - interval["start_ms"] for interval in silent)
    judged = [
        (interval["end_ms"] - interval["start_ms"], interval["speech_pct"])
        for interval in scan.unmatched
        if "speech_pct" in interval
    ]
    judged_ms = sum(interval_ms for interval_ms, _share in judged)
    speech = sum(interval_ms * share for interval_ms, share in judged)
    is_known = scan.no_match_reason in NoMatchReason.values
    reason = NoMatchReason(scan.no_match_reason if is_known else "clean_scan")
    return {
        "reason_label": reason.label,
        "sentence": " ".join([str(_WHY[reason]), *scan.warnings]),
        "bucket_count": len(scan.buckets),
        "buckets": [
            bucket["name"]
            for bucket in scan.buckets
            if seen is None or bucket["id"] in seen
        ],
        "recordings_searched": scan.recordings_searched,
        "engine": scan.engine_label,
        "floor": file.container.score_floor,
        "usable_ms": file.duration_ms - silent_ms,
        "silence_pct": 100 * silent_ms / file.duration_ms if file.duration_ms else None,
        "speech_pct": speech / judged_ms if judged_ms else None,
        "not_scanned": [
            interval for interval in scan.unmatched if interval["kind"] == "not_scanned"
        ],
    }


def _closest(
    candidates: Iterable[dict[str, Any]],  # Any: JSON
    recordings: Mapping[int, Recording],
) -> dict[str, object] | None:
    """Return the best candidate among ``recordings``; None if there is none."""
    near = max(
        (
            candidate
            for candidate in candidates
            if candidate["recording_id"] in recordings
        ),
        key=lambda candidate: float(candidate["score"]),
        default=None,
    )
    if near is None:
        return None
    recording = recordings[near["recording_id"]]
    return {
        "url": reverse("portal:recording_detail", args=[recording.uid]),
        "title": recording.title,
        "artists": recording.artist_names,
        "start_ms": near["start_ms"],
        "end_ms": near["end_ms"],
        "score": near["score"],
        "text": near["reason"],
    }
