"""Answers a request for part of a file, so that players can seek.

One range as in RFC 9110 §14; a request for several is answered with the whole file,
which the standard allows, and so is one for a part of another version (§13.1.5).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from django.core.files.base import File
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

# No file has more bytes than 18 digits count.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")
_CHUNK_BYTES = 256 * 1024


def _wanted_span(header: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte; None for no usable range; first > last if beyond."""
    found = _RANGE.match(header.strip())
    if found is None or found.groups() == ("", ""):
        return None
    first_text, last_text = found.groups()
    if not first_text:
        return max(0, size - int(last_text)), size - 1
    last = min(int(last_text), size - 1) if last_text else size - 1
    return int(first_text), last


def _read_span(file: File[bytes], first: int, last: int) -> Iterator[bytes]:
    """Read a part; of a file in remote storage only that part is fetched."""
    read_span = getattr(getattr(file, "storage", None), "read_span", None)
    if read_span is not None:
        spans: Iterator[bytes] = read_span(str(file.name), first, last)
        return spans
    opened: BinaryIO = file.open("rb")  # type: ignore[assignment]  # a File reads like one
    return _read_open_span(opened, first, last)


def _read_open_span(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        left = last - first + 1
        while left > 0 and (chunk := file.read(min(_CHUNK_BYTES, left))):
            left -= len(chunk)
            yield chunk


def file_response(
    request: HttpRequest, file: File[bytes], *, content_type: str, version: str
) -> HttpResponse | StreamingHttpResponse:
    """Serve ``file`` whole (200) or the range asked for (206, 416 if beyond).

    ``version`` tells its bytes from those of another file at the same address.
    """
    size, etag = file.size, f'"{version}"'
    same = request.headers.get("If-Range", etag) == etag
    span = _wanted_span(request.headers.get("Range", ""), size) if same else None
    response: HttpResponse | StreamingHttpResponse
    if span is None:
        response = StreamingHttpResponse(
            _read_span(file, 0, size - 1), content_type=content_type
        )
        response["Content-Length"] = str(size)
    elif span[0] > span[1] or span[0] >= size:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        first, last = span
        response = StreamingHttpResponse(
            _read_span(file, first, last),
            status=206,
            content_type=content_type,
        )
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
        response["Content-Length"] = str(last - first + 1)
    response["ETag"] = etag
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    return response
