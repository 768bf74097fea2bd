"""What people do with unknown items, and what an undo brings back."""

from __future__ import annotations

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from base.accounts.models import AccessLimit, User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from catalogue.models import IntakeRule, Recording, RecordingStatus
from dedup.intake import AlreadyInCatalogue
from dedup.models import DedupGroup, GroupKind
from plugins.monitoring.tests.factories.unknown import (
    BEGIN_MS,
    LENGTH_MS,
    KeptFileFactory,
    OccurrenceFactory,
    make_item,
    tune_landmarks,
)
from plugins.monitoring.unknown import actions
from plugins.monitoring.unknown.actions import ItemVerb
from plugins.monitoring.unknown.errors import ItemChanged, ItemRefused
from plugins.monitoring.unknown.models import IgnoreReason, ItemState, Occurrence, UnknownItem
from review.choices import MatchState
from review.models import Match
from scanning.services import retro
from tests import audio
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory
from tests.fixtures import Catalogue, Worker, submit_sound

SONG = 7
DETAILS = Recording(title="Found song", artists=["Somebody"])


def rows(item: UnknownItem) -> list[tuple[int, ...]]:
    occurrences = Occurrence.objects.filter(item=item)
    return [
        (
            occurrence.file_id,
            occurrence.start_ms,
            occurrence.end_ms,
            occurrence.item_start_ms,
            occurrence.item_end_ms,
        )
        for occurrence in occurrences
    ]


def test_a_named_item_is_found_in_all_earlier_files_until_its_name_is_undone(
    catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    song = audio.tune(SONG, LENGTH_MS // 1000)
    for number in (1, 2):
        programme = audio.join([audio.silence(number), song, audio.silence(1)])
        submit_sound(catalogue.container, programme, admin)
    run_worker()
    item = UnknownItem.objects.get()
    assert not Match.objects.exists()

    recording = actions.name_item(
        item=item, user=admin, version=item.version, bucket=catalogue.bucket, details=DETAILS
    )
    run_worker()
    retro.start_collected()
    run_worker()

    item.refresh_from_db()
    recording.refresh_from_db()
    assert (item.state, item.recording) == (ItemState.NAMED, recording)
    assert recording.status == RecordingStatus.READY
    assert Match.objects.filter(recording=recording).count() == 2
    assert recording.audio
    assert recording.proxy
    assert abs(recording.duration_ms - LENGTH_MS) < 200
    # The matches have taken the place of its occurrences.
    assert rows(item) == []

    # An undo retires the recording, unless somebody decided.
    match = Match.objects.filter(recording=recording)[0]
    Match.objects.filter(pk=match.pk).update(state=MatchState.CONFIRMED)
    with pytest.raises(ItemRefused, match="decided"):
        actions.undo(item=item, user=admin)
    Match.objects.filter(pk=match.pk).update(state=MatchState.PENDING)
    # Nor while another recording stands for it, whose matches these are then.
    Recording.objects.filter(pk=recording.pk).update(merged_into=catalogue.first)
    with pytest.raises(ItemRefused, match="Undo the merge first"):
        actions.undo(item=item, user=admin)
    Recording.objects.filter(pk=recording.pk).update(merged_into=None)
    actions.undo(item=item, user=admin)
    item.refresh_from_db()
    recording.refresh_from_db()
    assert (item.state, item.recording, item.label) == (ItemState.UNIDENTIFIED, None, "")
    assert recording.status == RecordingStatus.RETIRED
    assert "nothing to undo" in actions.why_not(item=item, user=admin, verb=ItemVerb.UNDO)
    run_worker()
    item.refresh_from_db()
    assert (item.state, item.plays) == (ItemState.UNIDENTIFIED, 2)


def test_what_is_in_the_catalogue_is_not_added_again_but_has_aliases(
    catalogue: Catalogue, admin: User, run_worker: Worker
) -> None:
    catalogue.bucket.intake_rule = IntakeRule.ASK
    catalogue.bucket.save()
    items, item = (make_item(landmarks=tune_landmarks(seed)) for seed in (1, SONG))

    with pytest.raises(AlreadyInCatalogue) as raised:
        actions.name_item(
            item=items, user=admin, version=1, bucket=catalogue.bucket, details=DETAILS
        )

    assert raised.value.existing == catalogue.first
    items.refresh_from_db()
    assert (items.state, items.version) == (ItemState.UNIDENTIFIED, 1)

    # An alias is another version of its recording.
    actions.alias_item(item=item, user=admin, version=1, recording=catalogue.first)
    run_worker()
    item.refresh_from_db()
    alias = item.recording
    assert alias is not None
    assert alias != catalogue.first
    assert (alias.title, alias.custom_id) == (catalogue.first.title, "")
    family = DedupGroup.objects.get(kind=GroupKind.FAMILY)
    members = {member.recording_id for member in family.members.all()}
    assert members == {alias.pk, catalogue.first.pk}


def test_ignored_items_come_back_by_undo(admin: User) -> None:
    items = [make_item(), make_item()]

    # One refused item leaves all as they were.
    UnknownItem.objects.filter(pk=items[1].pk).update(state=ItemState.NAMED)
    with pytest.raises(ItemRefused, match="already named"):
        actions.ignore_items(items=items, user=admin, reason=IgnoreReason.AD)
    items[0].refresh_from_db()
    assert items[0].state == ItemState.UNIDENTIFIED

    UnknownItem.objects.update(state=ItemState.UNIDENTIFIED)
    done = actions.ignore_items(
        items=items, user=admin, reason=IgnoreReason.JINGLE, label="Station id"
    )

    assert done == 2
    item = UnknownItem.objects.get(pk=items[0].pk)
    assert (item.state, item.ignored_as, item.label) == (
        ItemState.IGNORED,
        IgnoreReason.JINGLE,
        "Station id",
    )
    with pytest.raises(ItemRefused, match="ignored"):
        actions.ignore_items(items=[item], user=admin, reason=IgnoreReason.AD)
    actions.undo(item=item, user=admin)
    item.refresh_from_db()
    assert (item.state, item.label, item.settled) == (ItemState.UNIDENTIFIED, "", False)


def test_split_items_are_one_again_after_undo(admin: User) -> None:
    item = make_item(plays=2)
    partial = OccurrenceFactory.create(
        item=item, start_ms=0, end_ms=8_000, item_start_ms=20_000, item_end_ms=28_000
    )
    before = rows(item)

    first, second = actions.split_item(item=item, user=admin, version=1, at_ms=12_000)

    assert (first.length_ms, second.length_ms) == (12_000, 18_000)
    assert (first.plays, second.plays) == (2, 3)
    assert rows(first)[0][1:] == (BEGIN_MS, BEGIN_MS + 12_000, 0, 12_000)
    assert rows(second)[0][1:] == (BEGIN_MS + 12_000, BEGIN_MS + LENGTH_MS, 0, 18_000)
    assert (partial.file_id, 0, 8_000, 8_000, 16_000) in rows(second)
    assert (second.best_start_ms, second.best_end_ms) == (72_000, 90_000)

    third = make_item()
    actions.merge_items(items=[third], into=second, user=admin)
    assert "other part has changed" in actions.why_not(item=item, user=admin, verb=ItemVerb.UNDO)
    with pytest.raises(ItemRefused, match="other part has changed"):
        actions.undo(item=item, user=admin)
    actions.undo(item=third, user=admin)

    actions.undo(item=item, user=admin)

    item.refresh_from_db()
    second.refresh_from_db()
    assert sorted(rows(item)) == sorted(before)
    assert (item.length_ms, item.plays, item.settled) == (LENGTH_MS, 3, False)
    assert (item.best_start_ms, item.best_end_ms) == (BEGIN_MS, BEGIN_MS + LENGTH_MS)
    assert (second.state, second.plays) == (ItemState.MERGED, 0)


def test_both_parts_need_enough_of_the_best_copy(admin: User) -> None:
    item = make_item()
    for at_ms in (0, 3_000, 27_000, 40_000):
        with pytest.raises(ItemRefused, match=r"4\.5 seconds"):
            actions.split_item(item=item, user=admin, version=1, at_ms=at_ms)


def test_a_merged_item_gives_its_occurrences_and_gets_them_back(admin: User) -> None:
    target, other_item = make_item(plays=2), make_item(plays=3)
    twice = OccurrenceFactory.create(item=other_item, file=target.best_file)
    before = rows(other_item)

    actions.merge_items(items=[target, other_item], into=target, user=admin)

    target.refresh_from_db()
    other_item.refresh_from_db()
    assert (target.plays, other_item.plays) == (5, 1)
    assert (other_item.state, other_item.merged_into) == (ItemState.MERGED, target)
    # The target has this one already.
    assert [row[0] for row in rows(other_item)] == [twice.file_id]

    actions.undo(item=other_item, user=admin)

    target.refresh_from_db()
    other_item.refresh_from_db()
    assert sorted(rows(other_item)) == sorted(before)
    assert (target.plays, other_item.plays, other_item.merged_into) == (2, 4, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    not connection.features.has_select_for_update,
    reason="with one writer at a time nobody holds what another one waits for",
)
@pytest.mark.parametrize("act", ["ignore", "merge", "undo"])
def test_who_waits_for_one_item_holds_no_later_one(act: str, admin: User) -> None:
    first, second = make_item(), make_item()
    if act == "undo":
        actions.merge_items(items=[first], into=second, user=admin)

    def act_beside() -> None:
        match act:
            case "ignore":
                actions.ignore_items(items=[second, first], user=admin, reason=IgnoreReason.AD)
            case "merge":
                actions.merge_items(items=[first], into=second, user=admin)
            case "undo":
                actions.undo(item=second, user=admin)
        connection.close()

    beside = threading.Thread(target=act_beside)
    with transaction.atomic():
        UnknownItem.objects.select_for_update().get(pk=first.pk)
        beside.start()
        beside.join(1.0)
        assert UnknownItem.objects.select_for_update(nowait=True).get(pk=second.pk)
    beside.join()

    state = {"ignore": ItemState.IGNORED, "merge": ItemState.MERGED}
    first.refresh_from_db()
    assert first.state == state.get(act, ItemState.UNIDENTIFIED)


def test_undo_goes_back_one_action_after_the_other(admin: User) -> None:
    item = make_item()
    actions.watch_items(items=[item], user=admin, on=True)
    # An outdated page changes nothing.
    with pytest.raises(ItemChanged):
        actions.split_item(item=item, user=admin, version=1, at_ms=12_000)
    actions.ignore_items(items=[item], user=admin, reason=IgnoreReason.BED)

    actions.undo(item=item, user=admin)
    item.refresh_from_db()
    assert (item.state, item.is_watched) == (ItemState.UNIDENTIFIED, True)
    actions.undo(item=item, user=admin)
    item.refresh_from_db()
    assert not item.is_watched
    with pytest.raises(ItemRefused, match="nothing to undo"):
        actions.undo(item=item, user=admin)


def test_roles_and_limits_are_kept(admin: User) -> None:
    seen, hidden = ContainerFactory.create(), ContainerFactory.create()
    item = make_item(container=seen)
    viewer, reviewer = make_user(Role.VIEWER), make_user(Role.REVIEWER)

    assert "not change them" in actions.why_not(item=item, user=viewer, verb=ItemVerb.IGNORE)
    assert "manager" in actions.why_not(item=item, user=reviewer, verb=ItemVerb.NAME)
    assert not actions.why_not(item=item, user=reviewer, verb=ItemVerb.IGNORE)
    desk = Group.objects.create(name="desk")
    reviewer.groups.add(desk)
    AccessLimit.objects.create(group=desk, containers=[seen.pk])
    OccurrenceFactory.create(item=item, file=KeptFileFactory.create(scanned_file__container=hidden))
    with working_for(reviewer):
        assert "cannot see" in actions.why_not(item=item, user=reviewer, verb=ItemVerb.IGNORE)
    assert not Recording.objects.exists()
