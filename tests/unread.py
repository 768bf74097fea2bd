"""Closes the streamed answers that a test leaves unread, as a server does when a reader goes.

Without it, the garbage collector would close them within a later test. There a report
that ends as cancelled makes queries that the later test counts; and where SQLite gives
out its number again, it ends that test's own report.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.core.signals import request_finished
from django.db import close_old_connections
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.test.client import ClientHandler


@contextmanager
def closed_at_the_end() -> Iterator[None]:
    """Close the answers that Django's test client got within the block."""
    answer = ClientHandler.get_response
    streams: list[StreamingHttpResponse] = []

    def noted(handler: ClientHandler, request: HttpRequest) -> HttpResponseBase:
        response = answer(handler, request)
        if isinstance(response, StreamingHttpResponse):
            streams.append(response)
        return response

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "get_response", noted)
        try:
            yield
        finally:
            _close(streams)


def _close(streams: list[StreamingHttpResponse]) -> None:
    # The test client keeps the connection in the same way when it has read an answer.
    request_finished.disconnect(close_old_connections)
    for response in streams:
        if not response.closed:
            response.close()
    request_finished.connect(close_old_connections)
