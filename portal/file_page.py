"""Puts together what the page of one scanned file shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.reach import seen_buckets, sees_every_bucket
from catalogue.models import Recording
from common.storage import read_bytes
from portal import pictures, waves
from recognition import waveform
from recognition.errors import RecognitionError
from review import selectors as review_selectors
from review.choices import MatchState
from review.filters import MatchFilter
from review.models import Match
from review.services.figures import UNDER_SPEECH_PCT
from review.services.spans import length, without
from scanning.models import Scan, ScannedFile, Segment

_STRETCH_LANES = {
    "no_match": "No match",
    "silence": "Silence",
    "not_scanned": "Not scanned",
    "speech": "Speech",
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


# Code of the reason → its name and the sentence on the page.
_WHY = {
    "clean_scan": (
        "Clean scan",
        "The scan finished without a fault and found no recording.",
    ),
    "below_floor": (
        "Below floor",
        "The scan finished without a fault; the closest candidate stayed below the "
        "floor.",
    ),
    "silence": ("Silence", "The file has no sound that could be compared."),
    "speech_only": ("Speech only", "Only speech was heard, and no music."),
    "too_short": ("Too short", "What is left without the silence is too short."),
    "partial_scan": ("Partly scanned", "Part of the file was not scanned."),
}


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """One play as the list of segments shows it."""

    pk: int
    recording: Recording
    start_ms: int
    end_ms: int
    reference_start_ms: int
    reference_end_ms: int
    tempo_ratio: Decimal | None
    pitch_cents: Decimal | None
    score: Decimal | None
    under_speech: bool

    @property
    def length_ms(self) -> int:
        """Return how long the play is in the source."""
        return self.end_ms - self.start_ms


def matches_of(file: ScannedFile) -> list[Match]:
    """Return the live matches of a file with their plays, in the order of the file."""
    found = review_selectors.matches(filters=MatchFilter(file=str(file.uid)))
    return review_selectors.with_segments(found.order_by("first_start_ms", "pk"))


def segment_rows(matches: Iterable[Match]) -> list[SegmentRow]:
    """Return every play of every match in the order of the file."""
    rows = [
        SegmentRow(
            pk=play.pk,
            recording=match.recording,
            start_ms=play.start_ms,
            end_ms=play.end_ms,
            reference_start_ms=play.reference_start_ms,
            reference_end_ms=play.reference_end_ms,
            tempo_ratio=play.tempo_ratio,
            pitch_cents=play.pitch_cents,
            score=play.score,
            under_speech=(play.speech_pct or 0) >= UNDER_SPEECH_PCT,
        )
        for match in matches
        for play in match.segments
    ]
    return sorted(rows, key=lambda row: (row.start_ms, row.pk))


def draw_ribbon(
    file: ScannedFile, scan: Scan | None, matches: Sequence[Match], query: QueryDict
) -> pictures.Ribbon | None:
    """Draw the file with its matches; None while nothing is known of its length."""
    if not file.duration_ms:
        return None
    return pictures.ribbon(
        duration_ms=file.duration_ms,
        waveform=load_waveform(file),
        lanes=[
            _lane(match) for match in matches if match.state != MatchState.SUPPRESSED
        ],
        facts=fact_lanes(scan, [play for match in matches for play in match.segments]),
        window=_window(query),
    )


def draw_coverage(
    file: ScannedFile, matches: Iterable[Match]
) -> pictures.Coverage | None:
    """Draw how much of the file each state covers; overlaps count for the first."""
    if not file.duration_ms:
        return None
    by_state: dict[str, list[tuple[int, int]]] = {}
    for match in matches:
        spans = [(play.start_ms, play.end_ms) for play in match.segments]
        by_state.setdefault(match.state, []).extend(spans)
    taken: list[tuple[int, int]] = []
    parts = []
    for state in _COVERAGE_ORDER:
        spans = by_state.get(state, [])
        parts.append(
            pictures.CoveragePart(state, length(taken + spans) - length(taken))
        )
        taken += spans
    return pictures.coverage(
        duration_ms=file.duration_ms, parts=parts, rest_label=_nothing()
    )


def load_waveform(owner: ScannedFile | Recording) -> waves.Waveform | None:
    """Return the stored loudness of a file or recording; None where there is none."""
    if not owner.waveform:
        return None
    try:
        stored = waveform.from_bytes(read_bytes(owner.waveform))
    except (RecognitionError, OSError):
        return None
    return waves.Waveform(stored.peaks.tolist(), stored.rms.tolist())


def fill_coverage(files: Iterable[ScannedFile]) -> None:
    """Set ``coverage_pct`` of each file: its matched share, overlaps counted once."""
    listed = {file.pk: file for file in files}
    found = review_selectors.matches().filter(scanned_file__in=listed)
    spans: dict[int, list[tuple[int, int]]] = {}
    for match in review_selectors.with_segments(
        found.exclude(state=MatchState.SUPPRESSED)
    ):
        plays = [(play.start_ms, play.end_ms) for play in match.segments]
        spans.setdefault(match.scanned_file_id, []).extend(plays)
    for pk, covered in spans.items():
        if listed[pk].duration_ms:
            listed[pk].coverage_pct = 100 * length(covered) / listed[pk].duration_ms


def _lane(match: Match) -> pictures.Lane:
    return pictures.Lane(
        name=match.recording.title,
        url=reverse("portal:recording_detail", args=[match.recording.uid]),
        segments=[
            pictures.Segment(
                start_ms=play.start_ms,
                end_ms=play.end_ms,
                state=match.state,
                reference_start_ms=play.reference_start_ms,
                reference_end_ms=play.reference_end_ms,
                score=None if play.score is None else float(play.score),
                key=str(play.pk),
            )
            for play in match.segments
        ],
    )


def fact_lanes(scan: Scan | None, plays: Iterable[Segment]) -> list[pictures.FactLane]:
    """Return a lane for each kind of stretch that no match covers, and one of speech.

    Speech is told for a stretch or a segment as a whole, where it fills most of it.
    Who sees some buckets sees no hole where another one matched.
    """
    plays = list(plays)
    heard = [play for play in plays if (play.speech_pct or 0) >= UNDER_SPEECH_PCT]
    spans = {"speech": [pictures.Span(play.start_ms, play.end_ms) for play in heard]}
    for stretch in scan.stretches if scan else []:
        span = pictures.Span(stretch["start_ms"], stretch["end_ms"])
        spans.setdefault(stretch["kind"], []).append(span)
        if stretch.get("speech_pct", 0) >= UNDER_SPEECH_PCT:
            spans["speech"].append(span)
    names = _STRETCH_LANES
    if scan and scan.stretches and not sees_every_bucket():
        names = names | {"no_match": _nothing()}
        spans["no_match"] = _rest(scan, plays)
    return [
        pictures.FactLane(name, kind, spans.get(kind, []))
        for kind, name in names.items()
    ]


def _rest(scan: Scan, plays: Iterable[Segment]) -> list[pictures.Span]:
    """Return what is neither of the plays, nor silent, nor left out by the scan."""
    taken = [(play.start_ms, play.end_ms) for play in plays]
    taken += [
        (stretch["start_ms"], stretch["end_ms"])
        for stretch in scan.stretches
        if stretch["kind"] != "no_match"
    ]
    whole = (0, scan.scanned_file.duration_ms)
    return [pictures.Span(*span) for span in without([whole], taken)]


def _nothing() -> str:
    """Return the words for what no match covers that may be seen."""
    return _("No match") if sees_every_bucket() else _("No match in your buckets")


def _window(query: QueryDict) -> waves.Window | None:
    begin, end = query.get("from", ""), query.get("to", "")
    if begin.isdecimal() and end.isdecimal():
        return waves.Window(int(begin), int(end))
    return None


def why_no_match(file: ScannedFile, scan: Scan) -> dict[str, object]:
    """Return the facts that explain a scan which found nothing."""
    return why_no_matches([(file, scan)])[0]


def why_no_matches(
    scanned: Sequence[tuple[ScannedFile, Scan]],
) -> list[dict[str, object]]:
    """Return for each file the facts that explain its scan which found nothing."""
    refused = [_candidates(scan) for _file, scan in scanned]
    recordings = Recording.objects.in_bulk(
        {one["recording_id"] for candidates in refused for one in candidates}
    )
    return [
        {**_facts(file, scan), "closest": _closest(candidates, recordings)}
        for (file, scan), candidates in zip(scanned, refused, strict=True)
    ]


def _facts(file: ScannedFile, scan: Scan) -> dict[str, object]:
    seen = seen_buckets()
    silent = [span for span in scan.stretches if span["kind"] == "silence"]
    silent_ms = sum(span["end_ms"] - span["start_ms"] for span in silent)
    reason = scan.no_match_reason or "clean_scan"
    label, sentence = _WHY.get(reason, _WHY["clean_scan"])
    return {
        "reason_label": label,
        "sentence": " ".join([sentence, *scan.warnings]),
        "bucket_count": len(scan.buckets),
        "buckets": [
            bucket["name"]
            for bucket in scan.buckets
            if seen is None or bucket["id"] in seen
        ],
        "recordings_searched": scan.recordings_searched,
        "engine": scan.engine_version,
        "floor": file.container.score_floor,
        "usable_ms": file.duration_ms - silent_ms,
        "silence_pct": 100 * silent_ms / file.duration_ms if file.duration_ms else None,
        "not_scanned": [
            span for span in scan.stretches if span["kind"] == "not_scanned"
        ],
    }


def _candidates(scan: Scan) -> list[dict[str, Any]]:  # Any: JSON
    """Return the closest candidate of each stretch, which stayed below the floor."""
    return [span["candidate"] for span in scan.stretches if "candidate" in span]


def _closest(
    candidates: Iterable[dict[str, Any]],  # Any: JSON
    recordings: Mapping[int, Recording],
) -> dict[str, object] | None:
    """Return the one with the highest score of those whose recordings are given."""
    near = max(
        (one for one in candidates if one["recording_id"] in recordings),
        key=lambda one: float(one["score"]),
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
