"""What people do with unknown items: name, alias, ignore, split, merge, watch, undo."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from django.db import transaction
from django.utils.translation import gettext as _

import audit.services
from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from catalogue.models import Bucket, IntakeRule, Recording
from catalogue.services import RecordingDetails
from dedup import intake
from recurring.errors import ItemChanged, Refused
from recurring.models import IgnoreReason, ItemState, Occurrence, UnknownItem


class Verb(StrEnum):
    """An action on an unknown item; the value is the name of its event."""

    NAME = "unknown.named"
    ALIAS = "unknown.alias_added"
    IGNORE = "unknown.ignored"
    SPLIT = "unknown.split"
    MERGE = "unknown.merged"
    WATCH = "unknown.watched"
    UNDO = "unknown.undone"


def case_of(item: UnknownItem) -> str:
    """Return the item's case in the audit trail."""
    return f"unknown:{item.uid}"


def why_not(*, item: UnknownItem, user: User, verb: Verb) -> str:
    """Return why a person cannot act on an item, as a sentence; empty if they can."""
    needed = Action.EDIT_CATALOGUE if verb in _BY_MANAGERS else Action.DECIDE
    if not user.has_perm(needed):
        return _("Your role may look at unknown items, not change them.")
    if verb is Verb.UNDO:
        return "" if undoable(item) else _("There is nothing to undo.")
    return "" if item.state == ItemState.NEW else _("Undo what was done first.")


_BY_MANAGERS = (Verb.NAME, Verb.ALIAS)


@transaction.atomic
def name_item(
    *,
    item: UnknownItem,
    user: User,
    version: int,
    bucket: Bucket,
    details: RecordingDetails,
    answer: IntakeRule | None = None,
) -> Recording:
    """Make a recording of an item."""
    _check(item, user, Verb.NAME, version)
    recording = intake.add_recording(
        bucket=bucket, details=details, user=user, answer=answer
    )
    item.state, item.recording = ItemState.NAMED, recording
    item.label = str(recording)
    _save(item, user, Verb.NAME)
    return recording


@transaction.atomic
def alias_item(
    *, item: UnknownItem, user: User, version: int, recording: Recording
) -> None:
    """Add an item to the catalogue as another version of a recording."""
    _check(item, user, Verb.ALIAS, version)
    item.state, item.recording = ItemState.NAMED, recording
    item.label = str(recording)
    _save(item, user, Verb.ALIAS)


@transaction.atomic
def ignore_items(
    *, items: Sequence[UnknownItem], user: User, reason: IgnoreReason, label: str = ""
) -> int:
    """Ignore items for ever."""
    for item in items:
        _check(item, user, Verb.IGNORE)
        item.state, item.ignored_as = ItemState.IGNORED, reason
        item.label = label or item.label
        _save(item, user, Verb.IGNORE)
    return len(items)


@transaction.atomic
def watch_items(*, items: Sequence[UnknownItem], user: User, on: bool) -> int:
    """Put items on the list of those that people watch for more, or take them off."""
    for item in items:
        _check(item, user, Verb.WATCH)
        item.is_watched = on
        _save(item, user, Verb.WATCH)
    return len(items)


@transaction.atomic
def split_item(
    *, item: UnknownItem, user: User, version: int, at_ms: int
) -> tuple[UnknownItem, UnknownItem]:
    """Split an item in two at ``at_ms`` of its time; the first part keeps its uid."""
    _check(item, user, Verb.SPLIT, version)
    if not 2_000 <= at_ms <= item.length_ms - 2_000:
        raise Refused(_("Both parts need at least two seconds."))
    second = UnknownItem.objects.create(length_ms=item.length_ms - at_ms)
    item.length_ms = at_ms
    _save(item, user, Verb.SPLIT)
    return item, second


@transaction.atomic
def merge_items(
    *, items: Sequence[UnknownItem], into: UnknownItem, user: User
) -> UnknownItem:
    """Make items part of another one, which takes over their occurrences."""
    for item in items:
        if item.pk != into.pk:
            _check(item, user, Verb.MERGE)
            Occurrence.objects.filter(item=item).update(item=into)
            item.state, item.merged_into = ItemState.MERGED, into
            _save(item, user, Verb.MERGE)
    return into


@transaction.atomic
def undo(*, item: UnknownItem, user: User) -> str:
    """Undo the last action on an item; return a sentence that says what was undone."""
    _check(item, user, Verb.UNDO)
    item.state, item.ignored_as, item.recording = ItemState.NEW, "", None
    item.label, item.is_watched, item.merged_into = "", False, None
    _save(item, user, Verb.UNDO)
    return _("The item is unknown again.")


def undoable(item: UnknownItem) -> bool:
    """Return whether the last action on an item can be undone."""
    last = Event.objects.filter(case=case_of(item)).order_by("-sequence").first()
    return last is not None and last.action != Verb.UNDO


def _check(
    item: UnknownItem, user: User, verb: Verb, version: int | None = None
) -> None:
    if version is not None and item.version != version:
        raise ItemChanged(_("This item has changed since you opened it."))
    if refusal := why_not(item=item, user=user, verb=verb):
        raise Refused(refusal)


def _save(item: UnknownItem, user: User, verb: Verb) -> None:
    item.version += 1
    item.save()
    audit.services.record(
        case=case_of(item), action=verb, actor=user, after={"state": item.state}
    )
