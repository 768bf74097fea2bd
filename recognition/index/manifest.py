"""Read and write the manifest of a bucket; replacing it is the commit."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from recognition import durable
from recognition.errors import IndexCorrupt

FORMAT: Final = 1
NAME: Final = "MANIFEST"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A segment file and the recordings in it that were removed or replaced."""

    file: str
    dead: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Manifest:
    """The segments of a bucket; ``counter`` names the next one."""

    counter: int = 0
    entries: tuple[ManifestEntry, ...] = field(default=())


def read_manifest(directory: Path) -> Manifest:
    """Return the last committed manifest, or an empty one."""
    stored = read_checked(directory / NAME)
    if stored is None:
        return Manifest()
    entries = tuple(
        ManifestEntry(str(entry["file"]), tuple(int(number) for number in entry["dead"]))
        for entry in stored["segments"]
    )
    return Manifest(int(stored["counter"]), entries)


def write_manifest(directory: Path, manifest: Manifest) -> None:
    """Commit: on disk on return, and visible to every reader from then on."""
    segments = [{"file": e.file, "dead": list(e.dead)} for e in manifest.entries]
    value = {"format": FORMAT, "counter": manifest.counter, "segments": segments}
    write_checked(directory / NAME, value)


def read_checked(path: Path) -> dict[str, Any] | None:  # Any: JSON
    """Return a JSON object written by ``write_checked``, or None if there is no file."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    text, _, crc = raw.rstrip(b"\n").rpartition(b"\n")
    if crc != b"%08x" % zlib.crc32(text):
        raise IndexCorrupt(f"The index file {path} is damaged: wrong checksum.")
    value: dict[str, Any] = json.loads(text)
    if value["format"] != FORMAT:
        raise IndexCorrupt(f"The index file {path} has an unknown format.")
    return value


def write_checked(path: Path, value: dict[str, Any]) -> None:  # Any: JSON
    """Replace a small JSON file with checksum; it is on disk on return."""
    text = json.dumps(value, separators=(",", ":")).encode()
    durable.write(path, b"%b\n%08x\n" % (text, zlib.crc32(text)))
