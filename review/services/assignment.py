"""Giving matches that wait to a person, who finds them under their own."""

from __future__ import annotations

from collections.abc import Collection

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from audit.services import record
from review import errors
from review.choices import WAITING_STATES
from review.models import Match
from review.services import transitions
from review.services.bulk import BulkOutcome, Refusal, bulk_limit
from review.services.decisions import check_note

_MAY_NOT = "Your role may look at matches, not assign them."


@transaction.atomic
def assign(*, match: Match, user: User, assignee: User | None, note: str = "") -> Match:
    """Give a waiting match to a person who may decide it; None takes it from them.

    The version stays: who decides meanwhile loses nothing.
    """
    transitions.require(user, Action.DECIDE, why=_MAY_NOT)
    check_note(note)
    if assignee is not None:
        _refuse_bystander(assignee)
    current = transitions.locked_row(match=match)
    if current.state not in WAITING_STATES:
        raise errors.NotPossible(
            f"A match that is {current.get_state_display().lower()} waits for nobody."
        )
    before = current.assignee
    if before == assignee:
        return current
    Match.objects.filter(pk=current.pk).update(
        assignee=assignee, updated_at=transitions.now()
    )
    current.assignee = assignee
    record(
        case=current.case,
        action=transitions.ASSIGN,
        actor=user,
        before={"assignee": before.get_username() if before else ""},
        after={"assignee": assignee.get_username() if assignee else ""},
        note=note.strip(),
    )
    return current


def bulk_assign(
    *, uids: Collection[str], user: User, assignee: User | None, note: str = ""
) -> BulkOutcome:
    """Give many matches to one person; each that is refused is named with the cause.

    Raises before anything is written what keeps the whole from being done.
    """
    transitions.require(user, Action.DECIDE, why=_MAY_NOT)
    check_note(note)
    if assignee is not None:
        _refuse_bystander(assignee)
    limit = bulk_limit(user)
    if len(uids) > limit:
        raise errors.BulkLimit(limit=limit)
    outcome = BulkOutcome()
    matches = Match.objects.filter(uid__in=uids).select_related(
        "recording", "scanned_file"
    )
    for match in matches.order_by("pk"):
        try:
            given = assign(match=match, user=user, assignee=assignee, note=note)
        except errors.ReviewError as refused:
            outcome.refused.append(Refusal(match, refused.code, refused.message))
        else:
            outcome.done.append(given)
    return outcome


def _refuse_bystander(assignee: User) -> None:
    """Raise ``NotAllowed`` for a person who could not decide what they are given."""
    if not assignee.is_active or not assignee.has_perm(Action.DECIDE):
        raise errors.NotAllowed(f"{assignee.get_username()} may not decide matches.")
