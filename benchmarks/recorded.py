"""Measures how well music is found that was recorded through the air or a telephone.

``python -m benchmarks.recorded [--music DIR] [--hours 27 300] [--clips N] [--half 0|1]
[--check]``; see ``trials`` for how clips are judged.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks import sound
from benchmarks.conditions import Condition, Damage
from benchmarks.sound import Samples
from benchmarks.trials import ClipTrial, run

_CROWD = 5  # voices
_TARGETS = {
    "telephone": ((27, 1.0), (300, 0.97), (1_000, 0.95), (6_700, 0.9)),
    "hall": ((27, 0.98), (300, 0.95), (1_000, 0.92), (6_700, 0.88)),
    "crowd 5 dB below": ((27, 0.8), (300, 0.7), (1_000, 0.65)),
    "crowd as loud": ((27, 0.95), (300, 0.85), (1_000, 0.8)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    description = "Measure the recall of music recorded through the air."
    return run(argv, description, recordings(), _TARGETS)


def recordings() -> list[ClipTrial]:
    """Return every way of recording that is measured."""

    def crowded(y: Samples, damage: Damage, decibels: float) -> Samples:
        hall = sound.reverberant(y, damage.rng)
        return _called(sound.mixed(hall, damage.speech(_CROWD, len(y)), decibels))

    return [
        ClipTrial(Condition("telephone", "telephone", lambda y, d: sound.telephone(y)), 5),
        ClipTrial(
            Condition(
                "hall, telephone, Opus 12 kbit/s",
                "hall",
                lambda y, d: _called(sound.reverberant(y, d.rng)),
            ),
            10,
        ),
        ClipTrial(
            Condition(
                "the same, crowd 5 dB below", "crowd 5 dB below", lambda y, d: crowded(y, d, 5)
            ),
            10,
        ),
        ClipTrial(
            Condition("the same, crowd as loud", "crowd as loud", lambda y, d: crowded(y, d, 0)), 30
        ),
    ]


def _called(y: Samples) -> Samples:
    return sound.coded(sound.telephone(y), "libopus", "ogg", 12_000)


if __name__ == "__main__":
    sys.exit(main())
