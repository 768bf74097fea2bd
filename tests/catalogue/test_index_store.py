"""The references that a scan reads for some buckets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from catalogue import index_store
from catalogue.changes import retire_recordings
from catalogue.models import Bucket, Recording
from catalogue.services import create_bucket
from tests import audio
from tests.catalogue.held_index import open_held
from tests.catalogue.replacing import replace_audio
from tests.fixtures import Worker, add_tune, upload


@pytest.fixture
def bucket(transactional_db: None, run_worker: Worker) -> Bucket:
    made = create_bucket(name="Masters")
    for number in (1, 2):
        _add(made, number)
    run_worker()
    return made


def _add(bucket: Bucket, number: int) -> Recording:
    return add_tune(bucket, number, 20)


def _every(bucket: Bucket) -> dict[int, int]:
    """Return how many landmarks each recording has in the index."""
    tables = index_store.references_of([bucket.pk], open_held()).places
    return {
        int(recording): int(count)
        for table in tables
        for recording, count, dead in zip(
            table.recordings, np.diff(table.starts), table.dead, strict=True
        )
        if not dead
    }


def _numbers(bucket: Bucket) -> list[int]:
    return sorted(bucket.recordings.values_list("pk", flat=True))


def test_every_recording_of_the_buckets_tells_its_places(bucket: Bucket) -> None:
    elsewhere = create_bucket(name="Others")

    assert sorted(_every(bucket)) == _numbers(bucket)
    assert min(_every(bucket).values()) > 50
    assert _every(elsewhere) == {}

    # They are those of its landmarks.
    references = index_store.references_of([bucket.pk], open_held())
    for table in references.places:
        for local, recording in enumerate(table.recordings.tolist()):
            landmarks = references.landmarks_of(recording)
            cells, bins, loud_cells, _ = table.parts(local)
            assert np.array_equal(cells, landmarks.frames // 2)
            assert np.abs(bins - landmarks.bins).max() <= 0.5
            assert len(loud_cells) == pytest.approx(len(cells) / 2, abs=1)


def test_places_follow_the_audio_until_a_recording_is_left_out(
    bucket: Bucket, run_worker: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = _numbers(bucket)
    before = _every(bucket)
    replace_audio(
        recording=Recording.objects.get(pk=first),
        audio=upload("other.wav", audio.wav_bytes(audio.tune(9, 40))),
    )
    run_worker()
    after = _every(bucket)
    assert after[first] > 1.5 * before[first]
    assert after[second] == before[second]

    # A damaged fingerprint is left out of a scan.
    Path(Recording.objects.get(pk=first).fingerprint.path).write_bytes(b"broken")
    references = index_store.references_of([bucket.pk], open_held())
    assert len(references.landmarks_of(first).frames) == 0
    assert len(references.landmarks_of(second).frames) > 50
    assert f"recording {first} is left out" in caplog.text

    # So is what is retired or waits.
    retire_recordings(recordings=[Recording.objects.get(pk=first)], user=None)
    run_worker()
    waiting = _add(bucket, 3)
    assert waiting.pk not in _every(bucket)
    assert list(_every(bucket)) == [second]
