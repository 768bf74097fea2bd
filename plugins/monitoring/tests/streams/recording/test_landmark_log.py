"""A reader that stays reads what a new one reads, and parses nothing twice."""

from __future__ import annotations

import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plugins.monitoring.streams.recording import landmark_log, records
from plugins.monitoring.streams.recording.landmark_log import GRID_MS, LandmarkLog
from plugins.monitoring.tests.streams.radio import part_of
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.builder import extract
from recognition.streaming.pieces import RunPiece
from recognition.types import Fingerprint, Landmarks
from tests.recognition.synthesis import music

PIECE_MS = 64 * GRID_MS
PIECES = 12


@pytest.fixture(scope="module")
def pieces() -> list[RunPiece]:
    """Return fifty seconds of music in pieces of four."""
    whole = extract(music(3, PIECES * PIECE_MS / 1000))
    return [
        RunPiece(
            first_frame=at // 16,
            first_row=at // GRID_MS,
            duration_ms=at + PIECE_MS,
            body=fingerprint.to_bytes(part_of(whole, at, at + PIECE_MS)),
        )
        for at in range(0, PIECES * PIECE_MS, PIECE_MS)
    ]


def _rows(layer: Landmarks | None) -> list[tuple[int, int]]:
    assert layer is not None
    return list(zip(layer.frames.tolist(), layer.bins.tolist(), strict=True))


def _same(ours: Fingerprint, theirs: Fingerprint) -> bool:
    assert ours.level_map is not None
    assert theirs.level_map is not None
    return (
        ours.duration_ms == theirs.duration_ms
        and _rows(ours.dense) == _rows(theirs.dense)
        and _rows(ours.reference) == _rows(theirs.reference)
        and np.array_equal(ours.level_map.levels, theirs.level_map.levels)
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_what_is_read_while_a_run_grows_is_the_same(
    pieces: list[RunPiece], tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("log")
    writer, stays = LandmarkLog(folder, "run"), LandmarkLog(folder, "run")
    rows_per_file = data.draw(st.sampled_from([100, 300, 9375]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landmark_log, "FILE_ROWS", rows_per_file)
        for piece in pieces:
            writer.append(piece)
            end = data.draw(st.integers(0, piece.duration_ms + PIECE_MS))
            start = data.draw(st.integers(0, end))
            if data.draw(st.integers(0, 9)) == 0:
                writer.delete_before(data.draw(st.integers(0, piece.duration_ms)))
            new = LandmarkLog(folder, "run")
            assert stays.duration_ms == new.duration_ms == piece.duration_ms
            assert _same(stays.read(start, end), new.read(start, end))
    writer.close()


def test_a_record_that_is_still_written_is_read_once_it_is_whole(
    pieces: list[RunPiece], tmp_path: Path
) -> None:
    writer, stays = LandmarkLog(tmp_path, "run"), LandmarkLog(tmp_path, "run")
    for piece in pieces[:3]:
        writer.append(piece)
    writer.close()
    (path,) = writer.folder.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    assert stays.duration_ms == pieces[1].duration_ms

    path.write_bytes(whole)

    assert stays.duration_ms == pieces[2].duration_ms
    end = pieces[2].duration_ms
    assert _same(stays.read(0, end), LandmarkLog(tmp_path, "run").read(0, end))


def test_no_record_is_parsed_twice(
    pieces: list[RunPiece], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer, stays = LandmarkLog(tmp_path, "run"), LandmarkLog(tmp_path, "run")
    checked: list[int] = []

    def counted(payload: bytes) -> int:
        checked.append(len(payload))
        return zlib.crc32(payload)

    monkeypatch.setattr(records, "zlib", SimpleNamespace(crc32=counted))
    for piece in pieces:
        writer.append(piece)
        checked.clear()
        stays.read(max(0, piece.duration_ms - 16_000), stays.duration_ms)
        assert len(checked) == 1
    writer.close()
