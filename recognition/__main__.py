"""The command acrfp: make, send, scan and compare fingerprints; maintain an index."""

from __future__ import annotations

import argparse
import atexit
import csv
import gc
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from recognition.commands import make, plot, send, watch
from recognition.commands.console import UsageError, print_error, print_json, print_notes, printable
from recognition.version import VERSION

if TYPE_CHECKING:
    from recognition.api.index import Index
    from recognition.api.sounds import ReadSound
    from recognition.types import Fingerprint

ADD_BATCH = 16


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 on success, 1 if a file failed, 2 on an error.

    Without ``argv``, the command has the process to itself.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    args = _parser().parse_args(argv, argparse.Namespace(has_process=argv is None))
    _place_compiled_code(getattr(args, "index", None))
    from recognition.errors import RecognitionError

    try:
        code: int = args.run(args)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (RecognitionError, OSError, UsageError) as error:
        print(f"error: {printable(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="acrfp", description=__doc__)
    parser.add_argument("--version", action="version", version=f"acrfp {VERSION}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in (make, send, watch, plot):
        module.add_to(commands)

    add = commands.add_parser("add", help="put recordings into an index")
    add.add_argument("files", nargs="*", type=Path, metavar="FILE")
    add.add_argument("--manifest", type=Path, metavar="CSV", help="track_id,path")
    add.set_defaults(run=_add)

    remove = commands.add_parser("remove", help="take recordings out of an index")
    remove.add_argument("ids", nargs="+", metavar="ID", help="as scan names them")
    remove.set_defaults(run=_remove)

    scan = commands.add_parser("scan", help="find recordings in files")
    scan.add_argument("files", nargs="+", type=Path, metavar="FILE")
    scan.add_argument(
        "--processes",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="how many files to scan at once (default: one per core)",
    )
    scan.set_defaults(run=_scan)

    compare = commands.add_parser("compare", help="show how two files relate")
    compare.add_argument("a", type=Path, metavar="A")
    compare.add_argument("b", type=Path, metavar="B")
    compare.set_defaults(run=_compare)

    recurring = commands.add_parser("recurring", help="find unknown sound that repeats in files")
    recurring.add_argument("files", nargs="+", type=Path, metavar="FILE")
    recurring.add_argument(
        "--index", type=Path, metavar="DIR", help="ignore sound that this index contains"
    )
    recurring.set_defaults(run=_recurring)

    info = commands.add_parser("info", help="show the contents of an index")
    info.set_defaults(run=_info)
    verify = commands.add_parser("verify", help="read a whole index and check it")
    verify.set_defaults(run=_verify)
    compact = commands.add_parser("compact", help="merge an index and free unused space")
    compact.set_defaults(run=_compact)
    rebuild = commands.add_parser("rebuild", help="rebuild an index without audio")
    rebuild.set_defaults(run=_rebuild)

    for command in (add, remove, scan, info, verify, compact, rebuild):
        command.add_argument("--index", type=Path, required=True, metavar="DIR")
    for command in (scan, compare, recurring, info):
        command.add_argument("--json", action="store_true", help="one object per line")
    return parser


def _place_compiled_code(index: Path | None) -> None:
    """Choose a writable folder for compiled code if Numba's usual ones are read-only."""
    package = Path(__file__).parent
    usual = [package / "__pycache__", Path.home() / ".cache"]
    if "NUMBA_CACHE_DIR" in os.environ or any(os.access(p, os.W_OK) for p in usual):
        return
    places = [index] if index and os.access(index, os.W_OK) else []
    place = (places or [Path(tempfile.gettempdir())])[0]
    os.environ["NUMBA_CACHE_DIR"] = str(place / ".numba-cache")


def _prepare(args: argparse.Namespace) -> None:
    """Load what reads media files, unless this process is somebody else's."""
    if args.has_process:
        from recognition.isolation import client

        # The libraries make a million objects that stay: looking for garbage among them
        # while they load, and once more at the end, takes a third of a short command.
        gc.set_threshold(100_000)
        atexit.register(gc.freeze)
        client.prepare_fork()


def _add(args: argparse.Namespace) -> int:
    from recognition.api.index import Index

    _prepare(args)
    index = Index.create(args.index, exist_ok=True)
    waiting: dict[str, Fingerprint] = {}
    failed = False
    for recording_id, path in _named_files(args.files, args.manifest):
        sound = _read_or_report(path, "reference")
        if sound is None:
            failed = True
            continue
        waiting[recording_id] = sound.fingerprint
        if len(waiting) == ADD_BATCH:
            _acknowledge(index, waiting)
            waiting = {}
    _acknowledge(index, waiting)
    return 1 if failed else 0


def _acknowledge(index: Index, waiting: Mapping[str, Fingerprint]) -> None:
    from recognition.fingerprints.file_format import reference_layer
    from recognition.fingerprints.hashes import reference_hashes
    from recognition.relate.alone import can_be_found

    if waiting:
        index.add_many(waiting)
    for recording_id, made in waiting.items():
        minutes, seconds = divmod(made.duration_ms // 1000, 60)
        hashes, _frames = reference_hashes(reference_layer(made))
        is_enough = can_be_found(hashes, partial(reference_layer, made), lambda: index.hours)
        note = "" if is_enough else "; it holds too little sound to be found"
        print(f"added {recording_id} ({minutes}:{seconds:02d}){note}", flush=True)


def _remove(args: argparse.Namespace) -> int:
    from recognition.api.index import Index

    index = Index.open(args.index)
    failed = False
    for recording_id in args.ids:
        try:
            index.remove(recording_id)
        except KeyError:
            failed = True
            print(printable(f"{recording_id}: not in the index"), file=sys.stderr, flush=True)
        else:
            print(printable(f"removed {recording_id}"), flush=True)
    return 1 if failed else 0


def _named_files(files: Sequence[Path], manifest: Path | None) -> list[tuple[str, Path]]:
    """Return the manifest's rows, then the files that the manifest does not name."""
    named = list(_manifest_rows(manifest)) if manifest else []
    if not named and not files:
        raise UsageError("Pass files to add, or a --manifest.")
    named_paths = {path.resolve() for _, path in named}
    return named + [(f.stem, f) for f in files if f.resolve() not in named_paths]


def _manifest_rows(manifest: Path) -> Iterator[tuple[str, Path]]:
    """Yield track ids and paths.

    A relative path counts from the working directory, or else from the manifest's
    folder.
    """
    with manifest.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        if not {"track_id", "path"} <= set(reader.fieldnames or ()):
            raise UsageError(f"{manifest} needs the columns track_id and path.")
        for row in reader:
            if not row["track_id"] or not row["path"]:
                raise UsageError(f"{manifest}, line {reader.line_num}: track_id or path is empty.")
            path = Path(row["path"])
            beside = manifest.parent / path
            yield (row["track_id"], beside if beside.exists() and not path.exists() else path)


def _scan(args: argparse.Namespace) -> int:
    from recognition.api.collection import Collection
    from recognition.commands import report
    from recognition.commands.batch import scan_files

    if args.processes < 1:
        raise UsageError("--processes needs at least 1.")
    Collection(args.index)  # an absent index is said before files are read
    processes = min(args.processes, len(args.files))
    if processes == 1:
        _prepare(args)
    failed = False
    for scanned in scan_files(args.index, args.files, processes=processes):
        path, outcome = scanned.path, scanned.outcome
        if isinstance(outcome, dict):
            failed = True
            print_error(path, outcome, as_json=args.json)
        elif args.json:
            print_json(outcome.to_dict())
        else:
            print(report.scan_table(path, outcome), flush=True)
    return 1 if failed else 0


def _compare(args: argparse.Namespace) -> int:
    from recognition.api.comparing import compared
    from recognition.commands import report

    _prepare(args)
    a, b = (_read_or_report(path, "reference", "scan") for path in (args.a, args.b))
    if a is None or b is None:
        return 1
    comparison = compared(a, b)
    if args.json:
        print_json(comparison.to_dict())
    else:
        print(report.comparison_table(comparison))
    return 0


def _recurring(args: argparse.Namespace) -> int:
    from recognition.api.collection import Collection
    from recognition.commands import report
    from recognition.commands.recurring_files import JoinedFiles
    from recognition.errors import RecognitionError

    _prepare(args)
    collection = Collection(args.index) if args.index else None
    failed = False
    with tempfile.TemporaryDirectory(prefix="recurring-") as folder:
        joined = JoinedFiles(Path(folder), collection)
        for path in args.files:
            try:
                joined.add(path)
            except (RecognitionError, OSError) as error:
                failed = True
                print_error(path, report.error_object(error), as_json=args.json)
        items = joined.items()
        for number, item in enumerate(items, 1):
            if args.json:
                print_json(report.recurring_object(number, item, joined.paths))
            else:
                print(report.recurring_table(number, item, joined.paths), flush=True)
    if not items and not args.json:
        print("no unknown sound repeats")
    return 1 if failed else 0


def _info(args: argparse.Namespace) -> int:
    from recognition.api.collection import Collection
    from recognition.commands.report import info_object

    facts = info_object(Collection(args.index))
    if args.json:
        print_json(facts)
    else:
        for name, value in facts.items():
            print(f"{name:16} {value}")
    return 0


def _verify(args: argparse.Namespace) -> int:
    from recognition.api.collection import Collection

    problems = Collection(args.index).verify()
    for problem in problems:
        print(problem, file=sys.stderr)
    print("damaged" if problems else "sound")
    return 1 if problems else 0


def _compact(args: argparse.Namespace) -> int:
    from recognition.api.collection import Collection

    Collection(args.index).compact()
    return 0


def _rebuild(args: argparse.Namespace) -> int:
    from recognition.api.collection import Collection

    Collection(args.index).rebuild()
    return 0


def _read_or_report(path: Path, *layers: str) -> ReadSound | None:
    from recognition.api.sounds import read
    from recognition.commands.report import error_object
    from recognition.errors import RecognitionError

    try:
        sound = read(path, *layers)
    except (RecognitionError, OSError) as error:
        message = error_object(error)["message"]
        print(printable(f"{path}: {message}"), file=sys.stderr, flush=True)
        return None
    print_notes(path, sound.notes)
    return sound


if __name__ == "__main__":
    sys.exit(main())
