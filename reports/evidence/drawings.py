"""The pictures of a pack, as self-contained SVG and as PNG.

They are drawn from numbers: milliseconds, shares, levels. Colours are those of the
pages in light mode.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

import numpy as np
import resvg_py
from numpy.typing import NDArray
from PIL import Image

from recognition.types import Waveform
from reports.cells import clock, offset
from reports.pdf import FONTS
from review.counting import Count
from review.intervals import Interval
from scanning.models import Segment

_FONT_FILES = [str(FONTS / "DejaVuSans.ttf")]

INK, QUIET, LINE, SUNKEN = "#191c24", "#626a7c", "#dcdfe6", "#eceef2"
SOURCE, SOURCE_SOFT, REFERENCE = "#4a5061", "#878e9e", "#5443c9"
MARK = "#c5480c"
STATE_COLOURS = {
    "pending": "#b57200",
    "in_review": "#5443c9",
    "escalated": "#b04a88",
    "confirmed": "#1169b3",
    "upheld": "#1169b3",
    "cleared": "#00805f",
    "disputed": "#c5480c",
}
OTHER_STATE = "#757c8c"

WIDTH, LEFT, RIGHT = 1000, 110, 20
PLOT = WIDTH - LEFT - RIGHT
_POINTS = 800
_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200)
_MOST_TICKS = 8
# White over violet to black: the darkness grows with the level throughout.
_STOPS = (0.0, 0.3, 0.6, 0.85, 1.0)
_COLOURS = ((255, 255, 255), (205, 200, 240), (120, 105, 205), (60, 40, 140), (15, 10, 50))


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing: file name, title, and description in words.

    It is ``WIDTH`` wide and ``height`` high, in SVG pixels.
    """

    name: str
    title: str
    text: str
    height: float
    svg: str

    def png(self) -> bytes:
        """Return a PNG of twice the size, drawn with the bundled font only."""
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=self.svg,
                zoom=2,
                skip_system_fonts=True,
                font_files=_FONT_FILES,
                font_family="DejaVu Sans",
                sans_serif_family="DejaVu Sans",
            )
        )


@dataclass(frozen=True, slots=True)
class DrawnExcerpt:
    """One side of a pair of spectrograms, and the segment in it.

    ``levels`` is None without audio.
    """

    start_ms: int
    end_ms: int
    segment_start_ms: int
    segment_end_ms: int
    levels: NDArray[np.uint8] | None


def waveform(sound: Waveform, count: Count, duration_ms: int, state: str) -> Picture:
    """Draw the loudness of the file, with the counted and the excluded time marked."""
    height, middle, half = 190, 85, 70
    peaks = _pooled(sound.peaks, _POINTS)
    body = _pooled(sound.rms, _POINTS)
    marks = [
        _rect(x, 10, width, 150, STATE_COLOURS.get(state, OTHER_STATE), opacity="0.25")
        for x, width in _boxes(count.counted, duration_ms)
    ]
    parts = [
        _rect(LEFT, 10, PLOT, 150, "#fafbfc"),
        *marks,
        *_hatched(count.excluded, duration_ms, 10, 150),
        _outline(peaks, middle, half, SOURCE_SOFT),
        _outline(body, middle, half, SOURCE),
        _label(LEFT - 10, middle + 4, "Loudness", anchor="end"),
        *_ruler(0, duration_ms, 160),
    ]
    text = f"Loudness of the file over {offset(duration_ms)}; the match is marked."
    if count.excluded:
        text += " Hatched time is excluded and does not count."
    return _picture("waveform", "Waveform of the file", text, height, parts)


def ribbon(
    count: Count,
    duration_ms: int,
    state: str,
    facts: Sequence[tuple[str, Sequence[tuple[int, int]]]],
) -> Picture:
    """Draw the counted time in the file, above lanes of facts about the file."""
    colour = STATE_COLOURS.get(state, OTHER_STATE)
    parts = [_label(LEFT - 10, 34, "Match", anchor="end"), _rect(LEFT, 15, PLOT, 30, SUNKEN)]
    counted = count.counted
    parts += [_rect(x, 15, w, 30, colour) for x, w in _boxes(counted, duration_ms)]
    parts += _hatched(count.excluded, duration_ms, 15, 30)
    y = 55
    for name, intervals in facts:
        parts.append(_label(LEFT - 10, y + 12, name, anchor="end"))
        parts.append(_rect(LEFT, y, PLOT, 16, SUNKEN))
        for start, end in intervals:
            x = LEFT + PLOT * start / duration_ms
            parts.append(_rect(x, y, PLOT * (end - start) / duration_ms, 16, SOURCE_SOFT))
        y += 26
    parts += _ruler(0, duration_ms, y)
    places = ", ".join(offset(start) for start, _ in counted[:20])
    suffix = f" and {len(counted) - 20} more" if len(counted) > 20 else ""
    named = "1 interval" if len(counted) == 1 else f"{len(counted)} intervals"
    at = f", at {places}{suffix}" if counted else ""
    text = f"{named} counted in {offset(duration_ms)}{at}."
    if count.excluded:
        text += f" {offset(count.excluded_ms)} is excluded and hatched."
    return _picture("ribbon", "Position of the match in the file", text, y + 30, parts)


def alignment(segments: Sequence[Segment], reference_ms: int) -> Picture:
    """Draw file time across and recording time up, one stroke per segment."""
    height, top_y, plot = 310, 30, 240
    first = min(segment.start_ms for segment in segments)
    last = max(segment.end_ms for segment in segments)
    top = max(reference_ms, *(segment.reference_end_ms for segment in segments))

    def x(at_ms: int) -> float:
        return LEFT + PLOT * (at_ms - first) / max(1, last - first)

    def y(at_ms: int) -> float:
        return top_y + plot * (1 - at_ms / max(1, top))

    parts = [
        _rect(LEFT, top_y, PLOT, plot, "#fafbfc"),
        _label(LEFT, 18, "up: time in the recording; across: time in the file"),
    ]
    for at_ms in _ticks(0, top):
        parts.append(_rule(LEFT, y(at_ms), LEFT + PLOT, y(at_ms)))
        parts.append(_label(LEFT - 10, y(at_ms) + 4, clock(at_ms), anchor="end"))
    for segment in segments:
        x1, x2 = x(segment.start_ms), x(segment.end_ms)
        if x2 - x1 < 4:
            x1, x2 = x1 - 2, x2 + 2
        parts.append(
            f'<line x1="{_n(x1)}" y1="{_n(y(segment.reference_start_ms))}" '
            f'x2="{_n(x2)}" y2="{_n(y(segment.reference_end_ms))}" '
            f'stroke="{REFERENCE}" stroke-width="4" stroke-linecap="round"/>'
        )
    parts += _ruler(first, last, top_y + plot)
    lines = "1 line" if len(segments) == 1 else f"{len(segments)} lines"
    text = (
        f"{lines}: file time across, recording time up. The slope shows the "
        "speed, a jump shows an edit, and parallel lines show repeats."
    )
    return _picture("alignment", "Alignment of file and recording", text, height, parts)


def coverage(source_pct: Decimal | None, reference_pct: Decimal | None) -> Picture:
    """Draw the matched share of file and recording, as far as their lengths are known."""
    both = (("File", source_pct, SOURCE), ("Recording", reference_pct, REFERENCE))
    rows = [(name, float(share), colour) for name, share, colour in both if share is not None]
    parts = []
    for number, (name, share, colour) in enumerate(rows):
        y = 15 + 40 * number
        parts.append(_label(LEFT - 10, y + 20, name, anchor="end"))
        parts.append(_rect(LEFT, y, PLOT - 90, 28, SUNKEN))
        parts.append(_rect(LEFT, y, (PLOT - 90) * min(share, 100) / 100, 28, colour))
        parts.append(_label(LEFT + PLOT, y + 20, f"{share:.2f} %", anchor="end"))
    text = "; ".join(f"{name.lower()} {share:.2f} %" for name, share, _ in rows)
    return _picture("coverage", "Matched share", f"Matched: {text}.", 25 + 40 * len(rows), parts)


def spectrograms(number: int, source: DrawnExcerpt, reference: DrawnExcerpt) -> Picture:
    """Draw both sounds of a segment side by side, aligned at the segment's start."""
    height, width = 290, 465
    sides = (source, reference)
    before = max(side.segment_start_ms - side.start_ms for side in sides)
    after = max(side.end_ms - side.segment_start_ms for side in sides)
    parts: list[str] = []
    for index, (name, side) in enumerate(zip(("File", "Recording"), sides, strict=True)):
        x = 20 + index * (width + 30)
        scale = width / max(1, before + after)
        parts.append(_label(x, 20, f"{name}, {_interval(side)}", colour=INK))
        parts += _one_side(side, x + before * scale, scale)
    text = (
        f"Segment {number}, between the lines: frequency from 60 Hz at the bottom to 7,600 "
        f"Hz at the top, time across. The file is shown from {_interval(source)}, the recording "
        f"from {_interval(reference)}."
    )
    name = f"spectrogram-{number:03d}"
    return _picture(name, f"Spectrograms of segment {number}", text, height, parts)


def _one_side(side: DrawnExcerpt, begin: float, scale: float) -> list[str]:
    """Draw one spectrogram; ``begin`` is the x of the segment's start."""
    top, plot = 30, 220
    first = begin + (side.start_ms - side.segment_start_ms) * scale
    width = (side.end_ms - side.start_ms) * scale
    if side.levels is None:
        middle = first + width / 2
        return [
            _rect(first, top, width, plot, SUNKEN),
            _label(middle, top + plot / 2, "no audio kept", anchor="middle"),
        ]
    data = base64.b64encode(_image(side.levels)).decode()
    ends = [begin]
    if side.segment_end_ms <= side.end_ms:
        ends.append(begin + (side.segment_end_ms - side.segment_start_ms) * scale)
    marks = [
        f'<line x1="{_n(x)}" y1="{top}" x2="{_n(x)}" y2="{top + plot}" '
        f'stroke="{MARK}" stroke-width="2" stroke-dasharray="6 4"/>'
        for x in ends
    ]
    return [
        f'<image x="{_n(first)}" y="{top}" width="{_n(width)}" height="{plot}" '
        f'preserveAspectRatio="none" href="data:image/png;base64,{data}"/>',
        *marks,
        _label(begin, top + plot + 18, clock(side.segment_start_ms), anchor="middle"),
    ]


def _picture(name: str, title: str, text: str, height: float, parts: Iterable[str]) -> Picture:
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {_n(height)}" '
        f'width="{WIDTH}" height="{_n(height)}" role="img" '
        'font-family="DejaVu Sans, sans-serif" font-size="13">\n'
        f"<title>{escape(title)}</title>\n<desc>{escape(text)}</desc>\n"
        f'<rect width="{WIDTH}" height="{_n(height)}" fill="#ffffff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )
    return Picture(name, title, text, height, svg)


def _boxes(intervals: Iterable[Interval], duration_ms: int) -> Iterator[tuple[float, float]]:
    """Yield left edge and width of each interval; short ones stay visible."""
    for start, end in intervals:
        x = PLOT * start / duration_ms
        width = max(2.0, PLOT * (end - start) / duration_ms)
        yield LEFT + min(x, PLOT - width), width


def _hatched(intervals: Sequence[Interval], duration_ms: int, y: float, height: float) -> list[str]:
    """Draw intervals that do not count; nothing if there are none."""
    if not intervals:
        return []
    hatch = (
        '<defs><pattern id="excluded" width="6" height="6" '
        'patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        f'<path d="M2 0v6" stroke="{SOURCE}" stroke-width="1.6"/></pattern></defs>'
    )
    return [hatch] + [
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
        f'fill="url(#excluded)" stroke="{SOURCE}"/>'
        for x, width in _boxes(intervals, duration_ms)
    ]


def _ruler(first_ms: int, last_ms: int, y: float) -> list[str]:
    parts = []
    for at_ms in _ticks(first_ms, last_ms):
        x = LEFT + PLOT * (at_ms - first_ms) / max(1, last_ms - first_ms)
        parts.append(_rule(x, y, x, y + 5))
        parts.append(_label(x, y + 20, clock(at_ms), anchor="middle"))
    return parts


def _ticks(first_ms: int, last_ms: int) -> range:
    length_s = max(1, last_ms - first_ms) / 1000
    step = next((step_s for step_s in _STEPS_S if length_s / step_s <= _MOST_TICKS), 0)
    step = step or 86_400 * -(-int(length_s) // (86_400 * _MOST_TICKS))
    step_ms = 1000 * step
    return range(-(-first_ms // step_ms) * step_ms, last_ms + 1, step_ms)


def _pooled(values: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    edges = np.linspace(0, len(values), min(count, len(values)) + 1).astype(int)[:-1]
    pooled: NDArray[np.uint8] = np.maximum.reduceat(values, edges)
    return pooled


def _outline(values: NDArray[np.uint8], middle: float, half: float, colour: str) -> str:
    xs = LEFT + PLOT * (np.arange(len(values)) + 0.5) / len(values)
    heights = np.maximum(values / 255 * half, 0.5)
    up = [f"{_n(x)} {_n(middle - h)}" for x, h in zip(xs, heights, strict=True)]
    down = [f"{_n(x)} {_n(middle + h)}" for x, h in zip(xs, heights, strict=True)]
    return f'<path d="M{"L".join(up)}L{"L".join(reversed(down))}Z" fill="{colour}"/>'


def _image(levels: NDArray[np.uint8]) -> bytes:
    """Return the levels as a coloured PNG."""
    at = np.linspace(0, 1, 256)
    table = np.stack(
        [np.interp(at, _STOPS, [c[channel] for c in _COLOURS]) for channel in range(3)], 1
    )
    target = io.BytesIO()
    Image.fromarray(table.round().astype(np.uint8)[levels]).save(target, "PNG")
    return target.getvalue()


def _rect(x: float, y: float, width: float, height: float, colour: str, opacity: str = "1") -> str:
    return (
        f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" '
        f'height="{_n(height)}" fill="{colour}" fill-opacity="{opacity}"/>'
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{_n(x1)}" y1="{_n(y1)}" x2="{_n(x2)}" y2="{_n(y2)}" stroke="{LINE}"/>'


def _label(x: float, y: float, text: str, *, anchor: str = "start", colour: str = QUIET) -> str:
    return (
        f'<text x="{_n(x)}" y="{_n(y)}" text-anchor="{anchor}" fill="{colour}">'
        f"{escape(text)}</text>"
    )


def _interval(excerpt: DrawnExcerpt) -> str:
    return f"{offset(excerpt.start_ms)} to {offset(excerpt.end_ms)}"


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
