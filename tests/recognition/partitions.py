"""A catalogue in several partitions, and a scan that passes only bytes between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from recognition.fingerprints.hashes import reference_hashes
from recognition.index.places import Recorded, References, places_of
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT, Params
from recognition.partitioned.answering import answer
from recognition.partitioned.questions import Question, answer_from_bytes, answer_to_bytes
from recognition.partitioned.scanning import PartitionedScan
from recognition.partitioned.union import PartitionedIndex, partition_of
from recognition.search.match import scan
from recognition.search.policy import ScanPolicy
from recognition.types import Fingerprint, Landmarks, ScanResult
from recognition.verify.calibration import catalogue_hours

BUCKET = 1


@dataclass
class Partitions:
    """Recordings in one bucket, split over several indexes."""

    references: Mapping[int, Landmarks]
    parts: Sequence[SegmentStore]
    params: Params = DEFAULT
    rounds: int = 0

    @property
    def union(self) -> PartitionedIndex:
        return PartitionedIndex(dict(enumerate(self.parts, 1)), len(self.parts))

    @property
    def hours(self) -> float:
        """The size of the whole catalogue."""
        return catalogue_hours(self.union.stats(BUCKET).postings)

    def ask(self, query: Fingerprint, policy: ScanPolicy | None = None) -> ScanResult:
        """Scan by questions to each partition; nothing but bytes is kept in between."""
        load, params = self.references.__getitem__, self.params
        state = PartitionedScan.start(
            query, buckets=[BUCKET], hours=self.hours, load=load, policy=policy, params=params
        ).state()
        while True:
            going = PartitionedScan.resume(query, state, load=load, params=params)
            question = going.question()
            if question is None:
                return going.result()
            self.rounds += 1
            message = question.to_bytes(params)
            answers = [self._answer(part, message, query) for part in self.parts]
            going.take(question, [answer_from_bytes(data) for data in answers])
            state = going.state()

    def _answer(self, part: SegmentStore, message: bytes, query: Fingerprint) -> bytes:
        return answer_to_bytes(
            answer(
                Question.from_bytes(message, self.params),
                query,
                index=part,
                tables=part.place_tables([BUCKET]),
                params=self.params,
            )
        )

    def scan_union(self, query: Fingerprint, policy: ScanPolicy | None = None) -> ScanResult:
        """Scan one index that has the same segments."""
        return scan(
            query,
            index=self.union,
            buckets=[BUCKET],
            references=References(self.references.__getitem__, self.union.place_tables([BUCKET])),
            policy=policy,
            params=self.params,
        )


def split(
    references: Mapping[int, Landmarks], count: int, folder: Path, params: Params = DEFAULT
) -> Partitions:
    """Put each recording into its partition."""
    parts = []
    for number in range(1, count + 1):
        part = SegmentStore(folder / f"{number}", params_hash=params.index_hash())
        here = [key for key in references if partition_of(key, count) == number]
        part.add_many(BUCKET, [_postings(key, references[key]) for key in here])
        parts.append(part)
    return Partitions(references, parts, params)


def _postings(key: int, landmarks: Landmarks) -> Recorded:
    return (key, *reference_hashes(landmarks), places_of(landmarks))
