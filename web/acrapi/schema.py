"""The API's OpenAPI description: shared refusals, parameters, authentication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiParameter, extend_schema

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
    request: Any = None,
    parameters: list[OpenApiParameter] | None = None,
    name: str | None = None,
) -> Callable[[View], View]:
    """Describe one operation; each also has the refusals for token and rate.

    Any: serializers and other types that the library accepts.
    """
    return extend_schema(
        tags=[tag],
        summary=summary,
        request=request,
        responses=answers | REFUSED,
        parameters=parameters,
        operation_id=name,
    )
