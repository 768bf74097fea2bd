"""Reading rows of historical models in batches, for the migrations here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

_AT_ONCE = 1000


def batches(rows: QuerySet[Any]) -> Iterator[list[Any]]:  # Any: historical models
    """Yield rows in lists of limited length."""
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:_AT_ONCE]):
        yield batch
        last = batch[-1].pk
