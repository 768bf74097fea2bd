"""The kinds of steps, how often each is taken, and by whom."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.registered import SEASON, Table

if TYPE_CHECKING:
    from tests.season.machine import Season
    from tests.season.people import Person

# Reviewers do most of the work.
_NAMES = (
    *("ana", "ana", "ana", "ben", "ben", "mira", "mira", "mira", "max", "adam", "adam"),
    *("lena", "lou", "vera"),
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of step: its relative frequency, and how a person takes it.

    ``take`` returns whether only the person acted.
    """

    weight: float
    take: Callable[[Season, Person, random.Random], bool]


KINDS: Table[str, Kind] = Table({}, SEASON)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: its kind, its person, and a number that decides the rest."""

    kind: str
    name: str
    seed: int

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}:{self.seed}"

    @classmethod
    def read(cls, text: str) -> Step:
        """Read a step in its printed form."""
        kind, name, seed = text.split(":")
        return cls(kind, name, int(seed))

    @classmethod
    def draw(cls, rng: random.Random) -> Step:
        """Draw a random step."""
        weights = [kind.weight for kind in KINDS.values()]
        kind = rng.choices(list(KINDS), weights)[0]
        return cls(kind, rng.choice(_NAMES), rng.randrange(2**32))
