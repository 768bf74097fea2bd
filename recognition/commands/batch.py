"""Scans many files against one collection, in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

from recognition.audio import analysis
from recognition.commands import report
from recognition.commands.collection import BUCKET, Collection
from recognition.errors import ProcessLost, RecognitionError
from recognition.fingerprints import file_format as fingerprint
from recognition.isolation import client, confine
from recognition.relate.tracks import scan_tracks, unsearched
from recognition.search import match
from recognition.types import Fingerprint, ScanResult, SoundTrack


@dataclass(frozen=True, slots=True)
class Scanned:
    """One file with its result, or with the error that prevented one."""

    path: Path
    outcome: ScanResult | report.ErrorObject


def scan_files(index: Path, files: Sequence[Path], *, processes: int) -> Iterator[Scanned]:
    """Scan files against the collection in a directory; yield the results in order.

    Raises ``ProcessLost`` if a process is killed.
    """
    if processes == 1:
        yield from map(partial(_scan, Collection(index)), files)
        return
    with ProcessPoolExecutor(
        processes,
        # A forked process would lack the threads of libraries.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(index,),
    ) as pool:
        try:
            yield from pool.map(partial(_scan_here, index), files)
        except BrokenProcessPool as broken:
            raise ProcessLost from broken


def read_fingerprint(path: Path, *layers: str) -> Fingerprint:
    """Return the fingerprint of a media file, or load it from an ``.acrfp`` file."""
    return read(path, *layers).fingerprint


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file's fingerprint, those of its other tracks, and what its sound lacks."""

    fingerprint: Fingerprint
    other_tracks: tuple[tuple[int, Fingerprint], ...] = ()
    tracks: tuple[SoundTrack, ...] = ()
    warnings: tuple[str, ...] = ()
    states_length: bool = True

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what is lacking for who reads the main track alone."""
        return (*self.warnings, *unsearched(self.tracks, ()))


def read(path: Path, *layers: str) -> ReadFile:
    """Return what a media file or an ``.acrfp`` file holds."""
    if fingerprint.is_fingerprint(path):
        return ReadFile(fingerprint.load(path))
    made = analysis.analyse_file(path, layers=frozenset(layers))
    facts = made.facts
    return ReadFile(
        made.fingerprint, made.other_tracks, facts.tracks, made.warnings, facts.states_length
    )


_opened = cache(Collection)


def _begin(index: Path) -> None:
    # Ctrl+C reaches all processes; these end without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Without a parent, the process would wait for files for ever.
    if parent := multiprocessing.parent_process():
        confine.die_with_parent(parent.pid or 0)
    client.prepare_fork()
    _opened(index)


def _scan_here(index: Path, path: Path) -> Scanned:
    """Scan a file in a process of the pool."""
    return _scan(_opened(index), path)


def _scan(collection: Collection, path: Path) -> Scanned:
    try:
        file = read(path, "scan")
        scan = partial(
            match.scan, index=collection.store, buckets=[BUCKET], references=collection.references()
        )
        result = scan_tracks(file.fingerprint, file.other_tracks, scan)
    except (RecognitionError, OSError) as error:
        return Scanned(path, report.error_object(error))
    unread = unsearched(file.tracks, (number for number, _ in file.other_tracks))
    warnings = (*file.warnings, *unread, *result.warnings)
    result = replace(result, warnings=warnings, states_length=file.states_length)
    return Scanned(path, result)
