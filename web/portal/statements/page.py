"""Reads what the pages of statements show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Q, QuerySet
from django.http import Http404

from base.accounts.models import User
from base.audit.standing import StatementKind
from reports.cue_statement import lines_in_words
from review.models import Match
from statements.choices import STANDING, StatementState
from statements.facts import fact_rows, matches_by_any_uid
from statements.kinds import kind_of, kinds
from statements.models import Statement, StatementStep
from statements.selectors import (
    Differing,
    acts_on,
    differing,
    is_kept,
    statement_in_reach,
    statements_in_reach,
)
from statements.services import why_not_keep, why_not_withdraw

LISTED: Final = 3
"""So many differences are shown of each statement in the list."""
_FACTS: Final = 200
_ICONS: Final = {
    StatementState.DRAFT: "edit",
    StatementState.SUBMITTED: "clock",
    StatementState.APPROVED: "check",
    StatementState.SENT: "check",
    StatementState.REPLACED: "swap",
    StatementState.WITHDRAWN: "ban",
}


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement, what differs, and what the viewer may do with it."""

    statement: Statement
    icon: str
    step: StatementStep | None
    """The step into its state."""
    differing: Differing | None
    kind_url: str
    """Of the page on which people work with it; empty if that is gone or not for the viewer."""
    is_present: bool
    """That page still exists."""
    correct_url: str
    may_keep: bool
    why_not_withdraw: str
    """A sentence, of a statement that others rely on; empty if the viewer may."""
    may_withdraw: bool
    is_kept: bool

    @property
    def unlisted_count(self) -> int:
        """Return how many differences the list leaves out."""
        if self.differing is None:
            return 0
        unlisted = max(0, len(self.differing.texts) - LISTED)
        return unlisted + self.differing.unlisted

    @property
    def first(self) -> Sequence[str]:
        """Return the differences that the list shows."""
        return self.differing.texts[:LISTED] if self.differing else ()


def rows_of(statements: Iterable[Statement], user: User) -> list[StatementRow]:
    """Return statements as the list shows them; the steps are prefetched."""
    listed_statements = list(statements)
    differences, pages = differing(listed_statements), _pages_of(listed_statements, user)
    return [
        _row(statement, differences.get(statement.pk), user, pages)
        for statement in listed_statements
    ]


@dataclass(frozen=True, slots=True)
class _Pages:
    """The keys of statements whose subjects have pages, and which of these the viewer may open
    or correct.
    """

    present: set[int] = field(default_factory=set)
    readable: set[int] = field(default_factory=set)
    correctable: set[int] = field(default_factory=set)


def _pages_of(statements: Sequence[Statement], user: User) -> _Pages:
    pages = _Pages()
    for kind in kinds:
        of_kind = [row for row in statements if row.kind == kind.kind]
        if not of_kind:
            continue
        subjects = {row.subject for row in of_kind}
        with_pages = set(kind.present(subjects))
        present = {row.pk for row in of_kind if row.subject in with_pages}
        pages.present.update(present)
        if user.has_perm(kind.reading):
            pages.readable.update(present)
        if user.has_perm(kind.correcting):
            free = with_pages - set(kind.corrected(subjects))
            pages.correctable.update(row.pk for row in of_kind if row.subject in free)
    return pages


def with_steps(rows: QuerySet[Statement]) -> QuerySet[Statement]:
    """Read the steps of statements with them."""
    return rows.prefetch_related("steps").select_related("kept_by")


def _row(
    statement: Statement, differs: Differing | None, user: User, pages: _Pages
) -> StatementRow:
    kind = kind_of(statement)
    steps = [step for step in statement.steps.all() if step.state == statement.state]
    stands, refusal = statement.state in STANDING, why_not_withdraw(statement, user)
    return StatementRow(
        statement=statement,
        icon=_ICONS[StatementState(statement.state)],
        step=steps[-1] if steps else None,
        differing=differs,
        kind_url=kind.url(statement) if statement.pk in pages.readable else "",
        is_present=statement.pk in pages.present,
        correct_url=kind.correct_url(statement)
        if statement.pk in pages.correctable and stands and differs
        else "",
        may_keep=bool(differs and not why_not_keep(statement, user)),
        why_not_withdraw=refusal if stands else "",
        may_withdraw=not refusal,
        is_kept=is_kept(statement),
    )


def find_statement(uid: str) -> Statement:
    """Return a statement that the user may see, or raise a 404."""
    statement = statement_in_reach(uid)
    if statement is None:
        raise Http404
    return statement


def context_of(statement: Statement, user: User) -> dict[str, object]:
    """Return the context of the page of one statement."""
    (row,) = rows_of([statement], user)
    facts = list(statement.facts.order_by("pk")[:_FACTS])
    rows = list(fact_rows(facts))
    return {
        "row": row,
        "statement": statement,
        "versions": _versions(statement),
        "steps": statement.steps.all(),
        "files": statement.files.all(),
        "facts": rows,
        "hidden_facts": len(facts) - len(rows),
        "fact_count": statement.facts.count(),
        "lines": _lines(statement),
        "events": acts_on(statement),
    }


def _lines(statement: Statement) -> list[tuple[dict[str, str], Match | None]]:
    """Return the lines of a cue sheet, with the matches that the viewer may see."""
    if statement.kind != StatementKind.CUE_SHEET:
        return []
    stated = list(statement.facts.order_by("pk").values_list("match", flat=True))
    matches = matches_by_any_uid(set(stated))
    lines = lines_in_words(statement)
    return [(line, matches.get(uid)) for line, uid in zip(lines, stated, strict=True)]


def _versions(statement: Statement) -> list[Statement]:
    """Return the versions of a statement, the newest first.

    Some kinds correct a row with another one, so that versions have different subjects.
    """
    newer = older = statement
    version_keys = {statement.pk}
    while following := Statement.objects.filter(replaces=newer).first():
        newer = following
        version_keys.add(newer.pk)
    while older.replaces is not None:
        older = older.replaces
        version_keys.add(older.pk)
    of_subject = Q(kind=statement.kind, subject=statement.subject)
    return list(
        statements_in_reach(of_subject | Q(pk__in=version_keys)).order_by("-version", "-pk")
    )
