"""Writes every change of a match's state, and the notes on it.

It locks the rows, checks the change, writes it as a compare-and-set and appends the
events, all in one transaction. Each event stores a snapshot of the decision before and
after the change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.dispatch import Signal
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from base.accounts.deciders import acts_as_program
from base.accounts.models import User
from base.accounts.roles import Action
from base.audit.labels import actor_label
from base.audit.models import Event
from base.audit.services import SYSTEM, EventDraft, record, record_all
from base.common.phrases import lowered
from base.common.uid import new_uid
from review import errors, match_events
from review.choices import ONLY_BY, TRANSITIONS, MatchState
from review.models import Match
from review.services import facts

# Sent with ``matches``, in the transaction that changed their states; ``recounted`` are
# those whose time in their file counts now, or does not any more.
matches_changed = Signal()

# The name that a browser gave the decision which is being made.
_sent_as: ContextVar[str] = ContextVar("sent_as", default="")
_SENT_AS = "sent_as"
# A browser that is offline for longer has no session any more.
_TAKEN_BACK_SECONDS = 30 * 86_400

MAX_NOTE_CHARS = 4_000
_CHANGE_NOTHING = (
    *match_events.LOCK_EVENTS,
    match_events.NOTE,
    match_events.ASSIGN,
)
_DOWNLOADED = ".exported"
"""How the actions end of downloads of statements, which change nothing either."""
UNDECIDED: dict[str, object] = {
    "decision_reason": "",
    "decided_by_id": None,
    "decided_by_name": "",
    "decided_by_program": False,
    "decided_at": None,
}
"""The columns of a match without a decision."""
DECISION_COLUMNS = (
    *("queue_reason", "decision_reason", "note", "decided_by_id", "decided_by_name"),
    *(
        "decided_by_program",
        "decided_at",
        "licence_id",
        "policy_id",
        "policy_action",
        "policy_name",
    ),
    *("needs_approval", "proposed", "proposed_by_id", "dispute_id", "due_at"),
)
"""The columns of a snapshot besides the state."""
# Rows that decisions read besides the match.
_RELATED = ("locked_by", "assignee", "recording", "scanned_file", "scan")


@dataclass(frozen=True, slots=True)
class Change:
    """A requested change: the event's name, the new state and other columns.

    ``free`` permits moves outside ``TRANSITIONS``, such as an undo; ``details`` is extra
    event data.
    """

    action: str
    to: MatchState
    fields: dict[str, object] = field(default_factory=dict)
    reason: str = ""
    note: str = ""
    free: bool = False
    details: dict[str, object] = field(default_factory=dict)


def decided_by(actor: User | str, *, at: datetime) -> dict[str, object]:
    """Return the columns of a match that say who decided it, and when.

    ``actor`` is a user, or the name of a rule.
    """
    user = actor if isinstance(actor, User) else None
    return {
        "decided_by_id": user.pk if user else None,
        "decided_by_name": user.get_username() if user else actor,
        "decided_by_program": user is not None and acts_as_program(user),
        "decided_at": at,
    }


def require(user: User, action: Action, *, why: str | Promise) -> None:
    """Raise ``NotAllowed`` unless the user's role permits the action."""
    if user.has_perm(action):
        return
    if action == Action.APPROVE and user.is_service:
        why = _("A program may not do this: it needs a person who signs in.")
    raise errors.NotAllowed(why)


def check_note(note: str) -> None:
    """Raise ``NoteTooLong`` if the note exceeds the limit."""
    if len(note) > MAX_NOTE_CHARS:
        raise errors.NoteTooLong(
            _("The note has %(n)s characters; at most %(limit)s are allowed. Shorten it.")
            % {"n": len(note), "limit": MAX_NOTE_CHARS}
        )


def snapshot(match: Match) -> dict[str, Any]:  # Any: JSON
    """Return the columns that a decision changes, as events store them.

    They are complete enough for ``restored`` to bring an earlier decision back.
    """
    return {
        "state": match.state,
        "queue_reason": match.queue_reason,
        "decision_reason": match.decision_reason,
        "note": match.note,
        "decided_by": match.decided_by_id,
        "decided_by_name": match.decided_by_name,
        "decided_by_program": match.decided_by_program,
        "decided_at": match.decided_at.isoformat() if match.decided_at else None,
        "licence": match.licence_id,
        "policy": match.policy_id,
        "policy_action": match.policy_action,
        "policy_name": match.policy_name,
        "needs_approval": match.needs_approval,
        "proposed": match.proposed,
        "proposed_by": match.proposed_by_id,
        "dispute": match.dispute_id,
        "due_at": match.due_at.isoformat() if match.due_at else None,
        # Undoing a decision restores only a choice that it made.
        "version_choice": match.version_choice,
    }


def restored(snapshot: Mapping[str, Any]) -> dict[str, object]:  # Any: JSON
    """Return a snapshot as columns of the match; events of old releases keep fewer."""
    decided_at, due_at = snapshot["decided_at"], snapshot.get("due_at")
    is_escalated = snapshot["state"] == MatchState.ESCALATED
    # Older events do not name the proposer; then, only people escalated.
    escalated_by = snapshot["decided_by"] if is_escalated else None
    return {
        "state": snapshot["state"],
        "queue_reason": snapshot["queue_reason"],
        "decision_reason": snapshot["decision_reason"],
        "note": snapshot["note"],
        "decided_by_id": snapshot["decided_by"],
        "decided_by_name": snapshot["decided_by_name"],
        "decided_by_program": snapshot.get("decided_by_program", False),
        "decided_at": datetime.fromisoformat(decided_at) if decided_at else None,
        "licence_id": snapshot.get("licence"),
        "policy_id": snapshot.get("policy"),
        "policy_action": snapshot.get("policy_action", ""),
        "policy_name": snapshot.get("policy_name", ""),
        "needs_approval": snapshot.get("needs_approval", False),
        "proposed": snapshot.get("proposed", ""),
        "proposed_by_id": snapshot.get("proposed_by", escalated_by),
        "dispute_id": snapshot.get("dispute"),
        "due_at": datetime.fromisoformat(due_at) if due_at else None,
    }


def was_made(*, match: Match, user: User, name: str) -> bool:
    """Return whether the user's decision of this name has changed the match."""
    events = Event.objects.filter(case=match.case, actor=user)
    return bool(name) and events.filter(after__sent_as=name).exists()


@transaction.atomic
def make_once(*, match: Match, user: User, name: str, decide: Callable[[], Match]) -> Match:
    """Decide a match, or return it if the decision of this name was made before.

    A browser sends a decision again until it gets an answer. The name, which it chose,
    stays in the decision's events. Raise ``TakenBack`` if ``never_make`` has its name.
    """
    current = locked_row(match=match)
    if was_made(match=current, user=user, name=name):
        return current
    if name and cache.get(_taken_back(user, name)):
        raise errors.TakenBack
    with sent_as(name):
        return decide()


@contextmanager
def sent_as(name: str) -> Iterator[None]:
    """Name the events that the block writes as a browser named its decision."""
    token = _sent_as.set(name)
    try:
        yield
    finally:
        _sent_as.reset(token)


def never_make(*, user: User, name: str) -> None:
    """Let ``make_once`` refuse the user's decision of this name, if it still arrives."""
    cache.set(_taken_back(user, name), True, timeout=_TAKEN_BACK_SECONDS)


def _taken_back(user: User, name: str) -> str:
    return f"taken-back:{user.pk}:{name}"


def was_sent_as(event: Event, name: str) -> bool:
    """Return whether the event's decision has the name that a browser gave it."""
    return bool(event.after.get(_SENT_AS) == name)


def _name_sent() -> dict[str, object]:
    """Return the part of an event that names the decision which a browser sent."""
    name = _sent_as.get()
    return {_SENT_AS: name} if name else {}


def last_event(match: Match) -> Event | None:
    """Return the newest event that changed the decision; notes and locks do not."""
    return last_events([match]).get(match.case)


def last_events(matches: Iterable[Match]) -> dict[str, Event]:
    """Return the newest event that changed each match's decision, by case."""
    changing = Event.objects.exclude(action__in=match_events.ASIDES)
    newest = changing.filter(case=OuterRef("case")).order_by("-sequence")
    events = Event.objects.filter(
        case__in=[match.case for match in matches], sequence=Subquery(newest.values("sequence")[:1])
    )
    return {event.case: event for event in events}


def asides_since(events: Iterable[Event]) -> dict[str, set[str]]:
    """Return, by case, which notes, assignments and changes of grounds came after these.

    Undoing the events keeps what people wrote or whom they chose since, and evaluates
    the match again if rules may say something else of it. What they read may have
    changed without an event of the match, if they said the same as before.
    """
    events = list(events)
    since = {event.case: event.sequence for event in events}
    actions = (*match_events.UNCHANGING, match_events.COUNTED, *match_events.RESCANS)
    rows = Event.objects.filter(case__in=since, action__in=actions)
    asides: dict[str, set[str]] = {case: set() for case in since}
    for case, action, sequence in rows.values_list("case", "action", "sequence"):
        if sequence > since[case]:
            asides[case].add(action)
    for case in facts.changed_since(events):
        asides[case].add(match_events.GROUND)
    return asides


def changed_cases(events: Iterable[Event]) -> dict[str, set[str]]:
    """Return the ids of what events changed, by the kinds of their cases."""
    cases: dict[str, set[str]] = {}
    for event in events:
        kind, _colon, uid = event.case.partition(":")
        if event.action not in _CHANGE_NOTHING and not event.action.endswith(_DOWNLOADED):
            cases.setdefault(kind, set()).add(uid)
    return cases


def locked_row(*, match: Match, version: int | None = None, user: User | None = None) -> Match:
    """Return the current match, locked.

    With a ``version``, raise ``StaleMatch`` as ``refuse_stale`` does.
    """
    current = locked_rows().get(pk=match.pk)
    if version is not None:
        refuse_stale(match=current, version=version, user=user)
    return current


def locked_rows() -> QuerySet[Match]:
    """Return a queryset that locks the matches it reads, in key order."""
    return Match.objects.select_for_update(of=("self",)).select_related(*_RELATED).order_by("pk")


def refuse_stale(*, match: Match, version: int, user: User | None = None) -> None:
    """Raise ``StaleMatch`` if the match has changed since the version.

    For a deciding ``user``, locks that came and went do not count as changes, nor do
    scans with the same result. A lock that another person holds now does: that person
    took the match over.
    """
    if match.version == version:
        return
    if user is None or not only_asides_since(match=match, version=version):
        raise stale(match)
    if is_held_by_another(match=match, user=user):
        raise stale(match, to_lock=True)


def only_asides_since(*, match: Match, version: int) -> bool:
    """Return whether only locks and scans with the same result changed the version."""
    missed = match.version - version
    if missed <= 0:
        return missed == 0
    asides = Q(action__in=match_events.LOCK_EVENTS) | Q(
        action=match_events.SCANNED, after__same=True
    )
    events = Event.objects.filter(asides, case=match.case)
    versions = [event.after.get("version") for event in events.order_by("-sequence")[:missed]]
    return versions == list(range(match.version, version, -1))


def stale(match: Match, *, to_lock: bool = False) -> errors.StaleMatch:
    """Return an error that names who changed the match last, or who locked it."""
    aside = (
        match_events.UNCHANGING
        if to_lock
        else (*match_events.UNCHANGING, *match_events.LOCK_EVENTS)
    )
    changes = Event.objects.filter(case=match.case).exclude(action__in=aside)
    event = changes.order_by("-sequence").first()
    if event is None:
        return errors.StaleMatch(user=SYSTEM, at=match.updated_at)
    return errors.StaleMatch(
        user=actor_label(event.actor_name),
        at=event.at,
        rescanned=event.action
        in (*match_events.RESCANS, match_events.LOST, match_events.ASKED_AGAIN),
        taken=event.action == match_events.TAKE,
    )


def is_held_by_another(*, match: Match, user: User) -> bool:
    """Return whether another person's lock on the match is in force."""
    holder, until = match.locked_by, match.locked_until
    return holder not in (None, user) and until is not None and until > datetime.now(tz=UTC)


def lock_of(match: Match) -> dict[str, object]:
    """Return the lock as columns for a change that keeps it; other changes end locks."""
    return {"locked_by": match.locked_by, "locked_until": match.locked_until}


def refuse_foreign_lock(*, match: Match, user: User) -> None:
    """Raise ``MatchLocked`` if another person holds the match."""
    holder, until = match.locked_by, match.locked_until
    if holder and until and is_held_by_another(match=match, user=user):
        raise errors.MatchLocked(user=holder.get_username(), until=until)


def apply(*, current: Match, change: Change, actor: User | str) -> Match:
    """Write the change and its event; ``current`` comes from ``locked_row``."""
    return apply_all([(current, change)], actor=actor)[0]


@transaction.atomic
def apply_all(moves: Sequence[tuple[Match, Change]], *, actor: User | str) -> list[Match]:
    """Write a change to each locked row, with its event: all or none.

    Equal changes share one compare-and-set.
    """
    alike: dict[object, list[tuple[Match, Change]]] = {}
    for current, change in moves:
        _refuse_impossible(MatchState(current.state), change)
        columns = tuple(sorted(change.fields.items(), key=itemgetter(0)))
        key = (current.state, current.version, change.to, columns)
        alike.setdefault(key, []).append((current, change))
    for group in alike.values():
        _write([current for current, _change in group], group[0][1])
    # Read back what is stored now, so that events record it exactly.
    keys = [current.pk for current, _change in moves]
    written = Match.objects.select_related(*_RELATED).in_bulk(keys)
    entries = [
        EventDraft(
            case=current.case,
            action=change.action,
            before=snapshot(current),
            after=snapshot(written[current.pk]) | change.details | _name_sent(),
            reason=change.reason,
            note=change.note,
        )
        for current, change in moves
    ]
    record_all(entries, actor=actor)
    changed = [written[key] for key in keys]
    recounted = [
        written[current.pk]
        for current, _change in moves
        if current.is_heard != written[current.pk].is_heard
    ]
    matches_changed.send(sender=Match, matches=changed, recounted=recounted)
    return changed


def _refuse_impossible(state: MatchState, change: Change) -> None:
    """Raise ``NotPossible`` unless ``TRANSITIONS`` allows the change."""
    only_by = ONLY_BY.get((state, change.to), {change.action})
    if change.free or (change.to in TRANSITIONS[state] and change.action in only_by):
        return
    if state == MatchState.ESCALATED and change.to == MatchState.IN_REVIEW:
        raise errors.NotPossible(_("This match was escalated; a manager decides."))
    if change.to == MatchState.IN_REVIEW:
        raise errors.NotPossible(
            _("This match is %(state)s; there is nothing to review.")
            % {"state": lowered(state.label)}
        )
    raise errors.NotPossible(
        _("This match is %(state)s; it cannot become %(new_state)s.")
        % {"state": lowered(state.label), "new_state": lowered(change.to.label)}
    )


def _write(rows: Sequence[Match], change: Change) -> None:
    """Write one change to rows with the same state and version."""
    first = rows[0]
    fields = {"locked_by": None, "locked_until": None, **change.fields}
    written = Match.objects.filter(
        pk__in=[row.pk for row in rows], state=first.state, version=first.version
    ).update(state=change.to, version=first.version + 1, updated_at=datetime.now(tz=UTC), **fields)
    # Somebody changed a row without locking it; the transaction rolls back.
    if written != len(rows):
        raise stale(first)


def new_act() -> str:
    """Return the name of a new act that changes many matches."""
    return new_uid("a")


def act_details(act: str, match: Match) -> dict[str, object]:
    """Return what an event of an act keeps besides the snapshot of the decision."""
    return {"act": act, "was": {"priority": match.priority, "assignee": match.assignee_id}}


@transaction.atomic
def add_note(*, match: Match, user: User, note: str) -> Match:
    """Store the note on the match and as an event.

    The reason of a decision stays, with the note below it. The version stays, too, so that
    a concurrent decision is not refused as stale.
    """
    text = note.strip()
    require(user, Action.DECIDE, why=_("Your role can view matches but not write notes."))
    if not text:
        raise errors.ReasonMissing(_("Write the note first."))
    check_note(text)
    current = locked_row(match=match)
    before = current.note
    current.note = _with_reason(current, text)
    Match.objects.filter(pk=current.pk).update(note=current.note, updated_at=datetime.now(tz=UTC))
    record(
        case=current.case,
        action=match_events.NOTE,
        actor=user,
        before={"note": before},
        after={"note": current.note, **_name_sent()},
        note=text,
    )
    return current


def note_since(match: Match, event: Event) -> str:
    """Return what people wrote below the note that an event left."""
    return match.note.removeprefix(f"{event.after.get('note', '')}\n")


def _with_reason(match: Match, text: str) -> str:
    """Return the note below the reason of a decision, which is cut where both are too long."""
    if match.state in (MatchState.PENDING, MatchState.IN_REVIEW) or not match.note:
        return text
    return f"{match.note[: MAX_NOTE_CHARS - len(text) - 1]}\n{text}".strip()
