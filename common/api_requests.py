"""Reads what a request to an API of this server says."""

from __future__ import annotations

from typing import Any

from rest_framework.serializers import BaseSerializer


def valid_data(form: BaseSerializer[Any]) -> dict[str, Any]:  # Any: JSON
    """Return the values of a request; raise DRF's ``ValidationError`` if they do not fit."""
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values
