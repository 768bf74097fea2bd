"""The jobs that a child process runs on a media file; see ``isolation``."""

from __future__ import annotations

import ctypes
import dataclasses
import importlib
import io
import json
import os
import pkgutil
import socket
import wave
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import av
import numpy as np

from recognition.audio import renditions, spectrogram, waveform
from recognition.audio.decode import SAMPLE_RATE, AudioFile
from recognition.audio.extents import OVERLAP_S
from recognition.errors import RecognitionError
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.builder import SCAN, FingerprintBuilder
from recognition.fingerprints.tracks import differing
from recognition.isolation import wire
from recognition.isolation.child import Job
from recognition.isolation.wire import MessageKind
from recognition.limits import DEFAULT_LIMITS, DecodeLimits
from recognition.streaming.listening import listen
from recognition.types import Analysis, Fingerprint, MediaFacts, Progress, SoundTrack, TrackState

# More tracks than any programme has; the rest counts as not searched.
MAX_TRACKS: Final = 32


def analyse(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Send the fingerprint, waveform and facts of the file ``fds[0]``."""

    def report(share: float) -> None:
        wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(share))

    layers, name = frozenset(request["layers"]), request["name"]
    with os.fdopen(fds[0], "rb") as file:
        audio = AudioFile(file, limits, name=name)
        analysis = examine(audio, layers, report)
        if SCAN in layers and len(audio.tracks) > 1:
            analysis = _with_other_tracks(analysis, audio, file, report)
    facts = {"facts": dataclasses.asdict(analysis.facts), "warnings": analysis.warnings}
    wire.send(talk, MessageKind.FACTS, json.dumps(facts).encode())
    wire.send(talk, MessageKind.WAVEFORM, waveform.to_bytes(analysis.waveform))
    for made in (analysis.fingerprint, *(sound for _, sound in analysis.other_tracks)):
        wire.send(talk, MessageKind.FINGERPRINT, fingerprint.to_bytes(made))


def _with_other_tracks(
    analysis: Analysis, audio: AudioFile, file: BinaryIO, report: Progress
) -> Analysis:
    """Return the analysis with the tracks that differ from what was decoded."""
    tracks: list[SoundTrack] = []
    other_tracks: list[tuple[int, Fingerprint]] = []
    decoded = 0
    for number, name in enumerate(audio.tracks, 1):
        state, sound = _state_of(audio, number), None
        if state is TrackState.UNREAD and decoded < MAX_TRACKS:
            decoded += 1
            try:
                sound = _track(file, audio, number, report)
            except RecognitionError:
                pass
            else:
                fills_s = audio.sounds[number].fills_s
                sound = differing(analysis.fingerprint, sound, fills_s)
                state = TrackState.SAME if sound is None else TrackState.OTHER
        if sound is not None:
            other_tracks.append((number, sound))
        tracks.append(SoundTrack(number, name, state))
    return dataclasses.replace(
        analysis,
        facts=dataclasses.replace(analysis.facts, tracks=tuple(tracks)),
        other_tracks=tuple(other_tracks),
    )


def _state_of(audio: AudioFile, number: int) -> TrackState:
    """Return the state of a track that needs no look at its sound; else UNREAD."""
    if number == audio.main:
        return TrackState.MAIN
    sound = audio.sounds.get(number)
    if sound is None or 1000 * sound.length_s < audio.limits.min_duration_ms:
        return TrackState.EMPTY
    if sound.unheard_s < OVERLAP_S:
        return TrackState.PART
    return TrackState.UNREAD


def _track(file: BinaryIO, main: AudioFile, number: int, report: Progress) -> Fingerprint:
    """Return the scan layer of a sound track."""
    builder = FingerprintBuilder(layers={SCAN})
    with AudioFile(file, main.limits, name=main.name, track=number, surveys=main.surveys) as audio:
        for block in audio.blocks():
            builder.feed(block)
            report(audio.progress)
        return builder.finish(audio.samples * 1000 // SAMPLE_RATE)


def rewrite(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the fingerprint file ``fds[0]`` again, to ``fds[1]``, with some layers.

    Sends its duration and the kinds of the layers written.
    """
    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "r+b") as output:
        read = fingerprint.from_bytes(file.read(), kinds=request["kinds"], limits=limits)
        fingerprint.check_layers(read)
        output.write(fingerprint.to_bytes(read))
    facts = {"duration_ms": read.duration_ms, "kinds": fingerprint.kinds_of(read)}
    wire.send(talk, MessageKind.FACTS, json.dumps(facts).encode())


def proxy(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the rendition of the file ``fds[0]`` to ``fds[1]``."""

    def report(share: float) -> None:
        wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(share))

    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "r+b") as output:
        audio = AudioFile(file, limits, name=request["name"], track=request["track"])
        renditions.encode_proxy(audio, output, report)


def excerpts(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Write intervals of the file ``fds[0]`` to ``fds[1]``, one after the other."""

    def report(share: float) -> None:
        wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(share))

    intervals_ms = [(start, end) for start, end in request["intervals_ms"]]
    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "r+b") as output:
        audio = AudioFile(file, limits, name=request["name"], track=request["track"])
        lengths = renditions.encode_excerpts(audio, output, intervals_ms, report)
    wire.send(talk, MessageKind.FACTS, json.dumps(lengths).encode())


def assemble(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Write the parts that ``fds[0]`` holds to ``fds[1]``, each at its time."""

    def report(share: float) -> None:
        wire.send(talk, MessageKind.PROGRESS, wire.DOUBLE.pack(share))

    def opened(file: BinaryIO) -> Iterator[tuple[AudioFile, int]]:
        for suffix, length, at_ms in request["parts"]:
            memory = io.BytesIO(file.read(length))
            try:
                yield AudioFile(memory, limits, name=f"part{suffix}"), at_ms
            except RecognitionError:
                continue

    with os.fdopen(fds[0], "rb") as file, os.fdopen(fds[1], "r+b") as output:
        times = renditions.encode_assembled(opened(file), output, request["duration_ms"], report)
    wire.send(talk, MessageKind.FACTS, json.dumps(times).encode())


def levels(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Send the spectrogram of the file ``fds[0]``."""
    with os.fdopen(fds[0], "rb") as file:
        audio = AudioFile(file, limits, name=request["name"])
        drawn = spectrogram.draw(audio, request["columns"])
    wire.send(talk, MessageKind.SPECTROGRAM, drawn.tobytes())


def declare(
    talk: socket.socket, request: dict[str, Any], limits: DecodeLimits, fds: list[int]
) -> None:
    """Send length and tags that the headers of the file ``fds[0]`` state."""
    with (
        os.fdopen(fds[0], "rb") as file,
        AudioFile(file, limits, name=request["name"], headers_only=True) as audio,
    ):
        stated = {"duration_ms": audio.declared.duration_ms, "tags": audio.declared.tags}
    wire.send(talk, MessageKind.FACTS, json.dumps(stated).encode())


def examine(audio: AudioFile, layers: frozenset[str], report: Progress) -> Analysis:
    """Decode once, and compute fingerprint and waveform from the same blocks."""
    builder = FingerprintBuilder(layers=layers)
    drawn = waveform.WaveformBuilder()
    with audio:
        for block in audio.blocks():
            builder.feed(block)
            drawn.feed(block)
            report(audio.progress)
        facts = _facts(audio, drawn.silent_ms)
    made = builder.finish(facts.duration_ms)
    del builder
    # Return freed memory to the system: for ten hours of sound, the builder's many small
    # allocations leave 80 MB free.
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    return Analysis(
        facts=facts, fingerprint=made, waveform=drawn.finish(), warnings=tuple(audio.warnings)
    )


def warm() -> None:
    """Load and compile the jobs' code, so that each child finds it ready."""
    memory = warm_analysis()
    audio = AudioFile(memory, DEFAULT_LIMITS)
    renditions.encode_proxy(audio, io.BytesIO(), lambda _: None)
    audio = AudioFile(memory, DEFAULT_LIMITS)
    renditions.encode_excerpts(audio, io.BytesIO(), [(1000, 2000)], lambda _: None)
    parts = [(AudioFile(memory, DEFAULT_LIMITS), 1000)]
    renditions.encode_assembled(parts, io.BytesIO(), 6000, lambda _: None)
    spectrogram.draw(AudioFile(memory, DEFAULT_LIMITS), 10)


def warm_analysis() -> io.BytesIO:
    """Load and compile what ``analyse`` needs; return the sound that it read for it.

    A child may not open files, so PyAV could not import a module on demand, for example
    for subtitles.
    """
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    noise = np.random.default_rng(1).normal(0, 3000, (4 * SAMPLE_RATE, 2))
    memory = io.BytesIO()
    with wave.open(memory, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(noise.astype("<i2").tobytes())
    layers = frozenset({"reference", "scan"})
    analysis = examine(AudioFile(memory, DEFAULT_LIMITS), layers, lambda _: None)
    fingerprint.check_layers(fingerprint.from_bytes(fingerprint.to_bytes(analysis.fingerprint)))
    return memory


JOBS: Final[dict[str, Job]] = {
    "analyse": analyse,
    "rewrite": rewrite,
    "proxy": proxy,
    "excerpts": excerpts,
    "declare": declare,
    "assemble": assemble,
    "spectrogram": levels,
    "listen": listen,
}


def _facts(audio: AudioFile, silent_ms: int) -> MediaFacts:
    declared = audio.declared
    duration_ms = audio.samples * 1000 // SAMPLE_RATE
    return MediaFacts(
        container=declared.container,
        codec=declared.codec,
        sample_rate=declared.sample_rate,
        channels=declared.channels,
        bit_rate=declared.bit_rate,
        duration_ms=duration_ms,
        silent_ms=min(silent_ms, duration_ms),
        undecoded_ms=audio.undecoded_ms,
        clipped_share=min(1.0, 1000 * audio.clipped_s / max(1, duration_ms)),
        states_length=audio.states_length,
        has_video=declared.has_video,
        tags=declared.tags,
    )
