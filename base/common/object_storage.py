"""Media in S3-compatible storage, if ``STORAGE_URL`` is set."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.config import Config
from django.core.files.base import File
from storages.backends.s3 import S3Storage

_CHUNK_BYTES = 256 * 1024
# Give up on unreachable storage before the person who waits does.
_LIMITS = {"connect_timeout": 5, "read_timeout": 60, "retries": {"total_max_attempts": 3}}


class ObjectStorage(S3Storage):  # type: ignore[misc]  # has no stubs
    """Reads byte ranges without fetching the whole file, with short timeouts."""

    def __init__(self, **options: Any) -> None:  # Any: as the settings name them
        config = Config(
            s3={"addressing_style": options.pop("addressing_style")},
            signature_version=options.pop("signature_version"),
            **_LIMITS,
        )
        super().__init__(**options, client_config=config)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Open a file; a missing bucket counts as an outage, not as a missing file."""
        try:
            opened: File[bytes] = super()._open(name, mode)
        except FileNotFoundError:
            # Raises if the bucket is missing; otherwise only this file is.
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)
            raise
        return opened

    def replace(self, name: str, content: File[bytes]) -> str:
        """Store a file under exactly this name, in place of an earlier one."""
        stored: str = self._save(name, content)
        return stored

    def read_span(self, name: str, first: int, last: int) -> Iterator[bytes]:
        """Yield the bytes from ``first`` to ``last``, inclusive."""
        stored = self.bucket.Object(self._normalize_name(name))
        body = stored.get(Range=f"bytes={first}-{last}")["Body"]
        try:
            yield from body.iter_chunks(_CHUNK_BYTES)
        finally:
            body.close()
