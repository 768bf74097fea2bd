"""What an undo would take back, and what a person is asked before it does."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from base.accounts.models import User
from base.audit.labels import actor_label
from base.audit.models import Event
from base.common.phrases import lowered
from base.common.reading import read_date, read_interval
from review.choices import MatchState, ProposalVerb, Verb
from review.decisions import undo
from review.models import Match
from review.selectors import list_matches
from review.services import transitions
from statements.selectors import Mark, marks_of_matches

LISTED = 20
"""How many of a person's decisions the list of them shows."""
_ANSWERS = (Verb.UPHOLD, Verb.WITHDRAW, Verb.RELEASE)


@dataclass(frozen=True, slots=True)
class Undoing:
    """A decision that a person may undo now."""

    match: Match
    event: Event
    decision: str
    """The decision in words, such as "Confirmed"."""
    until: datetime | None
    """When the time of the person who decided ends; None if it has, or is another's."""
    asks: tuple[str, ...]
    """What the undo touches, or who decided and when; empty if it need not ask."""


@dataclass(frozen=True, slots=True)
class MyDecision:
    """One of a person's decisions, and how to undo it if that is possible."""

    event: Event
    match: Match
    undoing: Undoing | None
    why_not: str


def undoing_of(match: Match, user: User) -> Undoing | None:
    """Return what an undo of the match's last decision takes back; None if none may."""
    return _undoings([match], user, transitions.last_events([match])).get(match.pk)


def decisions_of(user: User) -> list[MyDecision]:
    """Return the user's last decisions about matches that they may see, newest first."""
    events = Event.objects.filter(
        actor=user, action__in=undo.UNDOABLE, case__startswith="match:"
    ).order_by("-pk")[:LISTED]
    uids = [event.case.partition(":")[2] for event in events]
    matches = {match.case: match for match in list_matches(uids).select_related("dispute")}
    last = transitions.last_events(matches.values())
    undoings = _undoings(matches.values(), user, last)
    decisions = []
    for event in events:
        match = matches.get(event.case)
        if match is None:
            continue
        undoing = undoings.get(match.pk)
        why_not = ""
        if undoing is None or undoing.event != event:
            undoing, why_not = None, _why_not(event, last.get(match.case))
        decisions.append(MyDecision(event, match, undoing, why_not))
    return decisions


def _why_not(event: Event, last: Event | None) -> str:
    if event != last:
        return _("Something else has happened to the match since.")
    return _("Your 10 minutes are over. Ask a manager to undo it.")


def _undoings(
    matches: Collection[Match], user: User, last: Mapping[str, Event]
) -> dict[int, Undoing]:
    """Return, by match key, what an undo of each match's last decision takes back."""
    undoable = [
        match
        for match in matches
        if match.case in last and undo.may_undo(event=last[match.case], user=user)
    ]
    stated = marks_of_matches(undoable)
    now = datetime.now(tz=UTC)
    undoings = {}
    for match in undoable:
        event = last[match.case]
        until = event.at + undo.UNDO_FOR
        own = event.actor_id == user.pk and until > now
        asks = (
            *_decided_by(event, own=own),
            *_dispute(match, event),
            *_statements(stated.get(match.uid, ())),
        )
        decision = name_of(match, event)
        undoings[match.pk] = Undoing(match, event, decision, until if own else None, asks)
    return undoings


def name_of(match: Match, event: Event) -> str:
    """Return the last decision about a match in words."""
    if event.action in (Verb.EXCLUDE, ProposalVerb.APPROVE):
        if match.state == MatchState.ESCALATED:
            return _("Exclusion proposed")
        interval = read_interval(*event.after["span"])
        return _("%(interval)s excluded") % {"interval": interval}
    if event.action == ProposalVerb.REFUSE:
        return _("Exclusion refused")
    if event.action == Verb.CHOOSE:
        return _("Version switched")
    return str(match.get_state_display())


def _decided_by(event: Event, *, own: bool) -> Iterable[str]:
    if not own:
        yield _("%(user)s decided this: %(time)s.") % {
            "user": actor_label(event.actor_name),
            "time": read_date(event.at, "moment"),
        }


def _dispute(match: Match, event: Event) -> Iterable[str]:
    if match.dispute is None:
        return
    if event.action == Verb.DISPUTE:
        yield _("The dispute is marked as recorded by mistake.")
    elif event.action in _ANSWERS and event.before["state"] == MatchState.DISPUTED:
        yield _("The dispute is open again, and its answer is deleted.")


def _statements(marks: Iterable[Mark]) -> Iterable[str]:
    """Say which statements that others read name a match, and as what."""
    for mark in marks:
        if mark.statement is None:
            yield _("A statement that you may not see names this match.")
            continue
        named = {
            "kind": mark.statement.get_kind_display(),
            "statement": mark.name,
            "state": lowered(MatchState(mark.then).label) if mark.then else "",
        }
        if mark.then:
            yield _("%(kind)s “%(statement)s” states this match as %(state)s.") % named
        else:
            yield _("%(kind)s “%(statement)s” names this match.") % named
