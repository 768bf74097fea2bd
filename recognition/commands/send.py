"""``acrfp send``: send fingerprints, or audio, to a portal or to ACRCloud, once each."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recognition.commands.console import ProgressBar, UsageError, print_error, print_json, printable
from recognition.commands.credentials import server_address, token_for
from recognition.commands.sent_log import SentLog, SentTurn
from recognition.commands.sources import FINGERPRINT_SUFFIX, MEDIA_SUFFIXES, find_sources
from recognition.commands.uploads import Answer, NoAnswer, ServerRefused, Target, TargetKind, Upload

if TYPE_CHECKING:
    from recognition.commands.server import ServerClient

# What each kind of target calls a file, in its answers.
NAMES_OF_FILES = ("id", "acr_id", "acrid", "dup_files", "do_db")


@dataclass(frozen=True, slots=True)
class SentFingerprint:
    """A file with its outcome: sent, skipped, duplicate, or failed with an error."""

    path: Path
    status: str
    known_as: Answer | None = None
    error: dict[str, str] | None = None

    def line(self) -> dict[str, Any]:  # Any: JSON
        """Return the line of ``--json``."""
        fields: dict[str, Any] = {"path": str(self.path), "status": self.status}
        if self.error is not None:
            return fields | {"error": self.error}
        return fields | {"server": self.known_as or {}}


def add_to(commands: Any) -> None:  # Any: argparse names no public class for it
    """Add the command's arguments to the parser."""
    send = commands.add_parser("send", help="send fingerprints to a portal or to ACRCloud")
    send.add_argument("paths", nargs="+", type=Path, metavar="PATH")
    send.add_argument("-r", "--recursive", action="store_true", help="process the files in folders")
    add_target_options(send, required=True)
    send.add_argument(
        "--audio", action="store_true", help="send the audio itself instead of its fingerprint"
    )
    send.add_argument("--json", action="store_true", help="one object per file")
    send.set_defaults(run=run)


def add_target_options(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the options that ``send`` and ``watch`` share."""
    targets = parser.add_mutually_exclusive_group(required=required)
    targets.add_argument("--container", metavar="ID", help="scan in this container")
    targets.add_argument("--bucket", metavar="ID", help="add to this bucket as recordings")
    targets.add_argument("--dedup", metavar="ID", help="add to this bucket of dedup files")
    parser.add_argument("--server", metavar="URL", help="https://… (default: $ACRFP_SERVER)")
    parser.add_argument(
        "--log",
        type=Path,
        metavar="FILE",
        help="log of what was sent (default: ~/.local/state/acrfp/sent.jsonl)",
    )


def run(args: argparse.Namespace) -> int:
    """Send the files that are not sent yet; return 1 if a file failed."""
    sender = sender_of(args)
    suffixes = MEDIA_SUFFIXES if args.audio else {FINGERPRINT_SUFFIX}
    sources = find_sources(args.paths, recursive=args.recursive, suffixes=suffixes)
    failed = False
    bar = ProgressBar(len(sources), len(sources))
    with contextlib.closing(bar):
        for source in sources:
            bar.working(source.path, 0)
            sent = sender.send(source.path, audio=args.audio)
            bar.ended(source.path, 1)
            failed |= sent.status == "failed"
            show(sent, as_json=args.json)
    return 1 if failed else 0


def show(sent: SentFingerprint, *, as_json: bool) -> None:
    """Print the outcome of one file."""
    if sent.error is not None:
        print_error(sent.path, sent.error, as_json=False)
    if as_json:
        print_json(sent.line())
    elif sent.error is None:
        print(printable(f"{sent.status} {sent.path}"), flush=True)


def sender_of(args: argparse.Namespace) -> FileSender:
    """Return the sender that the options describe, after a look at its target."""
    from recognition.commands.server import ServerClient  # others need no network

    [(kind, number)] = [
        (kind, number) for kind in TargetKind if (number := getattr(args, kind.value))
    ]
    base = server_address(args.server)
    client = ServerClient(base, token_for(base))
    target = Target(kind, number)
    try:
        client.check(target)
    except (ServerRefused, NoAnswer) as error:
        raise UsageError(f"{base}, {kind} {number}: {error}") from error
    return FileSender(client, base, target, SentLog(args.log or _log_path()))


class FileSender:
    """Sends files to one target, each content once."""

    def __init__(self, client: ServerClient, base: str, target: Target, log: SentLog) -> None:
        self._client = client
        self._target = target
        self._key = base + target.path
        self._log = log

    def send(self, path: Path, *, audio: bool) -> SentFingerprint:
        """Send one file, unless the log or the server says that it was sent.

        ``UsageError`` says why no other file can be sent either.
        """
        try:
            upload = _upload_of(path, audio=audio)
            with self._log.turn(self._key, upload.digest) as turn:
                return self._send(upload, turn)
        except UsageError:
            raise
        except NoAnswer as error:
            raise UsageError(f"{path}: {error} Run the command again later.") from error
        except _Unfit as error:
            return _failed(path, "unfit", str(error))
        except OSError as error:
            return _failed(path, "unreadable", error.strerror or str(error))

    def _send(self, upload: Upload, turn: SentTurn) -> SentFingerprint:
        if (names := turn.sent_as) is not None:
            return SentFingerprint(upload.path, "skipped", names)
        if turn.begun is not None and (
            row := self._client.find(self._target, *turn.begun, turn.other_ids)
        ):
            turn.end(upload.name, _known_as(row))
            return SentFingerprint(upload.path, "skipped", _known_as(row))
        since = self._client.now()
        turn.begin(upload.name, since)
        try:
            answer = _known_as(self._client.send(self._target, upload, since, turn.other_ids))
        except ServerRefused as error:
            if error.for_all:
                raise UsageError(f"{upload.path}: {error}") from error
            if error.code == "already_in_catalogue":
                turn.end(upload.name, {"message": str(error)})
                return SentFingerprint(upload.path, "duplicate", {"message": str(error)})
            turn.refuse(upload.name, str(error))
            return _failed(upload.path, error.code, str(error))
        turn.end(upload.name, answer)
        return SentFingerprint(upload.path, "sent", answer)


class _Unfit(Exception):
    """This kind of file is not sent."""


def _upload_of(path: Path, *, audio: bool) -> Upload:
    from recognition.fingerprints import file_format as fingerprint

    is_fingerprint = fingerprint.is_fingerprint(path)
    if not is_fingerprint and not audio:
        raise _Unfit(
            "This is no fingerprint. Make one with: acrfp make FILE. With --audio, the "
            "sound itself is sent."
        )
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Upload(path, _name_of(path), size, digest, is_fingerprint)


def _name_of(path: Path) -> str:
    """Return the name of the audio: ``song.wav`` for ``song.wav.acrfp``."""
    return path.name.removesuffix(FINGERPRINT_SUFFIX)


def _known_as(answer: Answer) -> Answer:
    """Return the names of a file in an answer, each a text, number, flag or list of texts."""
    return {
        name: value if isinstance(value, str | int) else [str(text) for text in value]
        for name in NAMES_OF_FILES
        if isinstance(value := answer.get(name), str | int | list)
    }


def _failed(path: Path, code: str, message: str) -> SentFingerprint:
    return SentFingerprint(path, "failed", error={"code": code, "message": message})


def _log_path() -> Path:
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home, "acrfp", "sent.jsonl")
