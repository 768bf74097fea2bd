"""The API's OpenAPI description: shared refusals, parameters, authentication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from web.acrapi.serializers.envelopes import ErrorSerializer, InvalidSerializer

View = TypeVar("View", bound=Callable[..., Any])

REFUSED = {401: ErrorSerializer, 403: ErrorSerializer, 429: ErrorSerializer}
UNKNOWN = {404: ErrorSerializer}
UNFIT = {400: ErrorSerializer, 422: InvalidSerializer}

PAGE = [
    OpenApiParameter("page", int, description="From 1; 0 counts as 1."),
    OpenApiParameter("per_page", int, description="Default 20; at most 1000."),
]
IDEMPOTENT = [
    OpenApiParameter(
        "Idempotency-Key",
        str,
        OpenApiParameter.HEADER,
        description="The same key within 24 h repeats the first response.",
    )
]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library is not typed
    """Describes the Authorization header."""

    target_class = "base.accounts.tokens.BearerAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        """Return the scheme.

        Any: the library's own type.
        """
        return {"type": "http", "scheme": "bearer"}


def described(
    tag: str,
    summary: str,
    answers: dict[int, Any],
    *,
    request: type[serializers.Serializer[Any]] | None = None,
    parameters: list[OpenApiParameter] | None = None,
    name: str | None = None,
) -> Callable[[View], View]:
    """Describe one operation; each also has the refusals for token and rate.

    A body is described as JSON, or as a form with a file if it has one: programs that write
    clients take one of them. Views read either. Any: serializers and other types that the
    library accepts.
    """
    fields = request().fields.values() if request else ()
    has_file = any(isinstance(field, serializers.FileField) for field in fields)
    media = "multipart/form-data" if has_file else "application/json"
    return extend_schema(
        tags=[tag],
        summary=summary,
        request={media: request} if request else None,
        responses=answers | REFUSED,
        parameters=parameters,
        operation_id=name,
    )


def without_empty_defaults(result: Any, **_options: object) -> Any:
    """Leave out defaults that a caller could not send: empty texts where none is allowed.

    Any: the document, as the library builds it.
    """
    if isinstance(result, list):
        return [without_empty_defaults(part) for part in result]
    if not isinstance(result, dict):
        return result
    is_choice = any(name in result for name in ("minLength", "enum", "allOf", "oneOf"))
    if result.get("default") == "" and is_choice:
        result = {name: value for name, value in result.items() if name != "default"}
    return {name: without_empty_defaults(value) for name, value in result.items()}
