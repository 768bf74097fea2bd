"""Previews what a change of a ground does to the statements that stand on it.

The change is made and taken back (``review.services.trial``), so that a preview and the
change cannot differ.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.deciders import Decider
from accounts.reach import working_for
from audit.models import Event
from audit.standing import StandingStatement, StatementKind, standing_on
from evidence.selectors import current_packs, evidence_of_many
from notices.checks import changes_since_signed
from notices.models import STANDING_NOTICES, TakedownNotice
from notices.selectors import is_in_notice, notices_of
from reports.cue_sheet_files import EXPORTED
from reports.marks import marks_of
from review.choices import WAITING_STATES, MatchState
from review.models import Match, MatchAlias
from review.services.transitions import GROUND, JOINED, JOINED_INTO, NAMED_OTHERWISE
from review.services.trial import taken_back

LISTED: Final = 200
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
_GROUNDS: Final = (_FILE_DELETED, "recording.retired", "recording.changed")
"""Events of files and recordings that take the ground from what was stated."""
_NAMED: Final = 10
_OF_KIND: Final = (
    *("state", "licence"),
    *("decided_by", "decided_by_name", "decided_by_program"),
)


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
class NoticeChange:
    """A signed notice, and what it then says wrongly of its matches."""

    notice: TakedownNotice
    texts: list[str]


@dataclass(frozen=True, slots=True)
class Unchanged:
    """Matches that stand on the ground and stay as they are."""

    state: MatchState
    why: str
    count: int


@dataclass(frozen=True, slots=True)
class Consequences:
    """What a change of a ground does, as far as the viewer may see it.

    ``packs``, ``sheets`` and ``declared`` count the evidence packs, exported cue sheets and
    declared matches that would differ from today. ``stands`` are the statements on files
    and recordings that end or change. ``has_hidden`` tells that matches or statements are
    concerned that the viewer may not see.
    """

    matches: list[MatchChange] = field(default_factory=list)
    notices: list[NoticeChange] = field(default_factory=list)
    unchanged: list[Unchanged] = field(default_factory=list)
    packs: int = 0
    sheets: int = 0
    declared: int = 0
    stands: list[StandingStatement] = field(default_factory=list)
    has_hidden: bool = False

    def __bool__(self) -> bool:
        return bool(self.matches or self.notices or self.stands or self.has_hidden)

    @property
    def standing(self) -> list[tuple[str, int, list[StandingStatement]]]:
        """Return the statements by kind: its label, their number and the first of them."""
        kinds = [
            (str(kind.label), [each for each in self.stands if each.kind == kind])
            for kind in StatementKind
        ]
        return [(label, len(some), some[:_NAMED]) for label, some in kinds if some]

    @property
    def listed(self) -> list[MatchChange]:
        """Return the first matches, claims first."""
        return self.matches[:LISTED]

    @property
    def counts(self) -> list[tuple[MatchState, str, int]]:
        """Return how many matches of each state change, and how; claims first."""
        found = Counter((each.before, each.how) for each in self.matches)
        return [(state, how, count) for (state, how), count in found.items()]

    @property
    def mark(self) -> str:
        """Return a value that differs if anything else would change."""
        rows = [
            *((each.match.uid, each.after, each.counted_ms) for each in self.matches),
            *((each.notice.uid, each.texts) for each in self.notices),
            *((each.kind, each.uid) for each in self.stands),
        ]
        return hashlib.sha256(repr(rows).encode()).hexdigest()[:16]


def consequences_of(change: Callable[[], object], *, about: Q) -> Consequences:
    """Return what a change does to statements; ``about`` names the matches on its ground.

    Raises what the change raises.
    """
    standing = Match.objects.filter(about)
    stood = {match.pk: _why_unchanged(match) for match in standing.only(*_OF_KIND)}
    notices = _notices_about(standing)
    said = _read(notices)
    with taken_back() as events:
        change()
        cases = {
            each.case
            for each in events
            if each.case.startswith(_CASE) and each.action not in _SAME_QUESTION
        }
        with working_for(None):
            then = _joined_rows(cases, events)
        differed = _differing(then)
        then_said = _read(notices)
    grounds = [each.case for each in events if each.action in _GROUNDS]
    stands, has_hidden = _standing_on(grounds)
    gone = _in_deleted(events, stood)
    before = _rows(cases)
    differs = _differing(before)
    otherwise = {each.case for each in events if each.action == GROUND}
    joined = {each.case for each in events if each.action in _JOINS}
    matches = sorted(
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
        key=lambda each: (_ORDER.index(each.before), each.match.pk),
    )
    stays = Counter(
        _of_deleted(kind[0]) if key in gone else kind
        for key, kind in stood.items()
        if key not in then
    )
    return Consequences(
        matches=matches,
        notices=list(_changed_notices(notices, said, then_said)),
        unchanged=[
            Unchanged(state, why, count)
            for (state, why), count in sorted(
                stays.items(), key=lambda item: _ORDER.index(item[0][0])
            )
        ],
        packs=len(differed.packs - differs.packs),
        declared=len(differed.declared - differs.declared),
        sheets=_exported_sheets(each.match for each in matches),
        stands=stands,
        has_hidden=has_hidden or len(before) < len(then),
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


def standing_consequences(cases: Collection[str]) -> Consequences:
    """Return the statements that stand on files and recordings, whatever changes there."""
    stands, has_hidden = _standing_on(cases)
    return Consequences(stands=stands, has_hidden=has_hidden)


def _standing_on(cases: Collection[str]) -> tuple[list[StandingStatement], bool]:
    """Return the statements that the viewer sees, and whether others are hidden."""
    with working_for(None):
        everything = _each_once(standing_on(cases))
    seen = _each_once(standing_on(cases))
    return seen, len(seen) < len(everything)


def _each_once(
    stated: Mapping[str, list[StandingStatement]],
) -> list[StandingStatement]:
    return list(dict.fromkeys(chain.from_iterable(stated.values())))


def _in_deleted(events: Iterable[Event], keys: Collection[int]) -> set[int]:
    """Return which of the matches lie in files that were deleted."""
    uids = [
        each.case.partition(":")[2] for each in events if each.action == _FILE_DELETED
    ]
    if not uids:
        return set()
    rows = Match.objects.filter(scanned_file__uid__in=uids, pk__in=list(keys))
    return set(rows.values_list("pk", flat=True))


def _of_deleted(state: MatchState) -> tuple[MatchState, str]:
    """Return what becomes of a match whose file is deleted."""
    if state in WAITING_STATES:
        return state, _("It leaves the queue with its file.")
    return state, _("The decision stays, without its file.")


@dataclass(frozen=True, slots=True)
class _Differing:
    """Matches whose packs or declarations say something else than they do."""

    packs: set[int]
    declared: set[int]


def _differing(rows: Mapping[int, Match]) -> _Differing:
    packs, marks = evidence_of_many(rows), marks_of(rows)
    ready = {key for key, each in packs.items() if each.ready is not None}
    return _Differing(
        ready - current_packs(rows).keys(),
        {key for key, each in marks.items() if any(mark.has_changed for mark in each)},
    )


def _rows(cases: Collection[str]) -> dict[int, Match]:
    uids = [case.removeprefix(_CASE) for case in cases]
    rows = Match.objects.filter(uid__in=uids)
    return {each.pk: each for each in rows.select_related("recording", "scanned_file")}


def _notices_about(matches: QuerySet[Match]) -> list[TakedownNotice]:
    found = {
        notice.pk: notice
        for match in matches.filter(is_in_notice())
        for notice in notices_of(match)
        if notice.state in STANDING_NOTICES
    }
    return [found[key] for key in sorted(found)]


def _read(notices: Collection[TakedownNotice]) -> dict[int, dict[int, str]]:
    """Return what each notice says wrongly, by its items."""
    changes = changes_since_signed(notices)
    return {
        key: {item.pk: f"{item.match}: {text}" for item, text in changed}
        for key, changed in changes.items()
    }


def _changed_notices(
    notices: Iterable[TakedownNotice],
    said: Mapping[int, Mapping[int, str]],
    then: Mapping[int, Mapping[int, str]],
) -> Iterator[NoticeChange]:
    for notice in notices:
        before = said[notice.pk]
        texts = [
            text for key, text in then[notice.pk].items() if text != before.get(key)
        ]
        if texts:
            yield NoticeChange(notice, texts)


def _exported_sheets(matches: Iterable[Match]) -> int:
    cases = {f"file:{match.scanned_file.uid}" for match in matches}
    exported = Event.objects.filter(case__in=cases, action=EXPORTED)
    return exported.values("case").distinct().count()


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
