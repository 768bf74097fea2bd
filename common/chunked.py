"""Bodies sent in chunks, without a length: laid on disk first, then read as others.

Django takes a request without Content-Length for empty. Clients that stream an upload
send it so, and a web server that undoes the chunks marks the end of the stream.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

_CHUNK_BYTES = 1024 * 1024

# Any: a WSGI environment and its start_response.
Application = Callable[[dict[str, Any], Any], Iterable[bytes]]


def with_chunked_bodies(
    application: Application, *, folder: Path, max_bytes: int
) -> Application:
    """Wrap ``application``; of a body over ``max_bytes`` only that much is kept.

    One byte more than the limit is passed on, so that the application refuses it.
    """

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not _is_chunked(environ):
            return application(environ, start_response)
        with tempfile.TemporaryFile(dir=folder) as body:
            environ["CONTENT_LENGTH"] = str(
                _copy(environ["wsgi.input"], body, max_bytes)
            )
            environ["wsgi.input"] = body
            # Whatever reads the body has done so before the answer is returned.
            return application(environ, start_response)

    return wrapped


def _is_chunked(environ: dict[str, Any]) -> bool:
    encoding = str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()
    return (
        "chunked" in encoding
        and not environ.get("CONTENT_LENGTH")
        and bool(environ.get("wsgi.input_terminated"))
    )


def _copy(source: BinaryIO, target: Any, max_bytes: int) -> int:
    received = 0
    while received <= max_bytes and (chunk := source.read(_CHUNK_BYTES)):
        received += len(chunk)
        target.write(chunk)
    target.seek(0)
    return received
