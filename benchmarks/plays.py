"""Measures whole programmes: detected plays, rows per play, and errors of the edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from benchmarks.corpus import Roles, Track
from benchmarks.programmes import PlayedInterval, Programme, programme
from benchmarks.report import Report
from benchmarks.shelf import Shelf, fingerprint
from benchmarks.voices import voices
from recognition.types import SegmentMatch

_LENGTH = 1800.0


@dataclass
class Tally:
    """Counts over programmes; edges are errors in seconds."""

    plays: dict[str, int] = field(default_factory=dict)
    detections: dict[str, int] = field(default_factory=dict)
    edges: dict[str, list[float]] = field(default_factory=dict)
    rows: int = 0
    false: int = 0
    tempo: list[float] = field(default_factory=list)


def measure(
    report: Report, tracks: list[Track], parts: Roles, shelf: Shelf, seed: int, hours: float
) -> None:
    """Make programmes of that many hours, scan them, and print."""
    rng = np.random.default_rng([seed, 3])
    speakers = voices(rng, 10)
    tally = Tally()
    for _ in range(max(1, round(hours * 3600 / _LENGTH))):
        made = programme(
            rng,
            recordings=parts.played,
            strangers=parts.strangers,
            load=lambda number: tracks[number].samples(),
            voices=speakers,
            seconds=min(_LENGTH, hours * 3600),
        )
        judge(made, shelf.scan(fingerprint(made.samples)).segments, tally)
    _print(report, tally, hours)


def judge(made: Programme, segments: Sequence[SegmentMatch], tally: Tally) -> None:
    """Add one programme's result to the tally."""
    rows: dict[int, list[SegmentMatch]] = {}
    for segment in segments:
        at = next((k for k, play in enumerate(made.plays) if _covers(play, segment)), None)
        if at is None:
            tally.false += 1
        else:
            rows.setdefault(at, []).append(segment)
    for k, play in enumerate(made.plays):
        kind = _kind(play)
        tally.plays[kind] = tally.plays.get(kind, 0) + 1
        if k not in rows:
            continue
        tally.detections[kind] = tally.detections.get(kind, 0) + 1
        tally.rows += len(rows[k])
        tally.edges.setdefault(kind, []).extend(_edges(play, rows[k]))
        tally.tempo.append(abs(rows[k][0].tempo_ratio - play.tempo))


def _kind(play: PlayedInterval) -> str:
    if play.spoken_over:
        return "under speech"
    return "altered speed" if play.tempo != 1 else "bare"


def _covers(play: PlayedInterval, segment: SegmentMatch) -> bool:
    start, end = segment.start_ms / 1000, segment.end_ms / 1000
    shared = min(play.end, end) - max(play.start, start)
    return play.recording == segment.recording and shared > (end - start) / 2


def _edges(play: PlayedInterval, rows: Sequence[SegmentMatch]) -> list[float]:
    start = min(row.start_ms for row in rows) / 1000
    end = max(row.end_ms for row in rows) / 1000
    return [abs(start - play.start), abs(end - play.end)]


def _print(report: Report, tally: Tally, hours: float) -> None:
    report.title(f"Programmes ({hours:g} h)")
    rows = []
    for kind, count in sorted(tally.plays.items()):
        edges = tally.edges.get(kind, [np.nan])
        rows.append(
            (
                kind,
                f"{tally.detections.get(kind, 0)} of {count}",
                f"{np.median(edges):.3f}",
                f"{np.quantile(edges, 0.95):.2f}",
            )
        )
    edges = [error for of_kind in tally.edges.values() for error in of_kind]
    detected, count = sum(tally.detections.values()), sum(tally.plays.values())
    middle, worst = float(np.median(edges)), float(np.quantile(edges, 0.95))
    rows.append(("all", f"{detected} of {count}", f"{middle:.3f}", f"{worst:.2f}"))
    report.table(("occurrences", "found", "edge error, s: median", "95 %"), rows)
    report.line(
        f"False segments: {tally.false}; segments per occurrence found: "
        f"{tally.rows / max(1, detected):.2f}; tempo error: median "
        f"{100 * float(np.median(tally.tempo)):.3f} %, largest "
        f"{100 * max(tally.tempo):.2f} %."
    )
    report.check(f"programmes: {detected} of {count}", reached=detected >= 0.99 * count)
    report.check(f"programmes: {tally.false} false segments", reached=not tally.false)
    report.check(f"edges: median {middle:.3f} s", reached=middle <= 0.10)
    report.check(f"edges: 95 % {worst:.2f} s", reached=worst <= 0.5)
