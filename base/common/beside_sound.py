"""The files that lie beside sound in folders and archives, and hold none.

Systems put them there, programs write under such names until a file is complete, and
albums come with pictures, texts and lists.
"""

from __future__ import annotations

from typing import Final

NAMES: Final = frozenset({"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"})
BEGINNINGS: Final = (".", "~$")
ENDINGS: Final = (
    *("~", ".crdownload", ".download", ".filepart", ".opdownload", ".part", ".partial"),
    *(".tmp", ".bmp", ".gif", ".heic", ".ico", ".jpeg", ".jpg", ".png", ".svg", ".tif"),
    *(".tiff", ".webp", ".doc", ".docx", ".htm", ".html", ".log", ".md", ".nfo", ".pdf"),
    *(".rtf", ".txt", ".xls", ".xlsx", ".cue", ".m3u", ".m3u8", ".pls", ".md5", ".sfv"),
    *(".sha1", ".sha256", ".db", ".ini", ".lnk", ".url", ".webloc"),
)


def lies_beside_sound(path: str) -> bool:
    """Return whether a file, by a path with slashes, is never sound itself."""
    parts = [part for part in path.lower().split("/") if part not in (".", "..")]
    return any(
        part.startswith(BEGINNINGS) or part in NAMES for part in parts
    ) or path.lower().endswith(ENDINGS)
