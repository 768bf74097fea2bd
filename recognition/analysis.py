"""Analyses an untrusted media file in a limited child process, in one pass."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from recognition import fingerprint, waveform
from recognition.errors import DecodeFailed
from recognition.isolation import client, wire
from recognition.isolation.open import open_media, wall_s
from recognition.isolation.wire import Kind
from recognition.limits import DEFAULT_LIMITS, DecodeLimits
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
    """What the child has sent so far; nothing of it is trusted."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told: tuple[MediaFacts, tuple[str, ...]] | None = None
        self._waveform: Waveform | None = None
        self._fingerprint: Fingerprint | None = None

    def take(self, kind: Kind, body: bytes) -> None:
        """Take one message."""
        if kind is Kind.PROGRESS:
            if self._progress is not None:
                self._progress(wire.share(body))
            return
        try:
            self._keep(kind, body)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error

    def analysis(self) -> Analysis:
        """Everything, once the child has said that it is done."""
        if self._told is None or self._waveform is None or self._fingerprint is None:
            raise DecodeFailed("The decoding process left something out.")
        facts, warnings = self._told
        return Analysis(
            facts=facts,
            fingerprint=self._fingerprint,
            waveform=self._waveform,
            warnings=warnings,
        )

    def _keep(self, kind: Kind, body: bytes) -> None:
        match kind:
            case Kind.FACTS:
                told = json.loads(body)
                warnings = tuple(str(warning) for warning in told["warnings"])
                self._told = (_facts(told["facts"]), warnings)
            case Kind.WAVEFORM:
                self._waveform = waveform.from_bytes(body)
            case Kind.FINGERPRINT:
                self._fingerprint = fingerprint.from_bytes(body)
            case _:
                raise ValueError(f"a stray {kind.name}")


def _facts(told: dict[str, Any]) -> MediaFacts:  # Any: JSON
    bit_rate = told["bit_rate"]
    return MediaFacts(
        container=str(told["container"]),
        codec=str(told["codec"]),
        sample_rate=int(told["sample_rate"]),
        channels=int(told["channels"]),
        bit_rate=None if bit_rate is None else int(bit_rate),
        duration_ms=int(told["duration_ms"]),
        silent_ms=int(told["silent_ms"]),
        clipped_share=float(told["clipped_share"]),
        has_video=bool(told["has_video"]),
        tags={str(key): str(value) for key, value in told["tags"].items()},
    )
