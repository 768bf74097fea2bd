"""``acrfp plot``: draw a fingerprint as a picture in SVG."""

from __future__ import annotations

import argparse
import html
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from recognition.commands.console import UsageError, print_error

if TYPE_CHECKING:
    from recognition.types import Fingerprint, Landmarks

# Longer pictures hold so many points that browsers draw them slowly.
MAX_S: Final = 600.0
WIDTH: Final = 1200
HEIGHT: Final = 480
LEFT: Final = 60
BOTTOM: Final = 40
TICKS: Final = 10
TONES_HZ: Final = (50, 100, 200, 400, 800, 1600, 3200)
COLOURS: Final = {"dense": "#b8c4d6", "reference": "#c2410c"}
RADII: Final = {"dense": 1.2, "reference": 2.2}


def add_to(commands: Any) -> None:  # Any: argparse names no public class for it
    """Add the command's arguments to the parser."""
    plot = commands.add_parser("plot", help="draw the landmarks of a file (SVG)")
    plot.add_argument("file", type=Path, metavar="FILE")
    plot.add_argument("-o", "--output", type=Path, required=True, metavar="OUT.svg")
    plot.add_argument("--from", dest="start_s", type=float, default=0.0, metavar="SECONDS")
    plot.add_argument("--length", dest="length_s", type=float, default=60.0, metavar="SECONDS")
    plot.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the picture."""
    from recognition import durable
    from recognition.api.sounds import LAYERS, read
    from recognition.commands.report import error_object
    from recognition.errors import RecognitionError

    if not 0 < args.length_s <= MAX_S or not args.start_s >= 0:
        raise UsageError(f"--length is at most {MAX_S:g} s, --from at least 0.")
    try:
        made = read(args.file, *LAYERS).fingerprint
    except (RecognitionError, OSError) as error:
        print_error(args.file, error_object(error), as_json=False)
        return 1
    if args.start_s * 1000 >= made.duration_ms:
        raise UsageError(f"{args.file} has only {made.duration_ms / 1000:g} s.")
    picture = draw(made, args.file.name, args.start_s, args.length_s)
    try:
        durable.write(args.output, picture.encode())
    except OSError as error:
        raise UsageError(f"{args.output} cannot be written: {error.strerror}") from error
    return 0


def draw(made: Fingerprint, name: str, start_s: float, length_s: float) -> str:
    """Return landmarks over time (s) and frequency (Hz) as SVG; references are orange."""
    layers = [
        _points(name_of_layer, landmarks, start_s, length_s)
        for name_of_layer, landmarks in (("dense", made.dense), ("reference", made.reference))
        if landmarks is not None
    ]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
        f"<title>{html.escape(name, quote=False)}</title>"
        '<rect width="100%" height="100%" fill="#fff"/>'
    )
    return "\n".join([head, *_axes(start_s, length_s), *layers, "</svg>\n"])


def _points(name: str, landmarks: Landmarks, start_s: float, length_s: float) -> str:
    """Return one path: a dot for each landmark, as a line of no length with round ends."""
    from recognition.params import DEFAULT

    frame_s = DEFAULT.hop_length / DEFAULT.sample_rate
    times = landmarks.frames * frame_s - start_s
    visible = (times >= 0) & (times <= length_s)
    xs = LEFT + times[visible] / length_s * (WIDTH - LEFT)
    ys = _height(landmarks.bins[visible])
    dots = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in zip(xs, ys, strict=True))
    return (
        f'<path d="{dots}" stroke="{COLOURS[name]}" stroke-width="{2 * RADII[name]}" '
        f'stroke-linecap="round"><title>{name}</title></path>'
    )


def _axes(start_s: float, length_s: float) -> Iterator[str]:
    import numpy as np

    from recognition.params import DEFAULT

    tones = np.array(TONES_HZ)
    heights = _height(DEFAULT.bins_per_octave * np.log2(tones / DEFAULT.f_min))
    for tone, y in zip(TONES_HZ, heights, strict=True):
        yield (
            f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="#e5e7eb"/>'
            f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{tone} Hz</text>'
        )
    for tick in range(TICKS):
        x = LEFT + tick / TICKS * (WIDTH - LEFT)
        second = start_s + tick / TICKS * length_s
        yield f'<text x="{x:.1f}" y="{HEIGHT - 12}">{second:g} s</text>'


def _height(bins: Any) -> Any:  # Any: an array of one shape, in and out
    from recognition.params import DEFAULT

    return (HEIGHT - BOTTOM) * (1 - bins / DEFAULT.n_bins)
