"""Assigns waiting matches to people."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.accounts.roles import Action
from base.audit.services import EventDraft, record_all
from base.common.phrases import lowered
from review import errors, match_events
from review.choices import WAITING_STATES
from review.decisions.decide import Decided, Refusal, decision_limit
from review.models import Match
from review.selectors import of_ids
from review.services import transitions

ASSIGNED = ngettext_lazy("%(shown)s match assigned", "%(shown)s matches assigned", "count")
"""What happened to matches, for ``count_words``."""
_MAY_NOT = _("Your role may view matches but not assign them.")


@transaction.atomic
def assign(*, match: Match, user: User, assignee: User | None, note: str = "") -> Match:
    """Assign a waiting match to a person who may see and decide it, or to nobody.

    The version stays, so that a concurrent decision is not refused as stale.
    """
    _refuse(user, assignee, note)
    current = transitions.locked_row(match=match)
    _refuse_decided(current)
    _refuse_hidden(current, _seen_by(assignee, [current.uid]), assignee)
    _give([current], user, assignee, note)
    return current


@transaction.atomic
def bulk_assign(
    *, uids: Collection[str], user: User, assignee: User | None, note: str = ""
) -> Decided:
    """Assign many matches to one person, and list the refused ones with their cause.

    Raise before writing if the user, the assignee, the note or the count is refused.
    """
    _refuse(user, assignee, note)
    limit = decision_limit(user)
    if len(uids) > limit:
        raise errors.BulkLimit(limit=limit)
    outcome, seen = Decided(), _seen_by(assignee, uids)
    for match in transitions.locked_rows().filter(of_ids(uids)):
        try:
            _refuse_decided(match)
            _refuse_hidden(match, seen, assignee)
        except errors.ReviewError as refused:
            outcome.refused.append(Refusal(match, refused))
        else:
            outcome.done.append(match)
    _give(outcome.done, user, assignee, note)
    return outcome


def _refuse(user: User, assignee: User | None, note: str) -> None:
    """Raise if the user may not assign matches to this person."""
    transitions.require(user, Action.DECIDE, why=_MAY_NOT)
    transitions.check_note(note)
    if assignee is None:
        return
    if not assignee.is_active or not assignee.has_perm(Action.DECIDE):
        raise errors.NotAllowed(
            gettext("%(get_username)s may not decide matches. Choose somebody else.")
            % {"get_username": assignee.get_username()}
        )


def _refuse_decided(match: Match) -> None:
    if match.state not in WAITING_STATES:
        raise errors.NotPossible(
            gettext("This match is %(state)s; only waiting matches can be assigned.")
            % {"state": lowered(match.get_state_display())}
        )


def _seen_by(person: User | None, uids: Collection[str]) -> set[str]:
    """Return which of these matches lie within the person's access limits."""
    if person is None:
        return set(uids)
    with working_for(person):
        return set(Match.objects.filter(of_ids(uids)).values_list("uid", flat=True))


def _refuse_hidden(match: Match, seen: Collection[str], assignee: User | None) -> None:
    # The assignee would never notice it.
    if assignee is not None and match.uid not in seen:
        raise errors.NotPossible(
            gettext(
                "%(person)s may not see this match: its container or bucket is outside "
                "their access limits. Choose somebody else."
            )
            % {"person": assignee.get_username()}
        )


def _give(rows: Iterable[Match], user: User, assignee: User | None, note: str) -> None:
    """Write the assignee to the locked rows, with an event for each change."""
    # No event for a match that already has this assignee.
    changing = [match for match in rows if match.assignee != assignee]
    entries = [
        EventDraft(
            case=match.case,
            action=match_events.ASSIGN,
            before={"assignee": match.assignee.get_username() if match.assignee else ""},
            after={"assignee": assignee.get_username() if assignee else ""},
            note=note.strip(),
        )
        for match in changing
    ]
    Match.objects.filter(pk__in=[match.pk for match in changing]).update(
        assignee=assignee, updated_at=datetime.now(tz=UTC)
    )
    for match in changing:
        match.assignee = assignee
    record_all(entries, actor=user)
