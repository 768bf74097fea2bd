"""Read untrusted media files and fingerprints in a confined child process."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from recognition.audio import waveform
from recognition.errors import DecodeFailed
from recognition.fingerprints import file_format as fingerprint
from recognition.isolation import client, wire
from recognition.isolation.wire import MessageKind
from recognition.limits import DEFAULT_LIMITS, DecodeLimits, limits_for
from recognition.types import (
    Analysis,
    Fingerprint,
    MediaFacts,
    Progress,
    SoundTrack,
    TrackState,
    Waveform,
)

ALL_LAYERS = frozenset({"reference", "scan"})
# Two days of sound take a tenth of it.
REWRITE_CPU_S: Final = 120


def analyse_file(
    path: Path,
    *,
    layers: frozenset[str] = ALL_LAYERS,
    limits: DecodeLimits = DEFAULT_LIMITS,
    progress: Progress | None = None,
) -> Analysis:
    """Return facts, fingerprint and waveform of a file.

    Raises ``UnsupportedMedia``, ``TooShort``, ``TooLong`` or ``DecodeFailed``. An
    exception from ``progress`` ends the child and propagates.
    """
    limits = limits_for(path, limits)
    collected = _Collected(progress)
    with client.open_media(path) as file:
        client.run(
            {
                "job": "analyse",
                "name": f"media{path.suffix}",
                "layers": sorted(layers),
                "limits": dataclasses.asdict(limits),
                "output_bytes": 0,
            },
            [file.fileno()],
            wall_s=client.wall_s(limits),
            on_message=collected.take,
        )
    return collected.analysis()


@dataclass(frozen=True, slots=True)
class RewrittenFingerprint:
    """What is known of a fingerprint that nobody else has unpacked."""

    duration_ms: int
    kinds: frozenset[int]


def rewrite_fingerprint(
    source: Path, target: Path, *, kinds: Collection[int], limits: DecodeLimits = DEFAULT_LIMITS
) -> RewrittenFingerprint:
    """Write a fingerprint file again, with the layers ``kinds`` if it has them.

    The child checks and writes all of it, so that no other process unpacks what somebody
    else packed. Raises ``BadFingerprint``, ``ParamsMismatch``, ``TooShort``, ``TooLong``
    or ``DecodeFailed``.
    """
    limits = dataclasses.replace(limits, max_cpu_s=REWRITE_CPU_S)
    answers: list[bytes] = []

    def take(kind: MessageKind, body: bytes) -> None:
        if kind is not MessageKind.FACTS:
            raise DecodeFailed(f"The decoding process sent an unexpected {kind.name}.")
        answers.append(body)

    with client.open_media(source) as file, target.open("w+b") as output:
        client.run(
            {
                "job": "rewrite",
                "kinds": sorted(kinds),
                "limits": dataclasses.asdict(limits),
                "output_bytes": fingerprint.MAX_FILE_BYTES,
            },
            [file.fileno(), output.fileno()],
            wall_s=client.wall_s(limits),
            on_message=take,
        )
    try:
        facts = json.loads(answers[-1])
        return RewrittenFingerprint(int(facts["duration_ms"]), frozenset(map(int, facts["kinds"])))
    except (IndexError, *wire.UNREADABLE) as error:
        raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error


class _Collected:
    """Collects and checks the child's messages; the child is not trusted."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._facts: tuple[MediaFacts, tuple[str, ...]] | None = None
        self._waveform: Waveform | None = None
        self._fingerprints: list[Fingerprint] = []

    def take(self, kind: MessageKind, body: bytes) -> None:
        """Take one message of the child."""
        if kind is MessageKind.PROGRESS:
            if self._progress is not None:
                self._progress(wire.share(body))
            return
        try:
            match kind:
                case MessageKind.FACTS:
                    message = json.loads(body)
                    warnings = tuple(str(warning) for warning in message["warnings"])
                    self._facts = (_media_facts(message["facts"]), warnings)
                case MessageKind.WAVEFORM:
                    self._waveform = waveform.from_bytes(body)
                case MessageKind.FINGERPRINT:
                    self._fingerprints.append(fingerprint.from_bytes(body))
                case _:
                    raise ValueError(f"unexpected message {kind.name}")
        except wire.UNREADABLE as error:
            raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error

    def analysis(self) -> Analysis:
        """Return the analysis, after the child has reported that it is done."""
        facts, warnings = self._facts or (None, ())
        numbers = [
            track.number
            for track in (facts.tracks if facts is not None else ())
            if track.state is TrackState.OTHER
        ]
        if facts is None or self._waveform is None or len(self._fingerprints) != 1 + len(numbers):
            raise DecodeFailed("The decoding process left something out of its answer.")
        main, *track_fingerprints = self._fingerprints
        return Analysis(
            facts=facts,
            fingerprint=main,
            waveform=self._waveform,
            warnings=warnings,
            other_tracks=tuple(zip(numbers, track_fingerprints, strict=True)),
        )


def tracks_from(stored: Iterable[dict[str, Any]]) -> Iterator[SoundTrack]:  # Any: JSON
    """Yield the tracks of facts that were written as JSON."""
    for track in stored:
        yield SoundTrack(int(track["number"]), str(track["name"]), TrackState(track["state"]))


def _media_facts(fields: dict[str, Any]) -> MediaFacts:  # Any: JSON
    bit_rate = fields["bit_rate"]
    return MediaFacts(
        container=str(fields["container"]),
        codec=str(fields["codec"]),
        sample_rate=int(fields["sample_rate"]),
        channels=int(fields["channels"]),
        bit_rate=None if bit_rate is None else int(bit_rate),
        duration_ms=int(fields["duration_ms"]),
        silent_ms=int(fields["silent_ms"]),
        undecoded_ms=int(fields["undecoded_ms"]),
        clipped_share=float(fields["clipped_share"]),
        states_length=bool(fields["states_length"]),
        has_video=bool(fields["has_video"]),
        tags={str(key): str(value) for key, value in fields["tags"].items()},
        tracks=tuple(tracks_from(fields["tracks"])),
    )
