"""Ends the search of a request whose client is gone, and one that takes too long.

Without this, a client that gives up and asks again would hold one thread after the other.
Behind a proxy, the proxy closes its connection when the client leaves. As nginx does, this
takes a client that closed only its sending half for gone.
"""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from recognition import interrupts

# nginx logs this status for such requests; nobody receives it.
_CLIENT_CLOSED_REQUEST = 499
# Without POLLRDHUP, which only Linux has, a client's death shows when it is sent to.
_GONE = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR


class ClientGone(Exception):
    """The client closed its connection, so nobody waits for the answer."""


class StopWithClient:
    """Lets the searches of a request stop."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a request with an eye on its client."""
        # gunicorn names its socket; a test's client has none.
        sock: socket.socket | None = request.META.get("gunicorn.socket")

        def look() -> None:
            if sock is not None and is_closed(sock):
                raise ClientGone

        seconds: float = settings.ACRPORTAL_SEARCH_SECONDS
        with interrupts.checked_by(look, search_seconds=seconds):
            return self._get_response(request)

    def process_exception(self, _request: HttpRequest, error: Exception) -> HttpResponse | None:
        """End the request without a report of a fault."""
        if not isinstance(error, ClientGone):
            return None
        return HttpResponse(status=_CLIENT_CLOSED_REQUEST, reason="Client Closed Request")


def is_closed(sock: socket.socket) -> bool:
    """Return whether the other end closed its half, even if it sent more before."""
    poll = select.poll()
    poll.register(sock, _GONE)
    return bool(poll.poll(0))
