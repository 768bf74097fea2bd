"""Reads statements: those that the viewer sees, those to correct, those about a match."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import Final

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from base.accounts.reach import sees_everything
from base.audit.models import Event
from base.audit.standing import Standing, StandingStatement
from base.common.zones import office_day
from review.choices import WAITING_STATES, MatchState
from review.models import Match, MatchAlias
from statements.choices import FOLLOWED, ISSUED, STANDING, StatementState
from statements.kinds import address_of, kind_of, kinds
from statements.models import Statement, StatementFact

_MATCH: Final = "match:"


def statements_in_reach(among: Q | None = None) -> QuerySet[Statement]:
    """Return the statements, ``among`` some, whose subjects the viewer may see.

    For a viewer with limits each subject is looked up, so lists name few.
    """
    # A package that is switched off leaves its statements behind.
    rows = Statement.objects.filter(among or Q(), kind__in=[kind.kind for kind in kinds])
    if sees_everything():
        return rows
    visible = Q(pk__in=[])
    for kind in kinds:
        of_kind = rows.filter(kind=kind.kind).order_by()
        subjects = set(of_kind.values_list("subject", flat=True).distinct())
        seen = set(kind.seen(subjects)) if subjects else subjects
        visible |= (
            Q(kind=kind.kind) if seen == subjects else Q(kind=kind.kind, subject__in=list(seen))
        )
    return rows.filter(visible)


@dataclass(frozen=True, slots=True)
class Differing:
    """What a viewer may read of the differences of a statement, and of their cause.

    ``hidden`` counts the sentences that access limits hide, ``unlisted`` those that are
    not stored. ``cause`` is the change after which they were found, if it is known and
    within the viewer's limits.
    """

    texts: Sequence[str]
    hidden: int
    unlisted: int
    cause: Event | None


def differing(statements: Iterable[Statement]) -> dict[int, Differing]:
    """Return what the viewer may read of the differences of statements, by key."""
    rows = [row for row in statements if row.differs_since is not None]
    named = {difference["match"] for row in rows for difference in row.differs_in}
    events = Event.objects.in_bulk(
        [row.differs_event for row in rows if row.differs_event is not None]
    )
    named |= {
        event.case.removeprefix(_MATCH)
        for event in events.values()
        if event.case.startswith(_MATCH)
    }
    seen = seen_matches(named - {""})
    return {row.pk: _differing(row, seen, events) for row in rows}


def _differing(row: Statement, seen: Collection[str], events: Mapping[int, Event]) -> Differing:
    texts = [
        difference["text"]
        for difference in row.differs_in
        if not difference["match"] or difference["match"] in seen
    ]
    cause = events.get(row.differs_event or 0)
    if cause is not None and cause.case.startswith(_MATCH):
        cause = cause if cause.case.removeprefix(_MATCH) in seen else None
    stored_count = len(row.differs_in)
    return Differing(texts, stored_count - len(texts), row.differs_count - stored_count, cause)


def seen_matches(uids: Collection[str]) -> Collection[str]:
    """Return those of the matches that the viewer may see, by any of their uids."""
    if sees_everything():
        return uids
    managers = (Match.objects, MatchAlias.objects)
    visible_uids = (rows.filter(uid__in=uids).values_list("uid", flat=True) for rows in managers)
    return set(chain.from_iterable(visible_uids))


def is_followed() -> Q:
    """Return the condition that a statement is compared with today."""
    is_over = Q(followed_until__lt=office_day())
    return Q(state__in=FOLLOWED) & ~is_over


class Subset(StrEnum):
    """Which statements a list shows."""

    TO_CORRECT = "correct"
    KEPT = "kept"
    ALL = "all"


def is_to_correct() -> Q:
    """Return the condition that others rely on a statement that differs from today.

    One that somebody keeps is left out, until it differs in something else.
    """
    return _stands_and_differs() & ~_is_kept()


def _stands_and_differs() -> Q:
    return is_followed() & Q(differs_since__isnull=False, state__in=STANDING)


def _is_kept() -> Q:
    return Q(kept_sha256=F("differs_sha256")) & (
        Q(kept_until__isnull=True) | Q(kept_until__gte=office_day())
    )


def is_kept(statement: Statement) -> bool:
    """Return whether somebody keeps a statement with what it differs in."""
    until = statement.kept_until
    return bool(
        statement.differs_sha256
        and statement.kept_sha256 == statement.differs_sha256
        and (until is None or until >= office_day())
    )


def list_statements(*, subset: Subset = Subset.TO_CORRECT) -> QuerySet[Statement]:
    """Return the statements that the viewer may see, the newest first."""
    among = Q()
    if subset == Subset.TO_CORRECT:
        among = is_to_correct()
    elif subset == Subset.KEPT:
        among = _stands_and_differs() & _is_kept()
    return statements_in_reach(among).order_by("-pk")


def last_of(kind: str, subject: str) -> Statement | None:
    """Return the last version of a statement, whoever asks."""
    rows = Statement.objects.filter(kind=kind, subject=subject)
    return rows.order_by("-version").first()


def statement_in_reach(uid: str) -> Statement | None:
    """Return a statement that the viewer may see, with its steps."""
    rows = statements_in_reach(Q(uid=uid)).select_related("kept_by")
    return rows.prefetch_related("steps").first()


def acts_on(statement: Statement) -> QuerySet[Event]:
    """Return the events of a statement, the newest first, with those of its kind's own case."""
    events = Event.objects.filter(Q(case=statement.case) | kind_of(statement).acts(statement))
    return events.order_by("-at", "-pk")


def count_to_correct() -> int:
    """Count the statements to correct that the viewer may see, up to a thousand."""
    return statements_in_reach(is_to_correct()).order_by()[:1000].count()


@dataclass(frozen=True, slots=True)
class Mark:
    """What a statement says of a match or broadcast.

    ``statement`` is None if the viewer may not see it. ``then`` is the state of the match
    in it, ``uses`` is how many uses it names. ``changes`` are the stored sentences about
    what it says otherwise than the portal does today.
    """

    statement: Statement | None
    then: str = ""
    now: str = ""
    uses: int = 0
    changes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the statement's name, as far as the viewer may know it."""
        if self.statement is None:
            return _("A statement that you may not see")
        return self.statement.name

    @property
    def url(self) -> str:
        """Return the address of the statement; empty if the viewer may not see it."""
        return address_of(self.statement) if self.statement else ""

    @property
    def is_decided_otherwise(self) -> bool:
        """Tell whether the match has another state now than the statement says.

        Whoever looks at a match that waits decides nothing.
        """
        waits = {self.then, self.now} <= set(WAITING_STATES)
        return bool(self.then) and self.then != self.now and not waits

    @property
    def has_changed(self) -> bool:
        """Tell whether anything of it is otherwise now."""
        return self.is_decided_otherwise or bool(self.changes)


def marks_of_matches(
    matches: Iterable[Match], *, states: Collection[StatementState] = ISSUED
) -> dict[str, list[Mark]]:
    """Return what statements say of matches, by the match's uid, the newest first.

    The number of queries is fixed, and one mark stands for all that the viewer may not
    see.
    """
    now = {match.uid: match.state for match in matches}
    former = MatchAlias.objects.filter(match__uid__in=list(now))
    about = Q(match__in=list(now)) | Q(match__in=former.values("uid"))
    return _marks("match", about, now, states)


def marks_of_broadcast(uid: str) -> list[Mark]:
    """Return what statements say of a broadcast; they would be wrong if it moved."""
    return _marks("broadcast", Q(broadcast=uid), {}, FOLLOWED).get(uid, [])


def _marks(
    column: str, about: Q, now: Mapping[str, str], states: Collection[StatementState]
) -> dict[str, list[Mark]]:
    facts = StatementFact.objects.filter(
        about, statement__state__in=states, statement__kind__in=[kind.kind for kind in kinds]
    )
    rows = list(facts.order_by("-statement", "pk").values_list("statement", column, "state"))
    if not rows:
        return {}
    former = MatchAlias.objects.filter(uid__in={uid for _key, uid, _state in rows})
    names = dict(former.values_list("uid", "match__uid"))
    stated: dict[tuple[int, str], list[str]] = {}
    for key, uid, state in rows:
        # Cue sheets also name parts of matches that do not count.
        then = state if state in MatchState.values else ""
        stated.setdefault((key, names.get(uid, uid)), []).append(then)
    statements = Statement.objects.defer("content").in_bulk({key for key, _uid in stated})
    seen = statements_in_reach(Q(pk__in=statements))
    visible = set(seen.values_list("pk", flat=True))
    marks: dict[str, list[Mark]] = {}
    hidden: dict[str, Mark] = {}
    for (key, uid), thens in stated.items():
        statement = statements[key]
        if key not in visible:
            hidden[uid] = Mark(None)
            continue
        changes = (
            change["text"]
            for change in statement.differs_in
            if names.get(change["match"], change["match"]) == uid
        )
        marks.setdefault(uid, []).append(
            Mark(statement, thens[0], now.get(uid, ""), len(thens), tuple(dict.fromkeys(changes)))
        )
    for uid, mark in hidden.items():
        marks.setdefault(uid, []).append(mark)
    return marks


def stated_of(matches: QuerySet[Match]) -> QuerySet[Statement]:
    """Return the statements that others rely on and that name some matches."""
    named = Q(match__in=matches.values("uid")) | Q(
        match__in=MatchAlias.objects.filter(match__in=matches).values("uid")
    )
    facts = StatementFact.objects.filter(named).values("statement")
    among = Q(pk__in=facts, state__in=ISSUED)
    return statements_in_reach(among).order_by("pk")


def is_stated() -> Q:
    """Return the condition that a statement which others rely on names a match."""
    named = StatementFact.objects.filter(statement__state__in=STANDING).values("match")
    former = MatchAlias.objects.filter(uid__in=named).values("match")
    return Q(uid__in=named) | Q(pk__in=former)


def standing_on(cases: Sequence[str]) -> Standing:
    """Return the statements that stand on files and recordings, by case."""
    uids: dict[str, list[str]] = {"file": [], "recording": []}
    for case in cases:
        name, __, uid = case.partition(":")
        uids.get(name, []).append(uid)
    facts = StatementFact.objects.filter(
        Q(file__in=uids["file"]) | Q(recording__in=uids["recording"]),
        statement__in=statements_in_reach(),
        statement__state__in=ISSUED,
    )
    grounds = set(cases)
    # One recording may be named thousands of times.
    named = list(
        facts.order_by("statement").values_list("statement", "file", "recording").distinct()
    )
    statements = Statement.objects.defer("content").in_bulk(
        {key for key, _file, _recording in named}
    )
    stated: dict[str, dict[StandingStatement, None]] = {}
    for key, file, recording in named:
        statement = statements[key]
        about = StandingStatement(
            statement.kind, statement.subject, statement.name, address_of(statement)
        )
        for case in {f"file:{file}", f"recording:{recording}"} & grounds:
            stated.setdefault(case, {})[about] = None
    return {case: list(distinct) for case, distinct in stated.items()}


def concerned_by(cases: Mapping[str, Collection[str]]) -> Q:
    """Return the condition that changes of these cases may concern a statement."""
    about = Q()
    matches = set(cases.get("match", ()))
    columns = {
        "match": matches
        | set(MatchAlias.objects.filter(match__uid__in=matches).values_list("uid", flat=True)),
        "file": cases.get("file", ()),
        "recording": cases.get("recording", ()),
        "broadcast": cases.get("broadcast", ()),
    }
    named = Q()
    for column, uids in columns.items():
        if uids:
            named |= Q(**{f"{column}__in": list(uids)})
    if recordings := list(columns["recording"]):
        # A merge may have given a match another recording than its facts name.
        today = Match.objects.filter(
            Q(recording__uid__in=recordings) | Q(recording__merged_into__uid__in=recordings)
        )
        former = MatchAlias.objects.filter(match__in=today)
        named |= Q(match__in=today.values("uid")) | Q(match__in=former.values("uid"))
    if named:
        about |= Q(pk__in=StatementFact.objects.filter(named).values("statement"))
    for kind in kinds:
        if subjects := list(kind.concerned(cases)):
            about |= Q(kind=kind.kind, subject__in=subjects)
    return about
