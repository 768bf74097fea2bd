"""Answers proposed exclusions and releases the matches that wait for the answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.utils.translation import gettext as _

from base.accounts.models import User
from catalogue.models import Exclusion
from review import errors, selectors
from review.choices import MatchState, ProposalVerb
from review.decisions import exclude, verbs
from review.models import Match
from review.services import exclusions, transitions
from review.services.transitions import Change


@transaction.atomic
def approve(*, segment: Exclusion, user: User, chosen: Collection[str] = ()) -> Exclusion:
    """Approve the exclusion; waiting matches with time left are pending again."""
    # Collect them first: the answer changes what they wait for.
    waiting = _waiting_for(segment)
    approved = exclusions.approve(segment=segment, user=user, chosen=chosen)
    _give_back(waiting, approved, user, ProposalVerb.APPROVE)
    return approved


@transaction.atomic
def refuse(*, segment: Exclusion, user: User, note: str) -> Exclusion:
    """Refuse the exclusion; the matches that waited for it are pending again."""
    transitions.check_note(note)
    waiting = _waiting_for(segment)
    refused = exclusions.refuse(segment=segment, user=user, note=note)
    _give_back(waiting, refused, user, ProposalVerb.REFUSE, note.strip())
    return refused


@transaction.atomic
def approve_from_match(
    *, match: Match, segment: Exclusion, user: User, version: int, chosen: Collection[str] = ()
) -> Match:
    """Approve the exclusion and decide the match with it.

    The match is rejected if nothing else of it is left, as with a manager's own
    exclusion (``exclude.exclude_part``).
    """
    exclusions.refuse_answer(segment=segment, user=user)
    current = _seen(match, segment, user, version)
    waits = current in _waiting_for(segment)
    interval = (segment.start_ms, segment.end_ms)
    if exclusions.leaves_nothing(match=current, interval=interval):
        change = exclude.decided(segment, MatchState.REJECTED, ProposalVerb.APPROVE)
        change = verbs.completed(current, user, change, at=datetime.now(tz=UTC))
        transitions.apply(current=current, change=change, actor=user)
    elif not waits:
        # A match that waits for the proposal gets its event from approve below.
        change = exclude.aside(current, segment, ProposalVerb.APPROVE, segment.note)
        transitions.apply(current=current, change=change, actor=user)
    approve(segment=segment, user=user, chosen=chosen)
    current.refresh_from_db()
    return current


@transaction.atomic
def refuse_from_match(
    *, match: Match, segment: Exclusion, user: User, version: int, note: str
) -> Match:
    """Refuse the exclusion and record that in the match's history."""
    exclusions.refuse_answer(segment=segment, user=user)
    current = _seen(match, segment, user, version)
    if current not in _waiting_for(segment):
        change = exclude.aside(current, segment, ProposalVerb.REFUSE, note.strip())
        transitions.apply(current=current, change=change, actor=user)
    refuse(segment=segment, user=user, note=note)
    current.refresh_from_db()
    return current


def _seen(match: Match, segment: Exclusion, user: User, version: int) -> Match:
    """Return the match locked, if the proposal is about its recording."""
    if segment.recording_id != match.recording_id:
        raise errors.NotPossible(_("This exclusion was proposed for another recording."))
    current = transitions.locked_row(match=match, version=version, user=user)
    exclude.refuse_decided(current, user)
    return current


def _waiting_for(segment: Exclusion) -> list[Match]:
    """Return the matches that are escalated for this proposal."""
    escalated = list(
        Match.objects.filter(recording=segment.recording_id, state=MatchState.ESCALATED)
    )
    behind = selectors.proposals_behind(escalated)
    return [match for match in escalated if behind.get(match.pk) == segment]


def _give_back(
    waiting: Iterable[Match], segment: Exclusion, user: User, verb: ProposalVerb, note: str = ""
) -> None:
    """Return the matches that still wait for the answer to the queue."""
    rows = transitions.locked_rows().filter(
        pk__in=[match.pk for match in waiting], state=MatchState.ESCALATED
    )
    fields = {**transitions.UNDECIDED, "proposed": ""}
    if note:
        fields["note"] = note
    change = Change(
        verb,
        MatchState.PENDING,
        fields=fields,
        reason=segment.reason,
        note=note,
        details=exclude.details_of(segment),
    )
    transitions.apply_all([(row, change) for row in rows], actor=user)
