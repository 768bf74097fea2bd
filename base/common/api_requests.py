"""Reads what a request to an API of this server says."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NoReturn

from django.utils.translation import gettext, gettext_lazy
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer

JSON_TYPE = "application/json"
# The most choices that a refusal names.
_MOST_CHOICES = 30


class ChoiceField(serializers.ChoiceField):  # noqa: TID251 - the field to use instead
    """A choice whose refusal names the choices."""

    default_error_messages = {
        "invalid_choice": gettext_lazy("“{input}” is not a valid choice. Choose from: {choices}.")
    }

    def fail(self, key: str, **values: Any) -> NoReturn:
        """Raise the refusal with the names of the choices. Any: DRF's own signature."""
        super().fail(key, **values, choices=choice_names(self.choices))


def choice_names(choices: Iterable[object]) -> str:
    """Return the choices that a refusal names."""
    names = [str(name) for name in choices if name != ""]
    if len(names) > _MOST_CHOICES:
        names[_MOST_CHOICES:] = ["…"]
    return ", ".join(names)


def valid_data(form: BaseSerializer[Any]) -> dict[str, Any]:  # Any: JSON
    """Return the values of a request; raise DRF's ``ValidationError`` if they do not fit."""
    form.is_valid(raise_exception=True)
    values: dict[str, Any] = form.validated_data
    return values


def valid_query(
    form: type[serializers.Serializer[Any]], request: Request
) -> dict[str, Any]:  # Any: JSON
    """Return the values of a query; raise DRF's ``ValidationError`` if they do not fit.

    A name that the call does not know is refused: the answer would look filtered.
    """
    query = form(data=request.query_params)
    if unknown := request.query_params.keys() - query.fields.keys():
        refusal = gettext("There is no such parameter. Choose from: %(choices)s.") % {
            "choices": choice_names(query.fields)
        }
        raise serializers.ValidationError({name: [refusal] for name in unknown})
    return valid_data(query)


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
