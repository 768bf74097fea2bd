"""Access to the reference landmarks of a catalogue, wherever they are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from recognition.params import DEFAULT, Params
from recognition.sweep import Places, places_of
from recognition.types import Landmarks


@dataclass(frozen=True, slots=True)
class References:
    """The landmarks of the recordings that a scan compares with.

    ``one`` returns the landmarks of a recording; ``every`` yields the places of all
    recordings, which only small catalogues ask for.
    """

    one: Callable[[int], Landmarks]
    every: Callable[[], Iterable[Places]]

    @classmethod
    def held(
        cls, landmarks: Mapping[int, Landmarks], params: Params = DEFAULT
    ) -> References:
        """Return references held in memory, by number."""

        def every() -> Iterable[Places]:
            return (places_of(number, one, params) for number, one in landmarks.items())

        return cls(landmarks.__getitem__, every)
