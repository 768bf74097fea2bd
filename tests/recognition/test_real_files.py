"""Files as people reported them: what a scan of each should say.

``cases/`` holds small copies with synthesised sound. Each has seconds 20 to 35 of
``alpha.opus`` between other music; the edges of a match are exact to 0.15 s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recognition.api.collection import Collection
from recognition.api.index import Index
from recognition.api.sounds import read
from recognition.audio import decode
from recognition.commands import report
from recognition.types import ScanResult
from tests.recognition.media_files import Kind, write

CASES = Path(__file__).parent / "cases"
DAMAGED = "1 damaged place in the file was skipped."
LOST = "1 s within the file could not be decoded and count as silence."
# Where second 20 of the recording lies, where the match ends, the length, the warnings.
PLACED: dict[str, tuple[float, float, float, list[str]]] = {
    "a1_sound_75s_after_picture.mp4": (82.99, 97.83, 105.0, []),
    "a2_lost_packets_40ms.webm": (8.0, 22.83, 30.0, [LOST]),
    "a3_second_track_is_default.mkv": (8.0, 22.83, 30.0, []),
    "a4_nine_channels.wv": (2.0, 9.8, 12.0, []),
    "a5_chained_vorbis_other_rate.ogg": (28.0, 42.83, 50.0, []),
    "a6_ts_discontinuity.ts": (18.05, 32.88, 40.05, []),
    "a7_24_valid_bits_in_32.wav": (1.0, 6.0, 6.0, []),
    "a8_vbr_without_xing_comment_information.mp3": (11.04, 25.87, 33.05, []),
    "a9_icy_titles_inside.mp3": (8.03, 22.86, 30.06, [DAMAGED]),
    "a11_one_song_in_opposite_phase.ogg": (8.0, 22.83, 30.0, []),
    "a12_wav_size_wrapped.wav": (2.0, 9.8, 12.0, []),
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    collection = Collection(folder, create=True)
    sound = read(CASES / "alpha.opus", "reference").fingerprint
    collection.add_many([("alpha", sound)])
    return folder


def scanned(index: Path, path: Path) -> ScanResult:
    return Collection(index).scan(read(path, "scan"))


@pytest.mark.parametrize("name", PLACED)
def test_the_recording_is_found_in_its_place(name: str, index: Path) -> None:
    begins_s, ends_s, length_s, lacks = PLACED[name]

    result = scanned(index, CASES / name)

    (segment,) = result.segments
    assert segment.start_ms / 1000 == pytest.approx(begins_s, abs=0.15)
    assert segment.end_ms / 1000 == pytest.approx(ends_s, abs=0.15)
    offset_s = (segment.reference_start_ms - segment.start_ms) / 1000
    assert offset_s == pytest.approx(20 - begins_s, abs=0.03)
    assert segment.tempo_ratio == pytest.approx(1, abs=0.0005)
    assert result.duration_ms / 1000 == pytest.approx(length_s, abs=0.1)
    assert list(result.warnings) == lacks


def test_packets_of_192_bytes_mark_a_discontinuity_too(tmp_path: Path) -> None:
    data = (CASES / "a6_ts_discontinuity.ts").read_bytes()
    packets = (data[at : at + 188] for at in range(0, len(data), 188))
    path = tmp_path / "a.m2ts"
    path.write_bytes(b"".join(bytes(4) + packet for packet in packets))

    samples = sum(len(block) for block in decode.blocks(path))

    assert samples / decode.SAMPLE_RATE == pytest.approx(40.05, abs=0.1)


def test_a_quiet_master_is_searched(index: Path, tmp_path: Path) -> None:
    alpha = np.concatenate(list(decode.blocks(CASES / "alpha.opus")))[: 30 * 8000]
    quiet = alpha * np.float32(10 ** (-47 / 20) / np.abs(alpha).max())
    kind = Kind(".wav", "pcm_s24le", rate=8000)
    path = write(tmp_path / "quiet.wav", quiet[np.newaxis], kind)

    result = scanned(index, path)

    (segment,) = result.segments
    assert segment.end_ms - segment.start_ms > 29_000


def test_a_long_dump_with_titles_is_read_to_its_end(index: Path, tmp_path: Path) -> None:
    night = tmp_path / "night.mp3"
    night.write_bytes((CASES / "a9_icy_titles_inside.mp3").read_bytes() * 8)

    result = scanned(index, night)

    assert result.duration_ms == pytest.approx(8 * 30_050, abs=2000)
    assert len(result.segments) == 8


def test_the_command_says_what_a_file_lacks(index: Path) -> None:
    path = CASES / "a2_lost_packets_40ms.webm"

    text = report.scan_table(path, Index.open(index).scan(path))

    assert "note: 1 s within the file could not be decoded" in text
