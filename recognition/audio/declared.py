"""What the headers of an open file say about its sound, and which claims are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import av
from av.audio.stream import AudioStream
from av.container import InputContainer

from recognition.audio.opened import OpenSection
from recognition.errors import TooLong, UnsupportedMedia
from recognition.limits import MAX_CHANNELS, MAX_SAMPLE_RATE, MIN_SAMPLE_RATE, DecodeLimits

MAX_TAGS: Final = 64
MAX_TAG_CHARS: Final = 500


@dataclass(frozen=True, slots=True)
class Declared:
    """What the headers say about the sound, before decoding."""

    container: str
    codec: str
    sample_rate: int
    channels: int
    bit_rate: int | None
    duration_ms: int | None
    has_video: bool
    tags: dict[str, str]


def declared_by(opened: OpenSection) -> Declared:
    """Return what headers say of the main track, and of the length of all that is heard."""
    container, stream = opened.container, opened.stream
    lengths = [_duration_ms(container, heard) for heard in opened.streams or [stream]]
    tags = {**stream.metadata, **container.metadata}
    return Declared(
        container=container.format.name,
        codec=stream.codec_context.name,
        sample_rate=stream.sample_rate or 0,
        channels=stream.channels or 0,
        bit_rate=stream.bit_rate or container.bit_rate or None,
        duration_ms=max((length for length in lengths if length is not None), default=None),
        has_video=opened.has_video,
        tags={
            key[:MAX_TAG_CHARS]: value[:MAX_TAG_CHARS]
            for key, value in sorted(tags.items())[:MAX_TAGS]
        },
    )


def refuse_claims(declared: Declared, size: int, limits: DecodeLimits) -> None:
    """Refuse a file whose headers claim more than the limits allow."""
    # 0 means unknown; the frames are checked when they arrive.
    refuse_shape(declared.sample_rate or MIN_SAMPLE_RATE, max(1, declared.channels))
    if declared.codec.startswith("pcm") and declared.bit_rate:
        # For uncompressed sound the file size bounds the length.
        longest_ms = size * 8000 // declared.bit_rate
        whole_ms = min(longest_ms, declared.duration_ms or longest_ms)
        if whole_ms > limits.max_duration_ms:
            raise TooLong(limits.max_duration_ms / 1000)


def refuse_shape(sample_rate: int, channels: int) -> None:
    """Raise ``UnsupportedMedia`` for sound that nothing can be matched in."""
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise UnsupportedMedia(
            f"The file claims {sample_rate} samples a second; "
            f"{MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} can be read."
        )
    if channels > MAX_CHANNELS:
        raise UnsupportedMedia(
            f"The file claims {channels} channels; at most {MAX_CHANNELS} can be read."
        )


def _duration_ms(container: InputContainer, stream: AudioStream) -> int | None:
    if stream.duration is not None and stream.time_base is not None:
        return round(1000 * stream.duration * stream.time_base)
    if container.duration is not None:
        return container.duration * 1000 // av.time_base
    return None
