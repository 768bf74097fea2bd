"""What people do with unknown items: name, alias, ignore, split, merge, watch, undo.

Each action is one event of the item's case. The last one can be undone until somebody
acts again; sound that was found in between stays found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

from django.db import transaction
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import count_hidden, why_limited, why_unseen, working_for
from base.accounts.roles import Action
from base.audit.models import Event
from base.audit.standing import StatementKind
from base.common.batches import batched
from base.jobs.services import submit
from catalogue.changes import retire_recordings
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from dedup import intake
from dedup.models import DuplicateKind, PairLink
from plugins.monitoring.unknown.errors import ItemChanged, ItemRefused
from plugins.monitoring.unknown.figures import refresh_figures
from plugins.monitoring.unknown.items import locked_items
from plugins.monitoring.unknown.jobs import COMPARE
from plugins.monitoring.unknown.landmarks import fingerprint_of
from plugins.monitoring.unknown.models import (
    IgnoreReason,
    ItemState,
    KeptFile,
    Occurrence,
    UnknownItem,
)
from plugins.monitoring.unknown.parts import (
    LEAST_PART_MS,
    NewSound,
    can_divide,
    cut_sound,
    divide,
    give_back,
    join_sound,
    rejoin,
    take_over,
)
from recognition.types import Fingerprint
from review.choices import MatchState
from review.models import Match
from statements.following import note_subjects

BULK_LIMIT: Final = 500
_AT_ONCE: Final = 500


class ItemVerb(StrEnum):
    """An action on an unknown item; the value is the name of its event."""

    NAME = "unknown.named"
    ALIAS = "unknown.alias_added"
    IGNORE = "unknown.ignored"
    SPLIT = "unknown.split"
    MERGE = "unknown.merged"
    WATCH = "unknown.watched"
    UNDO = "unknown.undone"


UNWATCH_ACT: Final = "unknown.unwatched"
_NEEDS: Final = {ItemVerb.NAME: Action.EDIT_CATALOGUE, ItemVerb.ALIAS: Action.EDIT_CATALOGUE}
_NOT_NEW: Final[dict[str, str | Promise]] = {
    ItemState.NAMED: lazy("This item is already named. Undo that first."),
    ItemState.IGNORED: lazy("This item is ignored. Undo that first."),
    ItemState.MERGED: lazy("This item was merged into another one. Undo that first."),
    ItemState.CLOSED: lazy("This item is no longer repeated."),
}
_ORIGINS: Final = {
    "unknown.split_off": (ItemVerb.SPLIT, "second"),
    "unknown.took_over": (ItemVerb.MERGE, "into"),
}
"""Events of the other item of a split or merge: the action, and the key of its event that
names that other item."""
# The columns that actions change and an undo restores.
_SNAPSHOT_FIELDS: Final = ("state", "label", "ignored_as", "is_watched", "settled")


def case_of(item: UnknownItem) -> str:
    """Return the item's case in the audit trail."""
    return f"unknown:{item.uid}"


def why_not(*, item: UnknownItem, user: User, verb: ItemVerb) -> str:
    """Return why a person cannot act on an item, as a sentence; empty if they can."""
    needed = _NEEDS.get(verb, Action.DECIDE)
    last = _last_action(item) if verb is ItemVerb.UNDO else None
    if last is not None and last[1].action in (ItemVerb.NAME, ItemVerb.ALIAS):
        needed = Action.EDIT_CATALOGUE
    if not user.has_perm(needed):
        if needed == Action.EDIT_CATALOGUE:
            return _("Your role may not add recordings. Ask a manager to name the item.")
        return _("Your role can view unknown items but not change them.")
    if why := why_unseen(count_hidden(user, Occurrence.objects.filter(item=item))):
        return why
    seen = Recording.objects.filter(pk=item.recording_id or 0)
    if item.recording_id is not None and not seen.exists():
        return why_limited(user)
    if verb is ItemVerb.UNDO:
        if last is None:
            return _("There is nothing to undo.")
        if last[1].action == ItemVerb.SPLIT and not _is_whole(*last):
            return _("The other part has changed since. Undo that change first.")
        return "" if last[0] == item else why_not(item=last[0], user=user, verb=verb)
    if verb is ItemVerb.IGNORE and item.state == ItemState.CLOSED:
        return ""
    return str(_NOT_NEW.get(item.state, ""))


def name_item(
    *,
    item: UnknownItem,
    user: User,
    version: int,
    bucket: Bucket,
    details: Recording,
    answer: IntakeRule | None = None,
) -> Recording:
    """Make a recording of an item; earlier files are searched for it at once.

    It is searched by the landmarks of the best copy. ``cutting`` adds its audio where
    that is kept. Raises ``ItemRefused``, and what ``dedup.intake.add_recording`` raises.
    """

    def hand_over(recording: Recording) -> None:
        row = _lock_item(item, user, ItemVerb.NAME, version)
        _hand_over(row, recording, user, ItemVerb.NAME)

    return intake.add_recording(
        bucket=bucket,
        details=details,
        fingerprint=_sound_of(item, user, ItemVerb.NAME, version),
        user=user,
        answer=answer,
        also=hand_over,
    )


def alias_item(*, item: UnknownItem, user: User, version: int, recording: Recording) -> None:
    """Add an item to the catalogue as another version of a recording.

    The new recording has the metadata of the other one, and the two form a version
    family, though no comparison found that they share sound.
    """
    sound = _sound_of(item, user, ItemVerb.ALIAS, version)
    if recording.status != RecordingStatus.READY:
        raise ItemRefused(_("%(name)s is not searchable.") % {"name": recording})

    def hand_over(alias: Recording) -> None:
        row = _lock_item(item, user, ItemVerb.ALIAS, version)
        # Link two versions, though no comparison found that they share sound.
        first, second = sorted((recording, alias), key=lambda row: row.pk)
        PairLink.objects.get_or_create(
            one=first,
            other=second,
            defaults={
                "kind": DuplicateKind.SAME_RECORDING,
                "altered": True,
                "audio_one": first.audio_sha256,
                "audio_other": second.audio_sha256,
            },
        )
        _hand_over(row, alias, user, ItemVerb.ALIAS, alias_of=recording.uid)

    intake.add_recording(
        bucket=recording.bucket,
        details=_details_of(recording),
        fingerprint=sound,
        user=user,
        answer=IntakeRule.ADD_AS_VERSION,
        also=hand_over,
    )


def ignore_items(
    *, items: Sequence[UnknownItem], user: User, reason: IgnoreReason, label: str = ""
) -> int:
    """Ignore items forever: their sound is recognised and no longer listed.

    Returns how many were ignored; raises ``ItemRefused`` if one cannot be.
    """
    _refuse_many(items)
    with transaction.atomic():
        rows = _lock_items(items, user, ItemVerb.IGNORE)
        for item in rows:
            before = _snapshot_of(item)
            item.state, item.settled = ItemState.IGNORED, True
            item.ignored_as, item.label = reason, label.strip() or item.label
            _save(item)
            event = _record(item, ItemVerb.IGNORE, user, before)
        if rows:
            _note_sheets(rows, event)
    return len(items)


def watch_items(*, items: Sequence[UnknownItem], user: User, on: bool) -> int:
    """Put items on the list of those that people watch for more, or take them off."""
    _refuse_many(items)
    done = 0
    with transaction.atomic():
        for item in _lock_items(items, user, ItemVerb.WATCH):
            if item.is_watched == on:
                continue
            before = _snapshot_of(item)
            item.is_watched = on
            _save(item)
            _record(item, ItemVerb.WATCH if on else UNWATCH_ACT, user, before)
            done += 1
    return done


def split_item(
    *, item: UnknownItem, user: User, version: int, at_ms: int
) -> tuple[UnknownItem, UnknownItem]:
    """Split an item in two at ``at_ms`` of its time; the first part keeps its uid."""
    row = UnknownItem.objects.filter(pk=item.pk).first()
    row = _allowed(row, user, ItemVerb.SPLIT, version)
    if not can_divide(row, at_ms):
        raise ItemRefused(
            _("Both parts need at least %(seconds)s seconds of the best copy.")
            % {"seconds": f"{LEAST_PART_MS / 1000:g}"}
        )
    sound = cut_sound(row, at_ms)
    with transaction.atomic():
        # The version says that neither its sound nor its times have changed.
        item = _lock_item(item, user, ItemVerb.SPLIT, version)
        before = _snapshot_of(item) | {"length_ms": item.length_ms}
        second = divide(item, at_ms, sound)
        refresh_figures([item, second])
        _save(item)
        event = _record(item, ItemVerb.SPLIT, user, before, second=second.uid, at_ms=at_ms)
        _note_sheets([item, second], event)
        base.audit.services.record(
            case=case_of(second),
            action="unknown.split_off",
            actor=user,
            after={"item": item.uid, "at_ms": at_ms},
        )
    return item, second


@transaction.atomic
def merge_items(*, items: Sequence[UnknownItem], into: UnknownItem, user: User) -> UnknownItem:
    """Make items part of another one, which takes over their occurrences."""
    _refuse_many(items)
    chosen = [item for item in items if item.pk != into.pk]
    target, *sources = _lock_items([into, *chosen], user, ItemVerb.MERGE)
    if not sources:
        raise ItemRefused(
            _("An item cannot become part of itself. Choose another one.")
            if len(items) > 1
            else _("Choose at least two items to merge.")
        )
    target.settled = True
    for item in sources:
        before = _snapshot_of(item)
        moved = take_over(item, target)
        item.state, item.settled, item.merged_into = ItemState.MERGED, True, target
        _save(item)
        event = _record(item, ItemVerb.MERGE, user, before, into=target.uid, moved=moved)
        base.audit.services.record(
            case=case_of(target),
            action="unknown.took_over",
            actor=user,
            after={"item": item.uid, "occurrences": len(moved)},
        )
    _save(target)
    refresh_figures([target, *sources])
    _note_sheets([target, *sources], event)
    return target


def undo(*, item: UnknownItem, user: User, version: int | None = None) -> str:
    """Undo the last action on an item; return a sentence about it.

    A split or merge is undone from either item. ``version`` is the item as the person saw
    it: nobody takes back a later action unseen.
    """
    sound = _sound_before_split(item)
    with transaction.atomic():
        return _undo(item, user, version, sound)


def _undo(item: UnknownItem, user: User, version: int | None, sound: NewSound | None) -> str:
    last = _last_action(item)
    rows = _locked_rows(_uids_of(item, last))
    row = _allowed(rows.get(item.uid), user, ItemVerb.UNDO, version)
    if last is None or _last_action(row) != last:
        raise ItemChanged(_("This item has changed since you opened it. Look at it again."))
    item, event = _allowed(rows.get(last[0].uid), user, ItemVerb.UNDO), last[1]
    match event.action:
        case ItemVerb.NAME | ItemVerb.ALIAS:
            _take_back_recording(item, user)
            sentence = _("The item is unknown again.")
        case ItemVerb.SPLIT:
            other = rows[event.after["second"]]
            _rejoin(item, other, event, sound)
            _tell_other(other, "unknown.rejoined", item, user)
            sentence = _("The two parts are one item again.")
        case ItemVerb.MERGE:
            other = rows[event.after["into"]]
            _part_again(item, other, event)
            _tell_other(other, "unknown.gave_back", item, user)
            sentence = _("The item is separate again.")
        case ItemVerb.IGNORE:
            sentence = _("The item is no longer ignored.")
        case _:
            sentence = _("The item is watched as before.")
    before = _snapshot_of(item)
    for name in _SNAPSHOT_FIELDS:
        setattr(item, name, event.before[name])
    _save(item)
    refresh_figures([item])
    undone = _record(item, ItemVerb.UNDO, user, before, undone=event.action, event=event.sequence)
    _note_sheets(rows.values(), undone)
    return sentence


def _last_action(item: UnknownItem) -> tuple[UnknownItem, Event] | None:
    """Return the last action by a person that was not undone, and the item that keeps it.

    A split or merge is an action on both items; the first part or the merged one keeps it.
    """
    for event in _standing_actions(item):
        if event.action not in _ORIGINS:
            return item, event
        if origin := _origin(item, event):
            return origin
    return None


def _is_whole(item: UnknownItem, event: Event) -> bool:
    """Tell whether the second part of a split is as the split made it."""
    second = UnknownItem.objects.get(uid=event.after["second"])
    return second.state == ItemState.UNIDENTIFIED and _last_action(second) == (item, event)


def _uids_of(item: UnknownItem, last: tuple[UnknownItem, Event] | None) -> set[str]:
    """Return the uids of the items that undoing the last action of one changes."""
    if last is None:
        return {item.uid}
    holder, event = last
    named = (event.after[key] for key in ("second", "into") if key in event.after)
    return {item.uid, holder.uid, *named}


def _standing_actions(item: UnknownItem) -> Iterator[Event]:
    """Yield the actions that nobody has undone, the last one first."""
    events = Event.objects.filter(
        case=case_of(item), action__in=[*ItemVerb, UNWATCH_ACT, *_ORIGINS]
    ).order_by("-sequence")
    skipped = set()
    for event in events:
        if event.action == ItemVerb.UNDO:
            skipped.add(event.after["event"])
        elif event.sequence not in skipped:
            yield event


def _origin(item: UnknownItem, event: Event) -> tuple[UnknownItem, Event] | None:
    """Return the other item of a split or merge and its event, if that is its last one."""
    verb, key = _ORIGINS[event.action]
    other = UnknownItem.objects.get(uid=event.after["item"])
    own = (action for action in _standing_actions(other) if action.action not in _ORIGINS)
    last = next(own, None)
    if last is None or last.action != verb or last.after[key] != item.uid:
        return None
    return other, last


def _lock_item(item: UnknownItem, user: User, verb: ItemVerb, version: int) -> UnknownItem:
    """Return the row, locked, if the person may act on it as they saw it."""
    return _allowed(_locked_rows([item.uid]).get(item.uid), user, verb, version)


def _lock_items(items: Sequence[UnknownItem], user: User, verb: ItemVerb) -> list[UnknownItem]:
    """Return the rows, locked, if the person may act on each."""
    rows = _locked_rows(item.uid for item in items)
    return [_allowed(rows.get(item.uid), user, verb) for item in items]


def _locked_rows(uids: Iterable[str]) -> dict[str, UnknownItem]:
    return {row.uid: row for row in locked_items().filter(uid__in=set(uids))}


def _sound_of(item: UnknownItem, user: User, verb: ItemVerb, version: int) -> Fingerprint:
    """Return an item's fingerprint, if the person may act on it as they saw it."""
    row = UnknownItem.objects.filter(pk=item.pk).first()
    return fingerprint_of(_allowed(row, user, verb, version))


def _allowed(
    row: UnknownItem | None, user: User, verb: ItemVerb, version: int | None = None
) -> UnknownItem:
    if row is None:
        raise ItemRefused(_("This item no longer exists."))
    if version is not None and row.version != version:
        raise ItemChanged(_("This item has changed since you opened it. Look at it again."))
    if refusal := why_not(item=row, user=user, verb=verb):
        raise ItemRefused(refusal)
    return row


def _refuse_many(items: Sequence[UnknownItem]) -> None:
    if len(items) > BULK_LIMIT:
        raise ItemRefused(_("Choose at most %(most)s items at once.") % {"most": BULK_LIMIT})


def _snapshot_of(item: UnknownItem) -> dict[str, Any]:  # Any: JSON
    return {name: getattr(item, name) for name in _SNAPSHOT_FIELDS}


def _save(item: UnknownItem) -> None:
    """Save what actions change; the next version tells pages that they are outdated."""
    item.version += 1
    item.save(
        update_fields=[
            *_SNAPSHOT_FIELDS,
            *("recording", "merged_into", "length_ms", "landmarks"),
            *("best_file", "best_start_ms", "best_end_ms", "best_item_start_ms"),
            *("version", "updated_at"),
        ]
    )


def _record(
    item: UnknownItem,
    action: str,
    user: User,
    before: dict[str, Any],  # Any: JSON
    **details: object,
) -> Event:
    return base.audit.services.record(
        case=case_of(item),
        action=action,
        actor=user,
        before=before,
        after=_snapshot_of(item) | details,
    )


def _note_sheets(items: Iterable[UnknownItem], event: Event) -> None:
    """Have the cue sheets of the files compared in which items sound: their lines may differ."""
    occurrences = Occurrence._base_manager.filter(item__in=items).order_by()
    files = occurrences.values_list("file__scanned_file__uid", flat=True).distinct()
    for some in batched(files, _AT_ONCE):
        note_subjects(StatementKind.CUE_SHEET, [str(uid) for uid in some], event)


def _hand_over(
    item: UnknownItem, recording: Recording, user: User, verb: ItemVerb, **details: object
) -> None:
    """Make an item known as a recording."""
    before = _snapshot_of(item)
    item.state, item.settled = ItemState.NAMED, True
    item.recording, item.label = recording, str(recording)[:200]
    _save(item)
    _record(item, verb, user, before, recording=recording.uid, **details)


def _take_back_recording(item: UnknownItem, user: User) -> None:
    """Retire the recording that an item became, unless people decided about it."""
    recording = item.recording
    if recording is not None and recording.merged_into_id is not None:
        raise ItemRefused(
            _("%(name)s was merged into another recording. Undo the merge first.")
            % {"name": recording}
        )
    item.recording = None
    if recording is None or recording.status == RecordingStatus.RETIRED:
        return
    decided = Match.objects.filter(recording=recording).exclude(
        state__in=[MatchState.PENDING, MatchState.IN_REVIEW]
    )
    with working_for(None):
        if decided.exists():
            raise ItemRefused(
                _(
                    "Matches of %(name)s are decided. Undo these decisions first, or "
                    "retire the recording in the catalogue."
                )
                % {"name": recording}
            )
    retire_recordings(recordings=[recording], user=user)
    item.taken_back.add(recording)
    # Its matches had taken the place of the item's occurrences.
    with working_for(None):
        kept_files = KeptFile.objects.filter(scanned_file__matches__recording=recording)
        for kept_file in kept_files.distinct():
            submit(COMPARE, kept_file)


def _sound_before_split(item: UnknownItem) -> NewSound | None:
    """Return the sound of the two parts if a split is what an undo would take back."""
    last = _last_action(item)
    if last is None or last[1].action != ItemVerb.SPLIT:
        return None
    first = UnknownItem.objects.get(pk=last[0].pk)
    second = UnknownItem.objects.get(uid=last[1].after["second"])
    return join_sound(first, second) if second.landmarks else None


def _tell_other(other: UnknownItem, action: str, item: UnknownItem, user: User) -> None:
    """Record in the other item's case that a split or merge with it was undone."""
    base.audit.services.record(
        case=case_of(other), action=action, actor=user, after={"item": item.uid}
    )


def _rejoin(item: UnknownItem, second: UnknownItem, event: Event, sound: NewSound | None) -> None:
    """Make one item of the two that a split made."""
    if sound is None or not sound.is_current(item, second):
        raise ItemChanged(_("This item has changed since you opened it. Look at it again."))
    rejoin(item, second, event.after["at_ms"], sound)
    refresh_figures([second])


def _part_again(item: UnknownItem, target: UnknownItem, event: Event) -> None:
    """Take back the occurrences that the other item took over and still has."""
    item.merged_into = None
    give_back(item, target, event.after["moved"])
    target.version += 1
    target.save(update_fields=["version", "updated_at"])
    refresh_figures([target])


def _details_of(recording: Recording) -> Recording:
    """Return the metadata of a recording, for another one; its own id stays with it."""
    names = {*Recording.DETAILS, "user_defined"} - {"custom_id"}
    return Recording(**{name: getattr(recording, name) for name in names})
