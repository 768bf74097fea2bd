"""Carries the request id from the middleware into every log line."""

from __future__ import annotations

import logging
from contextvars import ContextVar

current_request_id: ContextVar[str] = ContextVar("current_request_id", default="")


class RequestIdFilter(logging.Filter):
    """Adds ``request_id`` to a record; empty outside a request."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, with the id of the request it was made in."""
        record.request_id = current_request_id.get()
        return True
