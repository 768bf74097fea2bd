"""Serializer fields that accept the different forms real clients send."""

from __future__ import annotations

import ipaddress
import json
import math
import re
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from base.common.exchanges import LinkRefused
from base.common.outside_text import one_line
from base.common.receivers import check_webhook
from catalogue.models import Bucket

# Any in this module: values from clients.
_MAX_TEXT = 1_000_000
_MAX_ID_DIGITS = 18
_MAX_DEPTH = 30
_POLICY_NUMBERS = frozenset(
    {*("interval", "rec_length", "points"), *("deepright", "music_detection", "ai_detection")}
)
_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?")


def as_id(value: object) -> int | None:
    """Return a positive id that fits a database column, or None."""
    text = str(value).strip()
    if isinstance(value, bool) or not (text.isascii() and text.isdigit()):
        return None
    return int(text) if len(text) <= _MAX_ID_DIGITS else None


def refuse_unstorable(value: object, *, depth: int = 0) -> None:
    """Refuse JSON that the database cannot store."""
    if depth > _MAX_DEPTH:
        raise serializers.ValidationError(f"At most {_MAX_DEPTH} levels of nesting.")
    if isinstance(value, str):
        _refuse_text(value)
    elif isinstance(value, float) and not math.isfinite(value):
        raise serializers.ValidationError("A number is too large or not finite.")
    elif isinstance(value, dict):
        for name, inner in value.items():
            _refuse_text(str(name))
            refuse_unstorable(inner, depth=depth + 1)
    elif isinstance(value, list):
        for inner in value:
            refuse_unstorable(inner, depth=depth + 1)


def _refuse_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise serializers.ValidationError("Texts must not contain NUL or lone surrogates.")


@extend_schema_field(OpenApiTypes.OBJECT)
class ObjectField(serializers.Field[dict[str, Any], Any, Any, Any]):
    """An object, or its JSON text (in forms, and from the official CLI)."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object; empty values become an empty object."""
        if isinstance(data, str):
            try:
                # Longer text is cut and then fails to parse, which bounds the work.
                data = json.loads(data[:_MAX_TEXT]) if data.strip() else {}
            except (ValueError, RecursionError) as error:
                raise serializers.ValidationError(f"This is not JSON: {error}.") from error
        if data is None or data == [] or data == "":
            return {}
        if not isinstance(data, dict):
            raise serializers.ValidationError('This must be an object, as {"artist": "James"}.')
        refuse_unstorable(data)
        return data

    def to_representation(self, value: Any) -> Any:
        """Return the value unchanged."""
        return value


class PolicyField(ObjectField):
    """A policy, whose numbers forms and some clients send as texts."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the policy with its numbers as numbers; unknown keys stay as sent."""
        policy = super().to_internal_value(data)
        return {
            name: _number_in(value) if name in _POLICY_NUMBERS else value
            for name, value in policy.items()
        }


def _number_in(value: object) -> object:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value.strip()):
        return value
    number = float(value)
    return int(number) if number.is_integer() else number


@extend_schema_field(
    {
        "oneOf": [
            {"type": "array", "items": {"type": "string", "maxLength": 100}},
            {"type": "string"},
        ]
    }
)
class LabelsField(serializers.Field[list[str], Any, Any, Any]):
    """A list of texts, a JSON text, or a comma-separated text."""

    def to_internal_value(self, data: Any) -> list[str]:
        """Return the labels."""
        if isinstance(data, str):
            data = _parse_list(data)
        if not isinstance(data, list) or len(data) > 100:
            raise serializers.ValidationError("This must be a list of texts.")
        if not all(isinstance(label, str) and len(label) <= 100 for label in data):
            raise serializers.ValidationError(
                "Each label must be a text of at most 100 characters."
            )
        refuse_unstorable(data)
        return [str(label) for label in data]

    def to_representation(self, value: Any) -> Any:
        """Return the value unchanged."""
        return value


@extend_schema_field(
    {"type": "array", "minItems": 1, "items": {"oneOf": [{"type": "integer"}, {"type": "string"}]}}
)
class BucketsField(serializers.Field[list[Bucket], Any, Any, Any]):
    """Buckets by id, by name, or as objects from responses, also mixed."""

    def to_internal_value(self, data: Any) -> list[Bucket]:
        """Return the buckets; the error names all unknown ones."""
        references = _parse_list(data) if isinstance(data, str) else data
        if isinstance(references, int) and not isinstance(references, bool):
            references = [references]
        if not isinstance(references, list) or not references or len(references) > 200:
            raise serializers.ValidationError("Name at least one bucket, by id or by name.")
        pairs = [(reference, _bucket(reference)) for reference in references]
        missing = [str(reference)[:80] for reference, bucket in pairs if bucket is None]
        if missing:
            existing = Bucket.objects.present().order_by("id").values_list("pk", "name")
            names = ", ".join(f"{number} {name}" for number, name in existing[:20])
            raise serializers.ValidationError(
                f"There is no bucket {', '.join(missing)}. There are: {names}."
            )
        buckets = [bucket for _, bucket in pairs if bucket is not None]
        return list({bucket.pk: bucket for bucket in buckets}.values())

    def to_representation(self, value: Any) -> Any:
        """Return the value unchanged."""
        return value


def _parse_list(text: str) -> list[Any]:
    """Return the list in a text: JSON, or comma-separated."""
    if text.lstrip().startswith("["):
        try:
            values = json.loads(text[:_MAX_TEXT])
        except (ValueError, RecursionError) as error:
            raise serializers.ValidationError(f"This is not JSON: {error}.") from error
        return list(values)
    return [part.strip() for part in text.split(",") if part.strip()]


def _bucket(reference: object) -> Bucket | None:
    """Return the bucket with this id, or else with this name."""
    if isinstance(reference, dict):
        reference = reference.get("id") or reference.get("name")
    identifier = as_id(reference)
    if identifier is not None and (
        bucket := Bucket.objects.present().filter(pk=identifier).first()
    ):
        return bucket
    name = str(reference)
    if not isinstance(reference, str | int) or isinstance(reference, bool) or "\0" in name:
        return None
    try:
        name.encode()
    except UnicodeEncodeError:
        return None
    return Bucket.objects.present().filter(name=name).first()


class WebAddressField(serializers.CharField):
    """An http or https URL; ``""`` and null mean none."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=2000, **kwargs)

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Treat null as an empty text."""
        return super().run_validation("" if data is None else data)

    def to_internal_value(self, data: Any) -> str:
        """Return the URL, or raise with the reason for its refusal."""
        url = super().to_internal_value(data)
        if not url:
            return ""
        try:
            check_webhook(url)
        except LinkRefused as error:
            raise serializers.ValidationError(f"This address is not allowed: {error}.") from error
        # An early hint for people; the real check is at each connection.
        if _is_private(url) and not settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES:
            raise serializers.ValidationError(
                "This is a private or local address. The operator can allow those with "
                "ACRPORTAL_ALLOW_PRIVATE_ADDRESSES."
            )
        return url


def _is_private(url: str) -> bool:
    """Tell whether the host itself is private; names are checked when resolved."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


class FlagField(serializers.BooleanField):
    """True, false, 0, 1 and their texts; null means off."""

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Treat null as off."""
        return super().run_validation(False if data is None else data)


class ShortText(serializers.CharField):
    """One line of text; numbers are accepted too."""

    def to_internal_value(self, data: Any) -> str:
        """Return the text without control characters."""
        return one_line(super().to_internal_value(data))
