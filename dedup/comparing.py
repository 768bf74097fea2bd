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


def link_between(a: Recording, b: Recording, comparison: SoundComparison | None = None) -> PairLink:
    """Return an unsaved link; ``comparison`` is that of ``a`` with ``b``.

    Without a comparison it links two copies of one file.
    """
    turned = a.pk > b.pk
    # Links store the lower key first, so that a pair has one row.
    first, second = (b, a) if turned else (a, b)
    link = PairLink(
        one=first,
        other=second,
        engine_version=ENGINE_VERSION,
        audio_one=first.audio_sha256,
        audio_other=second.audio_sha256,
    )
    if comparison is None:
        link.kind = DuplicateKind.EXACT_FILE
        link.coverage_one = link.coverage_other = 1.0
        # A new recording has no length yet; equal bytes have the same.
        whole = max(first.duration_ms, second.duration_ms)
        link.runs = [[0, whole, 0, whole, 1.0, 0.0, 100.0]]
        return link
    link.kind = "" if comparison.relation is SoundRelation.NONE else comparison.relation.value
    link.altered = comparison.altered
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
        for segment in comparison.runs
    ]
    link.coverage_one, link.coverage_other = (comparison.coverage_a, comparison.coverage_b)
    link.tempo_ratio, link.pitch_cents = comparison.tempo_ratio, comparison.pitch_cents
    link.confidence = comparison.confidence
    if turned:
        turn(link)
    return link


def turn(link: PairLink) -> None:
    """Swap the two sides of an unsaved link's measurements."""
    link.runs = [[*run[2:4], *run[:2], round(1 / run[4], 5), -run[5], run[6]] for run in link.runs]
    link.coverage_one, link.coverage_other = link.coverage_other, link.coverage_one
    link.tempo_ratio, link.pitch_cents = 1 / link.tempo_ratio, -link.pitch_cents


def place_in(
    recording: Recording, partner: Recording, interval: tuple[int, int]
) -> tuple[int, int] | None:
    """Return where an interval of ``partner`` lies in ``recording``, in milliseconds.

    None if no link shows that the two share any of it.
    """
    if same_file(recording, partner):
        return interval
    lower, upper = sorted((recording, partner), key=lambda end: end.pk)
    link = PairLink.objects.filter(one=lower, other=upper).first()
    if link is None:
        return None
    if recording == upper:
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


def same_file(a: Recording, b: Recording) -> bool:
    """Return whether two recordings came as the same bytes."""
    bytes_of_one = (a.audio_sha256, a.audio_bytes)
    return bool(a.audio_sha256) and bytes_of_one == (b.audio_sha256, b.audio_bytes)


def compare_pair(a: Recording, b: Recording) -> PairLink:
    """Compare two recordings on demand and completely; saves nothing.

    Raises ``FileNotFoundError`` if a recording has no fingerprint.
    """
    if same_file(a, b):
        return link_between(a, b)
    first, second = sorted((a, b), key=lambda recording: recording.pk)
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

    def _links(self, recording: Recording, landmarks: Landmarks) -> tuple[list[PairLink], int]:
        leads = relatives(landmarks, index=self._index, bucket=self.bucket.pk, own=recording.pk)
        own = recording.pk
        # A pair that has been compared already needs no second comparison.
        links_now = PairLink.objects.filter(
            Q(one=own) | Q(other=own),
            audio_one=F("one__audio_sha256"),
            audio_other=F("other__audio_sha256"),
        )
        ends = links_now.values_list("one_id", "other_id")
        compared = {first + second - own for first, second in ends}
        compared |= self._compared.pop(own, set())
        partners = self._living(set(leads) - compared)
        links = []
        for pk, partner in partners.items():
            # The later recording need not compare the pair again, even if no link was
            # written.
            self._compared[pk].add(own)
            try:
                comparison = related(landmarks, self._landmarks(pk), leads[pk])
            except FileNotFoundError:
                continue
            if comparison is not None and comparison.runs:
                links.append(link_between(recording, partner, comparison))
        return links, len(partners)

    def _living(self, pks: Iterable[int]) -> dict[int, Recording]:
        rows = self.bucket.recordings.filter(status=RecordingStatus.READY)
        return rows.exclude(fingerprint="").in_bulk(list(pks))
