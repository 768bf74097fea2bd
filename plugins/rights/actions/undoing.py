"""Undoes the last action on a record, until somebody acts again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

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


@transaction.atomic
def undo(*, record: Case, user: User, event_seen: int | None = None) -> str:
    """Undo the last action on a record; return a sentence about it.

    ``event_seen`` is the event that the person saw: nobody takes back a later one unseen.
    """
    row = locked(record, user, merged=True)
    event = last_action(row)
    if event is None:
        raise RightsRefused(_("There is nothing to undo."))
    if event_seen not in (None, event.sequence):
        raise RightsChanged(_("This record has changed since you opened it. Look at it again."))
    sentence = _UNDOING[RightsVerb(event.action)](row, event, user)
    record_event(row, RightsVerb.UNDO, user, undone=event.action, event=event.sequence)
    return sentence


def last_action(record: Case) -> Event | None:
    """Return the last action by a person that can be undone."""
    events = Event.objects.filter(
        case=case_of(record), action__in=[*_UNDOING, RightsVerb.UNDO]
    ).order_by("-sequence")
    skipped = set()
    for event in events:
        if event.action == RightsVerb.UNDO:
            skipped.add(event.after["event"])
        elif event.sequence not in skipped:
            return event
    return None


def _undo_edit(row: Any, event: Event, user: User) -> str:  # Any: a record
    for name, value in event.before.items():
        column = row._meta.get_field(name)
        setattr(row, name, column.to_python(value))
    save_revision(row)
    follow_record(row, user)
    return _("The values are as they were before.")


def _undo_share(row: Any, event: Event, user: User, *, comes_back: bool) -> str:
    share = Share.objects.filter(uid=event.after["share"])
    share.update(
        withdrawn_at=None if comes_back else datetime.now(tz=UTC),
        withdrawn_by=None if comes_back else user,
    )
    follow_record(row, user)
    return _("The share was restored.") if comes_back else _("The share was removed again.")


def _undo_title(row: Any, event: Event, user: User) -> str:
    OtherTitle.objects.filter(pk=event.after["title"], work=row).delete()
    return _("The title was removed again.")


def _undo_link(row: Any, event: Event, user: User, *, comes_back: bool) -> str:
    sound = RightsRecording.objects.filter(uid=event.after["recording"]).first()
    if sound is None:
        raise RightsRefused(_("This recording no longer exists."))
    if comes_back:
        attach(row, sound)
        row.kept_off.remove(sound)
    else:
        row.recordings.remove(sound)
    follow_record(row, user, sound)
    return _("The recordings are as they were before.")


def _undo_merge(row: Any, event: Event, user: User) -> str:
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
    return _("Both are separate again.")


def _undo_split(row: Any, event: Event, user: User) -> str:
    second = Work.objects.select_for_update().get(uid=event.after["second"])
    if last_action(second) is not None or second.merged_into_id is not None:
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
    return _("The two works are one again.")


_UNDOING: Final[Mapping[RightsVerb, Callable[[Any, Event, User], str]]] = {
    RightsVerb.EDIT: _undo_edit,
    RightsVerb.ADD_SHARE: partial(_undo_share, comes_back=False),
    RightsVerb.REMOVE_SHARE: partial(_undo_share, comes_back=True),
    RightsVerb.ADD_TITLE: _undo_title,
    RightsVerb.LINK: partial(_undo_link, comes_back=False),
    RightsVerb.UNLINK: partial(_undo_link, comes_back=True),
    RightsVerb.MERGE: _undo_merge,
    RightsVerb.SPLIT: _undo_split,
}
