"""Measures each request and logs slow SQL statements."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse

from operations.metrics import request_seconds

logger = logging.getLogger("acrportal.slow")

_SHOWN_CHARACTERS = 2_000


def observe(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Count the time of each request, and log statements above the limit."""

    def middleware(request: HttpRequest) -> HttpResponse:
        began = time.perf_counter()
        with connection.execute_wrapper(log_slow_statement):
            response = get_response(request)
        match = request.resolver_match
        request_seconds.labels(
            method=request.method or "",
            # Paths contain ids, which would be endless labels.
            view=match.view_name if match else "none",
            status=f"{response.status_code // 100}xx",
        ).observe(time.perf_counter() - began)
        return response

    return middleware


def log_slow_statement(
    execute: Callable[..., object], sql: str, params: Any, many: bool, context: Any
) -> object:  # Any: the signature of Django's wrappers
    """Run a statement; log it without its values if it took too long."""
    began = time.perf_counter()
    try:
        return execute(sql, params, many, context)
    finally:
        took = (time.perf_counter() - began) * 1000
        if took > settings.ACRPORTAL_SLOW_QUERY_MS:
            logger.warning(
                "slow statement",
                # Without parameters, which can be personal data.
                extra={"ms": round(took), "sql": sql[:_SHOWN_CHARACTERS]},
            )
