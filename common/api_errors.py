"""The one shape in which every API of this server says what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from common.logs import current_request_id


def error_body(
    code: str, message: str, fields: Mapping[str, object] | None = None
) -> dict[str, Any]:  # Any: JSON
    """Return the body that clients read; ``fields`` are texts by field."""
    body = {
        "message": message,
        "error": message,
        "code": code,
        "request_id": current_request_id.get(),
    }
    return body if fields is None else body | {"errors": fields}
