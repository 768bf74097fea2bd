"""The audio that a row names: a file that came along, a link, another recording."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from django.core.files.base import ContentFile, File
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.exchanges import LinkRefused
from base.common.fingerprint_files import looks_like_fingerprint, read_fingerprint
from base.common.http import check_link
from base.common.media_analysis import AudioRefused
from base.common.storage import read_bytes, sha256_of
from base.common.table_text import one_form
from catalogue.models import Recording
from imports.errors import RowFault
from recognition.fingerprints import file_format as fingerprint_file
from recognition.types import Fingerprint


class AudioSource(Protocol):
    """Provides the files that rows name."""

    def open(self, name: str) -> File[bytes] | None:
        """Return the file, or None if there is none with this name."""


class NoAudio:
    """No files: rows can name only links."""

    def open(self, name: str) -> None:
        """Return None."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Files in a folder and its subfolders."""

    root: Path
    table: Path | None = None
    """A file in the folder that is no audio but the list of it."""
    _names: dict[Path, dict[str, str]] = field(default_factory=dict)
    """The names in each folder by their composed form."""

    def names(self) -> list[str]:
        """Return the paths of all files in the folder, in order."""
        table = self.table.resolve() if self.table else None
        paths = sorted(
            path for path in self.root.rglob("*") if path.is_file() and path.resolve() != table
        )
        return [path.relative_to(self.root).as_posix() for path in paths]

    def open(self, name: str) -> File[bytes] | None:
        """Return the file; None for names that lead out of the folder."""
        path = (self.root / name).resolve()
        if not path.is_file():
            path = self._composed(name).resolve()
        # Names come from the table and may contain ``..`` or symbolic links.
        if not path.is_relative_to(self.root.resolve()) or not path.is_file():
            return None
        return File(path.open("rb"), name=path.name)

    def _composed(self, name: str) -> Path:
        """Return the path whose names are those of ``name`` in any form of Unicode."""
        folder = self.root
        for part in Path(name).parts:
            if folder not in self._names:
                names = folder.iterdir() if folder.is_dir() else ()
                self._names[folder] = {one_form(path.name): path.name for path in names}
            folder /= self._names[folder].get(one_form(part), part)
        return folder


@dataclass(frozen=True, slots=True)
class NewAudio:
    """A file or link that replaces the existing audio."""

    file: File[bytes] | None
    url: str
    sha256: str


@contextmanager
def open_sound(source: AudioSource, name: str, user: User | None) -> Iterator[File[bytes]]:
    """Open a file that came with the table, or the fingerprint of a recording by its
    uid.
    """
    with working_for(user):
        rows = Recording.objects.filter(uid=name).exclude(fingerprint="")
        recording = rows.first()
    if recording is not None:
        # A row may name a recording that the user may see, to add its sound to this
        # bucket.
        yield ContentFile(read_bytes(recording.fingerprint), name=name)
        return
    opened = source.open(name)
    if opened is None:
        raise RowFault("audio", name, _("No file with this name was uploaded with the table."))
    with opened as file:
        if not file.size:
            raise RowFault("audio", name, _("The file is empty."))
        yield file


def fingerprint_in(sound: File[bytes], name: str) -> Fingerprint | None:
    """Return the fingerprint if the file is one; None for audio."""
    if not looks_like_fingerprint(sound):
        return None
    try:
        return read_fingerprint(sound, needs_scan_layer=False)
    except AudioRefused as error:
        raise RowFault("audio", name, str(error)) from error


def other_sound(name: str, sound: File[bytes], named: Recording) -> NewAudio | None:
    """Return a file as new audio; None if the recording already has it."""
    fingerprint = fingerprint_in(sound, name)
    if fingerprint is None:
        sha256 = sha256_of(sound)
        same = sha256 == named.audio_sha256
        return None if same else NewAudio(sound, "", sha256)
    # A recording added as a fingerprint has the hash of that file.
    fingerprint_sha256 = hashlib.sha256(fingerprint_file.to_bytes(fingerprint)).hexdigest()
    if fingerprint_sha256 == named.audio_sha256:
        return None
    raise RowFault(
        "audio", name, _("A fingerprint cannot replace existing audio. Delete the recording first.")
    )


def is_link(text: str) -> bool:
    """Return whether a cell holds a link and no file name."""
    return "://" in text


def refuse_link(url: str) -> None:
    """Raise ``RowFault`` if a link may not be fetched."""
    try:
        check_link(url)
    except LinkRefused as error:
        raise RowFault(
            "audio", url, _("This link is not allowed: %(error)s.") % {"error": error}
        ) from error
    if len(url) > 2000:
        raise RowFault("audio", url, _("A link may have at most 2,000 characters."))
