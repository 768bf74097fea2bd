"""The demo: every play of the catalogue is matched, nothing else is."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from recognition.fingerprint.builder import extract
from recognition.types import SegmentMatch
from tests.recognition.memory_index import MemoryIndex
from tests.recognition.synthesis import RATE, Catalogue, Samples

DEMO = Path(__file__).resolve().parents[2] / "demo"
Row = dict[str, str]


def _decoded(path: Path) -> Samples:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        frames = [*container.decode(audio=0), None]
        parts = [part.to_ndarray()[0] for f in frames for part in resampler.resample(f)]
    return np.concatenate(parts).astype(np.float32)


def _rows(path: Path) -> list[Row]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def shelf() -> Catalogue:
    made = Catalogue(MemoryIndex(), {})
    for row in _rows(DEMO / "catalogue.csv"):
        made.add(int(row["custom_id"][-3:]), _decoded(DEMO / row["file"]))
    return made


@pytest.mark.parametrize(
    "name",
    ["programme-morning.opus", "programme-evening.opus", "programme-uploads.opus"],
)
def test_every_play_is_found_and_nothing_else(shelf: Catalogue, name: str) -> None:
    truth = [
        row
        for row in _rows(DEMO / "programmes" / "truth.csv")
        if row["programme"] == name and row["kind"] == "track"
    ]

    found = shelf.scan(extract(_decoded(DEMO / "programmes" / name))).segments

    assert [s.recording for s in found] == [int(r["custom_id"][-3:]) for r in truth]
    for segment, row in zip(found, truth, strict=True):
        _agree(segment, row)


def _agree(segment: SegmentMatch, row: Row) -> None:
    tolerance = 2500 if row["music_over_speech_db"] else 500
    rate = float(row["rate"])
    assert abs(segment.start_ms - 1000 * float(row["start_s"])) <= tolerance
    assert abs(segment.end_ms - 1000 * float(row["end_s"])) <= tolerance
    assert segment.tempo_ratio == pytest.approx(rate, abs=0.002)
    assert segment.pitch_cents == pytest.approx(1200 * np.log2(rate), abs=3)
    played_ms = segment.start_ms - 1000 * float(row["start_s"])
    reference_ms = 1000 * float(row["ref_start_s"]) + rate * played_ms
    assert abs(segment.reference_start_ms - reference_ms) < 100
    assert segment.score > 60
    if "telephone" in row["note"]:
        assert segment.low_hz == pytest.approx(300, rel=0.2)
        assert segment.high_hz is None
    else:
        assert (segment.low_hz, segment.high_hz) == (None, None)
