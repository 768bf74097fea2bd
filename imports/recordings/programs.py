"""Makes tables of recordings from folders of audio and from lists of other programs.

Sources of the forms: audfprint prints ``NAME (N hashes)`` for each entry of its database
(``hash_table.py``), dejavu keeps ``song_name`` and ``file_sha1`` in its table ``songs``
(README), ``olaf store`` takes a text file with a path in each line (README). No database
of theirs is opened here: audfprint's is a pickle, and reading that runs code.
"""

from __future__ import annotations

import hashlib
import io
import itertools
import operator
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from django.utils.translation import gettext as _

from base.common.beside_sound import lies_beside_sound
from base.common.csv_safety import GuardedWriter
from base.common.media_analysis import decode_limits
from base.common.table_text import one_form
from imports.errors import TableRefused
from imports.names import compared
from imports.recordings.audio import Folder
from imports.table_encoding import RECOGNISED, encoding_of
from imports.tables import MAX_BYTES, Table, open_table, rows_of
from recognition.audio.headers import read_headers
from recognition.errors import RecognitionError

_COLUMNS: Final = (
    *("custom_id", "title", "artists", "audio", "isrc", "album", "label"),
    *("release_date", "writers", "duration_ms"),
)
_TAGS: Final[Mapping[str, tuple[str, ...]]] = {
    "title": ("title", "tit2"),
    "artists": ("artist", "tpe1", "album_artist", "tpe2"),
    "isrc": ("isrc", "tsrc"),
    "album": ("album", "talb"),
    "label": ("label", "organization", "publisher", "tpub"),
    "release_date": ("date", "tdrc", "year"),
    "writers": ("composer", "tcom"),
}
"""Our columns by the names of tags, the surest first."""
_HASHES: Final = re.compile(r"(?P<name>.+) \(\d+ hashes\)\s*\Z")
_DATE: Final = re.compile(r"\d{4}(-\d{2}(-\d{2})?)?")


@dataclass(frozen=True, slots=True)
class Listed:
    """A recording that another program lists: its name there, and its file here."""

    name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class MadeTable:
    """The table of a folder or a list; ``silent`` are files without readable sound."""

    table: Table
    silent: tuple[str, ...]


def folder_table(folder: Folder) -> MadeTable:
    """Return a row for each file with sound; its path is its id, its tags the rest."""
    names = [name for name in folder.names() if not lies_beside_sound(name)]
    return _table(folder, [Listed(name, name) for name in names])


def listed_table(
    program: str, path: Path, folder: Folder | None, *, encoding: str = RECOGNISED
) -> MadeTable:
    """Return a row for each recording that a program lists, with its file if it is found.

    Raises ``TableRefused`` for a list that is not the program's.
    """
    recordings = list(PROGRAMS[program](path, folder, encoding))
    if not recordings:
        raise TableRefused(
            _("This is no list of %(program)s: no line of it names a recording.")
            % {"program": program}
        )
    return _table(folder, recordings)


# --- Programs -------------------------------------------------------------------------


def _of_audfprint(path: Path, folder: Folder | None, encoding: str) -> Iterator[Listed]:
    files = _Paths(folder)
    for line in _lines(path, encoding):
        matched = _HASHES.match(line)
        if matched is not None:
            yield Listed(matched["name"], files.ending_with(matched["name"]))


def _of_olaf(path: Path, folder: Folder | None, encoding: str) -> Iterator[Listed]:
    files = _Paths(folder)
    for line in _lines(path, encoding):
        if name := line.strip():
            yield Listed(name, files.ending_with(name))


def _of_dejavu(path: Path, folder: Folder | None, encoding: str) -> Iterator[Listed]:
    names = frozenset(map(compared, ("song_name", "file_sha1")))
    with open_table(path, names=names, encoding=encoding) as table:
        places = [name.strip().casefold() for name in table.header]
        if not {"song_name", "file_sha1"} <= set(places):
            raise TableRefused(_("The table needs the columns song_name and file_sha1 of dejavu."))
        name, digest = places.index("song_name"), places.index("file_sha1")
        by_sha1 = _by_sha1(folder)
        for row in rows_of(table):
            cells = (*row.cells, *[""] * len(places))
            sha1 = cells[digest].strip().lower().removeprefix("0x")
            yield Listed(cells[name].strip(), by_sha1.get(sha1, ""))


PROGRAMS: Final[Mapping[str, Callable[[Path, Folder | None, str], Iterable[Listed]]]] = {
    "audfprint": _of_audfprint,
    "dejavu": _of_dejavu,
    "olaf": _of_olaf,
}


def _lines(path: Path, encoding: str) -> Iterator[str]:
    if path.stat().st_size > MAX_BYTES:
        raise TableRefused(_("The file is larger than 100 MB. Split it."))
    with path.open("rb") as file:
        text_encoding = encoding_of(file, encoding)
    with path.open(encoding=text_encoding) as text:
        yield from (line.rstrip("\r\n") for line in text)


class _Paths:
    """The files of a folder by the ends of their paths."""

    def __init__(self, folder: Folder | None) -> None:
        self._by_name: dict[str, list[str]] = defaultdict(list)
        for path in folder.names() if folder else ():
            self._by_name[one_form(PurePosixPath(path).name)].append(path)

    def ending_with(self, program_path: str) -> str:
        """Return the one file whose path shares the most last parts with a listed one.

        Empty if there is none, or several: the program kept the path of its machine.
        """
        last_parts = _parts(program_path)
        common: dict[str, int] = {}
        for path in self._by_name.get(last_parts[-1], []) if last_parts else ():
            equal = map(operator.eq, reversed(last_parts), reversed(_parts(path)))
            common[path] = sum(itertools.takewhile(bool, equal))
        most = max(common.values(), default=0)
        best = [path for path, count in common.items() if count == most]
        return best[0] if len(best) == 1 else ""


def _parts(path: str) -> Sequence[str]:
    return PurePosixPath(one_form(path.replace("\\", "/"))).parts


def _by_sha1(folder: Folder | None) -> dict[str, str]:
    by_hash: dict[str, str] = {}
    for path in folder.names() if folder else ():
        opened = folder.open(path) if folder else None
        if opened is None:
            continue
        with opened as file:
            digest = hashlib.sha1(usedforsecurity=False)
            for chunk in file.chunks():
                digest.update(chunk)
            by_hash.setdefault(digest.hexdigest(), path)
    return by_hash


# --- Tables ---------------------------------------------------------------------------


def _table(folder: Folder | None, recordings: Iterable[Listed]) -> MadeTable:
    text, silent = io.StringIO(), []
    # As for people: the reader of tables takes one apostrophe off.
    writer = GuardedWriter(text)
    writer.write(_COLUMNS)
    for recording in recordings:
        tags = _tags(folder, recording.path) if folder and recording.path else {}
        if tags is None:
            silent.append(recording.path)
        else:
            row = _row(recording, tags)
            writer.write(row.get(name, "") for name in _COLUMNS)
    content = io.BytesIO(text.getvalue().encode("utf-8", "replace"))
    return MadeTable(Table(content, _COLUMNS, ",", "utf-8"), tuple(silent))


def _tags(folder: Folder, path: str) -> dict[str, str] | None:
    """Return the columns that a file's headers fill; None for a file without sound."""
    opened = folder.open(path)
    if opened is None:
        return None
    with opened as file:
        suffix = PurePosixPath(path).suffix.lower()[:10]
        try:
            headers = read_headers(file, suffix=suffix, limits=decode_limits())
        except RecognitionError:
            return None
    by_name = {name.casefold(): value for name, value in headers.tags.items()}
    columns = {
        column: next((by_name[name] for name in names if by_name.get(name)), "")
        for column, names in _TAGS.items()
    }
    day = _DATE.match(columns["release_date"])
    columns["release_date"] = day[0] if day else ""
    return columns | {"duration_ms": str(headers.duration_ms or "")}


def _row(recording: Listed, tags: Mapping[str, str]) -> dict[str, str]:
    """Return the cells; a name "Artist - Title" says what tags do not."""
    stem = PurePosixPath(recording.name.replace("\\", "/")).stem
    artist, dash, title = stem.partition(" - ")
    is_named = dash and not tags.get("title") and not tags.get("artists")
    cells = {
        **tags,
        "custom_id": recording.name,
        "audio": recording.path,
        "title": title if is_named else tags.get("title") or stem,
        "artists": artist if is_named else tags.get("artists", ""),
    }
    # Control characters would break the table's lines.
    return {name: " ".join(value.split()) for name, value in cells.items()} | {
        "audio": recording.path
    }
