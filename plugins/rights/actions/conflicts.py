"""Settles conflicts between claims, and opens them again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

import base.audit.services
from base.accounts.models import User
from base.audit.models import Event
from catalogue.owners.choices import ConflictKind, ConflictState
from catalogue.owners.models import Conflict, RightsRecording
from plugins.rights.actions.base import RightsVerb, why_not
from plugins.rights.errors import RightsChanged, RightsRefused
from plugins.rights.filling import fill_recordings
from plugins.rights.selectors import choice_by, sources_of, values_of

BULK_LIMIT: Final = 100
_NOTE_LENGTH: Final = 500
_FIELD_OF: Final = {
    ConflictKind.TITLE: "title",
    ConflictKind.DURATION: "duration_ms",
    ConflictKind.ISWC: "iswc",
    ConflictKind.UPC: "upc",
}


@transaction.atomic
def settle(
    *,
    conflict: Conflict,
    user: User,
    revision: int | None,
    choice: str | None = None,
    note: str = "",
) -> None:
    """Settle a conflict: believe a source or take a value, or leave all as it is.

    ``choice`` is a source if shares disagree, a value if codes, titles or durations
    do, and None to leave it; ``revision`` is None if nobody has seen it. Raises
    ``RightsRefused`` and ``RightsChanged``.
    """
    row = _locked_conflict(conflict, user)
    if (revision is not None and row.revision != revision) or (row.state != ConflictState.OPEN):
        raise RightsChanged(_("This conflict has changed since you opened it. Look at it again."))
    if choice is None and not note.strip():
        raise RightsRefused(_("Say why it may stay as it is."))
    before: dict[str, Any] = {}  # Any: a column's value
    if choice is not None:
        before = _apply_choice(row, choice, user)
    row.state, row.note = ConflictState.SETTLED, note.strip()[:_NOTE_LENGTH]
    row.has_choice, row.chosen = choice is not None, choice or ""
    row.settled_by, row.settled_at = user, datetime.now(tz=UTC)
    row.revision += 1
    row.save()
    base.audit.services.record(
        case=f"conflict:{row.uid}",
        action=RightsVerb.SETTLE,
        actor=user,
        before=before,
        after={"choice": choice, "record": row.subject.uid},
        note=row.note,
    )
    if row.recording is not None or row.work is not None:
        _refill(row.subject, user)


def _apply_choice(row: Conflict, choice: str, user: User) -> dict[str, Any]:
    """Write a chosen value to its record; return what it had. Any: a column's value."""
    kind = ConflictKind(row.kind)
    if kind == ConflictKind.OVERLAP:
        if choice not in sources_of(row):
            raise RightsRefused(_("Choose one of the sources that disagree."))
        return {}
    field = _FIELD_OF.get(kind)
    if field is None or choice not in [claim["value"] for claim in values_of(row)]:
        raise RightsRefused(_("Choose one of the values that differ."))
    subject = row.subject
    before = {field: getattr(subject, field)}
    if kind == ConflictKind.TITLE and isinstance(subject, RightsRecording):
        before["version_title"] = subject.version_title
        subject.version_title = ""
    setattr(subject, field, int(choice) if field == "duration_ms" else choice[:500])
    subject.save()
    return before


@transaction.atomic
def reopen(*, conflict: Conflict, user: User, revision: int) -> None:
    """Undo the settling of a conflict; a value that was taken goes back."""
    row = _locked_conflict(conflict, user)
    if row.revision != revision:
        raise RightsChanged(_("This conflict has changed since you opened it. Look at it again."))
    if row.state != ConflictState.SETTLED:
        raise RightsChanged(_("This conflict is not settled. There is nothing to undo."))
    case = f"conflict:{row.uid}"
    event = Event.objects.filter(case=case, action=RightsVerb.SETTLE).order_by("-sequence").first()
    if event is not None and event.before:
        subject = row.subject
        for name, value in event.before.items():
            setattr(subject, name, value)
        subject.save()
    row.state, row.has_choice, row.chosen, row.note = ConflictState.OPEN, False, "", ""
    row.settled_by = row.settled_at = None
    row.revision += 1
    row.save()
    base.audit.services.record(case=case, action=RightsVerb.UNDO, actor=user)
    _refill(row.subject, user)


def settle_many(
    *,
    conflicts: Sequence[Conflict],
    user: User,
    note: str,
    believed: str | None,
    revisions: Mapping[str, int],
) -> tuple[int, list[str]]:
    """Settle several conflicts; return how many, and why others were not.

    Each is settled by what the ``believed`` source says; one of which it says nothing,
    and all without such a source, are left as they are, which needs the note. Of
    those in ``revisions``, by uid, those that changed since a person saw them stay open.
    """
    if len(conflicts) > BULK_LIMIT:
        raise RightsRefused(_("Choose at most %(most)s conflicts at once.") % {"most": BULK_LIMIT})
    done, refusals = 0, []
    for conflict in conflicts:
        try:
            settle(
                conflict=conflict,
                user=user,
                revision=revisions.get(conflict.uid),
                choice=None if believed is None else choice_by(conflict, believed),
                note=note,
            )
        except RightsRefused as refused:
            refusals.append(f"{conflict}: {refused}")
        else:
            done += 1
    return done, refusals


def _locked_conflict(conflict: Conflict, user: User) -> Conflict:
    rows = Conflict.objects.select_for_update(of=("self",))
    row = rows.filter(pk=conflict.pk).first()
    if row is None:
        raise RightsChanged(_("This conflict no longer exists."))
    if refusal := why_not(record=row, user=user):
        raise RightsRefused(refusal)
    return row


def _refill(record: Any, user: User) -> None:  # Any: a record
    """Update our share of a record's recordings after a conflict was settled."""
    sounds = [record] if isinstance(record, RightsRecording) else record.recordings.all()
    fill_recordings(sounds, user=user)
