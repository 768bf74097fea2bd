"""One scanned file, prepared to be joined with others and measured against them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from recognition.fingerprints.file_format import scan_layer
from recognition.fingerprints.landmarks import ranks_of, select
from recognition.fingerprints.levels import silent_frames
from recognition.params import DEFAULT, Params
from recognition.speech.judging import judge_interval
from recognition.speech_track import SpeechTrack
from recognition.types import Fingerprint, Landmarks
from recognition.verify.alignment import QueryView, view_of


@dataclass(frozen=True, slots=True)
class Sound:
    """The unmatched sound of one scanned file.

    ``view`` and ``thinned`` hold its landmarks, dense and as sparse as a reference's,
    where nothing matched. ``open_frames`` marks the frames that are neither matched nor
    silent.
    """

    number: int
    fingerprint: Fingerprint
    view: QueryView
    thinned: Landmarks
    open_frames: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        number: int,
        fingerprint: Fingerprint,
        unmatched_ms: Sequence[tuple[int, int]] | None = None,
        params: Params = DEFAULT,
    ) -> Sound:
        """Prepare a file by its number, which must not be used for another.

        ``fingerprint`` needs its scan layer, else ``MissingLayer`` or
        ``ParamsMismatch`` is raised. ``unmatched_ms`` are its intervals (start, end)
        without a match; None for the whole file.
        """
        dense, level_map = scan_layer(fingerprint, params)
        n_frames = len(level_map.levels) * level_map.frames_per_cell
        if len(dense.frames):
            n_frames = max(n_frames, int(dense.frames[-1]) + 1)
        unmatched = np.full(n_frames, unmatched_ms is None)
        for start, end in unmatched_ms or ():
            unmatched[int(start / params.frame_ms) : int(end / params.frame_ms)] = True
        silent = np.ones(n_frames, dtype=np.bool_)
        quiet = np.repeat(silent_frames(level_map, params), level_map.frames_per_cell)
        silent[: len(quiet)] = quiet
        thinned = select(dense, ranks_of(dense, params) == 0)
        return cls(
            number,
            fingerprint,
            view_of(select(dense, unmatched[dense.frames]), level_map, n_frames),
            select(thinned, unmatched[thinned.frames]),
            unmatched & ~silent,
        )

    def speech(self, interval_ms: tuple[int, int], params: Params = DEFAULT) -> SpeechTrack:
        """Return where an interval has speech and music, in times of the interval."""
        _dense, level_map = scan_layer(self.fingerprint, params)
        return judge_interval(level_map, *interval_ms)

    def landmarks(self, interval_ms: tuple[int, int], params: Params = DEFAULT) -> Landmarks:
        """Return an interval's landmarks as those of a recording that begins there."""
        first = round(interval_ms[0] / params.frame_ms)
        last = round(interval_ms[1] / params.frame_ms)
        frames = self.thinned.frames
        inside = select(self.thinned, (frames >= first) & (frames <= last))
        return inside.moved(-first)


Load: TypeAlias = Callable[[int], Sound]
"""Returns a kept file by its number; a cache of a few files makes it fast."""
