"""Paging and sorting as every list does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import Model, QuerySet
from django.http import HttpRequest

PAGE_SIZE = 25

Row = TypeVar("Row", bound=Model)


def page_of(request: HttpRequest, rows: QuerySet[Row]) -> Page[Row]:
    """Return the page that the query string names; the last one past the end."""
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))


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
