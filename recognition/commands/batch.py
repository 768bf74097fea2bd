"""Scans many files against one collection, in several processes."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from recognition.api.index import Index
from recognition.api.results import Scan
from recognition.commands import report
from recognition.errors import ProcessLost, RecognitionError
from recognition.isolation import client, confine


@dataclass(frozen=True, slots=True)
class Scanned:
    """One file with its result, or with the error that prevented one."""

    path: Path
    outcome: Scan | report.ErrorObject


def scan_files(folder: Path, files: Sequence[Path], *, processes: int) -> Iterator[Scanned]:
    """Scan files against the index of a folder; yield the results in order.

    Raises ``ProcessLost`` if a process is killed.
    """
    if processes == 1:
        yield from map(partial(_scan, Index.open(folder)), files)
        return
    with ProcessPoolExecutor(
        processes,
        # A forked process would lack the threads of libraries.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_begin,
        initargs=(folder,),
    ) as pool:
        try:
            yield from pool.map(partial(_scan_here, folder), files)
        except BrokenProcessPool as broken:
            raise ProcessLost from broken


_opened = cache(Index.open)


def _begin(folder: Path) -> None:
    # Ctrl+C reaches all processes; these end without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Without a parent, the process would wait for files for ever.
    if parent := multiprocessing.parent_process():
        confine.die_with_parent(parent.pid or 0)
    client.prepare_fork()
    _opened(folder)


def _scan_here(folder: Path, path: Path) -> Scanned:
    """Scan a file in a process of the pool."""
    return _scan(_opened(folder), path)


def _scan(index: Index, path: Path) -> Scanned:
    try:
        return Scanned(path, index.scan(path))
    except (RecognitionError, OSError) as error:
        return Scanned(path, report.error_object(error))
