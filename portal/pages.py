"""Paging, counting and sorting as every list does it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

PAGE_SIZE = 25
COUNTED = 10_000
"""So far a list is counted; one that is longer shows ``10,000+`` and ends there."""

Row = TypeVar("Row", bound=Model)


def count_of(rows: QuerySet[Any]) -> int:
    """Return how many rows there are; one more than ``COUNTED`` where there are more.

    Nobody reads on past that, and to count a million takes longer than the page.
    """
    return rows.order_by().values("pk")[: COUNTED + 1].count()


class _Page(Page[Row]):
    """A page of what was counted so far."""

    def end_index(self) -> int:
        """Return the number of the last row on the page."""
        return min(super().end_index(), COUNTED)


class _Pages(Paginator[Row]):
    """Counts and pages so far and no farther."""

    object_list: QuerySet[Row]

    def _get_page(
        self, object_list: QuerySet[Row], number: int, paginator: Paginator[Row]
    ) -> Page[Row]:
        return _Page(object_list, number, paginator)

    @cached_property
    def count(self) -> int:
        """Return the number of rows as ``count_of`` does."""
        return count_of(self.object_list)

    @cached_property
    def goes_on(self) -> bool:
        """Tell whether there is more than the pages hold."""
        return self.count > COUNTED

    @cached_property
    def num_pages(self) -> int:
        """Return how many pages can be opened."""
        return -(-min(self.count, COUNTED) // self.per_page) or 1


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> Page[Row]:
    """Return the page that the query string names; the last one past the end."""
    return _Pages(rows, PAGE_SIZE).get_page(request.GET.get("page"))


def sorted_by(
    request: HttpRequest,
    rows: QuerySet[Row],
    columns: Mapping[str, str],
    *,
    default: str,
) -> QuerySet[Row]:
    """Order by the column that ``sort`` names (``-name`` downwards), then by key."""
    wanted = request.GET.get("sort") or default
    descending = wanted.startswith("-")
    column = columns.get(wanted.lstrip("-")) or columns[default.lstrip("-")]
    sign = "-" if descending else ""
    return rows.order_by(f"{sign}{column}", f"{sign}pk")
