"""Long results in parts: each names the row after which the next one begins."""

from __future__ import annotations

from typing import TypeVar

from django.db.models import Model, QuerySet
from rest_framework import serializers

AT_ONCE = 500
Row = TypeVar("Row", bound=Model)


class PartSerializer(serializers.Serializer[None]):
    """Which part of long results to return."""

    after = serializers.CharField(
        required=False, default="", help_text="``next`` of the part before."
    )


def part_of(rows: QuerySet[Row], name: str, after: str) -> tuple[list[Row], str]:
    """Return the rows after the one that is named, and the name of the last of them.

    The name is empty if there are no more.
    """
    if after:
        last = rows.model._default_manager.filter(**{name: after})
        rows = rows.filter(pk__gt=last.values("pk")[:1])
    some = list(rows.order_by("pk")[: AT_ONCE + 1])
    is_last = len(some) <= AT_ONCE
    return some[:AT_ONCE], "" if is_last else str(getattr(some[AT_ONCE - 1], name))
