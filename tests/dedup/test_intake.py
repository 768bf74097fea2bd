"""Adding an existing recording follows the bucket's setting, and adds it only once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from catalogue import changes, index_log, services
from catalogue.changes import ChangeRefused, move_recordings, retire_recordings
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.services import RecordingDetails
from dedup.intake import AlreadyInCatalogue, add_recording, prepare, replace_audio
from dedup.models import (
    CatalogueCheck,
    DedupGroup,
    DuplicateKind,
    GroupKind,
    PairLink,
)
from dedup.services import find_duplicates
from tests import audio
from tests.conftest import Catalogue, Worker, upload
from tests.factories.catalogue import BucketFactory
from tests.threads import shared_database, using_database

TUNE = audio.tune(1, 30)
COPY = audio.wav_bytes(audio.join([audio.silence(1), 0.5 * TUNE]))
PART = audio.wav_bytes(TUNE[: 22 * audio.RATE])

Meanwhile = Callable[[Callable[[], object]], None]


def add(bucket: Bucket, content: bytes, answer: IntakeRule | None = None) -> Recording:
    return add_recording(
        bucket=bucket,
        details=RecordingDetails(title="New"),
        audio=upload("new.wav", content),
        answer=answer,
    )


def rule(catalogue: Catalogue, name: IntakeRule, *, versions: bool = False) -> Bucket:
    catalogue.bucket.intake_rule = name
    catalogue.bucket.intake_versions = versions
    catalogue.bucket.save()
    return catalogue.bucket


@pytest.mark.parametrize(
    ("content", "kind", "says"),
    [
        (audio.wav_bytes(TUNE), DuplicateKind.EXACT_FILE, "This file is already"),
        (COPY, DuplicateKind.SAME_AUDIO, "The same audio"),
    ],
)
def test_what_is_there_is_named_and_nothing_is_added(
    catalogue: Catalogue, content: bytes, kind: str, says: str
) -> None:
    bucket, before = rule(catalogue, IntakeRule.REJECT), Recording.objects.count()

    with pytest.raises(AlreadyInCatalogue, match=says) as raised:
        add(bucket, content)

    assert "First tune (T-1)" in str(raised.value)
    assert raised.value.existing == catalogue.first
    assert (raised.value.relation, raised.value.may_add) == (kind, False)
    assert Recording.objects.count() == before


def test_another_version_counts_where_the_bucket_says_so(catalogue: Catalogue) -> None:
    bucket = rule(catalogue, IntakeRule.REJECT, versions=True)
    with pytest.raises(AlreadyInCatalogue, match="Another version"):
        add(bucket, PART)

    added = add(rule(catalogue, IntakeRule.REJECT), PART)

    assert added.pk


def test_a_bucket_that_asks_takes_a_persons_answer(catalogue: Catalogue) -> None:
    bucket = rule(catalogue, IntakeRule.ASK)
    with pytest.raises(AlreadyInCatalogue) as raised:
        add(bucket, COPY)
    assert raised.value.may_add

    added = add(bucket, COPY, IntakeRule.ADD_AS_VERSION)

    link = PairLink.objects.get()
    assert (link.one, link.other, link.kind) == (
        catalogue.first,
        added,
        DuplicateKind.SAME_AUDIO,
    )
    start, _end, other_start, *_ = link.runs[0]
    assert other_start - start == pytest.approx(1000, abs=50)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answer", [IntakeRule.IGNORE, IntakeRule.ADD_AS_VERSION])
@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (COPY, DuplicateKind.SAME_AUDIO),
        (audio.wav_bytes(TUNE), DuplicateKind.EXACT_FILE),
    ],
)
def test_what_a_person_adds_all_the_same_is_a_duplicate_without_a_check(
    catalogue: Catalogue,
    run_worker: Worker,
    answer: IntakeRule,
    content: bytes,
    kind: DuplicateKind,
) -> None:
    added = add(rule(catalogue, IntakeRule.ASK), content, answer)
    link = PairLink.objects.get()
    run_worker()

    group = DedupGroup.objects.get(kind=GroupKind.SAME_SOUND)
    assert (link.kind, link.other) == (kind, added)
    assert {member.recording for member in group.members.all()} == {
        catalogue.first,
        added,
    }
    standing = group.members.get(canonical=True).recording
    assert standing.same_sound_as is None
    assert Recording.objects.get(same_sound_as__isnull=False).same_sound_as == standing
    assert not CatalogueCheck.objects.exists()
    run = find_duplicates(bucket=catalogue.bucket)
    assert (run.created, run.changed, run.removed) == (0, 0, 0)


@pytest.mark.django_db(transaction=True)
def test_a_third_copy_joins_the_group_and_leaves_others_alone(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    bucket = rule(catalogue, IntakeRule.ASK)
    other_sound = catalogue.second.audio.read()
    add(bucket, other_sound, IntakeRule.IGNORE)
    add(bucket, COPY, IntakeRule.IGNORE)
    run_worker()
    groups = dict(DedupGroup.objects.values_list("uid", "version"))

    add(bucket, audio.wav_bytes(TUNE), IntakeRule.IGNORE)
    run_worker()

    sizes = sorted(each.members.count() for each in DedupGroup.objects.all())
    now = dict(DedupGroup.objects.values_list("uid", "version"))
    assert len(groups) == 2
    assert sizes == [2, 3]
    assert groups.keys() == now.keys()
    assert sum(now.values()) == sum(groups.values()) + 1


@pytest.mark.django_db(transaction=True)
def test_new_audio_leaves_its_group_and_joins_the_one_that_it_belongs_to(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    bucket = rule(catalogue, IntakeRule.ADD_AS_VERSION)
    copy = add(bucket, COPY)
    run_worker()
    (group,) = DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND)
    assert _members(group) == {catalogue.first, copy}
    second = catalogue.second

    # The copy becomes another tune's, and the first tune becomes that one's, too.
    for recording, content in (
        (copy, audio.wav_bytes(audio.tune(2, 30))),
        (catalogue.first, audio.wav_bytes(0.5 * audio.tune(2, 30))),
    ):
        same = replace(recording, content)
        assert same is not None
        run_worker()
    (group,) = DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND)

    assert _members(group) == {catalogue.first, copy, second}


@pytest.mark.django_db(transaction=True)
def test_new_audio_that_nothing_resembles_leaves_the_group(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    copy = add(rule(catalogue, IntakeRule.ADD_AS_VERSION), COPY)
    run_worker()
    assert DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND).exists()

    assert replace(copy, audio.wav_bytes(audio.tune(9, 30))) is None
    run_worker()

    assert not DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND).exists()
    assert not PairLink.objects.exists()


def test_the_same_file_again_keeps_what_was_decided(catalogue: Catalogue) -> None:
    copy = add(rule(catalogue, IntakeRule.ADD_AS_VERSION), COPY)
    PairLink.objects.update(kept_at=datetime.now(tz=UTC))
    Recording.objects.update(status=RecordingStatus.READY)

    assert replace(copy, COPY) == catalogue.first

    assert PairLink.objects.get().kept_at is not None


def replace(recording: Recording, content: bytes) -> Recording | None:
    recording.refresh_from_db()
    newcomer = prepare(bucket=recording.bucket, audio=upload("other.wav", content))
    return replace_audio(recording=recording, newcomer=newcomer, user=None)


def _members(group: DedupGroup) -> set[Recording]:
    return {member.recording for member in group.members.all()}


def test_a_bucket_that_rejects_takes_no_answer(catalogue: Catalogue) -> None:
    with pytest.raises(AlreadyInCatalogue):
        add(rule(catalogue, IntakeRule.REJECT), COPY, IntakeRule.IGNORE)


def test_a_bucket_that_ignores_adds_all_the_same(catalogue: Catalogue) -> None:
    add(rule(catalogue, IntakeRule.IGNORE), audio.wav_bytes(TUNE))

    assert not PairLink.objects.exists()


def test_silence_and_a_jingle_of_two_seconds_are_told_by_their_bytes_alone(
    db: None,
) -> None:
    bucket = BucketFactory.create(intake_rule=IntakeRule.REJECT)
    for content in (
        audio.wav_bytes(audio.silence(10)),
        audio.wav_bytes(TUNE[: 2 * audio.RATE]),
    ):
        add(bucket, content)
        with pytest.raises(AlreadyInCatalogue, match="This file is already"):
            add(bucket, content)
        add(bucket, content + b"\0")


def test_the_same_file_in_two_buckets_goes_in(catalogue: Catalogue) -> None:
    other = BucketFactory.create(intake_rule=IntakeRule.REJECT)

    assert add(other, audio.wav_bytes(TUNE)).bucket == other


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Return a function that lets something happen while files are stored: after the
    comparison, before the bucket is locked.
    """

    def let(happen: Callable[[], object]) -> None:
        def keep(*arguments: Any, **named: Any) -> Any:  # Any: those of the function
            monkeypatch.undo()
            happen()
            return original(*arguments, **named)

        original = services.keep_audio
        for module in (services, changes):
            monkeypatch.setattr(module, "keep_audio", keep)

    return let


def test_a_copy_that_comes_after_the_comparison_is_found(
    db: None, data_dir: Path, meanwhile: Meanwhile
) -> None:
    bucket = BucketFactory.create(intake_rule=IntakeRule.ASK)
    meanwhile(lambda: add(bucket, COPY))

    with pytest.raises(AlreadyInCatalogue, match="The same audio"):
        add(bucket, audio.wav_bytes(TUNE))

    (only,) = Recording.objects.all()
    kept = [path for path in (data_dir / "media").rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(data_dir / "media")) for path in kept) == [
        only.fingerprint.name,
        only.audio.name,
    ]


def test_what_becomes_the_same_after_the_comparison_is_found(
    catalogue: Catalogue, meanwhile: Meanwhile
) -> None:
    bucket = rule(catalogue, IntakeRule.ASK)
    other = BucketFactory.create()
    moving = add(other, audio.wav_bytes(audio.tune(7, 30)))
    meanwhile(lambda: move_recordings(recordings=[moving], target=bucket, user=None))
    with pytest.raises(AlreadyInCatalogue) as raised:
        add(bucket, audio.wav_bytes(0.5 * audio.tune(7, 30)))
    assert raised.value.existing == moving

    # Replaced audio counts, and links the two.
    meanwhile(lambda: replace(catalogue.second, audio.wav_bytes(audio.tune(8, 30))))
    assert replace(catalogue.first, audio.wav_bytes(0.5 * audio.tune(8, 30))) == (
        catalogue.second
    )


def test_what_is_retired_after_the_comparison_is_no_longer_there(
    catalogue: Catalogue, meanwhile: Meanwhile
) -> None:
    bucket = rule(catalogue, IntakeRule.ADD_AS_VERSION)
    meanwhile(lambda: retire_recordings(recordings=[catalogue.first], user=None))

    added = add(bucket, COPY)

    assert added.pk
    assert not PairLink.objects.exists()


def test_audio_for_a_recording_that_moves_meanwhile_is_refused(
    catalogue: Catalogue, meanwhile: Meanwhile
) -> None:
    moving, other = catalogue.first, BucketFactory.create()
    before = moving.audio.name
    meanwhile(lambda: move_recordings(recordings=[moving], target=other, user=None))

    with pytest.raises(ChangeRefused, match="was moved meanwhile"):
        replace(moving, audio.wav_bytes(audio.tune(8, 30)))

    moving.refresh_from_db()
    assert moving.audio.name == before


def test_a_bucket_that_never_rests_is_an_error(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = rule(catalogue, IntakeRule.ASK)
    monkeypatch.setattr(index_log, "taken_up_after", lambda *_: {catalogue.first.pk})
    monkeypatch.setattr(index_log, "uncounted_here", lambda _: set())

    with pytest.raises(ChangeRefused, match="Nothing was added: try again"):
        add(bucket, audio.wav_bytes(audio.tune(9, 30)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_of_two_copies_at_one_moment_one_goes_in(tmp_path: Path) -> None:
    bucket = BucketFactory.create(intake_rule=IntakeRule.ASK)
    database = shared_database(tmp_path)
    together = Barrier(2)

    def post(content: bytes) -> str:
        with using_database(database):
            together.wait(timeout=60)
            try:
                add(bucket, content)
            except AlreadyInCatalogue:
                return "there"
            return "added"

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(post, [audio.wav_bytes(TUNE), COPY]))

    assert sorted(outcomes) == ["added", "there"]
