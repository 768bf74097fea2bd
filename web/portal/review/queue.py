"""The review queue as its address describes it: the matches and their order.

The review page carries the same query string, so that next and previous follow the
list that the user came from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from urllib.parse import urlencode

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from review import selectors
from review.choices import WAITING_STATES, MatchState
from review.filters import MatchFilter
from review.models import Match
from review.models.match import NEVER, NO_SCORE, Never
from scanning import selectors as scanning_selectors
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from web.portal.shared.lists import COUNTED, count_of

DEFAULT_SORT = "due"


@dataclass(frozen=True, slots=True)
class _Key:
    """One column of an order: the database expression, and the same value of a match.

    ``plain`` names a column that is below a value whenever the expression is. With a
    condition on it, PostgreSQL can estimate the rows from its statistics; for the
    expression alone it guesses and reads the whole table.
    """

    name: str
    expression: Combinable
    value: Callable[[Match], object]
    falls: bool = False
    plain: str = ""


# Name in the address → the columns; the primary key follows them as the tie-break.
_ORDERS: dict[str, tuple[_Key, ...]] = {
    "due": (
        _Key(
            "placed_due",
            Coalesce("due_at", Never()),
            lambda match: match.due_at or NEVER,
            plain="due_at",
        ),
        _Key("placed_priority", F("priority"), lambda match: match.priority, falls=True),
        _Key("placed_found", F("created_at"), lambda match: match.created_at),
    ),
    "value": (
        _Key("placed_priority", F("priority"), lambda match: match.priority, falls=True),
        _Key("placed_views", F("source_views"), lambda match: match.source_views, falls=True),
        _Key("placed_matched", F("matched_ms"), lambda match: match.matched_ms, falls=True),
    ),
    "found": (_Key("placed_by", F("created_at"), lambda match: match.created_at),),
    "reason": (
        _Key("placed_by", F("queue_reason"), lambda match: match.queue_reason),
        _Key("placed_found", F("created_at"), lambda match: match.created_at),
    ),
    "title": (_Key("placed_by", F("recording__title"), lambda match: match.recording.title),),
    "source": (_Key("placed_by", F("scanned_file__name"), lambda match: match.scanned_file.name),),
    "matched": (_Key("placed_by", F("matched_ms"), lambda match: match.matched_ms),),
    "score": (
        _Key(
            "placed_by",
            Coalesce("score", Value(NO_SCORE)),
            lambda match: NO_SCORE if match.score is None else match.score,
        ),
        _Key("placed_bits", F("bits"), lambda match: match.bits),
    ),
}


# The orders in the menu; the column headings offer the others.
ORDERS = (
    ("due", _("Due first")),
    ("value", _("Most at stake first")),
    ("found", _("Oldest first")),
    ("-found", _("Newest first")),
    ("-score", _("Highest score first")),
    ("-matched", _("Longest first")),
)


class View(StrEnum):
    """The tabs of the queue whose matches people walk through."""

    WAITING = "waiting"
    MINE = "mine"
    ESCALATED = "escalated"
    DISPUTES = "disputes"


_STATES: Mapping[View, Sequence[MatchState]] = {
    View.ESCALATED: (MatchState.ESCALATED,),
    View.DISPUTES: (MatchState.DISPUTED,),
}
"""The states that a view lists, where it does not list all waiting matches."""


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """A match's position in the queue; ``number`` is 0 if the match is not in it.

    Both numbers are capped as in ``count_of``, because exact counts are slow.
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
        """Read a query string; ignore unknown values so old links work."""
        view, sort = query.get("view", ""), query.get("sort", "")
        return cls(
            user=user,
            view=View(view) if view in set(View) else View.WAITING,
            filters=MatchFilter.from_query(query).without("state"),
            sort=sort if sort.lstrip("-") in _ORDERS else DEFAULT_SORT,
        )

    def query(self, **parameters: object) -> str:
        """Return the query string of this queue, with its question mark, or nothing."""
        values: dict[str, object] = dict(self.filters.to_query())
        if self.view != View.WAITING:
            values["view"] = self.view.value
        if self.sort != DEFAULT_SORT:
            values["sort"] = self.sort
        values |= {name: value for name, value in parameters.items() if value}
        return f"?{urlencode(values, doseq=True)}" if values else ""

    def url_of(self, match: Match, **parameters: object) -> str:
        """Return the address of the match's review page within this queue."""
        return f"{match.review_url}{self.query(**parameters)}"

    @property
    def url(self) -> str:
        """Return the address of the list; never bare, which opens the default view."""
        if self.view == View.DISPUTES:
            return reverse("portal:dispute_list")
        query = self.query() or f"?view={self.view.value}"
        return f"{reverse('portal:queue')}{query}"

    @property
    def holds_all_waiting(self) -> bool:
        """Tell whether the queue is unfiltered: its total is then the menu's count."""
        return self.view == View.WAITING and self.filters == MatchFilter()

    def rows(self) -> QuerySet[Match]:
        """Return the matches of the queue in its order."""
        return self._unordered().order_by(*self._order())

    def first_of(self, page: Sequence[Match]) -> Match | None:
        """Return the first match that this user can decide; ``page`` is the first page.

        It is nearly always among these, and few rows are faster to look through.
        """
        open_rows = self._open()
        return open_rows.filter(pk__in=[match.pk for match in page]).first() or (open_rows.first())

    def next_to(self, match: Match) -> Match | None:
        """Return the next match that this user can decide, from the start after the end.

        Only the columns that its address needs are loaded, as in ``before``. Disputes
        are few, and people who may not answer them look through them, too.
        """
        open_rows = self._open()
        for beyond, order in self._beyond(match, backwards=False):
            rows = open_rows.filter(beyond).order_by(*order)
            if (later := rows.first()) is not None:
                return later
        return open_rows.exclude(pk=match.pk).first()

    def before(self, match: Match) -> Match | None:
        """Return the previous match that this user can decide; None for the first."""
        nearest = (
            self._open().filter(beyond).order_by(*order).last()
            for beyond, order in self._beyond(match, backwards=True)
        )
        return next((match for match in nearest if match is not None), None)

    def place_of(self, match: Match) -> QueuePosition:
        """Return the match's position and the total."""
        rows = self._unordered()
        inside = rows.filter(pk=match.pk).exists()
        earlier = 0
        for beyond, _order in self._beyond(match, backwards=True):
            if earlier <= COUNTED:
                earlier += count_of(rows.filter(beyond))
        return QueuePosition(earlier + 1 if inside else 0, count_of(rows))

    def _open(self) -> QuerySet[Match]:
        """Return the rows that this user can decide, with the columns of ``_ways``."""
        if self.view == View.DISPUTES:
            return self._ways()
        return self._ways().filter(selectors.open_to(self.user))

    def _ways(self) -> QuerySet[Match]:
        """Return the rows in order, with only the columns of their addresses."""
        rows = self.rows().select_related(None).prefetch_related(None)
        return rows.only("uid")

    def _unordered(self) -> QuerySet[Match]:
        states = _STATES.get(self.view, WAITING_STATES)
        rows = selectors.matches(filters=self.filters.having(state=states))
        if self.view == View.MINE:
            rows = rows.filter(_is_mine(self.user))
        return rows.annotate(**{key.name: key.expression for key in self._keys()})

    def _keys(self) -> tuple[_Key, ...]:
        return _ORDERS[self.sort.lstrip("-")]

    def _steps(self) -> list[_Key]:
        """Return the columns of the order with their direction, the primary key last."""
        turned = self.sort.startswith("-")
        steps = (*self._keys(), _Key("pk", F("pk"), lambda match: match.pk))
        return [replace(key, falls=key.falls != turned) for key in steps]

    def _order(self) -> list[str]:
        return [("-" if key.falls else "") + key.name for key in self._steps()]

    def _beyond(self, match: Match, *, backwards: bool) -> list[tuple[Q, Sequence[str]]]:
        """Return the conditions for the rows after the match, or before it.

        The nearest rows come first: rows equal to the match in all columns but the
        last, then in all but the last two, and so on. Each condition is one range of
        an index. Each comes with an order by only the columns in which its rows
        differ, because SQLite would sort by the others too.
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


@dataclass(frozen=True, slots=True)
class AllMatches:
    """The list of all matches with its filters, decided ones too."""

    user: User
    filters: MatchFilter

    @classmethod
    def from_query(cls, query: QueryDict, user: User) -> AllMatches:
        """Read a query string, as the list does."""
        return cls(user, MatchFilter.from_query(query))

    @property
    def url(self) -> str:
        """Return the address of the list."""
        query = urlencode(self.filters.to_query(), doseq=True)
        return f"{reverse('portal:match_list')}{f'?{query}' if query else ''}"

    def rows(self) -> QuerySet[Match]:
        """Return the matches of the list."""
        return selectors.matches(filters=self.filters).order_by("-pk")


def tab_counts(user: User, *, waiting: int | None = None) -> dict[str, dict[str, int]]:
    """Return the number of rows in each tab of the queue, for the tabs and the menu.

    ``waiting`` is the number of waiting matches, if the caller has counted them.
    """
    all_waiting = selectors.waiting()
    tabs = {
        "mine": all_waiting.filter(_is_mine(user)),
        "escalated": all_waiting.filter(state=MatchState.ESCALATED),
        "unmatched": unmatched_files(),
        "disputes": selectors.open_disputes(),
    }
    counts = {name: count_of(rows) for name, rows in tabs.items()}
    counts["waiting"] = count_of(all_waiting) if waiting is None else waiting
    return {"tabs": counts, "nav": {"queue": counts["waiting"]}}


def _is_mine(user: User) -> Q:
    """Return the condition that the user holds the review lock or is the assignee.

    By their keys, because SQLite would read all waiting matches for an "or" of columns.
    """
    now = datetime.now(tz=UTC)
    held = Match.objects.filter(locked_by=user, locked_until__gt=now)
    assigned = Match.objects.filter(assignee=user)
    return Q(pk__in=held.order_by().values("pk").union(assigned.order_by().values("pk")))


def unmatched_files(*, expected: bool = False) -> QuerySet[ScannedFile]:
    """Return the scanned files in which no recording is heard, newest first.

    ``expected`` returns the files marked as rightly without matches, which wait for
    nobody; otherwise those are left out.
    """
    heard = Match.objects.filter(Match.heard(), scanned_file=OuterRef("pk"))
    return scanning_selectors.files().filter(
        ~Exists(heard), status=FileStatus.NO_MATCH, no_match_expected=expected
    )
