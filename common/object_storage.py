"""Media in S3-compatible storage, where ``STORAGE_URL`` says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.config import Config
from django.core.files.base import File
from storages.backends.s3 import S3Storage

_CHUNK_BYTES = 256 * 1024
# Of a storage that does not answer.
_LIMITS = {
    "connect_timeout": 5,
    "read_timeout": 60,
    "retries": {"total_max_attempts": 3},
}


class ObjectStorage(S3Storage):  # type: ignore[misc]  # has no stubs
    """Reads parts of a file without fetching the whole of it.

    A storage that does not answer is given up on in time: who waits for it is told.
    """

    def __init__(self, **options: Any) -> None:  # Any: as the settings name them
        config = Config(
            s3={"addressing_style": options.pop("addressing_style")},
            signature_version=options.pop("signature_version"),
            **_LIMITS,
        )
        super().__init__(**options, client_config=config)

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Open a file; where there is no bucket, the storage is away, not the file."""
        try:
            opened: File[bytes] = super()._open(name, mode)
        except FileNotFoundError:
            self.connection.meta.client.head_bucket(Bucket=self.bucket_name)
            raise
        return opened

    def read_span(self, name: str, first: int, last: int) -> Iterator[bytes]:
        """Yield the bytes from ``first`` to ``last``, both included."""
        kept = self.bucket.Object(self._normalize_name(name))
        body = kept.get(Range=f"bytes={first}-{last}")["Body"]
        try:
            yield from body.iter_chunks(_CHUNK_BYTES)
        finally:
            body.close()
