"""Read what the headers of a file state, without decoding its sound.

The caller's side; the confined child process opens the file.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import IO

from recognition.errors import DecodeFailed
from recognition.isolation import client, wire
from recognition.isolation.wire import MessageKind
from recognition.limits import DEFAULT_LIMITS, DecodeLimits


@dataclass(frozen=True, slots=True)
class Headers:
    """The stated length in ms, None if none is, and the tags by name."""

    duration_ms: int | None
    tags: dict[str, str]


def read_headers(
    file: IO[bytes], *, suffix: str = "", limits: DecodeLimits = DEFAULT_LIMITS
) -> Headers:
    """Return the stated length and tags of an open file; ``suffix`` is that of its name.

    Raises ``RecognitionError`` for a file without sound.
    """
    headers: list[Headers] = []

    def take(kind: MessageKind, body: bytes) -> None:
        if kind is not MessageKind.FACTS:
            raise DecodeFailed(f"The decoding process sent an unexpected {kind.name}.")
        try:
            stated = json.loads(body)
            length = stated["duration_ms"]
            tags = {str(key): str(value) for key, value in stated["tags"].items()}
            headers.append(Headers(None if length is None else int(length), tags))
        except wire.UNREADABLE as error:
            raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error

    request = {
        "job": "declare",
        "name": f"media{suffix}",
        "limits": asdict(limits),
        "output_bytes": 0,
    }
    client.run(request, [file.fileno()], wall_s=client.wall_s(limits), on_message=take)
    if not headers:
        raise DecodeFailed("The decoding process left something out of its answer.")
    return headers[0]
