"""Refusals of actions, and the error body that every API of this server returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.utils.functional import Promise

from base.common.logs import current_request_id

CODE_OF_STATUS: Final = {
    400: "malformed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_content_type",
    429: "rate_limited",
}
"""The codes of refusals that have no narrower one, in both APIs."""


class Refused(Exception):
    """An action that is impossible or not allowed; nothing was changed.

    ``message`` says why and what to do, ``code`` names it for programs, and ``fields``
    maps names of values to what is wrong with them. APIs answer with all three.
    """

    code = "not_possible"

    def __init__(
        self, message: str | Promise, code: str = "", *, fields: Mapping[str, str] | None = None
    ) -> None:
        self.message = str(message)
        super().__init__(self.message)
        self.code = code or self.code
        self.fields = dict(fields or {})


def error_body(
    code: str, message: str, fields: Mapping[str, object] | None = None
) -> dict[str, Any]:  # Any: JSON
    """Return the error body that clients read; ``fields`` holds texts by field.

    Messages quote the request, which can contain lone surrogates. UTF-8 cannot encode
    those, so they are replaced.
    """
    message = _writable(message)
    body = {
        "message": message,
        "error": message,
        "code": code,
        "request_id": current_request_id.get(),
    }
    return body if fields is None else body | {"errors": _writable(fields)}


def is_api_path(path: str) -> bool:
    """Tell whether clients of this path expect JSON."""
    return path.startswith(("/api/", "/v1/", "/uploads/")) and not path.startswith("/api/docs")


def _writable(value: Any) -> Any:  # Any: JSON
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_writable(name): _writable(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_writable(entry) for entry in value]
    return value
