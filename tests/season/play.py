"""Plays seasons of steps, and reduces a failing season to its shortest form.

Hypothesis has stateful testing too. We tried it first: it starts with the same smallest
step again and again, and its shrinking stops after five minutes.
"""

from __future__ import annotations

import random
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.season.installation import Installation
from tests.season.machine import Season
from tests.season.steps import Step
from tests.season.workers import Spare
from tests.write_locks import Holds

_SHORTEN_SECONDS = 600


@dataclass
class Failure:
    """The error, and the steps that cause it."""

    steps: list[Step]
    error: Exception

    @property
    def sign(self) -> str:
        """Return the place and message of the error, which identify this failure."""
        frames = traceback.extract_tb(self.error.__traceback__)
        own = [frame for frame in frames if "site-packages" not in frame.filename]
        words = re.findall(r"[A-Za-z]{4,}", str(self.error))
        return f"{type(self.error).__name__} in {own[-1].name}: {' '.join(words[:12])}"

    def __str__(self) -> str:
        return "".join(traceback.format_exception(self.error, limit=-12))


@dataclass
class Theatre:
    """The installation on which seasons are played, and every address reached so far."""

    installation: Installation
    spare: Spare
    holds: Holds
    """What was seen of write transactions."""
    write_line: Callable[[str], None] = lambda _line: None
    """Takes each line of the diary."""
    counted: Callable[[int], None] = lambda _steps: None
    """Takes the number of steps after each season."""
    reached: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)

    @property
    def steps(self) -> int:
        """Return how many steps were taken."""
        return self.kinds.total()

    def play(self, steps: Sequence[Step]) -> Failure | None:
        """Play one season; return the failure with the steps up to it."""
        season = Season(self.installation, self.spare, self.write_line, self.holds)
        taken: list[Step] = []
        try:
            for step in steps:
                taken.append(step)
                self.kinds[step.kind] += 1
                season.take(step)
            season.end()
        except Exception as error:  # any exception is a failure
            return Failure(taken, error)
        finally:
            self.reached.update(season.close())
        return None

    def play_many(self, count: int, length: int, seed: int) -> Iterator[Failure]:
        """Play seasons until ``count`` steps are taken; yield each different failure once."""
        causes: set[str] = set()
        for season in seasons(length, seed):
            failure = self.play(season)
            if failure is not None and failure.sign not in causes:
                causes.add(failure.sign)
                yield failure
            self.counted(self.steps)
            if self.steps >= count:
                return

    def shorten(self, failure: Failure) -> Failure:
        """Remove steps as long as the same failure remains."""
        end = time.monotonic() + _SHORTEN_SECONDS
        best, size = failure, max(1, len(failure.steps) // 2)
        while True:
            for start in range(0, len(best.steps), size):
                if time.monotonic() > end:
                    return best
                fewer = best.steps[:start] + best.steps[start + size :]
                play = self.play(fewer) if fewer else None
                if play is not None and play.sign == failure.sign:
                    best = play
                    break
            else:
                if size == 1:
                    return best
                size = max(1, size // 2)


def seasons(length: int, seed: int) -> Iterator[list[Step]]:
    """Yield seasons of steps, the same for the same seed."""
    rng = random.Random(seed)
    while True:
        yield [Step.draw(rng) for _ in range(length)]
