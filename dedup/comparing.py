"""Compare recordings: candidates from the index, then alignment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from django.db import transaction
from django.db.models import F, Q

from catalogue import following, index_store
from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.models import CheckedRecording, DuplicateKind, PairLink
from recognition import interrupts
from recognition.params import DEFAULT, ENGINE_VERSION
from recognition.relate.compare import SoundComparison, SoundRelation, compare, related
from recognition.relate.relatives import relatives
from recognition.types import Fingerprint, Landmarks

_CACHED = 64


def link_between(
    one: Recording, other: Recording, found: SoundComparison | None = None
) -> PairLink:
    """Return an unsaved link; ``found`` compares ``one`` with ``other``.

    Without a comparison it links two copies of one file.
    """
    turned = one.pk > other.pk
    # Links store the lower key first, so that a pair has one row.
    first, second = (other, one) if turned else (one, other)
    link = PairLink(
        one=first,
        other=second,
        engine_version=ENGINE_VERSION,
        audio_one=first.audio_sha256,
        audio_other=second.audio_sha256,
    )
    if found is None:
        link.kind = DuplicateKind.EXACT_FILE
        link.coverage_one = link.coverage_other = 1.0
        # A new recording has no length yet; equal bytes have the same.
        whole = max(first.duration_ms, second.duration_ms)
        link.runs = [[0, whole, 0, whole, 1.0, 0.0, 100.0]]
        return link
    link.kind = "" if found.relation is SoundRelation.NONE else found.relation.value
    link.altered = found.altered
    link.runs = [
        [
            segment.start_ms,
            segment.end_ms,
            segment.reference_start_ms,
            segment.reference_end_ms,
            segment.tempo_ratio,
            segment.pitch_cents,
            segment.score,
        ]
        for segment in found.runs
    ]
    link.coverage_one, link.coverage_other = found.coverage_a, found.coverage_b
    link.tempo_ratio, link.pitch_cents = found.tempo_ratio, found.pitch_cents
    link.confidence = found.confidence
    if turned:
        turn(link)
    return link


def turn(link: PairLink) -> None:
    """Swap the two sides of an unsaved link's measurements."""
    link.runs = [
        [*run[2:4], *run[:2], round(1 / run[4], 5), -run[5], run[6]]
        for run in link.runs
    ]
    link.coverage_one, link.coverage_other = link.coverage_other, link.coverage_one
    link.tempo_ratio, link.pitch_cents = 1 / link.tempo_ratio, -link.pitch_cents


def place_in(
    recording: Recording, other: Recording, interval: tuple[int, int]
) -> tuple[int, int] | None:
    """Return where an interval of ``other`` lies in ``recording``, in milliseconds.

    None if no link shows that the two share any of it.
    """
    if same_file(recording, other):
        return interval
    one, two = sorted((recording, other), key=lambda end: end.pk)
    link = PairLink.objects.filter(one=one, other=two).first()
    if link is None:
        return None
    if recording == two:
        turn(link)
    places = []
    for start, end, other_start, other_end, *_ in link.runs:
        first, last = max(interval[0], other_start), min(interval[1], other_end)
        if first < last:
            speed = (end - start) / (other_end - other_start)
            places.append(start + round((first - other_start) * speed))
            places.append(start + round((last - other_start) * speed))
    if not places:
        return None
    begins, ends = max(0, min(places)), max(places)
    if recording.duration_ms:
        ends = min(ends, recording.duration_ms)
    return (begins, ends) if begins < ends else None


def same_file(one: Recording, other: Recording) -> bool:
    """Return whether two recordings came as the same bytes."""
    bytes_of_one = (one.audio_sha256, one.audio_bytes)
    return bool(one.audio_sha256) and bytes_of_one == (
        other.audio_sha256,
        other.audio_bytes,
    )


def compare_pair(one: Recording, other: Recording) -> PairLink:
    """Compare two recordings on demand and completely; saves nothing.

    Raises ``FileNotFoundError`` if a recording has no fingerprint.
    """
    if same_file(one, other):
        return link_between(one, other)
    first, second = sorted((one, other), key=lambda recording: recording.pk)
    one_layer, other_layer = (
        Fingerprint(
            duration_ms=recording.duration_ms,
            params_hash=DEFAULT.shape_hash(),
            reference=index_store.load_landmarks(recording.pk),
        )
        for recording in (first, second)
    )
    with interrupts.limited_search():
        return link_between(first, second, compare(one_layer, other_layer))


@dataclass(frozen=True, slots=True)
class Compared:
    """A recording, its unsaved links, and with how many others it was compared."""

    recording: Recording
    links: list[PairLink]
    pairs: int


@dataclass
class Comparer:
    """Compares the recordings of one bucket, one after the other."""

    bucket: Bucket
    _compared: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self._index = following.open_index()
        self._landmarks = lru_cache(maxsize=_CACHED)(index_store.load_landmarks)

    def compare(self, pk: int) -> Compared | None:
        """Compare a recording with the similar ones that the index proposes.

        Returns None if the recording is gone.
        """
        recording = self._living([pk]).get(pk)
        if recording is None:
            return None
        try:
            landmarks = self._landmarks(pk)
        except FileNotFoundError:
            return None
        return Compared(recording, *self._links(recording, landmarks))

    def keep(self, compared: Compared) -> None:
        """Write a recording's links and the mark that it was checked."""
        recording = compared.recording
        with transaction.atomic():
            # Another check may have written the same pair.
            PairLink.objects.bulk_create(compared.links, ignore_conflicts=True)
            CheckedRecording.objects.update_or_create(
                recording=recording,
                defaults={
                    "audio": recording.audio_sha256,
                    "bucket": self.bucket,
                    "engine_version": ENGINE_VERSION,
                },
            )

    def _links(
        self, recording: Recording, landmarks: Landmarks
    ) -> tuple[list[PairLink], int]:
        leads = relatives(
            landmarks, index=self._index, bucket=self.bucket.pk, own=recording.pk
        )
        own = recording.pk
        # A pair that has been compared already needs no second comparison.
        links_now = PairLink.objects.filter(
            Q(one=own) | Q(other=own),
            audio_one=F("one__audio_sha256"),
            audio_other=F("other__audio_sha256"),
        )
        ends = links_now.values_list("one_id", "other_id")
        known = {one + other - own for one, other in ends}
        known |= self._compared.pop(own, set())
        others = self._living(set(leads) - known)
        links = []
        for pk, other in others.items():
            # The later recording need not compare the pair again, even if no link was
            # written.
            self._compared[pk].add(own)
            try:
                found = related(landmarks, self._landmarks(pk), leads[pk])
            except FileNotFoundError:
                continue
            if found is not None and found.runs:
                links.append(link_between(recording, other, found))
        return links, len(others)

    def _living(self, pks: Iterable[int]) -> dict[int, Recording]:
        rows = self.bucket.recordings.filter(status=RecordingStatus.READY)
        return rows.exclude(fingerprint="").in_bulk(list(pks))
