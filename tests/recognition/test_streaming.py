"""A listener hears the same as a scan of the file that its bytes make."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.corpus import DEMO
from benchmarks.encoded import encode
from recognition.audio.analysis import analyse_file
from recognition.fingerprints.builder import FingerprintBuilder, extract
from recognition.fingerprints.file_format import from_bytes, to_bytes
from recognition.streaming.listener import HeardSound, Listener
from recognition.streaming.listening import moved_to_zero
from recognition.streaming.pieces import PieceCollector, RunPiece
from recognition.types import Fingerprint
from tests import audio

FRAME_MS = 16
LONG = 10_000  # frames


def _same(first: Fingerprint, second: Fingerprint) -> bool:
    pairs = [(first.reference, second.reference), (first.dense, second.dense)]
    same = all(
        np.array_equal(a.frames, b.frames)
        and np.array_equal(a.bins, b.bins)
        and np.array_equal(a.levels, b.levels)
        for a, b in pairs
        if a is not None and b is not None
    )
    maps = first.level_map, second.level_map
    return same and np.array_equal(maps[0].levels, maps[1].levels)  # type: ignore[union-attr]


def _joined(parts: list[Fingerprint]) -> Fingerprint:
    """Put layers together whose frames all count from the first sample."""
    collected = PieceCollector(0, LONG)
    row = 0
    for part in parts:
        first, moved = moved_to_zero(part)
        collected.add(RunPiece(first, row, part.duration_ms, to_bytes(moved)))
        row += 0 if part.level_map is None else len(part.level_map.levels)
    return collected.fingerprint(0)


@settings(max_examples=10)
@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=12))
def test_what_is_taken_on_the_way_adds_up_to_one_pass(sizes: list[int]) -> None:
    y = np.array(audio.tune(3, 20.0)[::2], dtype=np.float32)
    builder = FingerprintBuilder()
    taken: list[Fingerprint] = []
    at = 0
    while at < len(y):
        size = sizes[len(taken) % len(sizes)] + 2000
        builder.feed(y[at : at + size])
        taken.append(builder.take())
        at += size
    taken.append(builder.finish(0))

    assert _same(_joined(taken), from_bytes(to_bytes(extract(y))))
    decided = [part.duration_ms for part in taken[:-1]]
    assert decided == sorted(decided)
    assert all(
        earlier.dense is not None and (earlier.dense.frames < part.duration_ms / FRAME_MS).all()
        for part, earlier in zip(taken[:-1], taken[:-1], strict=True)
    )


@pytest.mark.parametrize(
    ("codec", "suffix"), [("mp2", ".mp3"), ("aac", ".aac"), ("libopus", ".ogg"), ("mp2", ".ts")]
)
def test_listener_makes_the_landmarks_of_a_file_scan(
    codec: str, suffix: str, tmp_path: Path
) -> None:
    played = encode(DEMO, 20, codec, suffix)
    path = tmp_path / f"stream{suffix}"
    path.write_bytes(played)

    with Listener() as listener:
        messages = list(_heard(listener, played))

    heard = [message for message in messages if isinstance(message, HeardSound)][-1]
    collected = PieceCollector(0, LONG)
    for message in messages:
        if isinstance(message, RunPiece):
            collected.add(message)
    scanned = analyse_file(path)
    assert _same(collected.fingerprint(0), scanned.fingerprint)
    assert abs(heard.duration_ms - scanned.facts.duration_ms) <= 1
    assert (heard.why, heard.sample_rate > 0, heard.channels) == ("ended", True, 2)


def test_listener_says_where_the_format_changed() -> None:
    first = encode(DEMO, 20, "mp2", ".mp3")
    second = encode(DEMO, 20, "aac", ".aac")

    with Listener(patience_bytes=64 * 1024) as listener:
        messages = list(_heard(listener, first + second))

    heard = [message for message in messages if isinstance(message, HeardSound)][-1]
    assert heard.why in {"no_sound", "format"}
    # Bytes that look like a frame may be taken for one.
    assert abs(heard.duration_ms - 20_000) < 200
    assert abs(heard.byte - len(first)) < 64 * 1024


def test_listener_refuses_what_is_not_sound() -> None:
    with Listener() as listener:
        list(_heard(listener, b"<html>" + bytes(range(60)) * 10_000))

        assert listener.why == "failed"
        assert "Invalid data" in str(listener.error)


def _heard(listener: Listener, data: bytes) -> Iterator[RunPiece | HeardSound]:
    for at in range(0, len(data), 4000):
        listener.feed(data[at : at + 4000])
        yield from listener.take()
    yield from listener.finish()
