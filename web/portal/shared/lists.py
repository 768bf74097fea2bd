"""Paging, counting and sorting that all lists share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

PAGE_SIZE = 25
COUNTED = 10_000
"""Counting and paging stop here; a longer list shows ``10,000+``."""
COUNTED_IN_MENU = 999

Row = TypeVar("Row", bound=Model)


def count_of(rows: QuerySet[Any], *, most: int | None = None) -> int:
    """Count the rows up to ``most + 1``, which means that there are more.

    Counting stops there, at ``COUNTED`` by default, because it is slow.
    """
    most = COUNTED if most is None else most
    return rows.order_by().values("pk")[: most + 1].count()


class _Page(Page[Row]):
    """A page that ends at ``COUNTED`` rows."""

    def end_index(self) -> int:
        """Return the number of the last row on the page."""
        return min(super().end_index(), COUNTED)


class _Pages(Paginator[Row]):
    """A paginator that stops at ``COUNTED`` rows."""

    object_list: QuerySet[Row]

    def _get_page(
        self, object_list: QuerySet[Row], number: int, paginator: Paginator[Row]
    ) -> Page[Row]:
        return _Page(object_list, number, paginator)

    @cached_property
    def count(self) -> int:
        """Return the number of rows, at most ``COUNTED + 1``."""
        return count_of(self.object_list)

    @cached_property
    def goes_on(self) -> bool:
        """Return whether there are more rows than the pages show."""
        return self.count > COUNTED

    @cached_property
    def num_pages(self) -> int:
        """Return the number of pages, at least 1."""
        return -(-min(self.count, COUNTED) // self.per_page) or 1


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> Page[Row]:
    """Return the page in the query string; the last page if it is past the end."""
    return _Pages(rows, PAGE_SIZE).get_page(request.GET.get("page"))


def sorted_by(
    request: HttpRequest,
    rows: QuerySet[Row],
    columns: Mapping[str, str | Sequence[str]],
    *,
    default: str,
) -> QuerySet[Row]:
    """Order by the query parameter ``sort`` (``-name`` descends), then by primary key.

    ``columns`` maps names to a model field or several; an unknown name sorts by ``default``.
    """
    order = request.GET.get("sort") or default
    descending = order.startswith("-")
    fields = columns.get(order.lstrip("-")) or columns[default.lstrip("-")]
    sign = "-" if descending else ""
    names = [fields] if isinstance(fields, str) else fields
    return rows.order_by(*(f"{sign}{name}" for name in (*names, "pk")))
