"""The reference landmarks of a catalogue, from wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from recognition.params import DEFAULT, Params
from recognition.sweep import Places, places_of
from recognition.types import Landmarks


@dataclass(frozen=True, slots=True)
class References:
    """What a scan reads of the recordings it is against.

    ``one`` gives the landmarks of a recording, ``every`` the places of those of all
    recordings; that is only asked for where the catalogue is small enough for it.
    """

    one: Callable[[int], Landmarks]
    every: Callable[[], Iterable[Places]]

    @classmethod
    def held(
        cls, landmarks: Mapping[int, Landmarks], params: Params = DEFAULT
    ) -> References:
        """Those held in memory, by number."""

        def every() -> Iterable[Places]:
            return (places_of(number, one, params) for number, one in landmarks.items())

        return cls(landmarks.__getitem__, every)
