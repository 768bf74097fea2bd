"""What people decide about matches. Pages, admin, API and bulk actions all end here.

Each function takes the ``version`` of the match that its caller saw, and raises a
``ReviewError`` that says why nothing was saved.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from accounts.roles import Action
from audit.models import Event
from catalogue.models import ExcludedSegment
from review import approval, coverage, errors
from review.choices import (
    BY_LICENCE,
    STATED_REASON,
    WAITING_STATES,
    DisputeStatus,
    DisputeVerb,
    MatchState,
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
EXCLUDE_PART = "exclude"
_PROPOSE = "propose"
_UNDOABLE = (
    *(Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.ESCALATE, _PROPOSE, EXCLUDE_PART),
    *DisputeVerb,
)


def confirm(*, match: Match, user: User, version: int, note: str = "") -> Match:
    """Decide that the match is ours and its use not covered."""
    return settle(match=match, user=user, version=version, change=confirmation(note))


def confirmation(note: str = "") -> Change:
    """Return what ``confirm`` asks for."""
    return Change(Verb.CONFIRM, MatchState.CONFIRMED, note=note.strip())


def clear(
    *,
    match: Match,
    user: User,
    version: int,
    reason: str = "",
    licence: Licence | None = None,
) -> Match:
    """Decide that the match is ours and its use allowed: by a licence or a reason.

    A licence that covers the use in part is enough for a person; one that does not
    cover it at all is refused.
    """
    change = clearing(reason, licence)
    if licence is not None:
        refuse_foreign_licence(match, licence)
    return settle(match=match, user=user, version=version, change=change)


def clearing(reason: str, licence: Licence | None) -> Change:
    """Return what ``clear`` asks for."""
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
    """Raise ``NotPossible`` if the licence says nothing for this use."""
    found = coverage.checks(subject=Subject.of(match), licences=in_force)
    said = next((each for each in found if each.licence.pk == licence.pk), None)
    if said is None or said.cover == coverage.Cover.NONE:
        why = said.why if said else "It is for other recordings, or not in force."
        raise errors.NotPossible(f"{licence.number} does not cover this. {why}")


def reject(
    *, match: Match, user: User, version: int, reason: str, note: str = ""
) -> Match:
    """Decide that the match is wrong or not ours; ``reason`` is a ``RejectCode``."""
    change = rejection(reason, note)
    return settle(match=match, user=user, version=version, change=change)


def rejection(reason: str, note: str) -> Change:
    """Return what ``reject`` asks for."""
    if reason not in RejectCode.values:
        raise errors.ReasonMissing("Choose why the match is rejected.")
    if reason == RejectCode.OTHER and not note.strip():
        raise errors.ReasonMissing("Say in the note why the match is rejected.")
    return Change(Verb.REJECT, MatchState.REJECTED, reason=reason, note=note.strip())


def escalate(*, match: Match, user: User, version: int, note: str) -> Match:
    """Ask a manager; the note says what about."""
    return settle(match=match, user=user, version=version, change=escalation(note))


def escalation(note: str) -> Change:
    """Return what ``escalate`` asks for."""
    if not note.strip():
        raise errors.ReasonMissing("Say what the manager should look at.")
    return Change(Verb.ESCALATE, MatchState.ESCALATED, note=note.strip())


@transaction.atomic
def reopen(*, match: Match, user: User, version: int, reason: str) -> Match:
    """Put a rejected, released or escalated match back into the queue."""
    require_reopening(user, reason)
    current = transitions.locked_row(match=match, version=version)
    change = reopening(current, user, reason)
    return transitions.apply(current=current, change=change, actor=user)


def require_reopening(user: User, reason: str) -> None:
    """Raise what keeps the user from opening any match again for this reason."""
    if not reason.strip():
        raise errors.ReasonMissing("Say why the match is opened again.")
    check_note(reason)
    transitions.require(
        user, Action.APPROVE, why="Only a manager may open a decision again."
    )


def reopening(current: Match, user: User, reason: str) -> Change:
    """Return what opens a locked match again."""
    reopenable = (MatchState.REJECTED, MatchState.RELEASED, MatchState.ESCALATED)
    if current.state not in reopenable:
        raise errors.NotPossible(
            f"A match that is {current.get_state_display().lower()} "
            "cannot be opened again."
        )
    _refuse_own_proposal(current, user)
    fields = {
        **_decided(user=None),
        "queue_reason": "reopened",
        "decision_reason": "",
        "licence_id": None,
        "proposed": "",
        "note": reason.strip(),
    }
    return Change(Verb.REOPEN, MatchState.PENDING, fields=fields, note=reason.strip())


@transaction.atomic
def undo(*, match: Match, user: User, version: int) -> Match:
    """Take the last decision back, by a new event.

    The person who decided may for ten minutes, a manager at any time, and nobody
    once something else has happened to the match.
    """
    require_deciding(user)
    current = transitions.locked_row(match=match, version=version)
    event = undoable(transitions.last_event(current))
    change = undoing(event, user)
    if current.dispute is not None:
        _undo_dispute(event, current.dispute)
    undone = transitions.apply(current=current, change=change, actor=user)
    if event.action == EXCLUDE_PART:
        segment = ExcludedSegment.objects.filter(uid=event.after["exclusion"]).first()
        # What a manager has put in force since is no proposal any more.
        may = segment is not None and (
            not segment.approved or user.has_perm(Action.EDIT_CATALOGUE)
        )
        if segment is not None and may and segment.removed_at is None:
            exclusions.take_back(segment=segment, user=user)
        undone.refresh_from_db()
    return undone


def undoable(event: Event | None) -> Event:
    """Return the last event of a match, or raise if it tells of no decision."""
    if event is None or event.action not in _UNDOABLE:
        raise errors.NothingToUndo("The last change of this match was no decision.")
    return event


def undoing(event: Event, user: User) -> Change:
    """Return what takes back the decision that an event tells of."""
    if not may_undo(event=event, user=user):
        raise errors.NotAllowed(
            "A decision can be undone for 10 minutes by who made it; "
            "after that, by a manager."
        )
    fields = snapshots.as_fields(snapshots.from_event(event.before))
    state = MatchState(str(fields.pop("state")))
    if state == MatchState.IN_REVIEW:
        # The lock of that time is over; the queue is where the match goes.
        state = MatchState.PENDING
    return Change(Verb.UNDO, state, fields=fields, free=True)


def undo_reaches_further(match: Match, event: Event) -> bool:
    """Tell whether undoing changes more than the match: a dispute, an exclusion."""
    return match.dispute_id is not None or event.action == EXCLUDE_PART


def _undo_dispute(event: Event, dispute: Dispute) -> None:
    """Let the dispute follow the match back: open again, or never recorded."""
    if event.action == DisputeVerb.DISPUTE:
        dispute.status = DisputeStatus.UNDONE
    elif event.before["state"] in (MatchState.DISPUTED, MatchState.SUPERSEDED):
        dispute.status = DisputeStatus.OPEN
        dispute.answer, dispute.answered_at, dispute.answered_by = "", None, None
    dispute.save()


def may_undo(*, event: Event, user: User) -> bool:
    """Tell whether the user may take back the decision that the event tells of."""
    if event.action not in _UNDOABLE:
        return False
    if user.has_perm(Action.APPROVE):
        return True
    recent = transitions.now() - event.at <= UNDO_FOR
    return event.actor_id == user.pk and recent and user.has_perm(Action.DECIDE)


def possible_verbs(*, match: Match, user: User) -> list[Verb]:
    """Return what the user could do to the match now, in the order of the buttons."""
    if not user.has_perm(Action.DECIDE) or _is_held_by_another(match, user):
        return []
    manages = user.has_perm(Action.APPROVE)
    own_proposal = match.decided_by_id == user.pk and not approval.may_approve_own(user)
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


def _is_held_by_another(match: Match, user: User) -> bool:
    try:
        transitions.refuse_foreign_lock(match=match, user=user)
    except errors.MatchLocked:
        return True
    return False


@transaction.atomic
def settle(*, match: Match, user: User, version: int, change: Change) -> Match:
    """Check who may decide the match so, and write it; what the verbs come down to."""
    check_note(change.note)
    require_deciding(user)
    current = transitions.locked_row(match=match, version=version)
    settled = settling(current, user, change, at=transitions.now())
    return transitions.apply(current=current, change=settled, actor=user)


def require_deciding(user: User) -> None:
    """Raise ``NotAllowed`` unless the user's role decides matches."""
    transitions.require(
        user, Action.DECIDE, why="Your role may look at matches, not decide them."
    )


def settling(current: Match, user: User, change: Change, *, at: datetime) -> Change:
    """Return a decision on a locked match with all that it writes.

    Raises what keeps this person from deciding this match so.
    """
    transitions.refuse_foreign_lock(match=current, user=user)
    if current.state not in WAITING_STATES:
        raise errors.NotPossible(
            f"This match is {current.get_state_display().lower()} already."
        )
    own = False
    if current.state == MatchState.ESCALATED:
        transitions.require(
            user, Action.APPROVE, why="Only a manager may decide what was escalated."
        )
        own = _refuse_own_proposal(current, user)
    elif change.to == MatchState.CONFIRMED and current.needs_approval:
        change = _proposal(change)
    fields: dict[str, object] = {
        "licence_id": None,
        "proposed": "",
        **change.fields,
        **_decided(user=user, at=at),
        "decision_reason": change.reason,
    }
    if change.note:
        fields["note"] = change.note
    told = {**change.told, "own_proposal": True} if own else {**change.told}
    if not _can_be_heard(current):
        told["decided_without_audio"] = True
    return replace(change, fields=fields, told=told)


def _can_be_heard(match: Match) -> bool:
    """Tell whether both sounds are stored, so that they could be compared by ear."""
    file, recording = match.scanned_file, match.recording
    return bool((file.media or file.proxy) and (recording.audio or recording.proxy))


def check_note(note: str) -> None:
    """Raise ``NoteTooLong`` if the note is longer than is kept."""
    if len(note) > MAX_NOTE_CHARS:
        raise errors.NoteTooLong(
            f"The note has {len(note)} characters; {MAX_NOTE_CHARS} are kept."
        )


def _decided(*, user: User | None, at: datetime | None = None) -> dict[str, object]:
    return {
        "decided_by": user,
        "decided_by_name": user.get_username() if user else "",
        "decided_at": at,
    }


def _proposal(change: Change) -> Change:
    """Return the confirmation as what waits for a second person."""
    fields: dict[str, object] = {
        "proposed": Verb.CONFIRM,
        "queue_reason": QueueReason.SECOND_APPROVAL,
    }
    return replace(change, action=_PROPOSE, to=MatchState.ESCALATED, fields=fields)


def _refuse_own_proposal(match: Match, user: User) -> bool:
    """Raise unless another person proposed it; tell if the rule was waived for one."""
    if match.state != MatchState.ESCALATED or match.decided_by_id != user.pk:
        return False
    if not approval.may_approve_own(user):
        raise errors.NotAllowed("Somebody else decides what you escalated.")
    return True
