"""Previews what a change of a ground does to matches and to the statements on them.

The change is made and taken back, so that a preview and the change cannot differ.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from base.accounts.deciders import Decider
from base.accounts.reach import working_for
from base.audit.models import Event
from base.audit.services import handled_events
from base.audit.standing import StandingStatement, standing_on
from catalogue.models import Recording
from review.choices import WAITING_STATES, MatchState
from review.match_events import GROUND, JOINED, JOINED_INTO, NAMED_OTHERWISE
from review.models import Match, MatchAlias
from statements.choices import kind_choices
from statements.previews import StatementChange, as_change, changes_between, read_all, stand_on
from statements.selectors import stated_of

LISTED: Final = 200
TRIED: Final = 500
"""A change of more matches is not tried: on SQLite everybody else waits for it."""
_CASE: Final = "match:"
# The match asks and says the same, under the recording that stands for it.
_SAME_QUESTION: Final = (NAMED_OTHERWISE,)
_JOINS: Final = (JOINED, JOINED_INTO)
# Statements that somebody stands for come first.
_ORDER: Final = (
    *(MatchState.DISPUTED, MatchState.UPHELD, MatchState.CONFIRMED),
    *(MatchState.CLEARED, MatchState.RELEASED, MatchState.REJECTED),
    *(MatchState.ESCALATED, MatchState.IN_REVIEW, MatchState.PENDING),
    MatchState.SUPPRESSED,
)
_FILE_DELETED: Final = "file.deleted"
_BUCKET_DELETED: Final = "bucket.deleted"
_ENDS: Final = (_FILE_DELETED, "recording.retired")
"""Events of files and recordings that take the ground from what was stated."""
_OF_KIND: Final = (*("state", "licence"), *("decided_by", "decided_by_name", "decided_by_program"))


@dataclass(frozen=True, slots=True)
class MatchChange:
    """A match before the change, and its state and counted time after it."""

    match: Match
    after: MatchState
    counted_ms: int
    is_seen_otherwise: bool
    """Rules would say something else of a decision that stays."""

    @property
    def before(self) -> MatchState:
        """Return the state before the change."""
        return MatchState(self.match.state)

    @property
    def how(self) -> str:
        """Return what happens to the match."""
        if self.after != self.before:
            if self.after == MatchState.PENDING and self.before not in WAITING_STATES:
                if self.before == MatchState.SUPPRESSED:
                    return _("Waits for a person again")
                return _("Reopens: a person decides again")
            return _("Becomes: %(state)s") % {"state": self.after.label}
        if self.counted_ms < self.match.matched_ms:
            return _("Keeps its state; less of it counts")
        if self.counted_ms > self.match.matched_ms:
            return _("Keeps its state; more of it counts")
        if self.is_seen_otherwise:
            return _("Keeps its state; the rules would decide otherwise")
        return _("Keeps its state; other rules apply to it")


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Matches that stand on the ground and stay as they are."""

    state: MatchState
    why: str
    count: int


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a change of a ground does, as far as the viewer may see it.

    ``statements`` are those that say something else then than the portal, or that stand
    on what ends. ``has_hidden`` tells that matches or statements are concerned that the
    viewer may not see. Of a change that ``is_counted``, because it concerns too many
    matches to be tried, ``standing`` counts them by state, and ``statements`` name them.
    """

    matches: list[MatchChange] = field(default_factory=list)
    statements: list[StatementChange] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)
    has_hidden: bool = False
    standing: list[tuple[MatchState, int]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.matches or self.statements or self.has_hidden or self.is_counted)

    @property
    def is_counted(self) -> bool:
        """Return whether the change was not tried."""
        return bool(self.standing)

    @property
    def first_matches(self) -> list[MatchChange]:
        """Return the first matches, claims first."""
        return self.matches[:LISTED]

    @property
    def named(self) -> list[StatementChange]:
        """Return the first statements."""
        return self.statements[:LISTED]

    @property
    def counts(self) -> list[tuple[MatchState, str, int]]:
        """Return how many matches of each state change, and how; claims first."""
        counted = Counter((change.before, change.how) for change in self.matches)
        return [(state, how, count) for (state, how), count in counted.items()]

    @property
    def mark(self) -> str:
        """Return a value that differs if anything else would change."""
        rows = [
            *((change.match.uid, change.after, change.counted_ms) for change in self.matches),
            *((statement.kind, statement.uid, statement.texts) for statement in self.statements),
            *self.standing,
        ]
        return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def consequences_of(change: Callable[[], object], *, about: Q) -> Consequences:
    """Return what a change does to statements; ``about`` names the matches on its ground.

    Raises what the change raises, unless it concerns too many matches to be tried.
    """
    with working_for(None):
        uids = Match.objects.filter(about).values_list("uid", flat=True)
        stated_by = set(uids[: TRIED + 1])
    if len(stated_by) > TRIED:
        return _counted(about)
    standing = Match.objects.filter(about)
    stood = {match.pk: _why_unchanged(match) for match in standing.only(*_OF_KIND)}
    with _taken_back() as events:
        change()
        cases = {
            event.case
            for event in events
            if event.case.startswith(_CASE) and event.action not in _SAME_QUESTION
        }
        with working_for(None):
            then = _joined_rows(cases, events)
        statements = stand_on(events, stated_by)
        said_then = read_all(statements)
    changes, has_hidden = changes_between(statements, read_all(statements), said_then)
    ended, has_hidden_ended = _standing_on(_ended(events))
    gone = _in_deleted(events, stood)
    before = _rows(cases)
    stays = Counter(
        _of_deleted(kind[0]) if key in gone else kind
        for key, kind in stood.items()
        if key not in then
    )
    return Consequences(
        matches=_match_changes(before, then, events),
        statements=_merge_statements(changes, ended),
        unchanged=[
            Unchanged(state, why, count)
            for (state, why), count in sorted(
                stays.items(), key=lambda item: _ORDER.index(item[0][0])
            )
        ],
        has_hidden=has_hidden or has_hidden_ended or len(before) < len(then),
    )


def _counted(about: Q) -> Consequences:
    """Count the matches on a ground, and name the statements on them."""
    matches = Match.objects.filter(about)
    states = Counter(matches.values_list("state", flat=True))
    statements = list(stated_of(matches))
    seen = states.total(), len(statements)
    with working_for(None):
        everything = matches.count(), stated_of(matches).count()
    return Consequences(
        statements=[as_change(statement) for statement in statements],
        has_hidden=seen != everything,
        standing=[(state, states[state]) for state in _ORDER if states[state]],
    )


def _match_changes(
    before: Mapping[int, Match], then: Mapping[int, Match], events: Iterable[Event]
) -> list[MatchChange]:
    """Return the matches that change, claims first."""
    otherwise = {event.case for event in events if event.action == GROUND}
    joined = {event.case for event in events if event.action in _JOINS}
    return sorted(
        (
            MatchChange(
                match,
                after=MatchState(then[key].state),
                counted_ms=then[key].matched_ms,
                is_seen_otherwise=match.case in otherwise,
            )
            for key, match in before.items()
            # A join is news where it decides a match otherwise, or somebody reviews it.
            if match.case not in joined
            or match.state != then[key].state
            or match.state == MatchState.IN_REVIEW
        ),
        key=lambda change: (_ORDER.index(change.before), change.match.pk),
    )


def _joined_rows(cases: Collection[str], events: Iterable[Event]) -> dict[int, Match]:
    """Return what matches became, by their keys; of a joined one its survivor."""
    rows = _rows(cases)
    by_uid = {match.uid: match for match in rows.values()}
    into = {
        event.case.removeprefix(_CASE): by_uid[event.after["match"]]
        for event in events
        if event.action == JOINED_INTO
    }
    former = MatchAlias.objects.filter(uid__in=into)
    return rows | {alias.former_key: into[alias.uid] for alias in former}


def _ended(events: Iterable[Event]) -> Iterator[str]:
    """Yield the files and recordings that end; those of a bucket have no event."""
    for event in events:
        if event.action in _ENDS:
            yield event.case
        elif event.action == _BUCKET_DELETED:
            bucket = int(event.case.partition(":")[2])
            with working_for(None):
                rows = Recording.objects.filter(bucket=bucket)
                uids = list(rows.values_list("uid", flat=True))
            yield from (f"recording:{uid}" for uid in uids)


def _standing_on(cases: Iterable[str]) -> tuple[list[StatementChange], bool]:
    """Return the statements on what ends, and whether some are hidden from the viewer."""
    ended = list(cases)
    with working_for(None):
        everything = _distinct(standing_on(ended))
    seen = _distinct(standing_on(ended))
    changes = [
        StatementChange(statement.kind, statement.uid, statement.name, statement.url)
        for statement in seen
    ]
    return changes, len(seen) < len(everything)


def _distinct(stated: Mapping[str, list[StandingStatement]]) -> list[StandingStatement]:
    return list(dict.fromkeys(chain.from_iterable(stated.values())))


def _merge_statements(
    changes: Sequence[StatementChange], ended: Iterable[StatementChange]
) -> list[StatementChange]:
    """Return the statements that change, and the others that stand on what ends."""
    named = {(change.kind, change.uid) for change in changes}
    unchanged = [statement for statement in ended if (statement.kind, statement.uid) not in named]
    order = [kind for kind, _label in kind_choices()]
    return sorted([*changes, *unchanged], key=lambda statement: order.index(statement.kind))


def _in_deleted(events: Iterable[Event], keys: Collection[int]) -> set[int]:
    """Return which of the matches lie in files that were deleted."""
    uids = [event.case.partition(":")[2] for event in events if event.action == _FILE_DELETED]
    if not uids:
        return set()
    rows = Match.objects.filter(scanned_file__uid__in=uids, pk__in=list(keys))
    return set(rows.values_list("pk", flat=True))


def _of_deleted(state: MatchState) -> tuple[MatchState, str]:
    """Return what becomes of a match whose file is deleted."""
    if state in WAITING_STATES:
        return state, _("It leaves the queue with its file.")
    return state, _("The decision stays, without its file.")


def _rows(cases: Collection[str]) -> dict[int, Match]:
    uids = [case.removeprefix(_CASE) for case in cases]
    rows = Match.objects.filter(uid__in=uids)
    return {match.pk: match for match in rows.select_related("recording", "scanned_file")}


def _why_unchanged(match: Match) -> tuple[MatchState, str]:
    """Return the state of a match, and why it stays if it does."""
    state = MatchState(match.state)
    if state == MatchState.DISPUTED:
        return state, _("A person answers the dispute.")
    if state in WAITING_STATES:
        return state, _("It waits as before.")
    if state == MatchState.SUPPRESSED:
        return state, _("What suppressed it still holds.")
    if match.licence_id is not None:
        return state, _("Its licence still covers the use.")
    if match.decider == Decider.PERSON:
        return state, _("A person decided, and as much of it counts.")
    if match.decider == Decider.PROGRAM:
        return state, _("A program decided, and as much of it counts.")
    return state, _("What decided it still holds.")


@contextmanager
def _taken_back() -> Iterator[list[Event]]:
    """Roll back all that the block writes; yield the events that it recorded so far.

    Jobs and messages that wait for the commit go with it. Rows that the block read keep
    its values in memory, so let it read its own.
    """
    events: list[Event] = []
    with transaction.atomic(), handled_events(events.extend):
        yield events
        transaction.set_rollback(True)
