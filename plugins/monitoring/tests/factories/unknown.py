"""Kept files, unknown items and their occurrences."""

# factory_boy's declarations carry no types.
# mypy: allow-untyped-calls

from __future__ import annotations

import numpy as np
from django.core.files.base import ContentFile
from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from base.common.media_analysis import analyse_upload
from plugins.monitoring.unknown.figures import refresh_figures
from plugins.monitoring.unknown.landmarks import stored
from plugins.monitoring.unknown.models import KeptFile, KeptState, Occurrence, UnknownItem
from recognition.fingerprints.file_format import reference_layer
from recognition.types import Landmarks
from scanning.models import Container
from tests import audio
from tests.factories.scanning import ContainerFactory, ScannedFileFactory

LENGTH_MS = 30_000
BEGIN_MS = 60_000


class KeptFileFactory(DjangoModelFactory[KeptFile]):
    """A compared file in which nothing matched."""

    class Meta:
        model = KeptFile

    scanned_file = SubFactory(ScannedFileFactory)
    state = KeptState.COMPARED
    unmatched = [[0, 600_000]]
    unmatched_ms = 600_000
    revision = Sequence(lambda number: number + 1)


class OccurrenceFactory(DjangoModelFactory[Occurrence]):
    """The whole item at one minute of a file."""

    class Meta:
        model = Occurrence

    file = SubFactory(KeptFileFactory)
    start_ms = BEGIN_MS
    end_ms = BEGIN_MS + LENGTH_MS
    item_start_ms = 0
    item_end_ms = LENGTH_MS
    bits = 400.0
    score = 100.0


def make_item(
    *, plays: int = 2, container: Container | None = None, landmarks: bytes = b""
) -> UnknownItem:
    """Return an item of half a minute that occurs once in each of some files."""
    container = container or ContainerFactory.create()
    files = [KeptFileFactory.create(scanned_file__container=container) for _ in range(plays)]
    item = UnknownItem.objects.create(
        length_ms=LENGTH_MS,
        best_file=files[0],
        best_start_ms=BEGIN_MS,
        best_end_ms=BEGIN_MS + LENGTH_MS,
        landmarks=landmarks or few_landmarks(),
    )
    for file in files:
        OccurrenceFactory.create(item=item, file=file)
    refresh_figures([item])
    return item


def tune_landmarks(seed: int) -> bytes:
    """Return the landmarks of half a minute of music, as items store them."""
    content = audio.wav_bytes(audio.tune(seed, LENGTH_MS // 1000))
    heard = analyse_upload(ContentFile(content, "tune.wav"), layer="reference")
    return stored(reference_layer(heard.fingerprint), LENGTH_MS)


def few_landmarks() -> bytes:
    """Return landmarks that no music has, as items store them."""
    frames = np.arange(0, 1_800, 60, dtype=np.int32)
    made = Landmarks(
        frames, np.full(len(frames), 100, dtype=np.float32), np.zeros(len(frames), dtype=np.float32)
    )
    return stored(made, LENGTH_MS)
