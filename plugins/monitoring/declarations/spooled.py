"""Plays on disk, so that a declaration needs little memory for each."""

from __future__ import annotations

import pickle
import tempfile
import weakref
from array import array
from collections.abc import Callable, Sequence
from typing import IO, Any, Final, Generic, TypeVar, overload

from django.conf import settings

Record = TypeVar("Record")
Seen = TypeVar("Seen")
# Declarations that a page checks mostly fit.
_IN_MEMORY: Final = 4 * 1024**2


class Spool(Generic[Record]):
    """Keeps objects in a file that is gone with it; each is read by its place."""

    def __init__(self) -> None:
        file = tempfile.SpooledTemporaryFile(  # noqa: SIM115 - closed with this object
            max_size=_IN_MEMORY, mode="w+b", dir=str(settings.FILE_UPLOAD_TEMP_DIR)
        )
        self._file: IO[bytes] = file
        self._end = 0
        weakref.finalize(self, self._file.close)

    def add(self, record: Record) -> int:
        """Keep an object; return its place."""
        place = self._end
        self._file.seek(place)
        pickle.dump(record, self._file, pickle.HIGHEST_PROTOCOL)
        self._end = self._file.tell()
        return place

    def at(self, place: int) -> Record:
        """Return the object at a place."""
        self._file.seek(place)
        # Nobody else can write this file.
        record: Record = pickle.load(self._file)  # noqa: S301
        return record


class SpooledList(Sequence[Seen], Generic[Record, Seen]):
    """What ``see`` makes of some objects of a spool, in order; eight bytes for each."""

    def __init__(
        self, spool: Spool[Record], places: array[int], see: Callable[[Record], Seen]
    ) -> None:
        self._spool, self._places, self._see = spool, places, see

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Seen: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Seen]: ...

    def __getitem__(self, index: int | slice) -> Any:  # Any: one or several
        if isinstance(index, slice):
            return [self._see(self._spool.at(place)) for place in self._places[index]]
        return self._see(self._spool.at(self._places[index]))
