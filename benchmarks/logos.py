"""Measures how recordings of two seconds, such as sonic logos, are found in long files.

``python -m benchmarks.logos [--music DIR] [--seconds 2] [--every 20] [--check]``. The
logos are pieces of half of the tracks, one for every so many seconds; the other tracks
are the files. Some logos are put into them, as they are or under a voice. Every other row
is judged by its waveform (``kinship``).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import sound
from benchmarks.conditions import Damage
from benchmarks.corpus import Track
from benchmarks.kinship import sounds_in
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import BUCKET, Shelf, add_all, fingerprint
from benchmarks.sound import RATE, Samples
from benchmarks.voices import voices
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.types import Landmarks, ScanResult

_LOGOS = 1_000  # numbers of one track begin at a multiple of this
_PERIOD_S = 20  # from one logo in a file to the next
_LONGEST_S = 300  # of a file
_NEAR_MS = 300
_LEAST = {"as it is": 0.95, "under a voice as loud": 0.8}


@dataclass(frozen=True, slots=True)
class Logo:
    """A logo, and the place in its track that it was cut out of, in seconds."""

    samples: Samples
    landmarks: Landmarks
    start: float


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure how recordings of two seconds are found in long files.")
    made.add_argument("--seconds", type=float, default=2.0, help="length of a logo")
    made.add_argument("--every", type=float, default=20.0, help="seconds for each logo")
    args = made.parse_args(argv)
    report = Report()
    with workplace() as folder:
        tracks = music(args.music, Path(folder))
        rng = np.random.default_rng(args.seed)
        order = rng.permutation(len(tracks)).tolist()
        held, files = order[::2], order[1::2]
        logos = _logos(tracks, held, args.seconds, args.every)
        index = SegmentStore(Path(folder) / "index", params_hash=DEFAULT.index_hash())
        references = {number: logo.landmarks for number, logo in logos.items()}
        add_all(index, references)
        index.maintain(BUCKET)
        shelf = Shelf(index, references, len(logos) * args.seconds / 3600)
        report.title("Logos in long files")
        report.line(f"{len(logos)} logos of {args.seconds:g} s; {machine()}.")
        for words in _LEAST:
            _measure_recall(report, (tracks, files, shelf, logos), words, rng)
        _measure_strangers(report, (tracks, files, shelf, logos), args.seconds)
    return report.end(checked=args.check)


def _logos(
    tracks: Sequence[Track], held: Sequence[int], seconds: float, every: float
) -> dict[int, Logo]:
    made: dict[int, Logo] = {}
    for track in held:
        y = tracks[track].samples()
        for number, start in enumerate(np.arange(5, len(y) / RATE - seconds, every)):
            part = y[int(start * RATE) :][: int(seconds * RATE)]
            landmarks = fingerprint(part).reference
            assert landmarks is not None
            # Nobody takes silence or a single hit for a logo.
            if len(landmarks.frames) >= 10:
                made[track * _LOGOS + number] = Logo(part, landmarks, float(start))
    return made


Scene = tuple[list[Track], Sequence[int], Shelf, dict[int, Logo]]
"""All tracks, the numbers of those that are files, and the catalogue with its logos."""


def _measure_recall(report: Report, scene: Scene, words: str, rng: np.random.Generator) -> None:
    tracks, files, shelf, logos = scene
    damage = Damage(rng, voices(rng, 10))
    detections: list[bool] = []
    errors: list[float] = []
    for track in files:
        y = tracks[track].samples()[: _LONGEST_S * RATE].copy()
        put: list[tuple[int, int]] = []
        for start in range(10 * RATE, len(y) - 10 * RATE, _PERIOD_S * RATE):
            number = int(rng.choice(list(logos)))
            part = logos[number].samples
            if words != "as it is":
                part = sound.mixed(part, damage.speech(1, len(part)), 0)
            y[start : start + len(part)] = part
            put.append((number, round(1000 * start / RATE)))
        result = shelf.scan(fingerprint(sound.coded(y, "libmp3lame", "mp3", 96_000)))
        for number, at_ms in put:
            error = _error_ms(result, number, at_ms)
            detections.append(error is not None)
            errors += [] if error is None else [error]
    share = float(np.mean(detections))
    report.line(
        f"{words}: {sum(detections)} of {len(detections)} found, begins off by "
        f"{np.median(errors):.0f} ms, {np.quantile(errors, 0.95):.0f} at 95 %."
    )
    report.check(f"{words}: {share:.3f} found", reached=share >= _LEAST[words])


def _error_ms(result: ScanResult, number: int, at_ms: int) -> float | None:
    """Return by how much the begin of a logo is off; None if it was not found.

    Looped music has the same sound in several logos of one track.
    """
    near = [
        abs(segment.start_ms - at_ms)
        for segment in result.segments
        if segment.recording // _LOGOS == number // _LOGOS
    ]
    return min((distance for distance in near if distance <= _NEAR_MS), default=None)


def _measure_strangers(report: Report, scene: Scene, seconds: float) -> None:
    tracks, files, shelf, logos = scene
    hours, shared, wrong = 0.0, 0, 0
    for track in files:
        forward = tracks[track].samples()
        for y in (forward, forward[::-1].copy()):
            hours += len(y) / RATE / 3600
            for segment in shelf.scan(fingerprint(y)).segments:
                logo = logos[segment.recording]
                whole = tracks[segment.recording // _LOGOS].samples()
                ends = logo.start, logo.start + seconds
                first, last = (1000 * end / DEFAULT.frame_ms for end in ends)
                is_shared = sounds_in(whole, y, (first, last))
                shared += is_shared
                wrong += not is_shared
    report.line(
        f"{hours:.1f} h of strangers, as they are and backwards: {shared} rows that "
        f"share sound, {wrong} others."
    )
    report.check(f"{wrong} rows not confirmed", reached=not wrong)


if __name__ == "__main__":
    sys.exit(main())
