"""Gives recordings that wait for it their audio, from a folder or a ZIP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol

from django.core.files.base import File
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import working_for
from base.common.beside_sound import lies_beside_sound
from base.common.media_analysis import decode_limits
from base.common.storage import local_path, sha256_of
from catalogue.changes import ChangeRefused
from catalogue.models import Bucket, Recording, RecordingStatus
from dedup.intake import AlreadyInCatalogue, give_audio, prepare
from imports.audio.pairing import Left, Pair, SoundFile, TableRow, Unpaired, Waiting, pair
from imports.errors import ImportRefused, RowFault, TableRefused
from imports.kinds import Columns
from imports.models import AudioImport
from imports.names import compared
from imports.recordings.column_names import COMMON_NAMES
from imports.recordings.zip_audio import open_archive
from imports.tables import open_table, rows_of
from recognition.audio.headers import Headers, read_headers
from recognition.errors import RecognitionError

SHOWN: Final = 200
_NO_SOUND: Final = "move_no_sound"
_REFUSED: Final = "move_refused"
_SHA256: Final = re.compile(r"[0-9a-fA-F]{64}\Z")


class FileSource(Protocol):
    """Files by path."""

    def names(self) -> list[str]:
        """Return the paths of all files."""

    def open(self, name: str) -> File[bytes] | None:
        """Return a file; None if it cannot be read."""


@dataclass(slots=True)
class AudioSummary:
    """The outcome of an import of audio, or of its check.

    ``paired`` found their recording, and ``given`` got it; ``refused`` are files that did
    not. ``pairs`` and ``faults`` hold the first ones.
    """

    files: int = 0
    paired: int = 0
    given: int = 0
    refused: int = 0
    still_waiting: int = 0
    pairs: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON
    faults: list[dict[str, Any]] = field(default_factory=list)  # Any: JSON

    def refuse(self, path: str, code: str, text: str, candidates: tuple[Waiting, ...] = ()) -> None:
        """Count a file that gets no recording; the first ones are shown."""
        self.refused += 1
        if len(self.faults) < SHOWN:
            named = [
                {"uid": candidate.uid, "title": candidate.name} for candidate in candidates[:5]
            ]
            self.faults.append({"file": path, "code": code, "message": text, "candidates": named})

    def show(self, pair: Pair) -> None:
        """Note a pair; the first ones are shown."""
        self.paired += 1
        if len(self.pairs) < SHOWN:
            self.pairs.append(
                {
                    "file": pair.sound.path,
                    "uid": pair.waiting.uid,
                    "title": pair.waiting.name,
                    "rule": pair.rule.value,
                    "differs": pair.differs,
                }
            )


@dataclass(frozen=True, slots=True)
class AudioImporter:
    """Pairs the files of a source with the waiting recordings of a bucket.

    ``dry`` only says what would be paired.
    """

    bucket: Bucket
    source: FileSource
    table: tuple[TableRow, ...]
    user: User | None
    dry: bool
    heartbeat: Callable[[], None]

    def run(self) -> AudioSummary:
        """Pair the files, and give each recording its audio."""
        summary = AudioSummary()
        waiting = [
            Waiting(
                uid=row.uid,
                title=row.title,
                artists=tuple(row.artists),
                custom_id=row.custom_id,
                isrc=row.isrc_normalised,
                duration_ms=row.duration_ms,
                sha256=_stated_sha256(row.user_defined),
                name=row.full_title,
            )
            for row in waiting_in(self.bucket)
        ]
        stated = [*(row.sha256 for row in self.table), *(recording.sha256 for recording in waiting)]
        needs_hash = any(stated)
        sounds = list(self._sounds(summary, needs_hash=needs_hash))
        pairs, unpaired = pair(sounds, waiting, self.table)
        for unpaired_file in unpaired:
            summary.refuse(
                unpaired_file.sound.path,
                unpaired_file.why.value,
                _explain(unpaired_file),
                unpaired_file.candidates,
            )
        for audio_pair in pairs:
            self.heartbeat()
            summary.show(audio_pair)
            if not self.dry:
                self._give(audio_pair, summary)
        summary.still_waiting = waiting_in(self.bucket).count()
        return summary

    def _sounds(self, summary: AudioSummary, *, needs_hash: bool) -> Iterator[SoundFile]:
        for path in self.source.names():
            if lies_beside_sound(path):
                continue
            self.heartbeat()
            summary.files += 1
            with self._open_sound(path) as file:
                stated = None if file is None else _headers(file, path)
                if file is None or stated is None:
                    text = _("It holds no sound that can be read.")
                    summary.refuse(path, _NO_SOUND, text)
                    continue
                sha256 = sha256_of(file) if needs_hash else ""
            yield SoundFile(path, stated.duration_ms, stated.tags, sha256)

    def _give(self, pair: Pair, summary: AudioSummary) -> None:
        recording = Recording.objects.select_related("bucket").get(uid=pair.waiting.uid)
        with self._open_sound(pair.sound.path) as file:
            try:
                if file is None:
                    raise ImportRefused(_("The file is no longer there."))
                newcomer = prepare(bucket=recording.bucket, audio=file)
                give_audio(recording=recording, newcomer=newcomer, user=self.user)
            except (AlreadyInCatalogue, ChangeRefused, ImportRefused) as refused:
                summary.refuse(pair.sound.path, _REFUSED, str(refused), (pair.waiting,))
            else:
                summary.given += 1

    @contextmanager
    def _open_sound(self, path: str) -> Iterator[File[bytes] | None]:
        opened = None
        with suppress(RowFault):
            opened = self.source.open(path)
        if opened is None:
            yield None
            return
        with opened:
            yield opened


def waiting_in(bucket: Bucket) -> Any:  # Any: a query of recordings
    """Return the recordings of a bucket that wait for their audio, in order."""
    return bucket.recordings.filter(status=RecordingStatus.STUB).order_by("pk")


_KNOWN_NAMES: Final = frozenset(
    {
        *map(compared, ("custom_id", "audio", "sha256")),
        *(name for name, of in COMMON_NAMES.items() if of in ("custom_id", "audio")),
    }
)


def rows_of_table(path: Path) -> tuple[TableRow, ...]:
    """Return what a table says: columns for the id, the file and its SHA-256.

    Raises ``ImportRefused``.
    """
    try:
        with open_table(path, names=_KNOWN_NAMES) as table:
            places = _places(table.header)
            return tuple(
                TableRow(
                    **{
                        name: cells[number].strip()
                        for name, number in places.items()
                        if number < len(cells)
                    }
                )
                for cells in (row.cells for row in rows_of(table))
            )
    except TableRefused as error:
        raise ImportRefused(str(error)) from error


def _places(header: list[str] | tuple[str, ...]) -> dict[str, int]:
    columns = {compared("custom_id"): "custom_id", compared("audio"): "path"}
    columns |= {compared("sha256"): "sha256", compared("sha-256"): "sha256"}
    common = {"custom_id": "custom_id", "audio": "path"}
    places: dict[str, int] = {}
    for number, name in enumerate(header):
        key = compared(name)
        column = columns.get(key) or common.get(COMMON_NAMES.get(key, ""))
        if column:
            places.setdefault(column, number)
    if "custom_id" not in places or len(places) < 2:
        raise ImportRefused(
            _("The table needs a column custom_id, and a column audio (the file's name) or sha256.")
        )
    return places


def _stated_sha256(user_defined: Mapping[str, object]) -> str:
    for name, value in user_defined.items():
        if compared(str(name)) in {"sha256", "filesha256", "audiosha256"}:
            text = str(value)
            return text.lower() if _SHA256.match(text) else ""
    return ""


def _headers(file: File[bytes], path: str) -> Headers | None:
    try:
        return read_headers(
            file, suffix=PurePosixPath(path).suffix.lower()[:10], limits=decode_limits()
        )
    except RecognitionError:
        return None


def _explain(unpaired: Unpaired) -> str:
    if unpaired.why is Left.NOTHING:
        return _("No waiting recording has its name, its ISRC or its tags.")
    if unpaired.why is Left.LENGTH:
        return _("A recording of this name has another length, or none is known.")
    return _("Several fit. Give the audio on the page of the right recording.")


def run(import_: AudioImport, heartbeat: Callable[[], None], *, dry: bool) -> Columns:
    """Give the recordings their audio, or only pair; return the columns to write."""
    table: tuple[TableRow, ...] = ()
    if import_.table:
        with local_path(import_.table) as path:
            table = rows_of_table(path)
    with (
        working_for(import_.made_by),
        local_path(import_.file) as path,
        open_archive(path) as archive,
    ):
        importer = AudioImporter(
            bucket=import_.bucket,
            source=archive,
            table=table,
            user=import_.made_by,
            dry=dry,
            heartbeat=heartbeat,
        )
        return {"summary": asdict(importer.run())}
