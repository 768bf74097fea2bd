"""Middleware that every response passes through."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from common.logs import current_request_id


def request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give each request a short id, in the log, on error pages and in the answer."""

    def middleware(request: HttpRequest) -> HttpResponse:
        identifier = secrets.token_hex(4)
        request.request_id = identifier  # type: ignore[attr-defined]
        token = current_request_id.set(identifier)
        try:
            response = get_response(request)
        finally:
            current_request_id.reset(token)
        response["X-Request-Id"] = identifier
        return response

    return middleware
