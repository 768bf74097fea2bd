"""Wire formats of containers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, Sum
from drf_spectacular.utils import OpenApiExample, extend_schema_serializer
from rest_framework import serializers

from base.common.api_requests import ChoiceField
from scanning.choices import AudioType
from scanning.models import Container, ScannedFile
from scanning.models.container import whole_file_policy
from web.acrapi.formats import instant
from web.acrapi.serializers.fields import (
    BucketsField,
    FlagField,
    PolicyField,
    ShortText,
    WebAddressField,
)

# Any in this module: JSON.
Json = dict[str, Any]

# Clients build the host of file calls from it, so it is never empty.
DEFAULT_REGION = "eu-west-1"
_FLAGS = ("deepright", "music_detection", "ai_detection")
_EXAMPLE = {
    "name": "test",
    "region": "eu-west-1",
    "buckets": [23],
    "audio_type": "linein",
    "engine": 1,
    "policy": {"type": "traverse", "interval": 0, "rec_length": 10},
}


@extend_schema_serializer(
    component_name="Container",
    examples=[OpenApiExample("Whole files", value=_EXAMPLE, request_only=True)],
)
class ContainerRequestSerializer(serializers.Serializer[None]):
    """The fields of a new container."""

    name = ShortText(max_length=200)
    region = serializers.RegexField(r"^[a-z0-9][a-z0-9-]{0,31}\Z", max_length=32)
    audio_type = ChoiceField(choices=AudioType.choices, required=False, default=AudioType.LINE_IN)
    buckets = BucketsField()
    engine = serializers.IntegerField(min_value=1, max_value=5)
    policy = PolicyField(required=False)
    callback_url = WebAddressField(required=False, allow_blank=True, allow_null=True)
    deepright = FlagField(required=False)
    music_detection = FlagField(required=False)
    ai_detection = FlagField(required=False)


@extend_schema_serializer(component_name="ContainerUpdate")
class ContainerUpdateSerializer(ContainerRequestSerializer):
    """Any subset of the fields; the region cannot change."""

    def get_fields(self) -> dict[str, Any]:
        """Make all fields optional, without defaults."""
        fields = super().get_fields()
        fields.pop("region")
        fields["audio_type"] = ChoiceField(choices=AudioType.choices)
        for field in fields.values():
            field.required = False
        return fields


def container_columns(fields: Json) -> Json:
    """Return the columns that a valid request sets; buckets are not among them."""
    columns = {
        name: fields[name]
        for name in ("name", "region", "audio_type", "callback_url", *_FLAGS)
        if name in fields
    }
    if "engine" in fields:
        columns["wire_engine"] = fields["engine"]
    if "policy" in fields:
        columns["policy"] = fields["policy"] or whole_file_policy()
    return columns


class BucketReferenceSerializer(serializers.Serializer[None]):
    """A bucket that a container searches."""

    id = serializers.IntegerField()
    name = serializers.CharField()


@extend_schema_serializer(component_name="Container")
class ContainerSerializer(serializers.Serializer[None]):
    """A container."""

    id = serializers.IntegerField()
    uid = serializers.IntegerField()
    name = serializers.CharField()
    region = serializers.CharField()
    state = serializers.IntegerField()
    buckets = BucketReferenceSerializer(many=True)
    audio_type = serializers.CharField()
    engine = serializers.IntegerField()
    policy = serializers.DictField()
    callback_url = serializers.CharField(allow_null=True)
    deepright = serializers.BooleanField()
    music_detection = serializers.BooleanField()
    ai_detection = serializers.BooleanField()
    num = serializers.IntegerField()
    size = serializers.IntegerField()
    created_at = serializers.CharField()
    updated_at = serializers.CharField()


def container_shapes(containers: Sequence[Container]) -> list[Json]:
    """Return containers in wire format; one query counts all their files."""
    ids = [container.pk for container in containers]
    counted = (
        ScannedFile.objects.present()
        .filter(container__in=ids)
        .order_by()
        .values("container")
        .annotate(num=Count("pk"), size=Sum("size_bytes"))
    )
    figures = {row["container"]: (row["num"], row["size"]) for row in counted}
    shapes = []
    for container in containers:
        num, size = figures.get(container.pk, (0, 0))
        buckets = sorted(container.buckets.all(), key=lambda bucket: bucket.pk)
        shapes.append(
            {
                "id": container.pk,
                "uid": container.created_by_id or 0,
                "name": container.name,
                "region": container.region or DEFAULT_REGION,
                "state": 1,
                "buckets": [{"id": bucket.pk, "name": bucket.name} for bucket in buckets],
                "audio_type": container.audio_type,
                "engine": container.wire_engine,
                "policy": container.policy,
                "callback_url": container.callback_url or None,
                **{flag: getattr(container, flag) for flag in _FLAGS},
                "num": num,
                "size": size,
                "created_at": instant(container.created_at),
                "updated_at": instant(container.updated_at),
            }
        )
    return shapes
