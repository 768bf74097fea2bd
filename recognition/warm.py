"""Compile everything once, so that the first command does not wait.

Set ``NUMBA_CACHE_DIR`` before Python starts to choose where the code is stored.
"""

from __future__ import annotations

import gc
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from numpy.typing import NDArray

from recognition.api.collection import BUCKET, Collection
from recognition.audio.mono import mixed_down
from recognition.fingerprints import file_format as fingerprint_file
from recognition.fingerprints.builder import extract
from recognition.fingerprints.hashes import likely_hashes
from recognition.index.places import Weights, heights_at, highest_places
from recognition.params import DEFAULT
from recognition.relate.compare import compare
from recognition.search.candidates import NEARBY, speed
from recognition.search.match import scan
from recognition.search.retro import RetroIndex, search_back
from recognition.search.wide import heard_in, wide_places
from recognition.speech.judging import judge
from recognition.types import Vote, Votes
from recognition.verify.alignment import Alignment, Lead, view_of
from recognition.verify.extension import whole_window
from recognition.verify.phases import window_coherence


def compile_all() -> None:
    """Run every compiled function on a few seconds of synthetic music."""
    mixed_down(AudioFrame.from_ndarray(np.zeros((2, 800), np.float32), "fltp", "stereo"))
    fingerprint = extract(_made_up_music(1))
    compare(fingerprint, fingerprint)
    compare(fingerprint, extract(_made_up_music(2)))  # goes through every stage
    compare(replace(fingerprint, dense=None, level_map=None), fingerprint)
    assert fingerprint.dense is not None  # noqa: S101  every layer was made
    assert fingerprint.level_map is not None  # noqa: S101
    judge(fingerprint.level_map)
    # Searches need these in large catalogues, and where the sweep chose a place.
    likely_hashes(fingerprint.dense)
    view = view_of(fingerprint.dense, fingerprint.level_map, 0)
    assert fingerprint.reference is not None  # noqa: S101  every layer was made
    lead = Lead(0, Alignment(1.0, 0.0, 0.0), (0, 300), 0, False, NEARBY, True)
    whole_window(view, fingerprint.reference, lead, DEFAULT)
    window_coherence(view, fingerprint.reference, lead, DEFAULT)
    # Searches for a new recording in the files that are there.
    search_back(fingerprint, RetroIndex.of({0: fingerprint.reference}), hours=1.0)
    # Fingerprint files and an index on disk: arrays of mapped files are another type.
    fingerprint_file.from_bytes(fingerprint_file.to_bytes(fingerprint))
    with tempfile.TemporaryDirectory() as folder:
        collection = Collection(Path(folder) / "index", create=True)
        for name in ("one", "another"):
            collection.add_many([(name, fingerprint)])
        collection.compact()  # merges what was added in turn
        scan(
            fingerprint,
            index=collection.store,
            buckets=[BUCKET],
            references=collection.references(),
        )
        (table,) = collection.references().places
        votes = Votes.of([Vote(BUCKET, int(table.recordings[0]), 0, 3)])
        heard = heard_in(view, (0, 300), DEFAULT)
        wide_places([table], heard, votes, speed(1.25, DEFAULT), DEFAULT)
        weights = Weights.of(np.ones((DEFAULT.n_bins, 8), dtype=np.int16))
        first = np.zeros(1, np.int64)
        heights_at(table, first, first, weights, 1.0)
        highest_places(table, weights, 1.0, 1)
        collection.rebuild()
        collection.verify()


def _made_up_music(seed: int) -> NDArray[np.float32]:
    """Return six seconds of short random tones."""
    rng = np.random.default_rng(seed)
    rate = DEFAULT.sample_rate
    y = np.zeros(6 * rate, dtype=np.float64)
    length = rate // 4
    t = np.arange(length) / rate
    for _ in range(120):
        start = int(rng.integers(0, len(y) - length))
        tone = np.sin(2 * np.pi * rng.uniform(200, 3400) * t) * np.exp(-8 * t)
        y[start : start + length] += 0.1 * tone
    return y.astype(np.float32)


if __name__ == "__main__":
    # Numba makes millions of objects that stay. Looking for garbage among them at the usual
    # rate would take a tenth of the time.
    gc.set_threshold(100_000)
    compile_all()
