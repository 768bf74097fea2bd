"""Reads what a request to an API of this server says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

JSON_TYPE = "application/json"


def valid_data(form: BaseSerializer[Any]) -> dict[str, Any]:  # Any: JSON
    """Return the values of a request; raise DRF's ``ValidationError`` if they do not fit."""
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values


def media_type_of(request: Request) -> str:
    """Return the type of a body, without parameters; all JSON is one type.

    Clients also send ``text/json`` and types such as ``application/vnd.api+json``.
    """
    media_type = (request.content_type or "").split(";")[0].strip().lower()
    return JSON_TYPE if media_type.endswith(("/json", "+json")) else media_type


class AnyJson(DefaultContentNegotiation):
    """Takes every type of JSON for JSON."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        """Return the parser for the type of the body."""
        parsers = list(parsers)
        if media_type_of(request) == JSON_TYPE:
            return next((p for p in parsers if p.media_type == JSON_TYPE), None)
        return super().select_parser(request, parsers)
