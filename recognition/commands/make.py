"""``acrfp make``: write the fingerprints of many files; continue after interruptions.

An output gets the modification time of its source and appears complete or not at all.
So the folder itself says what is done, and a kill at any moment costs only the files
in work.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recognition.commands.console import (
    ProgressBar,
    UsageError,
    print_error,
    print_json,
    print_notes,
    printable,
)
from recognition.commands.sources import (
    FINGERPRINT_SUFFIX,
    MEDIA_SUFFIXES,
    SourceFile,
    find_sources,
)
from recognition.errors import RecognitionError

LAYERS: Final = ("reference", "scan")
# Some file systems store times in steps of two seconds.
TIME_STEP_NS: Final = 2_000_000_000
# Files handed to each thread ahead of time.
AHEAD: Final = 2

Done = Callable[[float], None]


class _Stopped(Exception):
    """Somebody interrupted the command."""


class _OutputFault(Exception):
    """The output, not the source, cannot be read or written."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A source with its output; ``error`` says why there is none."""

    source: SourceFile
    output: Path
    status: str  # made, skipped or failed
    duration_ms: int = 0
    error: dict[str, str] | None = None
    notes: tuple[str, ...] = ()

    def line(self) -> dict[str, Any]:  # Any: JSON
        """Return the line of ``--json``."""
        fields: dict[str, Any] = {"path": str(self.source.path), "status": self.status}
        if self.error is not None:
            return fields | {"error": self.error}
        size = self.output.stat().st_size
        return fields | {
            "output": str(self.output),
            "duration_s": self.duration_ms / 1000,
            "size_bytes": size,
            "warnings": list(self.notes),
        }


def add_to(commands: Any) -> None:  # Any: argparse names no public class for it
    """Add the command's arguments to the parser."""
    make = commands.add_parser("make", help="write fingerprints (.acrfp) of files")
    make.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    add_making_options(make)
    make.add_argument("-r", "--recursive", action="store_true", help="process the files in folders")
    make.set_defaults(run=run)


def add_making_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that ``make`` and ``watch`` share."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where to write (default: beside each file)",
    )
    parser.add_argument(
        "--only",
        choices=LAYERS,
        help="write only one layer: reference (to add and compare) or scan (to scan)",
    )
    parser.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many files at once (default: one per core)",
    )
    parser.add_argument("--json", action="store_true", help="one object per file")


def run(args: argparse.Namespace) -> int:
    """Make missing fingerprints; return 1 if a file failed."""
    check_options(args)
    sources = find_sources(args.paths, recursive=args.recursive, suffixes=MEDIA_SUFFIXES)
    failed = False
    sizes = {source.path: _size(source.path) for source in sources}
    bar = ProgressBar(len(sources), sum(sizes.values()))

    def working(source: SourceFile, share: float) -> None:
        bar.working(source.path, int(share * sizes[source.path]))

    with contextlib.closing(bar):
        for made in make_files(
            sources, args.output, layers=layers_of(args), processes=args.processes, working=working
        ):
            bar.ended(made.source.path, sizes[made.source.path])
            failed |= made.status == "failed"
            show(made, as_json=args.json)
    return 1 if failed else 0


def check_options(args: argparse.Namespace) -> None:
    """Refuse options that cannot be met."""
    if args.processes < 1:
        raise UsageError("--processes needs at least 1.")
    if args.output is not None and args.output.exists() and not args.output.is_dir():
        raise UsageError(f"{args.output} is a file; -o takes a folder to write into.")


def layers_of(args: argparse.Namespace) -> frozenset[str]:
    """Return the layers that the options ask for."""
    return frozenset([args.only] if args.only else LAYERS)


def show(made: MadeFile, *, as_json: bool) -> None:
    """Print the outcome of one file."""
    if made.error is not None:
        print_error(made.source.path, made.error, as_json=False)
    print_notes(made.source.path, made.notes)
    if as_json:
        print_json(made.line())
    elif made.error is None:
        print(printable(f"{made.status} {made.output}"), flush=True)


def make_files(
    sources: Sequence[SourceFile],
    folder: Path | None,
    *,
    layers: frozenset[str],
    processes: int,
    working: Callable[[SourceFile, float], None],
) -> Iterator[MadeFile]:
    """Make fingerprints side by side; yield each file as it ends.

    Each file is decoded in a confined process of its own, so that one that crashes or
    is killed fails alone. Closing the iterator ends the work in progress.
    """
    stopped = threading.Event()

    def make(source: SourceFile, output: Path) -> MadeFile:
        def done(share: float) -> None:
            if stopped.is_set():
                raise _Stopped
            working(source, share)

        return make_file(source, output, layers=layers, done=done)

    taken: dict[Path, Path] = {}
    running: set[Future[MadeFile]] = set()
    pool = ThreadPoolExecutor(processes)
    try:
        for source in sources:
            output = _output_of(source, folder)
            first = taken.setdefault(output, source.path)
            if first != source.path:
                yield _same_output(source, output, first)
                continue
            running.add(pool.submit(make, source, output))
            if len(running) >= AHEAD * processes:
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in ended)
        while running:
            ended, running = wait(running, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in ended)
    finally:
        stopped.set()
        pool.shutdown(cancel_futures=True)


def make_file(source: SourceFile, output: Path, *, layers: frozenset[str], done: Done) -> MadeFile:
    """Make one fingerprint, unless the output is that of the unchanged source."""
    from recognition.audio import analysis
    from recognition.commands.report import error_object
    from recognition.fingerprints import file_format as fingerprint
    from recognition.relate.tracks import unsearched

    try:
        stamp = source.path.stat().st_mtime_ns
        with _blaming(output):
            length_ms = _already_made(output, stamp, layers)
        if length_ms is not None:
            return MadeFile(source, output, "skipped", length_ms)
        if fingerprint.is_fingerprint(source.path):
            raise UsageError("This is already a fingerprint; pass the audio file.")
        file_analysis = analysis.analyse_file(source.path, layers=layers, progress=done)
        made = fingerprint.for_others(file_analysis.fingerprint)
        with _blaming(output):
            _write(output, fingerprint.to_bytes(made), stamp)
    except _OutputFault as error:
        unwritable = {"code": "unwritable", "message": str(error)}
        return MadeFile(source, output, "failed", error=unwritable)
    except UsageError as error:
        refused = {"code": "not_audio", "message": str(error)}
        return MadeFile(source, output, "failed", error=refused)
    except (RecognitionError, OSError) as error:
        return MadeFile(source, output, "failed", error=error_object(error))
    notes = (*file_analysis.warnings, *unsearched(file_analysis.facts.tracks, ()))
    length_ms = file_analysis.fingerprint.duration_ms
    return MadeFile(source, output, "made", length_ms, notes=notes)


@contextlib.contextmanager
def _blaming(output: Path) -> Iterator[None]:
    """Let a fault of the file system name the output."""
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise _OutputFault(f"{output} cannot be written: {cause}") from error


def _write(output: Path, data: bytes, stamp: int) -> None:
    from recognition import durable

    output.parent.mkdir(parents=True, exist_ok=True)
    with durable.replacing(output) as fd, open(fd, "wb", closefd=False) as file:
        file.write(data)
        file.flush()
        os.utime(fd, ns=(stamp, stamp))


def _already_made(output: Path, stamp: int, layers: frozenset[str]) -> int | None:
    """Return the length in ms that a sound output of this source covers, or None."""
    from recognition.errors import BadFingerprint
    from recognition.fingerprints import file_format as fingerprint
    from recognition.params import DEFAULT

    try:
        if abs(output.stat().st_mtime_ns - stamp) >= TIME_STEP_NS:
            return None
        made = fingerprint.load(output)
    except (FileNotFoundError, BadFingerprint):
        return None
    held = {"reference"} if made.reference is not None else set()
    held |= {"scan"} if made.dense is not None else set()
    same = made.params_hash == DEFAULT.shape_hash() and held >= layers
    return made.duration_ms if same else None


def _output_of(source: SourceFile, folder: Path | None) -> Path:
    """Return the output: the whole name of the source with our suffix after it.

    Names of sources differ, so those of outputs do: ``a.wav`` and ``a.mp3`` do not meet.
    """
    place = source.path if folder is None else folder / source.place
    return place.with_name(place.name + FINGERPRINT_SUFFIX)


def _same_output(source: SourceFile, output: Path, first: Path) -> MadeFile:
    message = (
        f"Its output {output} is that of {first}, too. Name their common folder with "
        "-r, which keeps subfolders apart."
    )
    error = {"code": "same_output", "message": message}
    return MadeFile(source, output, "failed", error=error)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
