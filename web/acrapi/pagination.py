"""Pages of lists, with the links and counts that clients follow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from rest_framework.request import Request

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 1000
_MAX_DIGITS = 12

Row = TypeVar("Row", bound=Model)


def paged(
    request: Request,
    rows: QuerySet[Row],
    shape: Callable[[Sequence[Row]], list[dict[str, Any]]],  # Any: JSON
    *,
    per_page_as_text: bool = False,
) -> dict[str, Any]:  # Any: JSON
    """Return the requested page in its envelope.

    Page 0 means page 1, a page past the end is empty, and ``per_page`` is capped.
    ``shape`` turns the page's rows into JSON.
    """
    page = max(1, _number(request, "page", 1))
    per_page = _number(request, "per_page", DEFAULT_PER_PAGE) or DEFAULT_PER_PAGE
    per_page = min(per_page, MAX_PER_PAGE)
    total = rows.count()
    start = (page - 1) * per_page
    page_rows = list(rows[start : start + per_page]) if start < total else []
    # An empty list still has one page.
    last = max(1, -(-total // per_page))
    return {
        "data": shape(page_rows),
        "links": {
            "first": _link(request, 1),
            "last": _link(request, last),
            "prev": _link(request, page - 1) if page > 1 else None,
            "next": _link(request, page + 1) if page < last else None,
        },
        "meta": {
            "current_page": page,
            "from": start + 1 if page_rows else None,
            "last_page": last,
            "path": request.build_absolute_uri(request.path),
            "per_page": str(per_page) if per_page_as_text else per_page,
            "to": start + len(page_rows) if page_rows else None,
            "total": total,
        },
    }


def _number(request: Request, name: str, otherwise: int) -> int:
    """Return a whole number from the query; invalid values count as missing."""
    text = request.query_params.get(name, "").strip()
    if not (text.isascii() and text.isdigit()):
        return otherwise
    # More digits would exceed the database's integers.
    return int(text[:_MAX_DIGITS])


def _link(request: Request, page: int) -> str:
    """Return the URL of a page with the current filters."""
    query = request.query_params.copy()
    query["page"] = str(page)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
