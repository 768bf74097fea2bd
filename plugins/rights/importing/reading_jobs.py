"""Reads CWR and ERN messages in a child process; see ``base.common.confined``."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Final

from base.common.confined import keep_texts_english
from catalogue.owners.tis import expand, normalised
from plugins.rights.importing.claims_json import to_line
from plugins.rights.importing.cwr import is_cwr, read_cwr
from plugins.rights.importing.ern import is_xml, read_ern
from plugins.rights.importing.faults import MessageRefused, Read
from recognition.errors import JobRefused
from recognition.isolation import wire
from recognition.isolation.child import Job
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

# The beginning that decides the format.
SNIFF_BYTES: Final = 64


def reader_of(beginning: bytes) -> Callable[[BinaryIO, str], Iterator[Read]] | None:
    """Return the reader of a message by its first bytes; None if it is no message."""
    if is_cwr(beginning):
        return lambda file, name: read_cwr(file, name=name)
    if is_xml(beginning):
        return lambda file, _name: read_ern(file)
    return None


def read(
    talk: socket.socket, request: dict[str, Any], _limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the message ``fds[0]`` to ``fds[1]``, one JSON value per line."""
    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "wb") as output:
        reader = reader_of(file.read(SNIFF_BYTES))
        if reader is None:
            raise JobRefused("This is neither CWR nor XML.")
        file.seek(0)
        try:
            for piece in reader(file, request["name"]):
                output.write(to_line(piece))
                wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(0.0))
        except MessageRefused as error:
            raise JobRefused(str(error)) from error


def warm() -> None:
    """Load in advance what reading needs, because the child cannot open files."""
    keep_texts_english()
    for name in ("utf-8", "utf-16", "latin-1", "ascii"):
        "".encode(name)
    expand([normalised("0756")])
    list(read_ern(io.BytesIO(_SMALL)))


_SMALL: Final = (
    b'<ern:NewReleaseMessage xmlns:ern="http://ddex.net/xml/ern/43"><DealList/>'
    b"</ern:NewReleaseMessage>"
)
JOBS: Final[dict[str, Job]] = {"read": read}
