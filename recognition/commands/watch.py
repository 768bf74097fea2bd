"""``acrfp watch``: make fingerprints of new files in folders, and send them if asked.

It looks again and again instead of asking the system for events, which network drives
do not report. A file is taken once it stays the same from one look to the next.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from recognition.commands import make, send
from recognition.commands.console import UsageError, printable
from recognition.commands.sources import MEDIA_SUFFIXES, SourceFile, find_sources

EVERY_S: Final = 10.0

Stamp = tuple[int, int]


def add_to(commands: Any) -> None:  # Any: argparse names no public class for it
    """Add the command's arguments to the parser."""
    watch = commands.add_parser("watch", help="make fingerprints of new files and send them")
    watch.add_argument("paths", nargs="+", type=Path, metavar="FOLDER")
    make.add_making_options(watch)
    send.add_target_options(watch, required=False)
    watch.add_argument(
        "--every",
        type=float,
        default=EVERY_S,
        metavar="SECONDS",
        help="how often to look; a file unchanged for this long is complete "
        f"(default: {EVERY_S:g})",
    )
    watch.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Work until somebody interrupts the command."""
    make.check_options(args)
    if not args.every > 0:
        raise UsageError("--every needs a number of seconds above 0.")
    for folder in args.paths:
        if not folder.is_dir():
            raise UsageError(f"{folder} is not a folder.")
    targeted = args.container or args.bucket or args.dedup
    sender = send.sender_of(args) if targeted else None
    unsent: dict[Path, None] = {}
    for arrived in settled(args.paths, lambda: time.sleep(args.every)):
        for made in make.make_files(
            arrived,
            args.output,
            layers=make.layers_of(args),
            processes=args.processes,
            working=lambda _source, _share: None,
        ):
            make.show(made, as_json=args.json)
            if made.error is None:
                unsent[made.output] = None
        if sender is not None:
            _send_waiting(sender, unsent, as_json=args.json)
    return 0


def _send_waiting(sender: send.FileSender, unsent: dict[Path, None], *, as_json: bool) -> None:
    """Send waiting files; if the server is unreachable, they wait for the next look."""
    for output in list(unsent):
        try:
            sent = sender.send(output, audio=False)
        except UsageError as error:
            print(f"error: {printable(error)}", file=sys.stderr, flush=True)
            return
        del unsent[output]
        send.show(sent, as_json=as_json)


def settled(folders: Sequence[Path], pause: Callable[[], None]) -> Iterator[list[SourceFile]]:
    """Yield, for each look at the folders, the new files that have come to rest.

    A file that changes later is new again. ``pause`` waits for the next look.
    """
    before: dict[Path, Stamp] = {}
    taken: dict[Path, Stamp] = {}
    while True:
        sources = find_sources(folders, recursive=True, suffixes=MEDIA_SUFFIXES)
        now = {s.path: stamp for s in sources if (stamp := _stamp(s.path))}
        arrived = [
            source
            for source in sources
            if (stamp := now.get(source.path))
            and before.get(source.path) == stamp != taken.get(source.path)
        ]
        taken = {path: stamp for path, stamp in taken.items() if path in now}
        taken |= {source.path: now[source.path] for source in arrived}
        before = now
        yield arrived
        pause()


def _stamp(path: Path) -> Stamp | None:
    try:
        state = path.stat()
    except OSError:
        return None
    return (state.st_size, state.st_mtime_ns)
