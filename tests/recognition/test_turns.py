"""A file is as long as all its sound tracks, and tracks that take turns are one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from recognition.api.collection import Collection
from recognition.api.sounds import read
from recognition.audio import analysis, decode, media
from recognition.errors import UnsupportedMedia
from recognition.limits import DEFAULT_LIMITS
from recognition.relate.tracks import unsearched
from recognition.types import ScanResult, TrackState, UnmatchedKind
from tests.recognition.media_files import (
    Sound,
    Track,
    add_empty_tracks,
    read_exactly,
    scrambled,
    write_timed,
)
from tests.recognition.synthesis import RATE, music

ALPHA = music(1, 20)
SHORT = music(2, 10)
# The recording is heard at 8 to 23 s, from its second 5 on.
PROGRAMME = np.concatenate([music(3, 8), ALPHA[5 * RATE :], music(4, 7)])
NOTHING = np.zeros(0, np.float32)

KINDS = {".mkv": "pcm_s16le", ".mp4": "aac", ".ts": "aac"}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    path = write_timed(folder / "alpha.mkv", [Track(ALPHA, RATE)])
    sound = read(path, "reference").fingerprint
    Collection(folder / "index", create=True).add_many([("alpha", sound)])
    return folder / "index"


def scanned(index: Path, path: Path) -> ScanResult:
    return Collection(index).scan(read(path, "scan"))


def assert_found(
    result: ScanResult, begins_s: float, length_s: float, track: int | None = None
) -> None:
    (segment,) = result.segments
    assert segment.start_ms / 1000 == pytest.approx(begins_s, abs=0.5)
    assert segment.end_ms / 1000 == pytest.approx(begins_s + 15, abs=0.5)
    place_s = (segment.start_ms - segment.reference_start_ms) / 1000
    assert place_s == pytest.approx(begins_s - 5, abs=0.4)
    assert result.duration_ms / 1000 == pytest.approx(length_s, abs=0.45)
    assert segment.track == track


Heard = tuple[float, float, int | None]
TURNS: dict[str, tuple[list[tuple[Sound, float]], Heard]] = {
    "the second is longer": ([(SHORT, 0), (PROGRAMME, 0)], (8, 30, 2)),
    "one follows": ([(SHORT, 0), (PROGRAMME, 10)], (18, 40, None)),
    "the main one follows": ([(SHORT, 30), (PROGRAMME, 0)], (8, 40, None)),
    "they overlap": ([(SHORT, 0), (PROGRAMME, 6)], (14, 36, None)),
    "three follow": ([(SHORT, 0), (music(5, 6), 10), (PROGRAMME, 16)], (24, 46, None)),
    "the first fills a gap of the second": (
        [(PROGRAMME, 10), (SHORT, 0), (music(6, 4), 40)],
        (18, 44, None),
    ),
    "the main one is silent": ([(np.zeros(30 * RATE, np.float32), 0), (PROGRAMME, 0)], (8, 30, 2)),
    "the main one has no sound": ([(NOTHING, 0), (PROGRAMME, 0)], (8, 30, None)),
}


@pytest.mark.parametrize(
    "suffix", [".mp4", *(pytest.param(kind, marks=pytest.mark.soak) for kind in (".mkv", ".ts"))]
)
@pytest.mark.parametrize("name", TURNS)
def test_all_tracks_are_searched_to_their_ends(
    name: str, suffix: str, index: Path, tmp_path: Path
) -> None:
    tracks, (begins_s, length_s, number) = TURNS[name]
    path = write_timed(
        tmp_path / f"a{suffix}",
        [Track(sound, RATE, start_s=start_s, codec=KINDS[suffix]) for sound, start_s in tracks],
    )

    result = scanned(index, path)

    assert_found(result, begins_s, length_s, number)
    assert result.warnings == ()
    assert all(interval.kind != UnmatchedKind.SILENCE for interval in result.unmatched)


def test_tracks_of_other_rates_and_layouts_follow(index: Path, tmp_path: Path) -> None:
    wide = np.interp(
        np.arange(len(PROGRAMME) * 6) / 6, np.arange(len(PROGRAMME)), PROGRAMME
    ).astype(np.float32)
    path = write_timed(
        tmp_path / "a.mkv",
        [Track(SHORT, RATE), Track(wide, 6 * RATE, start_s=10, codec="flac", layout="5.1")],
    )

    assert_found(scanned(index, path), 18, 40)


def test_listening_copy_waveform_and_excerpts_have_all_tracks(tmp_path: Path) -> None:
    path = write_timed(
        tmp_path / "a.mp4", [Track(SHORT, RATE, codec="aac"), Track(PROGRAMME, RATE, codec="aac")]
    )

    made = analysis.analyse_file(path)
    media.write_proxy(path, tmp_path / "copy.webm")
    media.write_excerpts(path, [(tmp_path / "a.flac", 12_000, 14_000)])

    assert [track.state for track in made.facts.tracks] == [TrackState.MAIN, TrackState.OTHER]
    assert made.facts.duration_ms == pytest.approx(30_000, abs=150)
    assert made.facts.undecoded_ms == 0
    assert made.waveform.rms[400:].mean() > 5
    copy = np.concatenate(list(decode.blocks(tmp_path / "copy.webm")))
    assert len(copy) / RATE == pytest.approx(30, abs=0.15)
    assert np.abs(copy[20 * RATE :]).max() > 0.05
    (excerpt,) = read_exactly(tmp_path / "a.flac") / 2**31
    heard = PROGRAMME[12 * RATE : 14 * RATE]
    assert np.corrcoef(excerpt, heard)[0, 1] > 0.9


def test_tracks_that_follow_are_not_searched_twice(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mkv", [Track(SHORT, RATE), Track(PROGRAMME, RATE, start_s=10)])

    made = analysis.analyse_file(path)

    assert [track.state for track in made.facts.tracks] == [TrackState.MAIN, TrackState.PART]
    assert made.other_tracks == ()


@pytest.mark.parametrize("place", [0, 899])
def test_empty_tracks_of_matroska_cost_nothing(place: int, tmp_path: Path) -> None:
    tracks = [Track(NOTHING, RATE)] * 900
    tracks[place] = Track(PROGRAMME, RATE)
    path = write_timed(tmp_path / "a.mkv", tracks)

    assert_empty_but(place, path)


def test_empty_tracks_of_mp4_cost_nothing(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mp4", [Track(PROGRAMME, RATE, codec="aac")])

    assert_empty_but(0, add_empty_tracks(path, 899))


def assert_empty_but(place: int, path: Path) -> None:
    made = analysis.analyse_file(path, limits=replace(DEFAULT_LIMITS, max_cpu_s=8))

    states = [track.state for track in made.facts.tracks]
    assert states.count(TrackState.EMPTY) == 899
    assert states[place] is TrackState.MAIN
    assert made.facts.duration_ms == pytest.approx(30_000, abs=450)
    assert made.facts.undecoded_ms == 0
    assert unsearched(made.facts.tracks, []) == ()


# --- Transport streams ----------------------------------------------------------------


def part(folder: Path, sound: Sound, start_s: float, pid: int, codec: str = "aac") -> bytes:
    """Return a transport stream whose clock begins at ``start_s``."""
    rate = 16_000 if codec == "mp2" else RATE
    samples = np.arange(round(len(sound) * rate / RATE)) * RATE / rate
    wide = np.interp(samples, np.arange(len(sound)), sound).astype(np.float32)
    path = write_timed(
        folder / "part.ts",
        [Track(wide, rate, start_s=start_s, codec=codec)],
        {"mpegts_start_pid": str(pid)},
    )
    return path.read_bytes()


Parts = list[tuple[Sound, float, int, str]]
MOVES: dict[str, tuple[Parts, Heard]] = {
    "to another PID": ([(SHORT, 0, 0x101, "aac"), (PROGRAMME, 10, 0x201, "aac")], (18, 40, None)),
    "to another codec": ([(SHORT, 0, 0x101, "mp2"), (PROGRAMME, 10, 0x101, "aac")], (18, 40, None)),
    "twice": (
        [(SHORT, 0, 0x101, "aac"), (PROGRAMME, 10, 0x201, "mp2"), (music(7, 6), 40, 0x101, "aac")],
        (18, 46, None),
    ),
    "after a gap": ([(SHORT, 0, 0x101, "aac"), (PROGRAMME, 14, 0x201, "aac")], (22, 44, None)),
    "with a clock of its own": (
        [(SHORT, 0, 0x101, "aac"), (PROGRAMME, 0, 0x201, "aac")],
        (18, 40, None),
    ),
}


@pytest.mark.parametrize("name", MOVES)
def test_sound_of_a_broadcast_that_moves_is_followed(
    name: str, index: Path, tmp_path: Path
) -> None:
    parts, (begins_s, length_s, number) = MOVES[name]
    path = tmp_path / "a.ts"
    path.write_bytes(b"".join(part(tmp_path, *arguments) for arguments in parts))

    assert_found(scanned(index, path), begins_s, length_s, number)


@pytest.mark.parametrize("head", [0, 4])
def test_a_language_that_a_broadcast_adds_is_searched(
    head: int, index: Path, tmp_path: Path
) -> None:
    alone = part(tmp_path, SHORT, 0, 0x101)
    path = write_timed(
        tmp_path / "a.ts",
        [
            Track(music(8, 30), RATE, start_s=10, codec="aac"),
            Track(PROGRAMME, RATE, start_s=10, codec="aac"),
        ],
        {"mpegts_start_pid": str(0x101)},
    )
    data = alone + path.read_bytes()
    packets = (data[at : at + 188] for at in range(0, len(data), 188))
    path.write_bytes(b"".join(bytes(head) + packet for packet in packets))

    assert_found(scanned(index, path), 18, 40, 2)


@pytest.mark.parametrize(
    ("first", "last", "warning", "length_s"),
    [
        (0, 0.2, "The first 6 s are scrambled and were not searched.", 30),
        (0.85, 0.95, "3 s within the file are scrambled and were not searched.", 30),
        (0.9, 1, "The last 3 s are scrambled and were not searched.", 27),
    ],
)
def test_scrambled_sound_is_named_and_leaves_places_as_they_are(
    first: float, last: float, warning: str, length_s: float, index: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(scrambled(part(tmp_path, PROGRAMME, 0, 0x100), first, last))

    result = scanned(index, path)

    assert result.warnings == (warning,)
    (segment,) = result.segments
    place_s = (segment.start_ms - segment.reference_start_ms) / 1000
    assert place_s == pytest.approx(3, abs=0.15)
    assert result.duration_ms / 1000 == pytest.approx(length_s, abs=0.6)


def test_a_scrambled_end_counts_as_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(scrambled(part(tmp_path, PROGRAMME, 0, 0x100), 0.9, 1))

    facts = analysis.analyse_file(path).facts

    assert facts.undecoded_ms == pytest.approx(3000, abs=600)
    assert facts.duration_ms + facts.undecoded_ms == pytest.approx(30_000, abs=300)


def test_a_scrambled_file_is_refused_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(scrambled(part(tmp_path, PROGRAMME, 0, 0x100), 0, 1))

    with pytest.raises(UnsupportedMedia, match="scrambled"):
        analysis.analyse_file(path)


def test_a_confined_process_says_what_is_no_media(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(np.random.default_rng(1).bytes(50_000))

    with pytest.raises(UnsupportedMedia, match="not an audio or video file"):
        analysis.analyse_file(path)


def test_damaged_tables_do_not_cut_a_broadcast(index: Path, tmp_path: Path) -> None:
    data = bytearray(part(tmp_path, PROGRAMME, 0, 0x100))
    for at in range(len(data) // 376 * 188, len(data), 188):
        if (data[at + 1] & 31) << 8 | data[at + 2] == 0x1000:
            data[at + 20] ^= 0xFF
    path = tmp_path / "a.ts"
    path.write_bytes(data)

    assert_found(scanned(index, path), 8, 30)


def test_a_scan_says_what_is_scrambled(index: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.ts"
    path.write_bytes(scrambled(part(tmp_path, PROGRAMME, 0, 0x100), 0, 0.2))

    (warning,) = scanned(index, path).warnings

    assert warning.startswith("The first 6 s are scrambled")


def test_headers_are_read_without_looking_for_sound(tmp_path: Path) -> None:
    path = write_timed(tmp_path / "a.mkv", [Track(SHORT, RATE), Track(PROGRAMME, RATE)])
    with path.open("rb") as file:
        audio = decode.AudioFile(file, DEFAULT_LIMITS, headers_only=True)
        with audio:
            assert audio.surveys == {}
            assert audio.declared.codec == "pcm_s16le"
    with av.open(str(path)) as container:
        assert len(container.streams.audio) == 2
