"""Middleware for every response."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from common.logs import current_request_id


def no_store(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Keep responses out of caches unless a view sets ``Cache-Control``."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Cache-Control", "no-store, private")
        return response

    return middleware


def request_id(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Give each request a short id for logs, error pages and the response."""

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
