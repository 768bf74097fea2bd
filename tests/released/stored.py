"""What is stored of each release: an installation, and the digests of its migrations.

``<version>/portal.tar.xz`` holds the database as an SQLite file (``portal.sqlite3``) and a
backup (``backup/``). Neither has audio or keys. ``<version>/release.json`` says more.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from dataclasses import asdict, dataclass
from pathlib import Path

from recognition.version import VERSION
from tests import product

_FOLDER = Path(__file__).parent
_PORTAL, _RELEASE = "portal.tar.xz", "release.json"
_TIME = 1_700_000_000
"""The time of all members of an archive, so that equal content gives equal bytes."""


@dataclass(frozen=True, slots=True)
class Release:
    """A release as ``python -m tests.released`` stored it."""

    version: str
    dated: bool
    """Whether CHANGELOG.md had the date of the release: its migrations stay as they are."""
    at: str
    """When the stored installation stopped, on the clock of its season."""
    plugins: list[str]
    findings: list[str]
    """What the doctor found in it then."""
    lost: list[str]
    """The names of its audio files, which are not stored."""
    rows: dict[str, int]
    """The rows of each table of the backup."""
    migrations: dict[str, str]
    """The SHA-256 of each migration file, by its path."""

    @property
    def folder(self) -> Path:
        """The folder of the release's files."""
        return _FOLDER / self.version


def releases() -> list[Release]:
    """Return all stored releases."""
    return [
        Release(**json.loads(path.read_text("utf-8")))
        for path in sorted(_FOLDER.glob(f"*/{_RELEASE}"))
    ]


def is_dated() -> bool:
    """Return whether CHANGELOG.md dates the version of this code."""
    changes = (product.ROOT / "CHANGELOG.md").read_text("utf-8")
    section = changes.partition(f"\n## {VERSION}")[2].partition("\n## ")[0]
    if not section:
        raise SystemExit(f"CHANGELOG.md has no section {VERSION}.")
    return re.search(r"\bUnreleased\b", section) is None


def digests() -> dict[str, str]:
    """Return the SHA-256 of each migration file of this code, by its path."""
    return {
        product.name_of(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in product.files(".py")
        if path.parent.name == "migrations" and path.name != "__init__.py"
    }


def write(release: Release, content: Path) -> None:
    """Store a release and the content of a folder."""

    def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime, member.uid, member.gid = _TIME, 0, 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    release.folder.mkdir(exist_ok=True)
    with tarfile.open(release.folder / _PORTAL, "w:xz", preset=9) as archive:
        archive.add(content, arcname=".", filter=plain)
    text = json.dumps(asdict(release), indent=1, ensure_ascii=False)
    (release.folder / _RELEASE).write_text(f"{text}\n", encoding="utf-8")


def unpack(release: Release, target: Path) -> None:
    """Unpack the installation of a release."""
    with tarfile.open(release.folder / _PORTAL) as archive:
        archive.extractall(target, filter="data")
