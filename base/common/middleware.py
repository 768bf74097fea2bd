"""Middleware that every response passes: caching, request ids, streams."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from base.common.logs import current_request_id

_PIECE_BYTES = 64 * 1024


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


def start_streams(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Produce the first chunk of a stream before the status is sent.

    An early failure then gets an ordinary error page. Later ones show only by a
    connection that ends early: the server omits the last chunk of HTTP/1.1. HTTP/1.0
    has no chunks, so it gets the length instead.

    It must run outside the session middleware: a stream may read from one database
    snapshot from its first chunk on, and nothing must be written in between.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        if (
            not isinstance(response, StreamingHttpResponse)
            or response.has_header("Content-Length")
            or request.method == "HEAD"
        ):
            return response
        # Any: Django's own type, an iterable of chunks.
        stream: Any = response.streaming_content
        pieces: Iterator[bytes] = iter(stream)
        if request.META.get("SERVER_PROTOCOL") == "HTTP/1.0":
            _send_whole(response, pieces)
            return response
        first = next((piece for piece in pieces if piece), b"")
        response.streaming_content = chain([first], pieces)
        return response

    return middleware


def _send_whole(response: StreamingHttpResponse, pieces: Iterator[bytes]) -> None:
    """Write all chunks to disk first, so that the length is known."""
    buffer = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115 - closed with the response
    try:
        for piece in pieces:
            buffer.write(piece)
    except BaseException:
        buffer.close()
        raise
    response["Content-Length"] = str(buffer.tell())
    buffer.seek(0)
    response.streaming_content = _read(buffer)


def _read(buffer: Any) -> Iterator[bytes]:  # Any: the type is private to tempfile
    with buffer:
        while piece := buffer.read(_PIECE_BYTES):
            yield piece
