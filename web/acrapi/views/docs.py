"""The OpenAPI document, and a page that shows it.

The page is rendered on the server from that document; it needs no script and loads
nothing from other sites.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.permissions import AllowAny

# Any in this module: parts of an OpenAPI document.
Json = Mapping[str, Any]

_METHODS = ("get", "post", "put", "delete")
_WIRE_PATHS = ("/api/fs-containers", "/api/buckets", "/v1/")
_STATUS_TEXTS = {
    "200": "Done",
    "201": "Created",
    "204": "Done, without a body",
    "400": "The body cannot be read",
    "401": "No token, or an unusable token",
    "403": "The token does not allow it",
    "404": "Missing, or hidden from this token",
    "413": "Too large",
    "422": "A value is invalid; errors names the field",
    "429": "Too many requests; Retry-After says when to try again",
}


class SchemaView(SpectacularJSONAPIView):
    """The OpenAPI document, public because it contains no secrets."""

    permission_classes = [AllowAny]
    authentication_classes = []
    throttle_classes = []


@dataclass(frozen=True, slots=True)
class Value:
    """A parameter, or a field of a body."""

    name: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation on the page."""

    anchor: str
    method: str
    path: str
    summary: str
    text: str
    parameters: list[Value] = field(default_factory=list)
    fields: list[Value] = field(default_factory=list)
    answers: list[tuple[str, str]] = field(default_factory=list)
    example: str = ""
    answer_fields: list[Value] = field(default_factory=list)


@login_not_required
@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """Show all operations of the wire protocol."""
    return render(request, "acrapi/docs.html", {"groups": _groups()})


@lru_cache(maxsize=1)
def _groups() -> list[tuple[str, list[Operation]]]:
    """Return the operations by tag; cached, as the document never changes."""
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # not typed
    document: Json = generator.get_schema(  # type: ignore[no-untyped-call]  # not typed
        request=None, public=True
    )
    groups: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        if not path.startswith(_WIRE_PATHS):
            continue
        for method in _METHODS:
            if described_operation := methods.get(method):
                operation = _operation(document, path, method, described_operation)
                groups.setdefault(described_operation["tags"][0], []).append(operation)
    return list(groups.items())


def _operation(document: Json, path: str, method: str, description: Json) -> Operation:
    content = description.get("requestBody", {}).get("content", {})
    body: Json = next(iter(content.values()), {})
    example = next(iter(body.get("examples", {}).values()), None)
    answers = description["responses"]
    return Operation(
        anchor=description["operationId"],
        method=method.upper(),
        path=path,
        summary=description.get("summary", ""),
        text=description.get("description", ""),
        parameters=[
            Value(
                parameter["name"],
                f"{parameter['in']}, {parameter['schema'].get('type', 'text')}",
                parameter.get("required", False),
                parameter.get("description", ""),
            )
            for parameter in description.get("parameters", [])
        ],
        fields=list(_fields(document, body.get("schema", {}))),
        answers=[(code, _STATUS_TEXTS.get(code, "")) for code in sorted(answers)],
        example=json.dumps(example["value"], indent=2) if example else "",
        answer_fields=list(_fields(document, _answer_schema(document, answers))),
    )


def _answer_schema(document: Json, answers: Json) -> Json:
    """Return the schema under ``data`` of a successful response, or all of it."""
    for code in ("200", "201"):
        content = answers.get(code, {}).get("content", {})
        kind: Json = next(iter(content.values()), {})
        schema = _resolved(document, kind.get("schema", {}))
        inner = schema.get("properties", {}).get("data", schema)
        return _resolved(document, inner.get("items", inner)) if schema else {}
    return {}


def _fields(document: Json, schema: Json) -> Iterator[Value]:
    whole = _resolved(document, schema)
    required = whole.get("required", [])
    for name, field_schema in whole.get("properties", {}).items():
        inner = _resolved(document, field_schema)
        kind = inner.get("type") or " or ".join(
            str(option.get("type", "text")) for option in inner.get("oneOf", [])
        )
        if choices := inner.get("enum"):
            kind = " | ".join(json.dumps(choice) for choice in choices)
        kind_text = " or ".join(kind) if isinstance(kind, list) else str(kind)
        yield Value(name, kind_text, name in required, inner.get("description", ""))


def _resolved(document: Json, schema: Json) -> Json:
    """Resolve a reference to its component."""
    for wrapped in schema.get("allOf", []):
        return _resolved(document, wrapped)
    if reference := schema.get("$ref"):
        name = reference.rsplit("/", 1)[-1]
        return document["components"]["schemas"][name]  # type: ignore[no-any-return]  # a document's part
    return schema
