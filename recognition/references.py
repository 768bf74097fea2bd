"""Access to the reference landmarks of a catalogue, wherever they are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from recognition.params import DEFAULT, Params
from recognition.places import PlaceTable, places_of
from recognition.types import Landmarks


@dataclass(frozen=True, slots=True)
class References:
    """The landmarks of the recordings that a scan compares with.

    ``one`` returns the landmarks of a recording; ``places`` where those of all lie.
    """

    one: Callable[[int], Landmarks]
    places: Sequence[PlaceTable]

    @classmethod
    def held(
        cls, landmarks: Mapping[int, Landmarks], params: Params = DEFAULT
    ) -> References:
        """Return references held in memory, by number."""
        table = PlaceTable.of(
            {number: places_of(one, params) for number, one in landmarks.items()}
        )
        return cls(landmarks.__getitem__, [table])
