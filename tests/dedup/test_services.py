"""Duplicates are found in real audio and stored as groups."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from base.accounts.models import User
from base.audit.models import Event
from base.audit.services import first_broken_event
from catalogue.models import Bucket, Recording, RecordingStatus
from catalogue.services import add_recording
from dedup.models import DedupGroup, DedupMember, DuplicateKind, GroupKind, PairLink
from dedup.services import find_duplicates
from tests import audio
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.fixtures import Catalogue, Worker, upload

pytestmark = pytest.mark.django_db


def twins(bucket: Bucket, *titles: str) -> list[Recording]:
    return [
        RecordingFactory.create(bucket=bucket, title=title, audio_sha256="ab" * 32, audio_bytes=10)
        for title in titles
    ]


def members(group: DedupGroup) -> list[tuple[str, bool, str]]:
    return [
        (member.recording.title, member.canonical, member.kind) for member in group.members.all()
    ]


def test_same_bytes_are_grouped() -> None:
    bucket = BucketFactory.create()
    twins(bucket, "first", "second", "third")
    RecordingFactory.create(bucket=bucket, audio_sha256="cd" * 32)
    RecordingFactory.create(bucket=bucket, audio_sha256="")
    RecordingFactory.create(bucket=bucket, audio_sha256="")

    run = find_duplicates(bucket=bucket)

    assert (run.recordings, run.created) == (6, 1)
    exact = DuplicateKind.EXACT_FILE
    assert members(DedupGroup.objects.get()) == [
        ("first", True, ""),
        ("second", False, exact),
        ("third", False, exact),
    ]


def test_each_copy_knows_which_one_stands_for_its_sound() -> None:
    first, second, third = twins(BucketFactory.create(), "first", "second", "third")
    find_duplicates(bucket=first.bucket)
    for copy in (second, third):
        copy.refresh_from_db()
        assert copy.same_sound_as == first

    Recording.objects.filter(pk=third.pk).update(audio_sha256="cd" * 32)
    PairLink.objects.filter(other=third).delete()
    find_duplicates(bucket=first.bucket)

    second.refresh_from_db()
    third.refresh_from_db()
    assert (second.same_sound_as, third.same_sound_as) == (first, None)


def test_only_same_bytes_in_one_bucket_are_grouped_and_only_once() -> None:
    first, second = twins(BucketFactory.create(), "first", "second")
    # In another bucket, or of another size, it is no duplicate.
    twins(BucketFactory.create(), "elsewhere")
    (larger,) = twins(first.bucket, "larger")
    Recording.objects.filter(pk=larger.pk).update(audio_bytes=11)

    # A dry run writes nothing.
    run = find_duplicates(bucket=first.bucket, dry_run=True)
    assert [len(group) for group in run.groups] == [2]
    assert not DedupGroup.objects.exists()
    assert not Event.objects.exists()

    find_duplicates(bucket=first.bucket)
    before = list(DedupMember.objects.values()), Event.objects.count()
    assert {row["recording_id"] for row in before[0]} == {first.pk, second.pk}
    run = find_duplicates(bucket=first.bucket)
    assert (list(DedupMember.objects.values()), Event.objects.count()) == before
    assert (run.created, run.changed, run.removed) == (0, 0, 0)

    # A group of one ends.
    Recording.objects.filter(pk=second.pk).update(status=RecordingStatus.RETIRED)
    assert find_duplicates(bucket=first.bucket).removed == 1
    assert not DedupGroup.objects.exists()


def test_group_keeps_its_identity_when_a_member_joins_or_leaves() -> None:
    first, _ = twins(BucketFactory.create(), "first", "second")
    find_duplicates(bucket=first.bucket)
    group = DedupGroup.objects.get()
    twins(first.bucket, "third")

    joined = find_duplicates(bucket=first.bucket)
    Recording.objects.filter(pk=first.pk).update(status=RecordingStatus.RETIRED)
    run = find_duplicates(bucket=first.bucket)

    assert (joined.changed, run.changed) == (1, 1)
    assert DedupGroup.objects.get() == group
    assert [title for title, _, _ in members(group)] == ["second", "third"]
    case = f"dedup:{group.uid}"
    assert Event.objects.filter(case=case).count() == 3
    assert first_broken_event(case=case) is None


def test_groups_that_a_new_recording_joins_become_one() -> None:
    bucket = BucketFactory.create()
    twins(bucket, "first", "second")
    recordings = [
        RecordingFactory.create(bucket=bucket, audio_sha256="cd" * 32, audio_bytes=10)
        for _ in range(2)
    ]
    find_duplicates(bucket=bucket)
    assert DedupGroup.objects.count() == 2
    Recording.objects.filter(pk__in=[recording.pk for recording in recordings]).update(
        audio_sha256="ab" * 32
    )

    run = find_duplicates(bucket=bucket)

    assert (run.changed, run.removed) == (1, 1)
    assert DedupGroup.objects.get().members.count() == 4


def test_same_audio_in_another_file_is_found(
    catalogue: Catalogue, run_worker: Worker, admin: User
) -> None:
    tune = audio.tune(1, 30)
    quieter = add_recording(
        bucket=catalogue.bucket,
        details=Recording(title="Quieter, after a pause"),
        audio=upload("q.wav", audio.wav_bytes(audio.join([audio.silence(1), tune * 0.5]))),
        user=admin,
    )
    part = add_recording(
        bucket=catalogue.bucket,
        details=Recording(title="A part"),
        audio=upload("p.wav", audio.wav_bytes(tune[: 15 * audio.RATE])),
        user=admin,
    )
    run_worker()
    part.refresh_from_db()
    assert part.status == RecordingStatus.READY

    find_duplicates(bucket=catalogue.bucket)

    group = DedupGroup.objects.get(kind=GroupKind.SAME_SOUND)
    family = DedupGroup.objects.get(kind=GroupKind.FAMILY)
    assert {member.recording for member in group.members.all()} == {catalogue.first, quieter}
    assert {member.recording for member in family.members.all()} == {catalogue.first, quieter, part}
    assert group.members.get(canonical=False).kind == DuplicateKind.SAME_AUDIO


def test_command_prints_what_was_found(capsys: pytest.CaptureFixture[str]) -> None:
    bucket = twins(BucketFactory.create(name="Library"), "first", "second")[0].bucket

    call_command("dedup", bucket="Library", dry_run=True)
    output = capsys.readouterr().out
    call_command("dedup", bucket=str(bucket.pk), format="json")
    (run,) = json.loads(capsys.readouterr().out)

    assert "Library: 2 recordings, 0 pairs compared, 1 group" in output
    assert "Nothing was written." in output
    assert run["created"] == 1
    assert [member["title"] for member in run["groups"][0]] == ["first", "second"]
    assert run["groups"][0][1]["kind"] == "exact_file"
    with pytest.raises(CommandError, match="There is no bucket"):
        call_command("dedup", bucket="nowhere")
