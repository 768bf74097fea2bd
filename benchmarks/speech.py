"""Measures how often a second is classified correctly as speech, by voice level.

``python -m benchmarks.speech [--music DIR] [--clips N] [--half 0|1] [--check]``;
``--fit`` prints the weights that fit the half, for ``recognition/search/speech.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.optimize
from numpy.typing import NDArray

from benchmarks import sound
from benchmarks.conditions import Damage, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import fingerprint
from benchmarks.voices import voices
from recognition.search.speech import speech_share, traits
from recognition.types import Fingerprint

Values = NDArray[np.float64]

SECONDS = 24
VOICES = 16
RIGHT = 0.9
PENALTY = 1e-3
SPEECH, MUSIC = "speech alone", "music alone"


@dataclass(frozen=True, slots=True)
class MixedClip:
    """A mix and its truth; ``kind`` is its row of the table."""

    kind: str
    made: Fingerprint

    @property
    def interval_ms(self) -> tuple[int, int]:
        """Return the whole interval."""
        return (0, self.made.duration_ms)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Tell speech from music, second by second.")
    made.add_argument("--clips", type=int, default=280, help="clips of 24 s")
    made.add_argument("--half", type=int, default=1, choices=(0, 1))
    made.add_argument("--fit", action="store_true", help="print weights for this half")
    args = made.parse_args(argv)
    report = Report()
    with workplace() as work:
        tracks = music(args.music, Path(work))
        parts = roles(tracks, args.seed, args.half)
        rng = np.random.default_rng([args.seed, 11, args.half])
        clips = mixes(rng, tracks, parts, args.clips)
    if args.fit:
        weights, bias = fit(clips)
        print(np.array2string(weights, precision=3, separator=", "), round(bias, 3))
        return 0
    report.title("Speech")
    report.line(
        f"{len(clips)} mixes of {SECONDS} s, music against voice at −10 to +10 dB; "
        f"seed {args.seed}, half {args.half}; {machine()}."
    )
    _print(report, clips)
    return report.end(checked=args.check)


def mixes(
    rng: np.random.Generator, tracks: list[Track], parts: Roles, count: int
) -> list[MixedClip]:
    """Return speech, music, and mixes: 3 of 10 without speech and 3 of 20 without music."""
    damage = Damage(rng, voices(rng, VOICES))
    numbers = (*parts.played, *parts.strangers)
    clips = []
    for k in range(count):
        y, _ = cut(tracks[numbers[k % len(numbers)]].samples(), rng, SECONDS, 1)
        share = rng.random()
        kind = MUSIC
        if share < 0.15:
            kind, y = SPEECH, damage.speech(1, len(y))
        elif share > 0.45:
            above = rng.uniform(-10, 10)
            low = 5 * int(above // 5)
            kind = f"music {low:+d} to {low + 5:+d} dB above the voice"
            y = sound.mixed(y, damage.speech(1, len(y)), above)
        gain = np.float32(rng.uniform(0.3, 1))
        clips.append(MixedClip(kind, fingerprint(gain * y)))
    return clips


def fit(clips: Sequence[MixedClip]) -> tuple[Values, float]:
    """Return weights and bias of the logistic model; both classes weigh the same."""
    by_clip = [_traits(clip) for clip in clips]
    x = np.concatenate(by_clip)
    y = np.repeat([clip.kind != MUSIC for clip in clips], list(map(len, by_clip)))
    middle, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    z = (x - middle) / spread
    weight = np.where(y, 0.5 / y.mean(), 0.5 / (1 - y.mean())) / len(y)

    def loss(t: Values) -> tuple[float, Values]:
        odds = z @ t[1:] + t[0]
        off = weight * (1 / (1 + np.exp(-odds)) - y)
        value = weight @ (np.logaddexp(0, odds) - y * odds) + PENALTY * (t[1:] @ t[1:])
        return value, np.append(off.sum(), z.T @ off + 2 * PENALTY * t[1:])

    found = scipy.optimize.minimize(loss, np.zeros(x.shape[1] + 1), jac=True, method="L-BFGS-B").x
    weights = found[1:] / spread
    return weights, float(found[0] - weights @ middle)


def _traits(clip: MixedClip) -> Values:
    assert clip.made.dense is not None
    assert clip.made.level_map is not None
    return traits(clip.made.dense, clip.made.level_map, clip.interval_ms)


def _print(report: Report, clips: Sequence[MixedClip]) -> None:
    right: dict[str, list[float]] = {}
    for clip in clips:
        assert clip.made.dense is not None
        assert clip.made.level_map is not None
        share = speech_share(clip.made.dense, clip.made.level_map, clip.interval_ms)
        assert share is not None
        right.setdefault(clip.kind, []).append(1 - share if clip.kind == MUSIC else share)
    rows = [(kind, len(shares), f"{np.mean(shares):.3f}") for kind, shares in sorted(right.items())]
    everything = float(np.mean([share for of_kind in right.values() for share in of_kind]))
    rows.append(("all", len(clips), f"{everything:.3f}"))
    report.table(("mix", "clips", "seconds classified correctly"), rows)
    report.check(f"seconds classified correctly: {everything:.3f}", reached=everything >= RIGHT)


if __name__ == "__main__":
    sys.exit(main())
