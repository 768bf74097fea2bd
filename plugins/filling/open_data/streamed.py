"""Reads a dump: a confined child sends its rows, and this process stores them.

Messages are ``{"fact", "value"}``, ``{"table", "rows"}`` and ``{"end", "count"}``, the
last when a table is complete.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection, Iterable
from typing import Any, Protocol

from base.common.batches import batched
from plugins.filling.open_data.errors import SourceRefused, to_text
from plugins.filling.open_data.index import ROWS_AT_ONCE, PartWriter, Row
from plugins.filling.open_data.kinds import Reading
from recognition.errors import JobRefused
from recognition.isolation import wire
from recognition.isolation.child import Job
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

Send = Callable[[dict[str, Any]], None]  # Any: JSON


class DumpReader(Protocol):
    """Sends what an open dump has beyond what is ``done``; raises ``SourceRefused``."""

    def __call__(self, file: Any, *, done: Any, send: Send) -> None: ...  # Any: JSON


def as_job(read: DumpReader) -> Job:
    """Return the job of a child that reads the dump ``fds[0]``."""

    def run(
        talk: socket.socket,
        request: dict[str, Any],  # Any: JSON
        _limits: DecodeLimits,
        fds: list[int],
    ) -> None:
        def send(message: dict[str, Any]) -> None:  # Any: JSON
            wire.send(talk, MessageKind.ROWS, json.dumps(message).encode())

        with os.fdopen(fds[0], "rb") as file:
            try:
                read(file, done=request["done"], send=send)
            except SourceRefused as error:
                raise JobRefused(to_text(error)) from error

    return run


def send_table(name: str, rows: Iterable[Row], send: Send) -> None:
    """Send the rows of a table in batches, then that it is complete."""
    count = 0
    for batch in batched(rows, ROWS_AT_ONCE):
        count += len(batch)
        send({"table": name, "rows": batch})
    send({"end": name, "count": count})


def store_tables(
    reading: Reading, *, jobs: str, create: str, names: Collection[str]
) -> dict[str, str]:
    """Store the tables that are not read yet in ``scratch``; return the facts by name."""
    facts: dict[str, str] = {}
    with PartWriter(reading.scratch, create) as writer:

        def checked(name: str) -> str:
            # The child read a stranger's file: only names of ours become SQL.
            if name not in names:
                raise SourceRefused("dump_unreadable", "The file could not be read.")
            return name

        def keep(message: dict[str, Any]) -> None:  # Any: JSON
            reading.report(sum(writer.parts().values()))
            if "fact" in message:
                facts[message["fact"]] = message["value"]
            elif "rows" in message:
                writer.add(checked(message["table"]), message["rows"])
            else:
                writer.end(checked(message["end"]), message["count"])

        request = {"job": "read", "done": sorted(writer.parts())}
        reading.stream(jobs, request, keep)
    return facts
