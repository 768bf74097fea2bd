"""The review queue as its address says it: which matches, in which order.

The review page carries the same address part, so that next and previous follow the
list that the person came from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlencode

from django.db.models import (
    F,
    Q,
    QuerySet,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from portal.pages import COUNTED, count_of
from review import selectors
from review.choices import WAITING_STATES, MatchState
from review.filters import MatchFilter
from review.models import Match
from review.models.match import NEVER, NO_SCORE, Never
from scanning import selectors as scanning_selectors
from scanning.choices import FileStatus
from scanning.models import ScannedFile

DEFAULT_SORT = "due"


@dataclass(frozen=True, slots=True)
class _Key:
    """One column of an order: what the database sorts by, and a match's own value.

    ``plain`` is a column that is below a value wherever the expression is: PostgreSQL
    knows how many rows that is, of an expression it guesses and reads the whole table.
    """

    name: str
    expression: Combinable
    value: Callable[[Match], object]
    falls: bool = False
    plain: str = ""


# Name in the address → the columns; the key of the row comes after them.
_ORDERS: dict[str, tuple[_Key, ...]] = {
    "due": (
        _Key(
            "placed_due",
            Coalesce("due_at", Never()),
            lambda match: match.due_at or NEVER,
            plain="due_at",
        ),
        _Key(
            "placed_priority", F("priority"), lambda match: match.priority, falls=True
        ),
        _Key("placed_found", F("created_at"), lambda match: match.created_at),
    ),
    "value": (
        _Key(
            "placed_priority", F("priority"), lambda match: match.priority, falls=True
        ),
        _Key(
            "placed_views",
            F("source_views"),
            lambda match: match.source_views,
            falls=True,
        ),
        _Key(
            "placed_matched",
            F("matched_ms"),
            lambda match: match.matched_ms,
            falls=True,
        ),
    ),
    "found": (_Key("placed_by", F("created_at"), lambda match: match.created_at),),
    "reason": (
        _Key("placed_by", F("queue_reason"), lambda match: match.queue_reason),
        _Key("placed_found", F("created_at"), lambda match: match.created_at),
    ),
    "title": (
        _Key("placed_by", F("recording__title"), lambda match: match.recording.title),
    ),
    "source": (
        _Key(
            "placed_by", F("scanned_file__name"), lambda match: match.scanned_file.name
        ),
    ),
    "matched": (_Key("placed_by", F("matched_ms"), lambda match: match.matched_ms),),
    "score": (
        _Key(
            "placed_by",
            Coalesce("score", Value(NO_SCORE)),
            lambda match: NO_SCORE if match.score is None else match.score,
        ),
    ),
}


# The orders that are offered by name; the rest are the heads of the columns.
ORDERS = (
    ("due", _("Due first")),
    ("value", _("Most at stake first")),
    ("found", _("Oldest first")),
    ("-found", _("Newest first")),
    ("-score", _("Highest score first")),
    ("-matched", _("Longest first")),
)


class View(StrEnum):
    """The tabs of the queue that list matches."""

    WAITING = "waiting"
    MINE = "mine"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a match stands in the queue; number 0 where it is not in it.

    Both count as ``count_of`` does.
    """

    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Queue:
    """One view of the queue with its filters and its order."""

    user: User
    view: View = View.WAITING
    filters: MatchFilter = field(default_factory=MatchFilter)
    sort: str = DEFAULT_SORT

    @classmethod
    def from_query(cls, query: QueryDict, user: User) -> Queue:
        """Read an address; what it does not know counts as not said."""
        view, sort = query.get("view", ""), query.get("sort", "")
        return cls(
            user=user,
            view=View(view) if view in set(View) else View.WAITING,
            filters=replace(MatchFilter.from_query(query), states=()),
            sort=sort if sort.lstrip("-") in _ORDERS else DEFAULT_SORT,
        )

    def query(self, **more: object) -> str:
        """Return the address part that leads back here, with the question mark."""
        values: dict[str, object] = dict(self.filters.to_query())
        if self.view != View.WAITING:
            values["view"] = self.view.value
        if self.sort != DEFAULT_SORT:
            values["sort"] = self.sort
        values |= {name: value for name, value in more.items() if value}
        return f"?{urlencode(values, doseq=True)}" if values else ""

    def url_of(self, match: Match, **more: object) -> str:
        """Return where the match is reviewed as one of this queue."""
        return f"{match.review_url}{self.query(**more)}"

    @property
    def url(self) -> str:
        """Return where this queue is listed; never bare, which opens the default view."""
        query = self.query() or f"?view={self.view.value}"
        return f"{reverse('portal:queue')}{query}"

    @property
    def holds_all_waiting(self) -> bool:
        """Tell whether it is everything that waits, which the menu counts too."""
        return self.view == View.WAITING and self.filters == MatchFilter()

    def rows(self) -> QuerySet[Match]:
        """Return the matches of the queue in its order."""
        return self._unordered().order_by(*self._order())

    def next_to(self, match: Match | None) -> Match | None:
        """Return the next match that this person could decide, round the end.

        Of this match and the one before, only the way there is read.
        """
        open_rows = self._ways().filter(selectors.open_to(self.user))
        if match is None:
            return open_rows.first()
        for beyond, order in self._beyond(match, backwards=False):
            rows = open_rows.filter(beyond).order_by(*order)
            if (later := rows.first()) is not None:
                return later
        return open_rows.exclude(pk=match.pk).first()

    def before(self, match: Match) -> Match | None:
        """Return the match before this one; None at the beginning."""
        found = (
            self._ways().filter(beyond).order_by(*order).last()
            for beyond, order in self._beyond(match, backwards=True)
        )
        return next((each for each in found if each is not None), None)

    def place_of(self, match: Match) -> Place:
        """Return where the match stands."""
        rows = self._unordered()
        inside = rows.filter(pk=match.pk).exists()
        earlier = 0
        for beyond, _order in self._beyond(match, backwards=True):
            if earlier <= COUNTED:
                earlier += count_of(rows.filter(beyond))
        return Place(earlier + 1 if inside else 0, count_of(rows))

    def _ways(self) -> QuerySet[Match]:
        """Return the rows in order, with no more than their addresses."""
        rows = self.rows().select_related(None).prefetch_related(None)
        return rows.only("uid")

    def _unordered(self) -> QuerySet[Match]:
        states = (
            (MatchState.ESCALATED,) if self.view == View.ESCALATED else WAITING_STATES
        )
        rows = selectors.matches(filters=replace(self.filters, states=states))
        if self.view == View.MINE:
            rows = rows.filter(_is_mine(self.user))
        return rows.annotate(**{key.name: key.expression for key in self._keys()})

    def _keys(self) -> tuple[_Key, ...]:
        return _ORDERS[self.sort.lstrip("-")]

    def _steps(self) -> list[_Key]:
        """Return the order as it is read, down to the key of the row."""
        turned = self.sort.startswith("-")
        steps = (*self._keys(), _Key("pk", F("pk"), lambda match: match.pk))
        return [replace(key, falls=key.falls != turned) for key in steps]

    def _order(self) -> list[str]:
        return [("-" if key.falls else "") + key.name for key in self._steps()]

    def _beyond(
        self, match: Match, *, backwards: bool
    ) -> list[tuple[Q, Sequence[str]]]:
        """Return the conditions of what comes after the match, or before it.

        The nearest first: what agrees in all columns but the last, in all but two,
        and so on. Each by itself is a piece of the order that an index begins at, and
        stands with the columns that its rows do not agree in: SQLite would sort by the
        others too.
        """
        conditions: list[tuple[Q, Sequence[str]]] = []
        same, order = Q(), self._order()
        for number, key in enumerate(self._steps()):
            way = "lt" if key.falls != backwards else "gt"
            value = key.value(match)
            condition = same & Q((f"{key.name}__{way}", value))
            if key.plain and way == "lt":
                condition &= Q((f"{key.plain}__lt", value))
            conditions.append((condition, order[number:]))
            same &= Q((key.name, value))
        return conditions[::-1]


def tab_counts(user: User) -> dict[str, dict[str, int]]:
    """Return how many each tab of the queue holds, for the tabs and the menu."""
    waiting = selectors.waiting()
    tabs = {
        "waiting": waiting,
        "mine": waiting.filter(_is_mine(user)),
        "escalated": waiting.filter(state=MatchState.ESCALATED),
        "unmatched": unmatched_files(),
        "disputes": selectors.open_disputes(),
    }
    counts = {name: count_of(rows) for name, rows in tabs.items()}
    return {"tabs": counts, "nav": {"pending_matches": counts["waiting"]}}


def _is_mine(user: User) -> Q:
    """Return the condition that the user holds a match, or is to decide it."""
    held = Q(locked_by=user, locked_until__gt=datetime.now(tz=UTC))
    return held | Q(assignee=user)


def unmatched_files(*, expected: bool = False) -> QuerySet[ScannedFile]:
    """Return the files whose finished scan found nothing, newest first.

    Those in which nothing was to be found wait for nobody; ``expected`` returns them.
    """
    return scanning_selectors.files().filter(
        status=FileStatus.NO_MATCH, no_match_expected=expected
    )
