"""Whether a recording holds enough sound that a scan can find it.

A logo of two seconds with a dozen landmarks gives less evidence than a match needs, even
where it plays alone and unchanged. It is told before anybody waits for a match.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.params import DEFAULT, Params
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Lead, view_of
from recognition.verify.calibration import threshold_bits
from recognition.verify.extension import follow

# Index entries beyond which evidence is beyond doubt: 140 of real logos gave 19 bits.
_PLENTY: Final = 400


def can_be_found(
    hashes: NDArray[np.uint32],
    landmarks: Callable[[], Landmarks],
    hours: Callable[[], float],
    params: Params = DEFAULT,
) -> bool:
    """Return whether a scan would find a recording that plays alone and unchanged.

    ``hashes`` are its index entries. If these are few, its reference ``landmarks`` and the
    ``hours`` of the catalogue are asked for: the larger it is, the more evidence a match
    needs. Silence has no entries, and a few clicks have fewer than a candidate needs votes.
    """
    if len(hashes) < params.min_votes:
        return False
    if len(hashes) >= _PLENTY:
        return True
    return bits_alone(landmarks(), params) >= threshold_bits(max(1.0, hours()), params)


def bits_alone(landmarks: Landmarks, params: Params = DEFAULT) -> float:
    """Return the evidence, in bits, that a recording gives where it plays alone."""
    if not len(landmarks.frames):
        return 0.0
    n_frames = int(landmarks.frames[-1]) + 1
    view = view_of(landmarks, None, n_frames, params)
    in_place = Lead(0, Alignment(1.0, 0.0, 0.0), (0, n_frames), 0, warped=False)
    run = follow(view, landmarks, in_place, params.for_file(round(n_frames * params.frame_ms)))
    return 0.0 if run is None else run.bits
