"""What actions on rights share: their names, who may act, locks and events."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, TypeVar

from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.accounts.reach import count_hidden, sees_every_bucket, why_limited, why_unseen
from base.accounts.roles import Action
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Work
from catalogue.owners.records import case_of, catalogue_recordings
from plugins.rights.conflicts import records_of_party
from plugins.rights.errors import RightsChanged, RightsRefused
from plugins.rights.services import follow

Editable = TypeVar("Editable", Work, Party, Release)
Case = Work | Party | Release | RightsRecording


class RightsVerb(StrEnum):
    """An action on a record of rights; the value is the name of its event."""

    CREATE = "rights.created"
    EDIT = "rights.edited"
    ADD_SHARE = "rights.share_added"
    REMOVE_SHARE = "rights.share_removed"
    ADD_TITLE = "rights.title_added"
    LINK = "rights.recording_added"
    UNLINK = "rights.recording_removed"
    MERGE = "rights.merged"
    SPLIT = "rights.split"
    SETTLE = "conflict.settled"
    UNDO = "rights.undone"


def why_not(*, record: Case | Conflict, user: User) -> str:
    """Return why a person cannot change a record, as a sentence; empty if they can."""
    if not user.has_perm(Action.EDIT_CATALOGUE):
        return _("Your role can view rights but not change them. Ask a manager.")
    if sees_every_bucket():
        return ""
    subject = record.subject if isinstance(record, Conflict) else record
    if isinstance(subject, Party):
        return why_limited(user)
    sounds = [subject] if isinstance(subject, RightsRecording) else list(subject.recordings.all())
    return why_unseen(count_hidden(user, *map(catalogue_recordings, sounds)))


def locked(
    record: Any, user: User, revision: int | None = None, *, merged: bool = False
) -> Any:  # Any: a record, of the class that came
    """Return the row, locked, if the person may change it as they saw it."""
    row = type(record).objects.select_for_update().filter(pk=record.pk).first()
    if row is None:
        raise RightsRefused(_("This record no longer exists."))
    if refusal := why_not(record=row, user=user):
        raise RightsRefused(refusal)
    if not merged and getattr(row, "merged_into_id", None) is not None:
        raise RightsRefused(_("It was merged into another one. Undo that first."))
    if revision is not None and row.revision != revision:
        raise RightsChanged(_("This record has changed since you opened it. Look at it again."))
    return row


def save_revision(row: Any) -> None:  # Any: a record with revisions
    """Save a record under a new revision, so that earlier views of it are refused."""
    row.revision += 1
    row.save()


def record_event(row: Case, action: str, user: User, **after: object) -> None:
    """Record an action, such as a ``RightsVerb``, as an event of the record's case."""
    base.audit.services.record(case=case_of(row), action=action, actor=user, after=after)


def follow_record(row: Case, user: User, sound: RightsRecording | None = None) -> None:
    """Update conflicts and recordings after a record changed."""
    touched: list[Any] = [sound] if sound is not None else []
    touched += records_of_party(row.pk) if isinstance(row, Party) else [row]
    follow(touched, user=user)
