"""Finds recordings with the same audio: candidates from the index, then alignment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from catalogue import index_store
from catalogue.models import Bucket, Recording
from common.storage import read_bytes
from dedup.grouping import Link
from dedup.models import DuplicateKind
from recognition import compare
from recognition import fingerprint as fingerprint_file
from recognition.hashes import reference_hashes
from recognition.params import DEFAULT
from recognition.types import Fingerprint

CANDIDATES = 50
"""Offsets asked of the index; a recording that repeats itself takes several."""
MIN_SHARE = 0.05
"""Least share of a recording's hashes on one offset; a copy keeps far more."""
_CACHED = 64

Pair = tuple[int, int]


def candidate_pairs(
    *, bucket: Bucket, recordings: Sequence[Recording], known: set[Pair]
) -> set[Pair]:
    """Return pairs that share enough hashes on one offset to be worth aligning."""
    index = index_store.open_index()
    searchable = {recording.pk for recording in recordings if recording.fingerprint}
    pairs: set[Pair] = set()
    for pk in sorted(searchable):
        hashes, frames = reference_hashes(index_store.load_landmarks(pk), DEFAULT)
        votes = index.query(
            [bucket.pk],
            hashes,
            frames,
            top=CANDIDATES,
            min_votes=max(1, round(MIN_SHARE * len(hashes))),
        )
        pairs |= {
            (min(pk, vote.recording), max(pk, vote.recording))
            for vote in votes
            if vote.recording != pk and vote.recording in searchable
        }
    return pairs - known


def same_audio_links(
    *, pairs: set[Pair], recordings: Sequence[Recording]
) -> Iterator[Link]:
    """Return a link for each pair that is one sound from end to end."""
    by_pk = {recording.pk: recording for recording in recordings}

    @lru_cache(maxsize=_CACHED)
    def fingerprint(pk: int) -> Fingerprint:
        return fingerprint_file.from_bytes(read_bytes(by_pk[pk].fingerprint))

    for one, other in sorted(pairs):
        found = compare.compare(fingerprint(one), fingerprint(other))
        if found.relation == compare.Relation.SAME_AUDIO:
            yield Link(one, other, DuplicateKind.SAME_AUDIO)
