"""The review queue as its address says it: which matches, in which order.

The review page carries the same address part, so that next and previous follow the
list that the person came from.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.urls import reverse

from accounts.models import User
from review import selectors
from review.choices import WAITING_STATES, MatchState
from review.filters import MatchFilter
from review.models import Match
from scanning import selectors as scanning_selectors
from scanning.choices import FileStatus
from scanning.models import ScannedFile

# Name in the address → the column, and how the match itself tells the value.
_COLUMNS = {
    "found": "created_at",
    "reason": "queue_reason",
    "title": "recording__title",
    "source": "scanned_file__name",
    "matched": "matched_ms",
    "relation": "relation",
    "score": "score",
}
DEFAULT_SORT = "found"
_NO_SCORE = -1


class View(StrEnum):
    """The tabs of the queue that list matches."""

    WAITING = "waiting"
    MINE = "mine"
    ESCALATED = "escalated"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a match stands in the queue; number 0 where it is not in it."""

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
            sort=sort if sort.lstrip("-") in _COLUMNS else DEFAULT_SORT,
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
        """Return where this queue is listed."""
        return f"{reverse('portal:queue')}{self.query()}"

    def rows(self) -> QuerySet[Match]:
        """Return the matches of the queue in its order."""
        return self._unordered().order_by(*self._order())

    def next_to(self, match: Match | None) -> Match | None:
        """Return the next match that this person could decide, round the end."""
        open_rows = self.rows().filter(selectors.open_to(self.user))
        if match is None:
            return open_rows.first()
        later = open_rows.filter(self._beyond(match, backwards=False)).first()
        return later or open_rows.exclude(pk=match.pk).first()

    def before(self, match: Match) -> Match | None:
        """Return the match before this one; None at the beginning."""
        return self.rows().filter(self._beyond(match, backwards=True)).last()

    def place_of(self, match: Match) -> Place:
        """Return where the match stands."""
        rows = self._unordered()
        inside = rows.filter(pk=match.pk).exists()
        earlier = rows.filter(self._beyond(match, backwards=True)).count()
        return Place(earlier + 1 if inside else 0, rows.count())

    def _unordered(self) -> QuerySet[Match]:
        states = (
            (MatchState.ESCALATED,) if self.view == View.ESCALATED else WAITING_STATES
        )
        rows = selectors.matches(filters=replace(self.filters, states=states))
        if self.view == View.MINE:
            rows = rows.filter(
                locked_by=self.user, locked_until__gt=datetime.now(tz=UTC)
            )
        return rows.annotate(placed_by=self._column())

    def _column(self) -> Any:  # Any: F or Coalesce, which share no typed base
        column = _COLUMNS[self.sort.lstrip("-")]
        if column == "score":
            return Coalesce(F(column), Value(_NO_SCORE), output_field=_score_field())
        return F(column)

    def _order(self) -> tuple[str, str]:
        sign = "-" if self.sort.startswith("-") else ""
        return f"{sign}placed_by", f"{sign}pk"

    def _beyond(self, match: Match, *, backwards: bool) -> Q:
        """Return the condition of what comes after the match, or before it."""
        way = "lt" if backwards != self.sort.startswith("-") else "gt"
        value = _value_of(match, _COLUMNS[self.sort.lstrip("-")])
        return Q((f"placed_by__{way}", value)) | Q(
            ("placed_by", value), (f"pk__{way}", match.pk)
        )


def _score_field() -> Any:  # Any: a model field, whose generics say nothing here
    return Match._meta.get_field("score")


def _value_of(match: Match, column: str) -> object:
    values = {
        "created_at": match.created_at,
        "queue_reason": match.queue_reason,
        "recording__title": match.recording.title,
        "scanned_file__name": match.scanned_file.name,
        "matched_ms": match.matched_ms,
        "relation": match.relation,
        "score": _NO_SCORE if match.score is None else match.score,
    }
    return values[column]


def tab_counts(user: User) -> dict[str, int]:
    """Return how many each tab of the queue holds."""
    counts = {view.value: Queue(user, view)._unordered().count() for view in View}
    return counts | {"unmatched": unmatched_files().count()}


def unmatched_files() -> QuerySet[ScannedFile]:
    """Return the files whose finished scan found nothing, newest first."""
    return scanning_selectors.files().filter(status=FileStatus.NO_MATCH)
