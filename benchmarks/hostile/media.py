"""Feeds mutated real files to the decoder's own process and its limits."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import av

from benchmarks.corpus import DEMO
from benchmarks.hostile.feeding import Feeding, feed_each, make_rng, mutated
from benchmarks.report import Report

_FORMATS = {
    "wav": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "m4a": "aac",
    "mp4": "aac",
    "webm": "libopus",
    "mkv": "ac3",
    "flv": "aac",
    "avi": "libmp3lame",
}
_READ = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a")
_SECONDS = 6
_WALL_S = 60.0


def feed(report: Report, feeding: Feeding) -> None:
    """Feed media files."""
    bases = _bases(feeding.music, feeding.work)
    # The first child process waits for compilation, so it is not counted.
    _decoded(feeding.work / f"whole.{bases[0][0]}", bases[0][1])

    def decode_one(number: int) -> tuple[str, str]:
        suffix, content = bases[number % len(bases)]
        broken = mutated(content, make_rng(feeding.seed, "media", number))
        outcome, fault = _decoded(feeding.work / f"broken-{number}.{suffix}", broken)
        return outcome, fault and f"{suffix}: {fault}"

    feed_each(report, feeding, decode_one, noun="files", wall_s=_WALL_S)


def _bases(folder: Path | None, work: Path) -> list[tuple[str, bytes]]:
    """Return some seconds of real sound in each format, as suffix and content."""
    sources = sorted((folder or DEMO).rglob("*.*"), key=lambda path: path.stat().st_size)
    source = next(path for path in reversed(sources) if path.suffix in _READ)
    made = [
        (suffix, _encoded(source, work / f"base.{suffix}", codec))
        for suffix, codec in _FORMATS.items()
    ]
    # A broadcast whose sound moves, and tracks of which all but one are empty.
    parts = (
        _encoded(source, work / "base.ts", "aac", {"mpegts_start_pid": str(pid)})
        for pid in (0x101, 0x201)
    )
    made.append(("ts", b"".join(parts)))
    made.append(("mkv", _encoded(source, work / "base.mkv", "libopus", tracks=40)))
    return made


def _encoded(
    source: Path,
    target: Path,
    codec: str,
    options: dict[str, str] | None = None,
    *,
    tracks: int = 1,
) -> bytes:
    """Return some seconds of sound as a file, in the last of so many tracks."""
    with av.open(str(source)) as read, av.open(str(target), "w", options=options or {}) as written:
        streams = [written.add_stream(codec, rate=48_000) for _ in range(tracks)]
        stream = cast("av.AudioStream", streams[-1])
        stream.bit_rate = 128_000
        for frame in read.decode(audio=0):
            if frame.time is not None and frame.time > _SECONDS:
                break
            frame.pts = None
            written.mux(stream.encode(frame))
        written.mux(stream.encode(None))
    return target.read_bytes()


def _decoded(path: Path, content: bytes) -> tuple[str, str]:
    """Decode a file; return the outcome, and the fault if there is one."""
    from base.common.media_analysis import decode_limits
    from recognition.audio.analysis import analyse_file
    from recognition.errors import RecognitionError

    path.write_bytes(content)
    try:
        analyse_file(path, limits=decode_limits())
    except RecognitionError as refused:
        return f"refused: {type(refused).__name__}", ""
    except Exception as error:  # noqa: BLE001 - any other exception is the fault
        return "", f"{type(error).__name__}: {error}"
    finally:
        path.unlink()
    return "decoded", ""
