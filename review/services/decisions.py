"""People's decisions about matches, for pages, admin, API and bulk actions.

Every function takes the ``version`` of the match that the caller saw and raises a
``ReviewError`` with the cause if it saves nothing.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from catalogue.models import Exclusion
from review import approval, coverage, errors
from review.choices import (
    BY_LICENCE,
    EXCLUDE_PART,
    STATED_REASON,
    WAITING_STATES,
    DisputeStatus,
    DisputeVerb,
    MatchState,
    ProposalVerb,
    QueueReason,
    RejectCode,
    Verb,
)
from review.models import Dispute, Licence, Match
from review.services import exclusions, snapshots, transitions
from review.services.transitions import Change
from review.subjects import Subject

UNDO_FOR = timedelta(minutes=10)
MAX_NOTE_CHARS = 4_000
_PROPOSE = "propose"
_UNDOABLE = (
    Verb.CONFIRM,
    Verb.CLEAR,
    Verb.REJECT,
    Verb.ESCALATE,
    _PROPOSE,
    EXCLUDE_PART,
    *ProposalVerb,
    *DisputeVerb,
)
# Undoing one of these also changes the exclusion.
_OF_EXCLUSIONS = (EXCLUDE_PART, *ProposalVerb)


def confirm(*, match: Match, user: User, version: int, note: str = "") -> Match:
    """Confirm that the match is ours and its use not covered."""
    return settle(match=match, user=user, version=version, change=confirmation(note))


def confirmation(note: str = "") -> Change:
    """Return the change that ``confirm`` makes."""
    return Change(Verb.CONFIRM, MatchState.CONFIRMED, note=note.strip())


def clear(
    *,
    match: Match,
    user: User,
    version: int,
    reason: str = "",
    licence: Licence | None = None,
) -> Match:
    """Clear a use that a licence or a stated reason allows.

    A person may choose a licence that covers the use only in part; one that does not
    cover it at all is refused.
    """
    change = clearing(reason, licence)
    if licence is not None:
        refuse_foreign_licence(match, licence)
    return settle(match=match, user=user, version=version, change=change)


def clearing(reason: str, licence: Licence | None) -> Change:
    """Return the change that ``clear`` makes."""
    if licence is None and not reason.strip():
        raise errors.ReasonMissing("Say why the use is allowed, or choose a licence.")
    return Change(
        Verb.CLEAR,
        MatchState.CLEARED,
        fields={"licence_id": licence.pk if licence else None},
        reason=BY_LICENCE if licence else STATED_REASON,
        note=reason.strip(),
    )


def refuse_foreign_licence(
    match: Match, licence: Licence, *, in_force: coverage.LicencesInForce | None = None
) -> None:
    """Raise ``NotPossible`` if the licence does not cover the use at all."""
    found = coverage.checks(subject=Subject.of(match), licences=in_force)
    check = next((each for each in found if each.licence.pk == licence.pk), None)
    if check is None or check.cover == coverage.Cover.NONE:
        why = check.why if check else "It is for other recordings, or not in force."
        raise errors.NotPossible(
            f"{licence.number} does not cover this use. {why} Choose another licence "
            "or state a reason."
        )


def reject(
    *, match: Match, user: User, version: int, reason: str, note: str = ""
) -> Match:
    """Reject a match that is wrong or not ours; ``reason`` is a ``RejectCode``."""
    change = rejection(reason, note)
    return settle(match=match, user=user, version=version, change=change)


def rejection(reason: str, note: str) -> Change:
    """Return the change that ``reject`` makes."""
    if reason not in RejectCode.values:
        raise errors.ReasonMissing("Choose why the match is rejected.")
    if reason == RejectCode.OTHER and not note.strip():
        raise errors.ReasonMissing("Say in the note why the match is rejected.")
    return Change(Verb.REJECT, MatchState.REJECTED, reason=reason, note=note.strip())


def escalate(*, match: Match, user: User, version: int, note: str) -> Match:
    """Ask a manager to decide; the note says what to look at."""
    return settle(match=match, user=user, version=version, change=escalation(note))


def escalation(note: str) -> Change:
    """Return the change that ``escalate`` makes."""
    if not note.strip():
        raise errors.ReasonMissing("Say what the manager should look at.")
    return Change(Verb.ESCALATE, MatchState.ESCALATED, note=note.strip())


@transaction.atomic
def reopen(*, match: Match, user: User, version: int, reason: str) -> Match:
    """Put a rejected, released or escalated match back into the queue."""
    require_reopening(user, reason)
    current = transitions.locked_row(match=match, version=version, user=user)
    change = reopening(current, user, reason)
    return transitions.apply(current=current, change=change, actor=user)


def require_reopening(user: User, reason: str) -> None:
    """Raise if the user may not reopen matches or gives no reason."""
    if not reason.strip():
        raise errors.ReasonMissing("Say why the match is reopened.")
    check_note(reason)
    transitions.require(
        user, Action.APPROVE, why="Only a manager may reopen a decision."
    )


def reopening(current: Match, user: User, reason: str) -> Change:
    """Return the change that reopens a locked match."""
    reopenable = (MatchState.REJECTED, MatchState.RELEASED, MatchState.ESCALATED)
    if current.state not in reopenable:
        raise errors.NotPossible(
            f"This match is {current.get_state_display().lower()}; only rejected, "
            "released and escalated matches can be reopened."
        )
    _refuse_own_proposal(current, user)
    fields = {
        **transitions.UNDECIDED,
        "queue_reason": "reopened",
        "licence_id": None,
        "proposed": "",
        "proposed_by": None,
        "note": reason.strip(),
    }
    return Change(Verb.REOPEN, MatchState.PENDING, fields=fields, note=reason.strip())


@transaction.atomic
def undo(*, match: Match, user: User, version: int) -> Match:
    """Undo the last decision with a new event.

    The person who decided has ten minutes, a manager any time; nobody may once
    something else has happened to the match.
    """
    require_deciding(user)
    current = transitions.locked_row(match=match, version=version, user=user)
    transitions.refuse_foreign_lock(match=current, user=user)
    event = undoable(transitions.last_event(current))
    change = undoing(event, user)
    if current.dispute is not None:
        _undo_dispute(event, current.dispute)
    undone = transitions.apply(current=current, change=change, actor=user)
    if event.action in _OF_EXCLUSIONS:
        _undo_exclusion(event, user)
        undone.refresh_from_db()
    return undone


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


def undoable(event: Event | None) -> Event:
    """Return the event; raise if it is not a decision that can be undone."""
    if event is None or event.action not in _UNDOABLE:
        raise errors.NothingToUndo(
            "There is nothing to undo: the last change was not a decision."
        )
    return event


def undoing(event: Event, user: User) -> Change:
    """Return the change that undoes the event's decision."""
    if not may_undo(event=event, user=user):
        raise errors.NotAllowed(
            "You can undo your own decision for 10 minutes. Ask a manager to undo this "
            "one."
        )
    fields = snapshots.as_fields(snapshots.from_event(event.before))
    state = MatchState(str(fields.pop("state")))
    if state == MatchState.IN_REVIEW:
        # The lock has expired since then, so the match returns to the queue.
        state = MatchState.PENDING
    return Change(Verb.UNDO, state, fields=fields, free=True)


def undo_reaches_further(match: Match, event: Event) -> bool:
    """Return whether undoing also changes a dispute or an exclusion."""
    return match.dispute_id is not None or event.action in _OF_EXCLUSIONS


def _undo_dispute(event: Event, dispute: Dispute) -> None:
    """Undo the dispute too: reopen it, or mark it as recorded by mistake."""
    if event.action == DisputeVerb.DISPUTE:
        dispute.status = DisputeStatus.UNDONE
    elif event.before["state"] in (MatchState.DISPUTED, MatchState.SUPERSEDED):
        dispute.status = DisputeStatus.OPEN
        dispute.answer, dispute.answered_at, dispute.answered_by = "", None, None
    dispute.save()


def may_undo(*, event: Event, user: User) -> bool:
    """Return whether the user may undo the event's decision."""
    if event.action not in _UNDOABLE:
        return False
    if user.has_perm(Action.APPROVE):
        return True
    recent = datetime.now(tz=UTC) - event.at <= UNDO_FOR
    return event.actor_id == user.pk and recent and user.has_perm(Action.DECIDE)


def possible_verbs(*, match: Match, user: User) -> list[Verb]:
    """Return the verbs that the user may apply now, in the order of the buttons."""
    held = transitions.is_held_by_another(match=match, user=user)
    if held or not user.has_perm(Action.DECIDE):
        return []
    manages = user.has_perm(Action.APPROVE)
    own_proposal = match.proposed_by_id == user.pk and not approval.may_approve_own(
        user
    )
    verbs: list[Verb] = []
    if match.state in (MatchState.PENDING, MatchState.IN_REVIEW):
        verbs += [Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.ESCALATE]
    if match.state == MatchState.ESCALATED and manages and not own_proposal:
        verbs += [Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.REOPEN]
    if match.state in (MatchState.REJECTED, MatchState.RELEASED) and manages:
        verbs.append(Verb.REOPEN)
    event = transitions.last_event(match)
    if event is not None and may_undo(event=event, user=user):
        verbs.append(Verb.UNDO)
    return verbs


@transaction.atomic
def settle(*, match: Match, user: User, version: int, change: Change) -> Match:
    """Check a decision and write it; all verbs except reopen and undo end here."""
    check_note(change.note)
    require_deciding(user)
    current = transitions.locked_row(match=match, version=version, user=user)
    settled = settling(current, user, change, at=datetime.now(tz=UTC))
    return transitions.apply(current=current, change=settled, actor=user)


def require_deciding(user: User) -> None:
    """Raise ``NotAllowed`` unless the user's role may decide matches."""
    transitions.require(
        user, Action.DECIDE, why="Your role may look at matches, not decide them."
    )


def settling(current: Match, user: User, change: Change, *, at: datetime) -> Change:
    """Return the change for a locked match with all columns it writes.

    Raise if this person may not make this decision.
    """
    transitions.refuse_foreign_lock(match=current, user=user)
    if current.state not in WAITING_STATES:
        raise errors.NotPossible(
            f"This match is already {current.get_state_display().lower()}. "
            "Reload to see the decision."
        )
    own = False
    if current.state == MatchState.ESCALATED:
        transitions.require(
            user,
            Action.APPROVE,
            why="Somebody escalated this match; a manager decides.",
        )
        own = _refuse_own_proposal(current, user)
    elif change.to == MatchState.CONFIRMED and current.needs_approval:
        change = _proposal(change)
    fields: dict[str, object] = {
        "licence_id": None,
        "proposed": "",
        "proposed_by": user if change.to == MatchState.ESCALATED else None,
        **change.fields,
        "decided_by": user,
        "decided_by_name": user.get_username(),
        "decided_at": at,
        "decision_reason": change.reason,
    }
    if change.note:
        fields["note"] = change.note
    details = {**change.details}
    if own:
        details["own_proposal"] = True
    if not _can_be_heard(current):
        details["decided_without_audio"] = True
    return replace(change, fields=fields, details=details)


def _can_be_heard(match: Match) -> bool:
    """Return whether both sides have audio, so that a person could compare them."""
    file, recording = match.scanned_file, match.recording
    return bool((file.media or file.proxy) and (recording.audio or recording.proxy))


def check_note(note: str) -> None:
    """Raise ``NoteTooLong`` if the note exceeds the limit."""
    if len(note) > MAX_NOTE_CHARS:
        raise errors.NoteTooLong(
            f"The note has {len(note)} characters; at most {MAX_NOTE_CHARS} are "
            "allowed. Shorten it."
        )


def _proposal(change: Change) -> Change:
    """Return the confirmation as a proposal for a second approval."""
    fields: dict[str, object] = {
        "proposed": Verb.CONFIRM,
        "queue_reason": QueueReason.SECOND_APPROVAL,
    }
    return replace(change, action=_PROPOSE, to=MatchState.ESCALATED, fields=fields)


def _refuse_own_proposal(match: Match, user: User) -> bool:
    """Raise unless another person proposed it; return whether this rule was waived.

    A policy proposes on behalf of the person who applied it, or else who wrote it.
    """
    if match.state != MatchState.ESCALATED or match.proposed_by_id != user.pk:
        return False
    if approval.may_approve_own(user):
        return True
    if match.decided_by_id == user.pk:
        raise errors.NotAllowed(
            "You escalated this match, so another manager must decide it."
        )
    raise errors.NotAllowed(
        f"The policy {match.policy_name} proposed this, and you applied or wrote it. "
        "Ask another manager to decide it."
    )
