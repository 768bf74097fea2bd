"""A workbook's archive as openpyxl expects it, whichever program wrote it.

openpyxl knows the names of the transitional format only, and slashes in paths. Strict
Open XML differs in the names of its namespaces; some programs write backslashes.
"""

from __future__ import annotations

import re
import zipfile
from typing import IO, Any, BinaryIO, Final

_STRICT: Final = re.compile(
    rb"http://purl\.oclc\.org/ooxml/(spreadsheetml|officeDocument|drawingml)/"
)
_TRANSITIONAL: Final = rb"http://schemas.openxmlformats.org/\1/2006/"
# Longer than any text that ``_STRICT`` matches.
_LONGEST: Final = 64
# Every package has this part, and its beginning shows which format it is.
_RELATIONS: Final = "_rels/.rels"
_BEGINNING: Final = 1 << 16


class WorkbookArchive(zipfile.ZipFile):
    """Parts by their names with slashes, with transitional namespaces."""

    def __init__(self, file: BinaryIO) -> None:
        """Read the table of contents of ``file``."""
        self._is_strict = False
        super().__init__(file)
        for info in self.filelist:
            info.filename = info.filename.replace("\\", "/")
        self.NameToInfo = {info.filename: info for info in self.filelist}
        if _RELATIONS in self.NameToInfo:
            with super().open(_RELATIONS) as part:
                self._is_strict = bool(_STRICT.search(part.read(_BEGINNING)))

    def open(self, name: Any, *args: Any, **options: Any) -> IO[bytes]:  # Any: as zipfile
        """Open a part."""
        part = super().open(name, *args, **options)
        return _Transitional(part) if self._is_strict else part  # type: ignore[return-value]  # reads as a file does


class _Transitional:
    """Reads a part of a strict package with the namespaces of the transitional one."""

    def __init__(self, part: IO[bytes]) -> None:
        self._part, self._kept = part, b""

    def read(self, size: int = -1) -> bytes:
        """Return about ``size`` bytes; none only at the end."""
        while True:
            chunk = self._part.read(size)
            text = _STRICT.sub(_TRANSITIONAL, self._kept + chunk)
            # A name that is cut at the end of a chunk begins with h.
            cut = text.find(b"h", max(0, len(text) - _LONGEST))
            if not chunk or size < 0 or cut < 0:
                cut = len(text)
            done, self._kept = text[:cut], text[cut:]
            if done or not chunk:
                return done

    def close(self) -> None:
        """Close the part."""
        self._part.close()

    def __enter__(self) -> _Transitional:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
