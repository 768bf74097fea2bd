"""What each kind of statement tells this package: who sees it, how it differs from today.

Kinds live above and register here; they keep tables, numbers and legal steps of their own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.registry import Registry
from review.choices import MatchState
from statements.choices import NamedKind, named_kinds
from statements.errors import StatementRefused
from statements.models import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What a statement says of one use; the fields are those of ``StatementFact``."""

    match: str = ""
    recording: str = ""
    file: str = ""
    broadcast: str = ""
    start_ms: int | None = None
    end_ms: int | None = None
    state: str = ""
    cells: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON


@dataclass(frozen=True, slots=True)
class Difference:
    """A sentence about what a statement says otherwise than the portal does today.

    ``match`` is the uid of the match that it is about, if there is one.
    """

    text: str
    match: str = ""


class Kind(NamedKind, ABC):
    """One kind of statement."""

    has_card: bool = False
    """The page of a match shows these on a card of their own."""
    model: type[models.Model]
    """The rows whose uids the subjects are, unless ``seen`` says otherwise."""
    followed_days: int | None = None
    """So long a statement is compared with today; None for no end."""
    reading: Action = Action.VIEW
    """Whoever opens their pages needs it; the statement's own page shows them to everybody."""
    correcting: Action = Action.DECIDE
    """Whoever corrects these needs it."""

    may_end: bool = False
    """Rows of its table may be deleted, so links lead to the statement's own page."""

    def seen(self, subjects: Collection[str]) -> Collection[str]:
        """Return those of the subjects that the viewer may see, with all their files."""
        rows = self.model._default_manager.filter(uid__in=subjects)
        return set(rows.values_list("uid", flat=True))

    @abstractmethod
    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare statements with today; return what differs, by key.

        It runs without access limits. What statements share is read once for all.
        """

    def present(self, subjects: Collection[str]) -> Collection[str]:
        """Return those of the subjects whose pages still exist."""
        return subjects

    @abstractmethod
    def url(self, statement: Statement) -> str:
        """Return the address of the page on which people work with it."""

    def correct_url(self, statement: Statement) -> str:
        """Return the address of the page where a correction begins."""
        return self.url(statement)

    def corrected(self, subjects: Collection[str]) -> Collection[str]:
        """Return those of the subjects that have a correction which nobody relies on yet."""
        return ()

    def concerned(self, cases: Mapping[str, Collection[str]]) -> Iterable[str]:
        """Return subjects that changes concern although none of their facts names them.

        ``cases`` are uids by the kind of their case, such as "file" or "match".
        """
        return ()

    def case(self, statement: Statement) -> str:
        """Return the case of the audit trail in which its kind records what people do."""
        return f"{statement.kind}:{statement.subject}"

    def acts(self, statement: Statement) -> Q:
        """Return the condition on the events of its kind's case that are about it."""
        return Q(case=self.case(statement))

    def why_not_withdraw(self, statement: Statement, user: User) -> str:
        """Return why the user may not take back a statement that others rely on."""
        return _("It cannot be withdrawn: a corrected one replaces it.")

    def withdraw(self, *, statement: Statement, user: User, note: str) -> None:
        """Take the statement back; raises ``StatementRefused``."""
        raise StatementRefused(self.why_not_withdraw(statement, user))


# The model, which lies below, reads their names alone.
kinds = cast("Registry[Kind]", named_kinds)


def kind_of(statement: Statement) -> Kind:
    """Return what a statement's kind tells."""
    return next(kind for kind in kinds if kind.kind == statement.kind)


def compared_state(state: str) -> str:
    """Return the state of a match as comparisons read it: a look at it is no change."""
    return MatchState.PENDING.value if state == MatchState.IN_REVIEW else state


def address_of(statement: Statement) -> str:
    """Return the address to which lists and marks lead: a page that never goes, for everybody."""
    kind = kind_of(statement)
    is_for_all = kind.reading == Action.VIEW and not kind.may_end
    return kind.url(statement) if is_for_all else statement.page_url
