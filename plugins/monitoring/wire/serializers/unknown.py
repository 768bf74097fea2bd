"""Wire formats of repeated unknown sound, which ACRCloud calls UCF.

A container that finds unknown sound is a project of the type FILES. ACRCloud documents
the rows of results; those of projects are what its command line shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rest_framework import serializers

from plugins.monitoring.unknown.models import ItemState, UnknownItem
from scanning.models import Container
from web.acrapi.formats import instant, plain_instant
from web.acrapi.serializers.containers import DEFAULT_REGION

# Any in this module: JSON.
Json = dict[str, Any]

PENDING, EDITED, BUCKETED, DELETED = 0, 2, 10, -1
STATUSES: Final = {
    ItemState.UNIDENTIFIED: PENDING,
    ItemState.NAMED: BUCKETED,
    ItemState.IGNORED: DELETED,
}
_UNKNOWN_LABEL = 0


class UnknownProjectSerializer(serializers.Serializer[None]):
    """A container that finds unknown sound."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    region = serializers.CharField()
    type = serializers.CharField(help_text="FILES")
    created_at = serializers.DateTimeField()


class UnknownItemSerializer(serializers.Serializer[None]):
    """Sound that returns in the container's files."""

    id = serializers.IntegerField()
    acr_id = serializers.CharField()
    status = serializers.IntegerField(
        help_text="0 unknown, 2 unknown with a label, 10 named, -1 ignored."
    )
    label = serializers.IntegerField(help_text="0: unknown.")  # type: ignore[assignment]  # the name on the wire
    num = serializers.IntegerField(help_text="Occurrences in this container.")
    duration_ms = serializers.IntegerField()
    metadata = serializers.JSONField(allow_null=True)
    created_at = serializers.CharField()
    pid = serializers.IntegerField()
    operators = serializers.ListField(child=serializers.JSONField())
    updated_at = serializers.CharField()


def project_shapes(containers: Sequence[Container]) -> list[Json]:
    """Return containers as projects."""
    return [
        {
            "id": container.pk,
            "name": container.name,
            "region": container.region or DEFAULT_REGION,
            "type": "FILES",
            "created_at": instant(container.created_at),
        }
        for container in containers
    ]


def item_shapes(items: Sequence[UnknownItem], container: Container) -> list[Json]:
    """Return items, with their occurrences ``num`` in the container."""
    return [
        {
            "id": item.pk,
            "acr_id": item.acr_id,
            "status": _status(item),
            "label": _UNKNOWN_LABEL,
            "num": item.num,  # type: ignore[attr-defined]  # an annotation
            "duration_ms": item.length_ms,
            "metadata": None,
            "created_at": plain_instant(item.created_at),
            "pid": container.pk,
            "operators": [],
            "updated_at": plain_instant(item.updated_at),
        }
        for item in items
    ]


def _status(item: UnknownItem) -> int:
    status = STATUSES[ItemState(item.state)]
    return EDITED if status == PENDING and item.label else status
