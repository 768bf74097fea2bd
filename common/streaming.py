"""Streams responses of unknown length so that clients notice a failure.

After the status is sent, only a connection that ends early tells the client that the
rest is missing: the server omits the last chunk of HTTP/1.1. HTTP/1.0 has no chunks, so
every end looks complete there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

from django.conf import settings
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

_PIECE_BYTES = 64 * 1024


def start_streams(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Produce the first chunk of a stream before the status is sent.

    An early failure then gets an ordinary error page. It must run outside the session
    middleware: a stream may read from one database snapshot from its first chunk on,
    and nothing must be written in between.
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
        pieces: Any = response.streaming_content
        if request.META.get("SERVER_PROTOCOL") == "HTTP/1.0":
            _send_whole(response, pieces)
        else:
            response.streaming_content = _started(iter(pieces))
        return response

    return middleware


def _started(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Return the chunks; produce the first one with content now."""
    first = next((piece for piece in pieces if piece), b"")
    return chain([first], pieces)


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
