"""The context of the comparison of two recordings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.common.reading import read_clock
from catalogue.models import Recording
from dedup import grouping, merging
from dedup.models import DuplicateKind, PairLink
from review.edits import edit_in_words, edit_of
from web.portal.pictures import plots, ribbon, waveform
from web.portal.pictures.match import chosen
from web.portal.pictures.pair import PairPicture, aligned
from web.portal.pictures.waveform import load_waveform
from web.portal.shared import formats

ICONS = {
    "exact_file": "exact",
    "same_audio": "duplicates",
    "family": "scissors",
    "shared_loop": "loop",
    "overlap": "link",
}


@dataclass(frozen=True, slots=True)
class SharedInterval:
    """One aligned interval of two recordings."""

    start_ms: int
    end_ms: int
    reference_start_ms: int
    reference_end_ms: int
    tempo_ratio: float
    pitch_cents: Decimal | None
    score: float


@dataclass(frozen=True, slots=True)
class SharedRibbon:
    """One recording with the intervals that the other one shares."""

    recording: Recording
    quality: str
    wave: waveform.WavePaths | None
    boxes: tuple[tuple[str, str], ...]


def pair_context(
    first: Recording, second: Recording, link: PairLink | None, segment: str
) -> dict[str, object]:
    """Return the context; ``segment`` is a segment number from the address."""
    intervals = intervals_of(link, first) if link is not None else []
    current = chosen(segment, len(intervals))
    interval = intervals[current - 1] if intervals else None
    drawn: PairPicture | None = aligned(first, second, interval) if interval else None
    fields = merging.field_choices([first, second])
    return {
        "one": first,
        "other": second,
        "link": link,
        "kind_label": relation_label(link),
        "kind_icon": ICONS.get(link.kind if link else "", "duplicates"),
        "intervals": intervals,
        "shown_segments": intervals,
        "current": current,
        "pair": drawn,
        "plot": plots.alignment_plot(segments=_segments(intervals), current=current)
        if intervals
        else None,
        "ribbons": [
            _ribbon(first, [(interval.start_ms, interval.end_ms) for interval in intervals]),
            _ribbon(
                second,
                [
                    (interval.reference_start_ms, interval.reference_end_ms)
                    for interval in intervals
                ],
            ),
        ],
        "fields": fields,
        "differing": sum(field.differs for field in fields),
        "confidence": formats.percent(link.confidence, 1) if link else "",
    }


def relation_label(link: PairLink | None) -> str:
    """Return the label of the relation of two recordings."""
    if link is None or not link.kind:
        return _("No relation") if link is None or not link.runs else _("A short interval")
    label = str(DuplicateKind(link.kind).label)
    if not link.altered:
        return label
    tempo, cents = Decimal(str(link.tempo_ratio)), round(link.pitch_cents)
    edit = edit_in_words(edit_of(tempo, cents), tempo, cents)
    return _("%(kind)s, %(edit)s") % {"kind": label, "edit": edit or _("altered")}


def quality_of(recording: Recording) -> str:
    """Return codec, sample rate, bit rate and mono of a recording in one line."""
    facts = recording.facts
    parts = [formats.codec(str(facts.get("codec", "")))]
    if rate := facts.get("sample_rate"):
        parts.append(f"{int(rate) / 1000:g} kHz")
    if not grouping.is_lossless(recording) and (bits := facts.get("bit_rate")):
        parts.append(f"{int(bits) // 1000} kbit/s")
    if facts.get("channels") == 1:
        parts.append(_("mono"))
    return " ".join(part for part in parts if part)


def intervals_of(link: PairLink, first: Recording) -> list[SharedInterval]:
    """Return the intervals that two recordings share, with ``first`` as the source."""
    turned = link.one_id != first.pk
    intervals = []
    for start, end, other_start, other_end, tempo, pitch, score in link.runs:
        here, there = (start, end), (other_start, other_end)
        if turned:
            here, there = there, here
            tempo, pitch = 1 / tempo, -pitch
        intervals.append(
            SharedInterval(
                start_ms=round(here[0]),
                end_ms=round(here[1]),
                reference_start_ms=round(there[0]),
                reference_end_ms=round(there[1]),
                tempo_ratio=tempo,
                pitch_cents=Decimal(str(round(pitch, 1))),
                score=score,
            )
        )
    return sorted(intervals, key=lambda interval: interval.start_ms)


def plot_of(link: PairLink | None, first: Recording) -> plots.AlignmentPlot | None:
    """Draw the alignment of two recordings; None if they were never compared."""
    if link is None:
        return None
    intervals = intervals_of(link, first)
    current = 1 if len(intervals) == 1 else None
    return plots.alignment_plot(segments=_segments(intervals), current=current)


def says_of(link: PairLink | None, first: Recording) -> str:
    """Return a description of the plot."""
    if link is None or not link.runs:
        return _("These two were not compared directly; other recordings link them.")
    intervals = intervals_of(link, first)
    shared = sum(interval.end_ms - interval.start_ms for interval in intervals)
    text = ngettext(
        "One interval of %(length)s.", "%(n)s intervals, together %(length)s.", len(intervals)
    ) % {"n": len(intervals), "length": read_clock(shared, digits=1)}
    if link.altered:
        tempo = intervals[0].tempo_ratio
        text += " " + _("The first plays at %(speed)s of the second, %(cents)s.") % {
            "speed": formats.speed(tempo),
            "cents": formats.cents(float(intervals[0].pitch_cents or 0)),
        }
    return text


def _segments(intervals: Sequence[SharedInterval]) -> list[ribbon.DrawnSegment]:
    return [
        ribbon.DrawnSegment(
            start_ms=interval.start_ms,
            end_ms=interval.end_ms,
            state="",
            reference_start_ms=interval.reference_start_ms,
            reference_end_ms=interval.reference_end_ms,
            score=interval.score,
        )
        for interval in intervals
    ]


def _ribbon(recording: Recording, intervals: Sequence[tuple[int, int]]) -> SharedRibbon:
    whole = max(1, recording.duration_ms)
    return SharedRibbon(
        recording,
        quality_of(recording),
        waveform.wave_paths(load_waveform(recording)),
        tuple(
            (f"{100 * start_ms / whole:.3f}%", f"{100 * (end_ms - start_ms) / whole:.3f}%")
            for start_ms, end_ms in intervals
        ),
    )
