"""Find recordings that may share sound with one recording, as pairs to compare.

Queries the index as a scan does, but with a sample of the hashes: whole recordings and
intervals of ten seconds share far more hashes than detection needs. So the cost per
recording hardly grows with the catalogue.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from recognition.fingerprints.hashes import reference_hashes
from recognition.index.interface import LandmarkIndex
from recognition.params import DEFAULT, Params
from recognition.search.candidates import Warp, open_windows, warped, warps
from recognition.types import Landmarks
from recognition.verify.alignment import Alignment, Lead

SAMPLE = 2  # query one hash in this many, chosen by its value
WARPED_SAMPLE = 4
MIN_VOTES = 10
WARPED_VOTES = 12
TOP = 32  # offsets per window; a recording that repeats takes several for itself
LONGEST_LIST = 1000  # a hash in more postings does not tell recordings apart
PER_RECORDING = 4  # offsets of one recording that are worth verifying
WARPED_WINDOWS = 3


def relatives(
    landmarks: Landmarks,
    *,
    index: LandmarkIndex,
    bucket: int,
    own: int | None = None,
    params: Params = DEFAULT,
) -> dict[int, list[Lead]]:
    """Return leads by recording, most votes first, without the recording ``own``.

    The same speed is searched everywhere; recordings altered as a whole are searched in
    a few windows only.
    """
    by_recording: dict[int, list[Lead]] = defaultdict(list)
    if not len(landmarks.frames):
        return by_recording
    for lead in _leads(landmarks, index, bucket, params):
        if lead.recording != own:
            by_recording[lead.recording].append(lead)
    return {
        recording: sorted(leads, key=lambda lead: -lead.votes)[:PER_RECORDING]
        for recording, leads in by_recording.items()
    }


def _leads(
    landmarks: Landmarks, index: LandmarkIndex, bucket: int, params: Params
) -> Iterator[Lead]:
    n_frames = int(landmarks.frames[-1]) + 1
    windows = open_windows(np.ones(n_frames, dtype=np.bool_), params)
    yield from _find_leads(landmarks, windows, Warp(), (index, bucket), params)
    few = windows
    if len(windows) > WARPED_WINDOWS:
        # A few windows, evenly spread.
        places = np.linspace(0, len(windows) - 1, WARPED_WINDOWS + 2)[1:-1]
        few = [windows[round(place)] for place in places]
    for warp in warps(params):
        yield from _find_leads(landmarks, few, warp, (index, bucket), params)


def _find_leads(
    landmarks: Landmarks,
    windows: Sequence[tuple[int, int]],
    warp: Warp,
    place: tuple[LandmarkIndex, int],
    params: Params,
) -> Iterator[Lead]:
    index, bucket = place
    is_plain = warp == Warp()
    least = MIN_VOTES if is_plain else WARPED_VOTES
    hashes, frames = reference_hashes(warped(landmarks, warp, params), params)
    chosen = hashes % (SAMPLE if is_plain else WARPED_SAMPLE) == 0
    hashes, frames = hashes[chosen], frames[chosen]
    order = np.argsort(frames, kind="stable")
    hashes, frames = hashes[order], frames[order]
    for window in windows:
        bounds = np.rint(np.array(window) * warp.tempo).astype(np.int32)
        low, high = np.searchsorted(frames, bounds)
        if high - low < least:
            continue
        votes = index.query(
            [bucket],
            hashes[low:high],
            frames[low:high],
            top=TOP,
            min_votes=least,
            max_list=LONGEST_LIST,
        )
        for vote in votes:
            alignment = Alignment(1 / warp.tempo, -vote.delta / warp.tempo, warp.shift)
            yield Lead(vote.recording, alignment, window, vote.votes, not is_plain)
