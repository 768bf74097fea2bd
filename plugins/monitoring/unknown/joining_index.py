"""This machine's join index: new sound of each kept file, and items' best copies.

It follows the rows, which are the truth, and may be deleted at any time. Beside the
segments lies which revision of each file and which version of each item it holds.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from django.conf import settings

from catalogue import index_log
from plugins.monitoring.unknown import runs
from plugins.monitoring.unknown.landmarks import searchable
from plugins.monitoring.unknown.models import ItemState, KeptFile, UnknownItem
from recognition.errors import IndexCorrupt, ParamsMismatch
from recognition.fingerprints.hashes import reference_hashes
from recognition.index import manifest
from recognition.index.places import NO_PLACES, References, places_of
from recognition.index.segment import Postings
from recognition.index.store import SegmentStore
from recognition.params import DEFAULT
from recognition.recurring.join import entry
from recognition.recurring.sounds import Load
from recognition.types import NO_LANDMARKS, Landmarks

logger = logging.getLogger(__name__)

FILES: Final = 0
ITEMS: Final = 1
_HELD_NAME: Final = "HELD"
_AT_ONCE: Final = 100
_UNSURE: Final = -1  # no row has this revision

Versions = dict[int, int]
Read = Callable[[Sequence[int]], Iterable[Postings]]


def folder() -> Path:
    root: Path = settings.ACRPORTAL_DATA_DIR / "recurring-index"
    return root


@contextmanager
def followed(load: Load) -> Iterator[JoinIndex]:
    """Yield this machine's join index as the rows say, while no other process uses it.

    One that is missing, damaged or of another engine is built again.
    """
    root = folder()
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f"{root.name}.lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            index = _open_index(root, load)
        except (IndexCorrupt, ParamsMismatch, FileNotFoundError) as error:
            logger.warning("the join index is built again: %s", error)
            shutil.rmtree(root, ignore_errors=True)
            index = _open_index(root, load)
        yield index


def _open_index(root: Path, load: Load) -> JoinIndex:
    catalogue = index_log.read_state().catalogue
    held = manifest.read_checked(root / _HELD_NAME)
    if held is None or held["catalogue"] != catalogue:
        # Of rows that were restored to an earlier state, numbers may mean other sound.
        shutil.rmtree(root, ignore_errors=True)
        held = {"files": [], "items": []}
    index = JoinIndex(
        root,
        SegmentStore(root, params_hash=DEFAULT.index_hash()),
        load,
        catalogue,
        {FILES: dict(held["files"]), ITEMS: dict(held["items"])},
    )
    lost = [bucket for bucket, numbers in index.held.items() if numbers]
    if not set(lost) <= set(index.store.buckets()):
        raise IndexCorrupt("A part of the index was deleted.")
    index.follow()
    return index


@dataclass(frozen=True, slots=True)
class JoinIndex:
    """The segments, and which revision or version of each number they hold."""

    root: Path
    store: SegmentStore
    load: Load
    catalogue: str
    held: Mapping[int, Versions] = field(repr=False)

    def follow(self) -> None:
        """Update the entries from the rows."""
        self._follow(FILES, revisions(), self._files)
        # Closed items may return. What people merged is heard for the item that it
        # became part of.
        items = UnknownItem.objects.exclude(landmarks=b"").exclude(
            state=ItemState.CLOSED, merged_into__isnull=False
        )
        self._follow(ITEMS, dict(items.values_list("pk", "version")), _items)

    def doubt(self, numbers: Iterable[int]) -> None:
        """Have the entries of files made again, because they change before their rows."""
        self.held[FILES].update(dict.fromkeys(numbers, _UNSURE))
        self._write()

    def references(self) -> References:
        """Return the landmarks of the items, for a scan."""
        return References(_landmarks, self.store.place_tables([ITEMS]))

    def _follow(self, bucket: int, versions: Versions, read: Read) -> None:
        held = self.held[bucket]
        gone = sorted(held.keys() - versions.keys())
        for number in gone:
            self.store.remove(bucket, number)
            del held[number]
        if gone:
            self._write()
        changed = [number for number in sorted(versions) if held.get(number) != versions[number]]
        for begin in range(0, len(changed), _AT_ONCE):
            numbers = changed[begin : begin + _AT_ONCE]
            self.store.add_many(bucket, [*read(numbers)])
            held.update((number, versions[number]) for number in numbers)
            self._write()

    def _files(self, numbers: Sequence[int]) -> Iterator[Postings]:
        explained = runs.of_files(numbers)
        for number in numbers:
            postings = entry(self.load(number), explained.get(number, ()))
            yield Postings(number, *postings, NO_PLACES)

    def _write(self) -> None:
        files, items = (sorted(self.held[bucket].items()) for bucket in (FILES, ITEMS))
        manifest.write_checked(
            self.root / _HELD_NAME,
            {
                "format": manifest.FORMAT,
                "catalogue": self.catalogue,
                "files": files,
                "items": items,
            },
        )


def revisions() -> Versions:
    """Return the files that the rows have joined, and which revision of each."""
    rows = KeptFile.objects.values_list("pk", "revision")
    return {number: revision for number, revision in rows if revision is not None}


def _items(numbers: Sequence[int]) -> Iterator[Postings]:
    for number in numbers:
        landmarks = _landmarks(number)
        hashes, frames = reference_hashes(landmarks, DEFAULT)
        yield Postings(number, hashes, frames, places_of(landmarks))


def _landmarks(number: int) -> Landmarks:
    item = UnknownItem.objects.only("uid", "landmarks").filter(pk=number).first()
    return NO_LANDMARKS if item is None else searchable(item)
