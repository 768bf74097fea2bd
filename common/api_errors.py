"""The one shape in which every API of this server says what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.logs import current_request_id


def error_body(
    code: str, message: str, fields: Mapping[str, object] | None = None
) -> dict[str, Any]:  # Any: JSON
    """Return the body that clients read; ``fields`` are texts by field.

    Messages quote what was sent, and half of a surrogate pair cannot be written.
    """
    message = _writable(message)
    body = {
        "message": message,
        "error": message,
        "code": code,
        "request_id": current_request_id.get(),
    }
    return body if fields is None else body | {"errors": _writable(fields)}


def _writable(told: Any) -> Any:  # Any: JSON
    if isinstance(told, str):
        return told.encode("utf-8", "replace").decode("utf-8")
    if isinstance(told, Mapping):
        return {_writable(name): _writable(value) for name, value in told.items()}
    if isinstance(told, list | tuple):
        return [_writable(value) for value in told]
    return told
