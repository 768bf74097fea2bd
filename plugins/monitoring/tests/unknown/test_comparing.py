"""Comparing the unmatched sound of files: what rows say after whatever happened."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.storage import replace_bytes
from base.jobs import clock
from base.jobs.choices import JobState
from base.jobs.models import Job
from base.jobs.services import bring_forward
from plugins.monitoring.tests.unknown.station import (
    SONG,
    broadcast,
    places,
    rows,
    scan_again,
    scanned,
    work,
)
from plugins.monitoring.unknown import comparing, joining_index
from plugins.monitoring.unknown.actions import merge_items
from plugins.monitoring.unknown.items import Rewriting
from plugins.monitoring.unknown.jobs import COMPARE
from plugins.monitoring.unknown.joining_index import FILES, ITEMS
from plugins.monitoring.unknown.landmarks import fingerprint_of, landmarks_of, stored
from plugins.monitoring.unknown.models import (
    ItemState,
    KeptFile,
    KeptState,
    Occurrence,
    SharedRun,
    UnknownItem,
    UnknownPolicy,
)
from plugins.monitoring.unknown.sounds import Sounds
from recognition.fingerprints.builder import extract
from scanning.models import Container, RetroSearch, ScannedFile
from scanning.services.filing import delete_container, delete_files
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory, make_detection
from tests.recognition.synthesis import RATE, join, music

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def container() -> Container:
    return ContainerFactory.create()


@pytest.fixture
def two(container: Container) -> tuple[ScannedFile, ScannedFile]:
    """Return two files that share a song, from 10 to 30 s and from 20 to 40 s."""
    files = broadcast(container, 11, SONG, 12), broadcast(container, 13, 14, SONG)
    work()
    return files


def actions(item: UnknownItem) -> list[str]:
    events = Event.objects.filter(case=f"unknown:{item.uid}").order_by("sequence")
    return [event.action.removeprefix("unknown.") for event in events]


def entries(bucket: int) -> dict[int, int]:
    """Return how many hashes this machine's index has of each number of a bucket."""
    with joining_index.followed(Sounds(lambda: None)) as index:
        store = index.store
        return {
            number: int(opened.counts[place])
            for opened in (segment.segment for segment in store._snapshot(bucket).segments)
            for place, number in enumerate(opened.ids.tolist())
            if number in store.recordings(bucket)
        }


def test_a_song_in_two_files_becomes_an_item(two: tuple[ScannedFile, ScannedFile]) -> None:
    first, second = two

    item = UnknownItem.objects.get()

    assert places(item) == [(first.name, 10, 30), (second.name, 20, 40)]
    assert (item.state, item.plays) == (ItemState.UNIDENTIFIED, 2)
    assert item.length_ms == pytest.approx(20_000, abs=300)
    assert item.weight_ms == 2 * item.length_ms
    assert (item.first_at, item.last_at) == (first.created_at, second.created_at)
    assert fingerprint_of(item).duration_ms == item.best_end_ms - item.best_start_ms
    assert len(landmarks_of(item).frames) > 100
    assert item.searched_to is None
    assert {kept_file.state for kept_file in KeptFile.objects.all()} == {KeptState.COMPARED}
    (event,) = Event.objects.filter(case=f"unknown:{item.uid}")
    assert (event.action, event.after["plays"]) == ("unknown.found", 2)

    # Comparing again changes nothing.
    before = rows()
    scan = scan_again(first, (0, first.length_ms))
    work()
    assert rows() == before
    assert KeptFile.objects.get(scanned_file=first).scan_id == scan.pk

    # Another file adds an occurrence and no event.
    third = broadcast(first.container, SONG, 15)
    work()
    item.refresh_from_db()
    assert places(item)[-1] == (third.name, 0, 20)
    assert item.plays == 3
    assert "changed" not in actions(item)


def test_a_rescan_that_explains_the_song_closes_the_item(
    two: tuple[ScannedFile, ScannedFile],
) -> None:
    first, second = two
    item = UnknownItem.objects.get()

    scan_again(first, (0, 10_000), (30_000, 40_000))
    work()

    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.CLOSED, 1)
    assert places(item) == [(second.name, 20, 40)]
    assert not SharedRun.objects.exists()
    scan_again(second, (0, 20_000))
    work()
    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.CLOSED, 0)
    assert actions(item) == ["found", "closed"]

    scan_again(first, (0, 40_000))
    scan_again(second, (0, 40_000))
    work()
    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.UNIDENTIFIED, 2)
    assert UnknownItem.objects.count() == 1
    assert actions(item) == ["found", "closed", "returned"]


def test_a_late_find_is_no_longer_unknown(two: tuple[ScannedFile, ScannedFile]) -> None:
    late = scan_again(two[0])
    late.retro_search = RetroSearch.objects.create()
    late.save()
    make_detection((10_000, 30_000, 0, 20_000), scan=late)

    work()

    kept_file = KeptFile.objects.get(scanned_file=two[0])
    assert kept_file.unmatched == [[0, 10_000], [30_000, two[0].length_ms]]
    assert UnknownItem.objects.get().state == ItemState.CLOSED


def test_without_the_file_that_was_indexed_the_others_keep_the_item(
    two: tuple[ScannedFile, ScannedFile], admin: User
) -> None:
    first, second = two
    third = broadcast(first.container, SONG, 15)
    work()
    item = UnknownItem.objects.get()

    assert item.best_file is not None
    has_best = item.best_file.scanned_file == first
    delete_files(files=[first], user=admin, reason="")
    work()

    item.refresh_from_db()
    assert has_best == ("changed" in actions(item))
    assert places(item) == [(second.name, 20, 40), (third.name, 0, 20)]
    assert item.state == ItemState.UNIDENTIFIED
    assert item.best_file is not None
    (run,) = SharedRun.objects.all()
    assert {run.file.scanned_file, run.other.scanned_file} == {second, third}
    fourth = broadcast(first.container, 16, SONG)
    work()
    assert places(item)[-1] == (fourth.name, 10, 30)
    assert UnknownItem.objects.count() == 1


def test_an_item_that_is_left_alone_closes_and_returns(
    two: tuple[ScannedFile, ScannedFile], admin: User
) -> None:
    item = UnknownItem.objects.get()

    delete_files(files=[two[0]], user=admin, reason="")
    work()
    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.CLOSED, 1)

    broadcast(two[0].container, 17, SONG)
    work()
    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.UNIDENTIFIED, 2)
    assert UnknownItem.objects.count() == 1

    # Its container can be deleted.
    delete_container(container=two[0].container, user=admin, reason="")
    work()
    assert not KeptFile.objects.exists()
    assert not SharedRun.objects.exists()
    item = UnknownItem.objects.get()
    assert (item.state, item.plays, item.best_file) == (ItemState.CLOSED, 0, None)
    assert len(landmarks_of(item).frames) > 100


def test_a_policy_ends_the_comparison(two: tuple[ScannedFile, ScannedFile]) -> None:
    ScannedFile.objects.update(created_at=clock.now() - timedelta(days=8))
    policies: list[dict[str, Any]] = [{"is_on": False}, {"days_kept": 7}]  # Any: fields
    for policy in policies:
        UnknownPolicy.objects.create(container=two[0].container, **policy)
        work()

        assert not KeptFile.objects.exists(), policy
        assert UnknownItem.objects.get().state == ItemState.CLOSED
        UnknownPolicy.objects.all().delete()
        work()
        assert UnknownItem.objects.get().state == ItemState.UNIDENTIFIED


def test_a_job_that_is_killed_before_it_writes_is_repeated(
    container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index runs ahead of the rows where a file changes that others lean on."""

    def history(*, is_killed: bool) -> list[object]:
        files = broadcast(container, 11, SONG, 12), broadcast(container, 13, 14, SONG)
        work()
        scan_again(files[0], (5_000, 40_000))
        if is_killed:
            before = rows()
            with monkeypatch.context() as patched:
                patched.setattr(Rewriting, "end", _die)
                work()
            assert rows()["runs"] == before["runs"]
            assert rows()["items"] == before["items"]
            bring_forward(COMPARE, KeptFile.objects.all())
        work()
        first = KeptFile.objects.order_by("pk")[0].pk
        shared = [
            (run.file_id - first, run.other_id - first, run.start_ms, run.bits)
            for run in SharedRun.objects.all()
        ]
        heard = [
            (
                occurrence.file_id - first,
                occurrence.start_ms,
                occurrence.item_end_ms,
                occurrence.score,
            )
            for occurrence in Occurrence.objects.all()
        ]
        copy = bytes(UnknownItem.objects.get().landmarks)
        return [shared, heard, copy, [*entries(FILES).values()]]

    uninterrupted = history(is_killed=False)
    ScannedFile.objects.update(deleted_at=clock.now())
    work()
    UnknownItem.objects.all().delete()

    assert history(is_killed=True) == uninterrupted


def _die(_rewriting: Rewriting) -> None:
    raise RuntimeError("killed")


def test_what_changes_meanwhile_is_computed_again(
    two: tuple[ScannedFile, ScannedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody settles the item while a third file with it is compared."""
    compute = comparing._Comparison.compute

    def slow(comparison: comparing._Comparison) -> None:
        compute(comparison)
        settled = UnknownItem.objects.filter(settled=False)
        settled.update(settled=True, version=2)

    monkeypatch.setattr(comparing._Comparison, "compute", slow)
    third = broadcast(two[0].container, 15, SONG, 16)
    work()

    assert places(UnknownItem.objects.get())[-1] == (third.name, 10, 30)
    assert not SharedRun.objects.filter(file__scanned_file=third).exists()


def test_the_index_is_the_same_on_each_machine_and_may_be_deleted(
    two: tuple[ScannedFile, ScannedFile], settings: Settings, tmp_path: Path, admin: User
) -> None:
    broadcast(two[0].container, SONG, 15)
    work()
    delete_files(files=[two[0]], user=admin, reason="")
    work()
    followed = entries(FILES), entries(ITEMS)
    assert set(followed[0]) == {*KeptFile.objects.values_list("pk", flat=True)}
    assert set(followed[1]) == {*UnknownItem.objects.values_list("pk", flat=True)}

    shutil.rmtree(joining_index.folder() / f"bucket-{FILES}")
    assert (entries(FILES), entries(ITEMS)) == followed
    (joining_index.folder() / "HELD").write_text("damaged")
    assert (entries(FILES), entries(ITEMS)) == followed
    shutil.rmtree(joining_index.folder())
    assert (entries(FILES), entries(ITEMS)) == followed
    settings.ACRPORTAL_DATA_DIR = tmp_path / "another machine"
    assert (entries(FILES), entries(ITEMS)) == followed


def test_a_settled_item_is_heard_and_stays_when_nothing_of_it_is_left(
    two: tuple[ScannedFile, ScannedFile], admin: User
) -> None:
    item = UnknownItem.objects.get()
    item.state, item.settled = ItemState.IGNORED, True
    item.version += 1
    item.save()
    before = item.length_ms, bytes(item.landmarks)

    third = broadcast(two[0].container, 15, SONG, 16)
    fourth = broadcast(two[0].container, 17, SONG, 18)
    work()

    item = UnknownItem.objects.get()
    assert places(item)[2:] == [(third.name, 10, 30), (fourth.name, 10, 30)]
    assert (item.length_ms, bytes(item.landmarks)) == before
    assert not SharedRun.objects.filter(file__scanned_file=fourth).exists()
    scan_again(two[0], (5_000, 40_000))
    work()
    assert UnknownItem.objects.get().plays == 4

    UnknownItem.objects.update(state=ItemState.NAMED)
    delete_files(files=[*two, third, fourth], user=admin, reason="")
    work()
    item = UnknownItem.objects.get()
    assert (item.state, item.plays, item.best_file) == (ItemState.NAMED, 0, None)


def test_a_search_back_finds_what_joining_missed_and_doubles_nothing(
    two: tuple[ScannedFile, ScannedFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    third = broadcast(two[0].container, SONG, 15)
    work()
    missed = Occurrence.objects.filter(file__scanned_file=third)
    missed.delete()

    UnknownItem.objects.update(searched_to=0)
    work()
    item = UnknownItem.objects.get()
    assert places(item)[-1] == (third.name, 0, 20)
    assert (item.plays, item.searched_to) == (3, None)

    # It goes on where its slice ended.
    numbers = rows()
    monkeypatch.setattr("plugins.monitoring.unknown.searching.SLICE_SECONDS", 0)
    UnknownItem.objects.update(searched_to=0)
    work()
    assert UnknownItem.objects.get().searched_to is None
    assert rows() == numbers


def test_a_part_that_was_an_item_of_its_own_joins_the_longer_one(
    two: tuple[ScannedFile, ScannedFile],
) -> None:
    inner = music(SONG, 20)[5 * RATE : 15 * RATE]
    sounds = [join(music(seed, 10), inner, music(seed + 1, 10)) for seed in (15, 17)]
    added = [scanned(two[0].container, extract(sound)) for sound in sounds]
    work()
    item = UnknownItem.objects.get()
    apart = item.occurrences.filter(file__scanned_file__in=added)
    copy = apart[0]
    interval = copy.start_ms, copy.end_ms
    landmarks = Sounds(lambda: None)(copy.file_id).landmarks(interval)
    part = UnknownItem.objects.create(
        length_ms=10_000,
        best_file=copy.file,
        best_start_ms=copy.start_ms,
        best_end_ms=copy.end_ms,
        landmarks=stored(landmarks, 10_000),
    )
    apart.update(item=part, item_start_ms=0, item_end_ms=10_000)
    UnknownItem.objects.update(searched_to=0)

    work()

    part.refresh_from_db()
    assert (part.state, part.plays, part.merged_into) == (ItemState.CLOSED, 0, item)
    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.UNIDENTIFIED, 4)
    assert actions(part) == ["closed"]


def test_unreadable_landmarks_do_no_harm(two: tuple[ScannedFile, ScannedFile]) -> None:
    UnknownItem.objects.update(landmarks=b"damaged", searched_to=0, version=2)
    broadcast(two[0].container, 15, SONG)
    work()
    assert UnknownItem.objects.get().plays == 3

    # A file whose fingerprint is damaged has nothing to compare.
    replace_bytes(str(two[0].fingerprint), b"damaged")
    scan_again(two[0], (1_000, 40_000))
    work()
    assert UnknownItem.objects.get().plays == 2
    assert not Job.objects.filter(state=JobState.FAILED).exists()


def test_a_merged_item_is_heard_for_the_one_that_it_became_part_of(
    container: Container, two: tuple[ScannedFile, ScannedFile]
) -> None:
    target = UnknownItem.objects.get()
    broadcast(container, 21, 22)
    broadcast(container, 23, 22)
    work()
    other_item = UnknownItem.objects.exclude(pk=target.pk).get()
    merge_items(items=[target, other_item], into=target, user=make_user(Role.REVIEWER))

    again = broadcast(container, 24, 22)
    work()

    assert set(UnknownItem.objects.all()) == {target, other_item}
    target.refresh_from_db()
    assert target.plays == 5
    assert target.occurrences.filter(file__scanned_file=again).count() == 1
