"""Vote among the offsets of one recording, from its hashes in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition import interrupts
from recognition.fingerprints.hashes import Hashes
from recognition.types import Vote, Votes

# The most postings that a window reads; music has a thousandth of it.
_MOST: Final = 1 << 22


@dataclass(frozen=True, slots=True)
class OneRecording:
    """An index of one recording, whose ``hashes`` are sorted and come with frames.

    ``apart`` is for a recording that is asked about itself: only places that many
    frames and more before the window count. ``tempo`` is that of the warp under which
    it is asked. Hashes at more than ``longest`` places do not count; the limit that a
    query states is for catalogues.
    """

    hashes: Hashes
    number: int = 0
    apart: int = 0
    tempo: float = 1.0
    longest: int | None = None

    def query_windows(
        self,
        buckets: Sequence[int],
        hashes: NDArray[np.uint32],
        frames: NDArray[np.int32],
        windows: Sequence[tuple[int, int]],
        *,
        top: int = 10,
        min_votes: int = 6,
        max_list: int | None = None,
    ) -> list[Votes]:
        """Return the best offsets of the recording for each window."""
        answers = []
        for low, high in windows:
            interrupts.look()
            votes = self._vote(hashes[low:high], frames[low:high], top, min_votes)
            answers.append(Votes.of(votes))
        return answers

    def _vote(
        self, hashes: NDArray[np.uint32], frames: NDArray[np.int32], top: int, min_votes: int
    ) -> list[Vote]:
        own_hashes, at = self.hashes
        low = np.searchsorted(own_hashes, hashes, side="left")
        counts = np.searchsorted(own_hashes, hashes, side="right") - low
        if self.longest is not None:
            counts[counts > self.longest] = 0
        _leave_common(counts)
        total = int(counts.sum())
        if not total:
            return []
        ends = np.cumsum(counts)
        positions = at[np.repeat(low - (ends - counts), counts) + np.arange(total)]
        deltas = positions - np.repeat(frames, counts)
        if self.apart:
            deltas = deltas[positions <= frames.min() / self.tempo - self.apart]
        # Sum three neighbouring offsets, as the index does.
        places, votes = np.unique(
            np.concatenate([deltas - 1, deltas, deltas + 1]), return_counts=True
        )
        best: list[Vote] = []
        for place in np.argsort(-votes, kind="stable")[: 8 * top]:
            delta = int(places[place])
            if votes[place] < min_votes or len(best) == top:
                break
            if all(abs(vote.delta - delta) > 2 for vote in best):
                best.append(Vote(0, self.number, delta, int(votes[place])))
        return best


def _leave_common(counts: NDArray[np.int64]) -> None:
    """Leave out the hashes with most postings until all fit into memory.

    A tone that beeps for hours has few hashes, each at every beep.
    """
    if counts.sum() <= _MOST:
        return
    rising = np.sort(counts)
    first_left_out = rising[np.searchsorted(np.cumsum(rising), _MOST, side="right")]
    counts[counts >= first_left_out] = 0
