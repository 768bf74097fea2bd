"""Undoes the last action on a record, until somebody acts again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeAlias

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.audit.models import Event
from catalogue.owners.models import (
    OtherTitle,
    Party,
    RightsRecording,
    Share,
    Statement,
    Work,
    WorkNumber,
)
from catalogue.owners.records import case_of
from plugins.rights.actions.base import (
    Case,
    RightsVerb,
    follow_record,
    locked,
    record_event,
    save_revision,
)
from plugins.rights.actions.parts import attach
from plugins.rights.conflicts import records_of_party
from plugins.rights.errors import RightsChanged, RightsRefused
from plugins.rights.services import follow

_Undone: TypeAlias = tuple[str, Case | None]
"""A sentence, and the other record of a merge or split."""
_ORIGINS: Final[Mapping[str, tuple[RightsVerb, str, Collection[str]]]] = {
    "rights.took_over": (RightsVerb.MERGE, "into", ("work", "party")),
    "rights.split_off": (RightsVerb.SPLIT, "second", ("work",)),
}
"""Events of the other record of a merge or split: the verb, the key of its event that names
that other record, and the keys that lead back."""


@transaction.atomic
def undo(*, record: Case, user: User, event_seen: int) -> str:
    """Undo the last action on a record; return a sentence about it.

    A merge or split is undone from either record. ``event_seen`` is the event that the
    person saw: nobody takes back a later one unseen.
    """
    row = locked(record, user, merged=True)
    event = last_action(row)
    if event is None:
        raise RightsRefused(_("There is nothing to undo."))
    if event_seen != event.sequence:
        raise RightsChanged(_("This record has changed since you opened it. Look at it again."))
    if origin := _origin(row, event):
        row, event = locked(origin[0], user, merged=True), origin[1]
    sentence, other = _UNDOING[RightsVerb(event.action)](row, event, user)
    _record_undo(row, event, user, other)
    if other is not None and (echo := _echo(row, other)):
        _record_undo(other, echo, user, row)
    return sentence


def _record_undo(row: Case, event: Event, user: User, other: Case | None) -> None:
    named = {} if other is None else {"other": other.uid, "text": str(other)}
    details = {"undone": event.action, "event": event.sequence, **named}
    record_event(row, RightsVerb.UNDO, user, **details)


def last_action(record: Case) -> Event | None:
    """Return the last action by a person that can be undone."""
    for event in _standing_actions(record):
        if event.action not in _ORIGINS or _origin(record, event):
            return event
    return None


def _standing_actions(record: Case) -> Iterator[Event]:
    """Yield the actions that nobody has undone, the last one first."""
    events = Event.objects.filter(
        case=case_of(record), action__in=[*_UNDOING, *_ORIGINS, RightsVerb.UNDO]
    ).order_by("-sequence")
    skipped = set()
    for event in events:
        if event.action == RightsVerb.UNDO:
            skipped.add(event.after["event"])
        elif event.sequence not in skipped:
            yield event


def _origin(record: Case, event: Event) -> tuple[Case, Event] | None:
    """Return the other record of a merge or split and its event, if that is its last one."""
    if event.action not in _ORIGINS:
        return None
    verb, key, keys = _ORIGINS[event.action]
    uid = next(event.after[key] for key in keys if key in event.after)
    other = type(record)._default_manager.filter(uid=uid).first()
    last = next(_standing_actions(other), None) if other is not None else None
    if other is None or last is None or last.action != verb or last.after[key] != record.uid:
        return None
    return other, last


def _echo(row: Case, other: Case) -> Event | None:
    """Return the other record's own event of a merge or split of ``row``."""
    return next(
        (
            event
            for event in _standing_actions(other)
            if event.action in _ORIGINS
            and row.uid in (event.after.get("work"), event.after.get("party"))
        ),
        None,
    )


def _undo_edit(row: Any, event: Event, user: User) -> _Undone:  # Any: a record
    for name, value in event.before.items():
        column = row._meta.get_field(name)
        setattr(row, name, column.to_python(value))
    save_revision(row)
    follow_record(row, user)
    return _("The values are as they were before."), None


def _undo_share(row: Any, event: Event, user: User, *, comes_back: bool) -> _Undone:
    share = Share.objects.filter(uid=event.after["share"])
    share.update(
        withdrawn_at=None if comes_back else datetime.now(tz=UTC),
        withdrawn_by=None if comes_back else user,
    )
    follow_record(row, user)
    sentence = _("The share was restored.") if comes_back else _("The share was removed again.")
    return sentence, None


def _undo_title(row: Any, event: Event, user: User) -> _Undone:
    OtherTitle.objects.filter(pk=event.after["title"], work=row).delete()
    return _("The title was removed again."), None


def _undo_link(row: Any, event: Event, user: User, *, comes_back: bool) -> _Undone:
    sound = RightsRecording.objects.filter(uid=event.after["recording"]).first()
    if sound is None:
        raise RightsRefused(_("This recording no longer exists."))
    if comes_back:
        attach(row, sound)
        row.kept_off.remove(sound)
    else:
        row.recordings.remove(sound)
    follow_record(row, user, sound)
    return _("The recordings are as they were before."), None


def _undo_merge(row: Any, event: Event, user: User) -> _Undone:
    target = type(row).objects.select_for_update().get(uid=event.after["into"])
    if target.merged_into_id is not None:
        raise RightsRefused(
            _("%(name)s has been merged since. Undo that first.") % {"name": target}
        )
    moved = event.after["moved"]
    row.merged_into = None
    if isinstance(row, Party):
        Share.objects.filter(pk__in=moved["shares"], party=target).update(party=row)
        controlled = Share.objects.filter(pk__in=moved["controlled"])
        controlled.filter(controlled_by=target).update(controlled_by=row)
        touched: list[Any] = [*records_of_party(row.pk), *records_of_party(target.pk)]
    else:
        for model, name in (
            (Share, "shares"),
            (OtherTitle, "titles"),
            (WorkNumber, "numbers"),
            (Statement, "statements"),
        ):
            rows = model._default_manager.filter(pk__in=moved[name], work=target)
            rows.update(work=row)
        row.recordings.add(*moved["recordings"], *moved["both"])
        target.recordings.remove(*moved["recordings"])
        target.kept_off.remove(*moved.get("kept_off", ()))
        if moved["iswc"] and target.iswc == moved["iswc"]:
            target.iswc = ""
        touched = [row, target]
    save_revision(row)
    save_revision(target)
    follow(touched, user=user)
    return _("Both are separate again."), target


def _undo_split(row: Any, event: Event, user: User) -> _Undone:
    second = Work.objects.select_for_update().get(uid=event.after["second"])
    later = next(_standing_actions(second), None)
    if (later and later.action != "rights.split_off") or second.merged_into_id is not None:
        raise RightsRefused(_("The other work has changed since. Undo that change first."))
    Share.objects.filter(work=second).update(work=row)
    sounds = list(second.recordings.all())
    row.recordings.add(*sounds)
    row.kept_off.remove(*sounds)
    second.recordings.clear()
    second.merged_into = row
    save_revision(second)
    save_revision(row)
    follow([row, second], user=user)
    return _("The two works are one again."), second


_UNDOING: Final[Mapping[RightsVerb, Callable[[Any, Event, User], _Undone]]] = {
    RightsVerb.EDIT: _undo_edit,
    RightsVerb.ADD_SHARE: partial(_undo_share, comes_back=False),
    RightsVerb.REMOVE_SHARE: partial(_undo_share, comes_back=True),
    RightsVerb.ADD_TITLE: _undo_title,
    RightsVerb.LINK: partial(_undo_link, comes_back=False),
    RightsVerb.UNLINK: partial(_undo_link, comes_back=True),
    RightsVerb.MERGE: _undo_merge,
    RightsVerb.SPLIT: _undo_split,
}
