"""Run one job in a forked child: take the request, give up rights, answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

from recognition.errors import OutOfLimits, RecognitionError
from recognition.isolation import confine, wire
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

# Any: the request is JSON.
Job = Callable[[socket.socket, dict[str, Any], DecodeLimits, list[int]], None]


def run(talk: socket.socket, jobs: Mapping[str, Job]) -> None:
    """Take one request from ``talk``, run its job, and answer there."""
    request, fds = wire.receive_request(talk)
    limits = DecodeLimits(**request["limits"])
    confine.confine(
        confine.Limits(
            memory_bytes=limits.max_memory_bytes,
            cpu_s=limits.max_cpu_s,
            output_bytes=request["output_bytes"],
        )
    )
    wire.send(talk, MessageKind.STARTED)
    try:
        jobs[request["job"]](talk, request, limits, fds)
    except RecognitionError as error:
        wire.send(talk, MessageKind.FAILURE, wire.failure_to_json(error))
    except MemoryError:
        megabytes = limits.max_memory_bytes >> 20
        failure = OutOfLimits(f"Decoding needed more than {megabytes} MB of memory.")
        wire.send(talk, MessageKind.FAILURE, wire.failure_to_json(failure))
    else:
        wire.send(talk, MessageKind.DONE)
