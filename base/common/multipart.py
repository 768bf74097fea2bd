"""Multipart bodies that are streamed, so large files need no memory."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import BinaryIO

Progress = Callable[[float], None]


class MultipartBody:
    """Fields and one file, passed to ``requests`` as ``data``.

    It has a length, so the request has a Content-Length instead of chunks, which some
    servers refuse.
    """

    def __init__(
        self,
        *,
        fields: Mapping[str, str],
        file: BinaryIO,
        file_bytes: int,
        progress: Progress | None = None,
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self._head = _head(boundary, fields)
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._file = file
        self._file_bytes = file_bytes
        self._progress = progress
        self._sent = 0

    def __len__(self) -> int:
        return len(self._head) + self._file_bytes + len(self._tail)

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, at most ``size``."""
        count = len(self) if size < 0 else size
        part = self._next_part(count)
        self._sent += len(part)
        if self._progress is not None:
            self._progress(self._sent / len(self))
        return part

    def _next_part(self, size: int) -> bytes:
        at = self._sent
        if at < len(self._head):
            return self._head[at : at + size]
        at -= len(self._head)
        if at < self._file_bytes:
            return self._file.read(min(size, self._file_bytes - at))
        at -= self._file_bytes
        return self._tail[at : at + size]


def _head(boundary: str, fields: Mapping[str, str]) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        for name, value in fields.items()
    ]
    # The file name is sent as a field: servers disagree on how to unquote it here.
    parts.append(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        'filename="audio"\r\nContent-Type: application/octet-stream\r\n\r\n'
    )
    return "\r\n".join(parts).encode()
