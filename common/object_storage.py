"""Media in S3-compatible storage, where ``STORAGE_URL`` says so."""

from __future__ import annotations

from collections.abc import Iterator

from storages.backends.s3 import S3Storage

_CHUNK_BYTES = 256 * 1024


class ObjectStorage(S3Storage):  # type: ignore[misc]  # has no stubs
    """Reads parts of a file without fetching the whole of it."""

    def read_span(self, name: str, first: int, last: int) -> Iterator[bytes]:
        """Yield the bytes from ``first`` to ``last``, both included."""
        kept = self.bucket.Object(self._normalize_name(name))
        body = kept.get(Range=f"bytes={first}-{last}")["Body"]
        try:
            yield from body.iter_chunks(_CHUNK_BYTES)
        finally:
            body.close()
