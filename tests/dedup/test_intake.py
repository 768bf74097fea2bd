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
from dedup.intake import AlreadyInCatalogue, add_recording, prepare, replace_audio
from dedup.models import CatalogueCheck, DedupGroup, DuplicateKind, GroupKind, PairLink
from dedup.services import find_duplicates
from tests import audio
from tests.factories.catalogue import BucketFactory
from tests.fixtures import Catalogue, Worker, upload
from tests.threads import shared_database, using_database

TUNE = audio.tune(1, 30)
COPY = audio.wav_bytes(audio.join([audio.silence(1), 0.5 * TUNE]))
PART = audio.wav_bytes(TUNE[: 22 * audio.RATE])

Meanwhile = Callable[[Callable[[], object]], None]


def add(bucket: Bucket, content: bytes, answer: IntakeRule | None = None) -> Recording:
    return add_recording(
        bucket=bucket,
        details=Recording(title="New"),
        audio=upload("new.wav", content),
        answer=answer,
    )


def rule(catalogue: Catalogue, name: IntakeRule, *, versions: bool = False) -> Bucket:
    catalogue.bucket.intake_rule = name
    catalogue.bucket.intake_versions = versions
    catalogue.bucket.save()
    return catalogue.bucket


def test_what_is_there_is_named_and_nothing_is_added(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, before = rule(catalogue, IntakeRule.REJECT), Recording.objects.count()
    for content, kind, says in (
        (audio.wav_bytes(TUNE), DuplicateKind.EXACT_FILE, "This file is already"),
        (COPY, DuplicateKind.SAME_AUDIO, "The same audio"),
    ):
        with pytest.raises(AlreadyInCatalogue, match=says) as raised:
            add(bucket, content)

        assert "First tune (T-1)" in str(raised.value)
        assert raised.value.existing == catalogue.first
        assert (raised.value.relation, raised.value.may_add) == (kind, False)
    # No answer helps.
    with pytest.raises(AlreadyInCatalogue):
        add(bucket, COPY, IntakeRule.IGNORE)
    # Another version counts where the bucket says so.
    with pytest.raises(AlreadyInCatalogue, match="Another version"):
        add(rule(catalogue, IntakeRule.REJECT, versions=True), PART)
    # A bucket that never rests is an error.
    with monkeypatch.context() as restless:
        restless.setattr(index_log, "taken_up_after", lambda *_: {catalogue.first.pk})
        restless.setattr(index_log, "uncounted_here", lambda _: set())
        with pytest.raises(ChangeRefused, match="Nothing was added: try again"):
            add(rule(catalogue, IntakeRule.ASK), audio.wav_bytes(audio.tune(9, 30)))
    assert Recording.objects.count() == before

    assert add(rule(catalogue, IntakeRule.REJECT), PART).pk
    # A bucket that ignores adds all the same, and so does another bucket.
    assert add(rule(catalogue, IntakeRule.IGNORE), audio.wav_bytes(TUNE)).pk
    other_bucket = BucketFactory.create(intake_rule=IntakeRule.REJECT)
    assert add(other_bucket, audio.wav_bytes(TUNE)).bucket == other_bucket
    assert not PairLink.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_a_person_adds_all_the_same_is_a_duplicate_without_a_check(
    catalogue: Catalogue, run_worker: Worker
) -> None:
    bucket = rule(catalogue, IntakeRule.ASK)
    with pytest.raises(AlreadyInCatalogue) as raised:
        add(bucket, COPY)
    assert raised.value.may_add
    same_sound = DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND)

    for content, answer, kind, existing in (
        (COPY, IntakeRule.ADD_AS_VERSION, DuplicateKind.SAME_AUDIO, catalogue.first),
        (
            catalogue.second.audio.read(),
            IntakeRule.IGNORE,
            DuplicateKind.EXACT_FILE,
            catalogue.second,
        ),
    ):
        added = add(bucket, content, answer)
        link = PairLink.objects.latest("pk")
        run_worker()

        group = same_sound.latest("pk")
        assert (link.one, link.other, link.kind) == (existing, added, kind)
        assert _members(group) == {existing, added}
        standing = group.members.get(canonical=True).recording
        assert standing.same_sound_as is None
        copy = Recording.objects.get(same_sound_as=standing)
        assert {standing, copy} == {existing, added}
        assert not CatalogueCheck.objects.exists()
        run = find_duplicates(bucket=catalogue.bucket)
        assert (run.created, run.changed, run.removed) == (0, 0, 0)
    start, _end, other_start, *_ = PairLink.objects.earliest("pk").runs[0]
    assert other_start - start == pytest.approx(1000, abs=50)

    # A third copy joins the group and leaves the other alone.
    groups = dict(DedupGroup.objects.values_list("uid", "version"))
    add(bucket, audio.wav_bytes(TUNE), IntakeRule.IGNORE)
    run_worker()
    sizes = sorted(group.members.count() for group in DedupGroup.objects.all())
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
    copy, first, second = add(bucket, COPY), catalogue.first, catalogue.second
    run_worker()
    (group,) = DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND)
    assert _members(group) == {first, copy}
    # The same file again keeps what was decided.
    PairLink.objects.update(kept_at=datetime.now(tz=UTC))
    assert replace(copy, COPY) == first
    assert PairLink.objects.get().kept_at is not None
    PairLink.objects.update(kept_at=None)
    run_worker()

    # What nothing resembles leaves the group.
    assert replace(copy, audio.wav_bytes(audio.tune(9, 30))) is None
    run_worker()
    assert not DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND).exists()
    assert not PairLink.objects.exists()

    # The copy becomes another tune's, and the first tune becomes that one's, too.
    for recording, content in (
        (copy, audio.wav_bytes(audio.tune(2, 30))),
        (first, audio.wav_bytes(0.5 * audio.tune(2, 30))),
    ):
        assert replace(recording, content) is not None
        run_worker()
    (group,) = DedupGroup.objects.filter(kind=GroupKind.SAME_SOUND)
    assert _members(group) == {first, copy, second}


def replace(recording: Recording, content: bytes) -> Recording | None:
    recording.refresh_from_db()
    newcomer = prepare(bucket=recording.bucket, audio=upload("other.wav", content))
    return replace_audio(recording=recording, newcomer=newcomer, user=None)


def _members(group: DedupGroup) -> set[Recording]:
    return {member.recording for member in group.members.all()}


def test_silence_is_told_by_its_bytes_alone_and_a_jingle_by_its_sound(db: None) -> None:
    bucket = BucketFactory.create(intake_rule=IntakeRule.REJECT)
    silence = audio.wav_bytes(audio.silence(10))
    jingle = audio.wav_bytes(TUNE[: 2 * audio.RATE])
    for content in (silence, jingle):
        add(bucket, content)
        with pytest.raises(AlreadyInCatalogue, match="This file is already"):
            add(bucket, content)
    add(bucket, silence + b"\0")
    with pytest.raises(AlreadyInCatalogue, match="The same audio is already"):
        add(bucket, jingle + b"\0")


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
    paths = [path for path in (data_dir / "media").rglob("*") if path.is_file()]
    assert sorted(str(path.relative_to(data_dir / "media")) for path in paths) == [
        only.fingerprint.name,
        only.audio.name,
    ]


def test_what_happens_after_the_comparison_counts(
    catalogue: Catalogue, meanwhile: Meanwhile
) -> None:
    # What is retired is no longer there.
    bucket = rule(catalogue, IntakeRule.ADD_AS_VERSION)
    meanwhile(lambda: retire_recordings(recordings=[catalogue.first], user=None))
    added = add(bucket, COPY)
    assert added.pk
    assert not PairLink.objects.exists()

    # What moves in is there.
    bucket, other_bucket = rule(catalogue, IntakeRule.ASK), BucketFactory.create()
    moving = add(other_bucket, audio.wav_bytes(audio.tune(7, 30)))
    meanwhile(lambda: move_recordings(recordings=[moving], target=bucket, user=None))
    with pytest.raises(AlreadyInCatalogue) as raised:
        add(bucket, audio.wav_bytes(0.5 * audio.tune(7, 30)))
    assert raised.value.existing == moving

    # Replaced audio counts, and links the two.
    Recording.objects.filter(pk__in=[added.pk, moving.pk]).update(status=RecordingStatus.READY)
    meanwhile(lambda: replace(catalogue.second, audio.wav_bytes(audio.tune(8, 30))))
    same = replace(added, audio.wav_bytes(0.5 * audio.tune(8, 30)))
    assert same == catalogue.second

    # Audio for a recording that moves is refused.
    moving.refresh_from_db()
    before = moving.audio.name
    meanwhile(lambda: move_recordings(recordings=[moving], target=other_bucket, user=None))
    with pytest.raises(ChangeRefused, match="was moved meanwhile"):
        replace(moving, audio.wav_bytes(audio.tune(3, 30)))
    moving.refresh_from_db()
    assert moving.audio.name == before


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
