"""Byte ranges of stored files."""

from __future__ import annotations

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.test import RequestFactory

from base.common.byte_ranges import file_response

CONTENT = bytes(range(256)) * 4


def _ask(stored: File[bytes], header: str) -> tuple[int, bytes, str]:
    request = RequestFactory().get("/", headers={"Range": header} if header else {})
    answer = file_response(request, stored, content_type="audio/webm", version="1")
    body = b"".join(answer) if answer.streaming else answer.content
    return answer.status_code, body, answer.headers.get("Content-Range", "")


def test_range_is_answered_with_its_bytes() -> None:
    # A stored file of 1,024 bytes.
    stored = default_storage.open(default_storage.save("a.bin", ContentFile(CONTENT)))

    for header, status, span in (
        ("", 200, slice(None)),
        ("bytes=0-", 206, slice(0, None)),
        ("bytes=10-19", 206, slice(10, 20)),
        ("bytes=-24", 206, slice(1000, None)),
        ("bytes=1000-9999", 206, slice(1000, None)),
        ("bytes=1-2,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("items=1-2", 200, slice(None)),
        (f"bytes=0-{'9' * 5000}", 200, slice(None)),
    ):
        stored.open()
        assert _ask(stored, header)[:2] == (status, CONTENT[span]), header[:30]
    for header in ("bytes=1024-", "bytes=9-3", "bytes=5000-6000"):
        stored.open()
        assert _ask(stored, header) == (416, b"", "bytes */1024"), header
