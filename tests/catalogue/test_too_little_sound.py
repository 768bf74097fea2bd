"""Recordings that are silent or nearly so are kept, named, and never found."""

from __future__ import annotations

import io

import numpy as np
import pytest
from django.core.management import call_command

from base.accounts.models import User
from catalogue import following, index_store
from catalogue.changes import add_audio
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.rebuilding import rebuild_index
from catalogue.selectors import buckets_with_counts, cannot_be_found
from catalogue.services import create_bucket
from dedup.intake import add_recording, prepare, replace_audio
from dedup.models import PairLink
from dedup.services import find_duplicates
from operations import doctor
from recognition.fingerprints.builder import extract
from scanning.choices import FileStatus
from scanning.errors import IntakeRefused
from scanning.models import Container, RetroSearch, ScannedFile
from scanning.services import retro
from tests import audio
from tests.factories.catalogue import RecordingFactory
from tests.fixtures import Worker, add_tune, submit_sound, upload

CLICK = audio.silence(12).copy()
CLICK[6 * audio.RATE] = 0.9
SOUNDS = {
    "silence": audio.silence(12),
    "click": CLICK,
    "constant": audio.silence(12) + np.float32(0.5),
}


@pytest.fixture
def bucket(admin: User, transactional_db: None) -> Bucket:
    """Return a bucket that compares what is added."""
    return create_bucket(name="Masters", user=admin, search_earlier=True)


def added(bucket: Bucket, user: User, name: str = "silence") -> Recording:
    return add_recording(
        bucket=bucket,
        details=Recording(title=name),
        audio=upload(f"{name}.wav", audio.wav_bytes(SOUNDS[name])),
        user=user,
        answer=IntakeRule.ASK,
    )


def unfindable() -> list[str]:
    rows = Recording.objects.filter(cannot_be_found()).order_by("title")
    return list(rows.values_list("title", flat=True))


def test_they_are_listed_and_neither_searched_nor_found(
    bucket: Bucket, admin: User, run_worker: Worker
) -> None:
    for name in SOUNDS:
        added(bucket, admin, name)
    add_tune(bucket, 3, 12, title="a tune", user=admin)
    run_worker()

    assert {r.status for r in Recording.objects.all()} == {RecordingStatus.READY}
    assert unfindable() == ["click", "constant", "silence"]
    counts = ("recording_count", "ready_count", "unfindable_count")
    counted = buckets_with_counts().filter(pk=bucket.pk).values_list(*counts)
    assert list(counted) == [(4, 1, 3)]
    following.bring_up()
    (folder,) = index_store.index_folders()
    index = index_store.open_folder(folder)
    assert index.stats(bucket.pk).recordings == 4
    while index.merge_due(bucket.pk):
        pass
    call_command("check_index", stdout=io.StringIO())
    assert not RetroSearch.objects.exclude(recordings__title="a tune").exists()

    # No file is found to hold them.
    container = Container.objects.create(name="Radio")
    container.buckets.add(bucket)
    for sound in (audio.tune(4, 12), *SOUNDS.values()):
        submit_sound(container, sound, admin)
    run_worker()
    assert {file.status for file in ScannedFile.objects.all()} == {FileStatus.NO_MATCH}

    # They are neither looked for in earlier files nor compared.
    silent = Recording.objects.exclude(title="a tune")
    with pytest.raises(IntakeRefused, match="too little sound"):
        retro.request_search(recordings=list(silent), user=admin)
    assert not RetroSearch.objects.exclude(recordings__title="a tune").exists()
    find_duplicates(bucket=bucket)
    assert not PairLink.objects.exists()

    # A rebuild finds them again.
    Recording.objects.update(too_little_sound=False)
    rebuild_index(lambda _counts: None)
    assert unfindable() == ["click", "constant", "silence"]
    assert not [finding for finding in doctor.examine() if finding.check == "index"]


def test_other_audio_takes_one_off_the_list_and_silence_puts_it_on(
    bucket: Bucket, admin: User, run_worker: Worker
) -> None:
    recording = added(bucket, admin)
    run_worker()
    for sound, tune in ((audio.tune(3, 12), []), (CLICK, ["silence"])):
        recording.refresh_from_db()
        content = upload("other.wav", audio.wav_bytes(sound))
        newcomer = prepare(bucket=bucket, audio=content)
        replace_audio(recording=recording, newcomer=newcomer, user=admin)
        run_worker()

        assert unfindable() == tune


def test_one_that_comes_as_a_fingerprint_is_listed_until_it_gets_sound(
    bucket: Bucket, admin: User, run_worker: Worker
) -> None:
    recording = add_recording(
        bucket=bucket,
        details=Recording(title="silence"),
        fingerprint=extract(audio.silence(12)),
        user=admin,
    )
    run_worker()
    assert unfindable() == ["silence"]

    recording.refresh_from_db()
    tune = audio.wav_bytes(audio.tune(3, 12))
    add_audio(recording=recording, audio=upload("tune.wav", tune))

    assert unfindable() == []


def test_a_short_recording_is_weighed_against_its_bucket(
    bucket: Bucket, admin: User, run_worker: Worker
) -> None:
    other = RecordingFactory.create(bucket=bucket, duration_ms=100_000 * 3_600_000)
    add_tune(bucket, 2, 2.5, title="logo", user=admin)
    run_worker()
    assert unfindable() == ["logo"]

    Recording.objects.filter(pk=other.pk).update(status=RecordingStatus.RETIRED)
    rebuild_index(lambda _counts: None)
    assert unfindable() == []
