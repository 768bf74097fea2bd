"""Media in a folder, unless ``STORAGE_URL`` is set: each file completely or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.files.base import File
from django.core.files.move import file_move_safe
from django.core.files.storage import FileSystemStorage

from base.common.storage import FileOnDisk

_CHUNK_BYTES = 1024 * 1024


class LocalStorage(FileSystemStorage):
    """Writes a file beside the others and renames it when it is complete.

    A full disk or a killed process leaves no partial file under a name that a row holds.
    """

    def replace(self, name: str, content: File[bytes]) -> str:
        """Store a file under exactly this name, in place of an earlier one."""
        with self._arrived(content) as path:
            place = Path(self.path(name))
            place.parent.mkdir(parents=True, exist_ok=True)
            path.replace(place)
        return name

    # Any: whatever Django takes for a file.
    def save(self, name: str | None, content: Any, max_length: int | None = None) -> str:
        """Store a file under this name, or one like it that is free."""
        whole = content if isinstance(content, File) else File(content)
        final = name or str(whole.name)
        with self._arrived(whole) as path, FileOnDisk(path, final) as file:
            return super().save(final, file, max_length)

    @contextmanager
    def _arrived(self, content: File[bytes]) -> Iterator[Path]:
        """Yield the complete content in a file on the disk of the media."""
        Path(self.location).mkdir(parents=True, exist_ok=True)
        handle, arriving = tempfile.mkstemp(prefix="arriving-", dir=self.location)
        path = Path(arriving)
        try:
            with os.fdopen(handle, "wb") as target:
                if not hasattr(content, "temporary_file_path"):
                    for chunk in content.chunks(_CHUNK_BYTES):
                        target.write(chunk)
            if hasattr(content, "temporary_file_path"):
                moved = content.temporary_file_path()
                file_move_safe(moved, arriving, allow_overwrite=True)
            path.chmod(self.file_permissions_mode or 0o600)
            yield path
        finally:
            path.unlink(missing_ok=True)
