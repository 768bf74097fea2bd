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
from common.stored import read_stored
from portal.pictures import ribbon
from portal.pictures.waveform import Window, load_waveform
from review import selectors as review_selectors
from review.choices import MatchState
from review.counting import Division, FileInterval, SoundKind
from review.filters import MatchFilter
from review.models import Match
from review.services.intervals import Interval, length, union, without
from scanning.choices import NoMatchReason
from scanning.models import Scan, ScannedFile

_NO_MATCH = (SoundKind.ITEM, SoundKind.UNKNOWN, SoundKind.SPEECH)
_FACTS = {
    SoundKind.SILENCE: lazy("Silence"),
    SoundKind.NOT_SCANNED: lazy("Not scanned"),
    SoundKind.NOT_DECODED: lazy("Not decoded"),
}
# What only a scan that describes its unmatched intervals reports.
_REPORTED = (
    SoundKind.UNKNOWN,
    SoundKind.SPEECH,
    SoundKind.SILENCE,
    SoundKind.NOT_SCANNED,
)
# Order of the states in the coverage bar: settled first, open last.
_COVERAGE_ORDER = (
    MatchState.CONFIRMED,
    MatchState.UPHELD,
    MatchState.CLEARED,
    MatchState.DISPUTED,
    MatchState.ESCALATED,
    MatchState.IN_REVIEW,
    MatchState.PENDING,
    MatchState.RELEASED,
    MatchState.REJECTED,
)


# Sentence on the page for each reason.
WHY_NO_MATCH = {
    NoMatchReason.CLEAN_SCAN: (
        lazy("The scan finished without errors and found no recording.")
    ),
    NoMatchReason.NO_BUCKET: lazy(
        "The file was compared with no recording, because its container has no bucket. "
        "Give it one and scan again."
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
    file: ScannedFile, matches: Sequence[Match], division: Division, query: QueryDict
) -> ribbon.Ribbon | None:
    """Draw the file with its matches; None while its duration is unknown."""
    if not file.duration_ms:
        return None
    begin, end = query.get("from", ""), query.get("to", "")
    is_window = begin.isdecimal() and end.isdecimal()
    return ribbon.ribbon(
        duration_ms=division.length_ms,
        waveform=load_waveform(file),
        lanes=[
            _lane(match) for match in matches if match.state != MatchState.SUPPRESSED
        ],
        facts=fact_lanes(matches, division),
        window=Window(int(begin), int(end)) if is_window else None,
    )


def draw_coverage(
    file: ScannedFile, matches: Iterable[Match], division: Division
) -> ribbon.Coverage | None:
    """Draw how much of the file each state covers; None while its duration is unknown.

    Time in several states counts once, for the first of them in ``_COVERAGE_ORDER``;
    matched time comes before rejected and excluded time.
    """
    if not file.duration_ms:
        return None
    by_state: dict[str, list[Interval]] = {}
    rejected: list[Interval] = []
    for match in matches:
        if match.is_heard:
            by_state.setdefault(match.state, []).extend(match.tally.counted)
        elif match.state == MatchState.REJECTED:
            rejected += match.tally.heard
    taken: list[Interval] = []
    parts = []
    for state in _COVERAGE_ORDER:
        counted = by_state.get(state, [])
        parts.append(
            ribbon.CoveragePart(state, length(taken + counted) - length(taken))
        )
        taken += counted
    others = [ribbon.CoveragePart("excluded", division.ms(SoundKind.EXCLUDED))]
    wrong = [
        (piece.start_ms, piece.end_ms) for piece in division.of(SoundKind.NOT_CLAIMED)
    ]
    outside = length(without(wrong, rejected))
    others += [
        ribbon.CoveragePart(MatchState.REJECTED, length(wrong) - outside),
        ribbon.CoveragePart("not_decoded", division.ms(SoundKind.NOT_DECODED)),
    ]
    return ribbon.coverage(
        duration_ms=division.length_ms,
        parts=parts,
        others=others,
        rest_label=_nothing(),
    )


def fill_coverage(files: Iterable[ScannedFile]) -> None:
    """Set ``coverage_pct`` of each file: its matched share, overlaps counted once."""
    listed = {file.pk: file for file in files}
    matches = review_selectors.matches().filter(scanned_file__in=listed)
    intervals: dict[int, list[Interval]] = {}
    for match in review_selectors.with_segments(matches):
        found = intervals.setdefault(match.scanned_file_id, [])
        if match.is_heard:
            found += match.tally.counted
    for pk, covered in intervals.items():
        if listed[pk].whole_ms:
            listed[pk].coverage_pct = 100 * length(covered) / listed[pk].whole_ms


def _lane(match: Match) -> ribbon.Lane:
    return ribbon.Lane(
        name=match.recording.full_title,
        url=reverse("portal:recording_detail", args=[match.recording.uid]),
        segments=[
            ribbon.DrawnSegment(
                start_ms=each.start_ms,
                end_ms=each.end_ms,
                state=match.state,
                reference_start_ms=each.segment.reference_start_ms,
                reference_end_ms=each.segment.reference_end_ms,
                score=None if each.segment.score is None else float(each.segment.score),
                key=str(each.segment.pk),
                excluded=each.excluded,
            )
            for each in match.tally.segments
        ],
    )


def fact_lanes(matches: Iterable[Match], division: Division) -> list[ribbon.FactLane]:
    """Return a lane for each kind of sound without a match, and one for speech.

    Speech marks whole intervals and segments that are mostly speech. For a user with
    access limits, "no match" covers hidden matches too, so that no gap reveals them.
    """
    listed = list(matches)
    suppressed = {each.pk for each in listed if each.state == MatchState.SUPPRESSED}
    is_described = any(True for _ in division.of(*_REPORTED))
    limited = is_described and not sees_every_bucket()
    unmatched = (*_NO_MATCH, SoundKind.UNDESCRIBED) if limited else _NO_MATCH
    speech = [
        ribbon.DrawnInterval(each.start_ms, each.end_ms)
        for match in listed
        for each in match.tally.segments
        if each.under_speech
    ]
    return [
        ribbon.FactLane(
            _nothing() if limited else _("No match"),
            "no_match",
            _join_intervals(division.of(*unmatched)),
        ),
        *(
            ribbon.FactLane(str(name), heard.value, _join_intervals(division.of(heard)))
            for heard, name in _FACTS.items()
        ),
        ribbon.FactLane(
            _("Suppressed"),
            "suppressed",
            _join_intervals(
                piece
                for piece in division.of(SoundKind.NOT_CLAIMED)
                if piece.match in suppressed
            ),
        ),
        ribbon.FactLane(
            _("Speech"),
            "speech",
            [*speech, *_join_intervals(division.of(SoundKind.SPEECH))],
        ),
    ]


def _join_intervals(pieces: Iterable[FileInterval]) -> list[ribbon.DrawnInterval]:
    joined = union((piece.start_ms, piece.end_ms) for piece in pieces)
    return [ribbon.DrawnInterval(*interval) for interval in joined]


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
        "is_searched": reason != NoMatchReason.NO_BUCKET,
        "sentence": " ".join(
            [str(WHY_NO_MATCH[reason]), *map(read_stored, scan.warnings)]
        ),
        "bucket_count": len(scan.buckets),
        "only_bucket": scan.buckets[0]["id"] if len(scan.buckets) == 1 else "",
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
        "title": recording.full_title,
        "artists": recording.artist_names,
        "start_ms": near["start_ms"],
        "end_ms": near["end_ms"],
        "score": near["score"],
        "text": near["reason"],
    }
