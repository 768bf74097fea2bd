"""Analyses an untrusted media file in a limited child process, in one pass."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from recognition import fingerprint, media
from recognition.decode import DEFAULT_LIMITS, DecodeLimits
from recognition.errors import DecodeFailed
from recognition.isolation import client, wire
from recognition.isolation.open import open_media, wall_s
from recognition.isolation.wire import Kind
from recognition.types import (
    Analysis,
    Fingerprint,
    MediaFacts,
    Progress,
    Waveform,
)

ALL_LAYERS = frozenset({"reference", "scan"})


def analyse_file(
    path: Path,
    *,
    layers: frozenset[str] = ALL_LAYERS,
    limits: DecodeLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Analysis:
    """Facts, fingerprint and waveform of a file.

    Raises ``UnsupportedMedia``, ``TooShort``, ``TooLong`` or ``DecodeFailed``;
    whatever ``progress`` raises ends the child and comes through.
    """
    collected = _Collected(progress)
    with open_media(path) as file:
        client.run(
            {
                "job": "analyse",
                "name": f"media{path.suffix}",
                "layers": sorted(layers),
                "limits": dataclasses.asdict(limits),
                "output_bytes": 0,
            },
            [file.fileno()],
            wall_s=wall_s(limits),
            on_message=collected.take,
        )
    return collected.analysis()


class _Collected:
    """What the child has sent so far."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._facts: dict[str, Any] | None = None
        self._waveform: Waveform | None = None
        self._fingerprint: Fingerprint | None = None

    def take(self, kind: Kind, body: bytes) -> None:
        """Take one message."""
        match kind:
            case Kind.PROGRESS:
                if self._progress is not None:
                    self._progress(wire.DOUBLE.unpack(body)[0])
            case Kind.FACTS:
                self._facts = json.loads(body)
            case Kind.WAVEFORM:
                self._waveform = media.waveform_from_bytes(body)
            case Kind.FINGERPRINT:
                self._fingerprint = fingerprint.from_bytes(body)
            case _:
                raise DecodeFailed(f"The decoding process sent a stray {kind.name}.")

    def analysis(self) -> Analysis:
        """Everything, once the child has said that it is done."""
        if self._facts is None or self._waveform is None or self._fingerprint is None:
            raise DecodeFailed("The decoding process left something out.")
        return Analysis(
            facts=MediaFacts(**self._facts["facts"]),
            fingerprint=self._fingerprint,
            waveform=self._waveform,
            warnings=tuple(self._facts["warnings"]),
        )
