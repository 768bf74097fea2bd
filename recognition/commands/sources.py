"""Which files a command takes: those that are named, and those in named folders."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from recognition.commands.console import UsageError

FINGERPRINT_SUFFIX: Final = ".acrfp"

# In folders, only these are taken as media; a file that is named is always tried.
MEDIA_SUFFIXES: Final = frozenset(
    {
        ".3gp", ".aac", ".ac3", ".aif", ".aiff", ".amr", ".ape", ".au", ".avi", ".caf",
        ".flac", ".flv", ".m2ts", ".m4a", ".m4b", ".m4v", ".mka", ".mkv", ".mov", ".mp2",
        ".mp3", ".mp4", ".mpg", ".mts", ".mxf", ".oga", ".ogg", ".opus", ".rf64", ".ts",
        ".tta", ".w64", ".wav", ".webm", ".wma", ".wmv", ".wv",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file, and its place below the named folder (its name, if itself was named)."""

    path: Path
    place: Path


def find_sources(
    paths: Sequence[Path], *, recursive: bool, suffixes: Collection[str]
) -> list[SourceFile]:
    """Return named files, and files with these suffixes in named folders, in order.

    Links to folders are not followed. A folder without ``recursive`` is an error.
    """
    sources: dict[Path, SourceFile] = {}
    for path in paths:
        if not path.is_dir():
            sources.setdefault(path, SourceFile(path, Path(path.name)))
            continue
        if not recursive:
            raise UsageError(f"{path} is a folder; add -r to process the files in it.")
        for inside in _files_below(path, suffixes):
            sources.setdefault(inside, SourceFile(inside, inside.relative_to(path)))
    return list(sources.values())


def _files_below(folder: Path, suffixes: Collection[str]) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if Path(name).suffix.lower() in suffixes and not name.startswith("."):
                yield Path(root, name)
