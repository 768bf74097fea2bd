"""Envelopes around data, for the OpenAPI description."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


class ErrorSerializer(serializers.Serializer[None]):
    """Any refusal."""

    message = serializers.CharField(help_text="What is wrong and what to do.")
    error = serializers.CharField(help_text="The same text.")
    code = serializers.CharField(help_text="Stable name; see the list of codes.")
    request_id = serializers.CharField(help_text="Quote it when you ask the operator.")


class InvalidSerializer(ErrorSerializer):
    """A refusal of values, with messages by field."""

    errors = serializers.DictField(  # type: ignore[assignment]  # a field, not the property
        child=serializers.ListField(child=serializers.CharField())
    )


class LinksSerializer(serializers.Serializer[None]):
    """URLs of other pages."""

    first = serializers.CharField()
    last = serializers.CharField()
    prev = serializers.CharField(allow_null=True)
    next = serializers.CharField(allow_null=True)


class MetaSerializer(serializers.Serializer[None]):
    """Position of this page in the list."""

    current_page = serializers.IntegerField()
    last_page = serializers.IntegerField()
    path = serializers.CharField()
    per_page = serializers.IntegerField()
    to = serializers.IntegerField(allow_null=True)
    total = serializers.IntegerField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Add ``from``, a Python keyword. Any: DRF's own type."""
        return super().get_fields() | {"from": serializers.IntegerField(allow_null=True)}


class TextMetaSerializer(MetaSerializer):
    """The variant of dedup lists, where ``per_page`` is a text."""

    per_page = serializers.CharField()  # type: ignore[assignment]  # differs on the wire


@lru_cache
def enveloped(
    inner: type[serializers.Serializer[Any]], *, many: bool = False
) -> serializers.Serializer[Any]:
    """Describe ``{"data": …}``. Any: DRF's own type."""
    name = f"{inner.__name__.removesuffix('Serializer')}{'Array' if many else ''}Data"
    return inline_serializer(name, {"data": inner(many=many)})


@lru_cache
def list_page(
    inner: type[serializers.BaseSerializer[Any]],
    *,
    meta: type[serializers.BaseSerializer[Any]] = MetaSerializer,
) -> serializers.Serializer[Any]:
    """Describe a page of a list. Any: DRF's own type."""
    return inline_serializer(
        f"{inner.__name__.removesuffix('Serializer')}List",
        {"data": inner(many=True), "links": LinksSerializer(), "meta": meta()},
    )
