"""Parses files of results in a child process; see ``base.common.confined``."""

from __future__ import annotations

import codecs
import dataclasses
import os
import socket
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from base.common.charsets import FILE_CHARSETS
from base.common.confined import json_line, keep_texts_english
from imports.results.found import ResultsRefused
from imports.results.parsing import parsed
from imports.table_encoding import CODECS
from recognition.errors import JobRefused
from recognition.isolation import wire
from recognition.isolation.child import Job
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

_REPORT_EVERY = 500


def read(
    talk: socket.socket, request: dict[str, Any], _limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the results in ``fds[0]`` to ``fds[1]``, one JSON value per line."""
    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "wb") as output:
        try:
            lines = lines_of(file, name=request["name"], is_workbook=request["is_workbook"])
            for number, line in enumerate(lines):
                output.write(line)
                if number % _REPORT_EVERY == 0:
                    wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(0.0))
        except ResultsRefused as error:
            raise JobRefused(str(error)) from error


def lines_of(file: BinaryIO, *, name: str, is_workbook: bool) -> Iterator[bytes]:
    """Yield one JSON line per file or fault; raise ``ResultsRefused``."""
    for entry in parsed(file, name=name, is_workbook=is_workbook):
        names = (field.name for field in dataclasses.fields(entry))
        fields = {name: getattr(entry, name) for name in names}
        yield json_line([type(entry).__name__, fields])


def warm() -> None:
    """Load codecs in advance, because the child cannot open files."""
    keep_texts_english()
    for name in (*CODECS, *FILE_CHARSETS):
        codecs.lookup(name)


JOBS: Final[dict[str, Job]] = {"read": read}
