"""Undoes the last decision about a match, with a new event."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.models import Event
from catalogue.models import Exclusion
from review import errors, match_events
from review.choices import DisputeStatus, MatchState, ProposalVerb, Verb, VersionChoice
from review.decisions.verbs import PROPOSE
from review.models import Match
from review.services import applications, choosing, exclusions, grounds, questions, transitions
from review.services.transitions import Change

UNDO_FOR = timedelta(minutes=10)
UNDOABLE = (
    Verb.CONFIRM,
    Verb.CLEAR,
    Verb.REJECT,
    Verb.CHOOSE,
    Verb.EXCLUDE,
    Verb.ESCALATE,
    Verb.DISPUTE,
    Verb.UPHOLD,
    Verb.WITHDRAW,
    Verb.RELEASE,
    PROPOSE,
    *ProposalVerb,
)
"""The decisions that can be undone."""
# Undoing one of these also changes the exclusion.
_OF_EXCLUSIONS = (Verb.EXCLUDE, *ProposalVerb)


def may_undo(*, event: Event, user: User) -> bool:
    """Return whether the user may undo the event's decision.

    The person who decided has ten minutes, a manager any time.
    """
    if event.action not in UNDOABLE:
        return False
    if user.has_perm(Action.APPROVE):
        return True
    recent = datetime.now(tz=UTC) - event.at <= UNDO_FOR
    return event.actor_id == user.pk and recent and user.has_perm(Action.DECIDE)


def undoable(event: Event | None) -> Event:
    """Return the event, or raise ``NothingToUndo`` if it is no decision."""
    if event is None or event.action not in UNDOABLE:
        raise errors.NothingToUndo(
            _("There is nothing to undo: the last change was not a decision.")
        )
    return event


def undone(
    current: Match,
    event: Event,
    user: User,
    *,
    before: Mapping[str, object],
    asides: Collection[str],
) -> Change:
    """Return the change that undoes the event, the last one of a locked match.

    ``before`` has the columns from before it, as of ``applications.formers``. A note
    stays without the reason above it if it is among the ``asides`` since the event.
    """
    transitions.refuse_foreign_lock(match=current, user=user)
    if not may_undo(event=event, user=user):
        raise errors.NotAllowed(
            _("You can undo your own decision for 10 minutes. Ask a manager to undo this one.")
        )
    fields = dict(before)
    if match_events.NOTE in asides:
        fields["note"] = transitions.note_since(current, event)
    state = MatchState(str(fields.pop("state")))
    if state == MatchState.IN_REVIEW:
        # The lock has expired since then, so the match returns to the queue.
        state = MatchState.PENDING
    if event.before.get("version_choice") == VersionChoice.OPEN and (
        current.version_choice == VersionChoice.CHOSEN
    ):
        # The decision had chosen a version.
        fields["version_choice"] = VersionChoice.OPEN
    return Change(Verb.UNDO, state, fields=fields, free=True)


def reaches_further(match: Match, event: Event, asides: set[str]) -> bool:
    """Return whether undoing also changes a dispute or an exclusion, or evaluates.

    It also brings back what people said and what gave way to the decision.
    """
    return (
        match.dispute_id is not None
        or questions.gave_way(event)
        or event.action in (*_OF_EXCLUSIONS, Verb.CHOOSE)
        or not asides.isdisjoint(match_events.NEW_GROUNDS)
    )


def undo(current: Match, user: User) -> Match:
    """Undo the last decision about a locked match, and its dispute or exclusion."""
    event = undoable(transitions.last_event(current))
    asides = transitions.asides_since([event])[current.case]
    before = applications.former(event)
    change = undone(current, event, user, before=before, asides=asides)
    if event.action == Verb.CHOOSE:
        return choosing.undo(current, event, change, user)
    _undo_dispute(current, event)
    match = transitions.apply(current=current, change=change, actor=user)
    if event.action in _OF_EXCLUSIONS:
        _undo_exclusion(event, user)
    if questions.gave_way(event):
        questions.restore(match, event, user)
    if not asides.isdisjoint(match_events.NEW_GROUNDS):
        # The match comes back as it was, but rules may say something else of it now.
        grounds.again(matches=[match], actor=user)
    match.refresh_from_db()
    return match


@transaction.atomic
def take_back(*, match: Match, user: User, name: str) -> Match:
    """Undo the decision that a browser sent under a name and got no answer to.

    If it has not arrived, it is never made, and the match's history does not name it.
    Raise ``StaleMatch`` if somebody has changed the match since it was made.
    """
    current = transitions.locked_row(match=match)
    if not transitions.was_made(match=current, user=user, name=name):
        transitions.never_make(user=user, name=name)
        return current
    event = transitions.last_event(current)
    if event is None or not transitions.was_sent_as(event, name):
        raise transitions.stale(current)
    # The browser repeats this, too, until it gets an answer.
    if event.action == Verb.UNDO:
        return current
    with transitions.sent_as(name):
        return undo(current, user)


def _undo_dispute(current: Match, event: Event) -> None:
    """Undo the dispute too: reopen it, or mark it as recorded by mistake."""
    if event.action == Verb.DISPUTE:
        current.disputes.filter(pk=event.after["dispute"]).update(status=DisputeStatus.UNDONE)
    elif event.before["state"] == MatchState.DISPUTED:
        # The one that was answered; a joined match may be at another one by now.
        current.disputes.filter(pk=event.before["dispute"]).update(
            status=DisputeStatus.OPEN, answer="", answered_at=None, answered_by=None
        )


def _undo_exclusion(event: Event, user: User) -> None:
    """Undo the exclusion too: remove it, or make it a proposal again."""
    segment = Exclusion.objects.filter(uid=event.after["exclusion"]).first()
    if segment is None:
        return
    if event.action == ProposalVerb.APPROVE:
        exclusions.undo_approval(segment=segment, user=user)
    elif event.action == ProposalVerb.REFUSE:
        exclusions.undo_refusal(segment=segment, user=user)
    elif segment.removed_at is None and (
        # In force, it is no longer a proposal, so this needs a manager.
        not segment.approved or user.has_perm(Action.EDIT_CATALOGUE)
    ):
        exclusions.take_back(segment=segment, user=user)
