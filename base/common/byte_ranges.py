"""Serves byte ranges of files, so that players can seek.

It supports one range (RFC 9110 §14). Requests for several ranges, or for a range of
another version (§13.1.5), get the whole file, as the standard allows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from django.core.files.base import File
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

# At most 18 digits: no file is larger, and ``int`` stays cheap on hostile headers.
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})$")
_CHUNK_BYTES = 256 * 1024


def _requested_span(header: str, size: int) -> tuple[int, int] | None:
    """Return first and last byte; None if unusable; first > last if out of range."""
    match = _RANGE.match(header.strip())
    if match is None or match.groups() == ("", ""):
        return None
    first_text, last_text = match.groups()
    if not first_text:
        return max(0, size - int(last_text)), size - 1
    last = min(int(last_text), size - 1) if last_text else size - 1
    return int(first_text), last


def _read_span(file: File[bytes], first: int, last: int) -> Iterator[bytes]:
    """Read a range; from remote storage, fetch only this range."""
    read_span = getattr(getattr(file, "storage", None), "read_span", None)
    if read_span is not None:
        spans: Iterator[bytes] = read_span(str(file.name), first, last)
        return spans
    opened: BinaryIO = file.open("rb")  # type: ignore[assignment]  # a File reads like one
    return _read_open_span(opened, first, last)


def _read_open_span(file: BinaryIO, first: int, last: int) -> Iterator[bytes]:
    with file:
        file.seek(first)
        remaining = last - first + 1
        while remaining > 0 and (chunk := file.read(min(_CHUNK_BYTES, remaining))):
            remaining -= len(chunk)
            yield chunk


def file_response(
    request: HttpRequest, file: File[bytes], *, content_type: str, version: str
) -> HttpResponse | StreamingHttpResponse:
    """Serve all of ``file`` (200) or the requested range (206, 416 if out of range).

    ``version`` becomes the ETag: it must change with the content at this address.
    """
    size, etag = file.size, f'"{version}"'
    same = request.headers.get("If-Range", etag) == etag
    span = _requested_span(request.headers.get("Range", ""), size) if same else None
    response: HttpResponse | StreamingHttpResponse
    if span is None:
        response = StreamingHttpResponse(_read_span(file, 0, size - 1), content_type=content_type)
        response["Content-Length"] = str(size)
    elif span[0] > span[1] or span[0] >= size:
        response = HttpResponse(status=416)
        response["Content-Range"] = f"bytes */{size}"
    else:
        first, last = span
        response = StreamingHttpResponse(
            _read_span(file, first, last), status=206, content_type=content_type
        )
        response["Content-Range"] = f"bytes {first}-{last}/{size}"
        response["Content-Length"] = str(last - first + 1)
    response["ETag"] = etag
    response["Accept-Ranges"] = "bytes"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, max-age=3600"
    return response
