"""Adds notes to matches, independently of decisions."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from audit.services import record
from review import errors
from review.models import Match
from review.services import transitions


@transaction.atomic
def add_note(*, match: Match, user: User, note: str) -> Match:
    """Store the note on the match and as an event.

    The version stays, so that a concurrent decision is not refused as stale.
    """
    text = note.strip()
    transitions.require(
        user, Action.DECIDE, why="Your role may look at matches, not write notes."
    )
    if not text:
        raise errors.ReasonMissing("Write the note first.")
    transitions.check_note(text)
    current = transitions.locked_row(match=match)
    before = current.note
    Match.objects.filter(pk=current.pk).update(
        note=text, updated_at=datetime.now(tz=UTC)
    )
    current.note = text
    record(
        case=current.case,
        action=transitions.NOTE,
        actor=user,
        before={"note": before},
        after={"note": text},
        note=text,
    )
    return current
