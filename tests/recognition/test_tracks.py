"""All sound tracks of a file are searched, the main one first."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recognition.api.collection import Collection
from recognition.api.index import Index
from recognition.api.sounds import read
from recognition.audio import analysis, media
from recognition.commands import report
from recognition.relate.tracks import scan_tracks, unsearched
from recognition.types import (
    Fingerprint,
    ScanResult,
    SegmentMatch,
    SoundTrack,
    TrackState,
    UnmatchedInterval,
    UnmatchedKind,
)
from tests.recognition.media_files import read_exactly, write_tracks
from tests.recognition.synthesis import RATE, music

ALPHA = music(1, 20)
OTHER = music(2, 20)
SPOKEN = music(3, 20)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("index")
    path = write_tracks(folder / "alpha.mkv", {"": ALPHA}, RATE)
    sound = read(path, "reference").fingerprint
    Collection(folder / "index", create=True).add_many([("alpha", sound)])
    return folder / "index"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file whose third track holds the recording in its second half."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    late = np.concatenate([OTHER[: 10 * RATE], ALPHA[5 * RATE : 15 * RATE]])
    tracks = {"Commentary": SPOKEN, "Stereo": OTHER, "Music": late, "Copy": OTHER}
    return write_tracks(path, tracks, RATE)


def test_tracks_that_differ_are_kept_where_they_do(film: Path) -> None:
    result = analysis.analyse_file(film)

    assert result.facts.tracks == (
        SoundTrack(1, "Commentary", TrackState.OTHER),
        SoundTrack(2, "Stereo", TrackState.MAIN),
        SoundTrack(3, "Music", TrackState.OTHER),
        SoundTrack(4, "Copy", TrackState.SAME),
    )
    assert [number for number, _ in result.other_tracks] == [1, 3]
    music_only = dict(result.other_tracks)[3]
    assert music_only.dense is not None
    # The first half sounds like the main track, but for a few seconds before the change.
    assert music_only.dense.frames[0] > 4 * 62
    assert music_only.duration_ms == result.facts.duration_ms
    assert result.warnings == ()


def test_a_match_says_its_track(index: Path, film: Path) -> None:
    result = Index.open(index).scan(film)

    (segment,) = result.segments
    assert segment.track == 3
    assert segment.start_s == pytest.approx(10, abs=0.15)
    assert segment.reference_start_s == pytest.approx(5, abs=0.15)
    assert max(interval.end_s for interval in result.unmatched) <= segment.start_s
    assert "track 3" in report.scan_table(film, result)


def test_an_excerpt_is_cut_from_a_track(film: Path, tmp_path: Path) -> None:
    target = tmp_path / "a.flac"

    media.write_excerpts(film, [(target, 12_000, 14_000)], track=3)

    expected = ALPHA[7 * RATE : 9 * RATE] * 32767
    assert read_exactly(target)[0] / 65536 == pytest.approx(expected, abs=2)


def segment(start_ms: int, end_ms: int, offset_ms: int = 0) -> SegmentMatch:
    return SegmentMatch(
        recording=1,
        start_ms=start_ms,
        end_ms=end_ms,
        reference_start_ms=start_ms + offset_ms,
        reference_end_ms=end_ms + offset_ms,
        tempo_ratio=1,
        pitch_cents=0,
        score=90,
        bits=90,
        e_value=0,
        aligned=90,
        expected_by_chance=1,
    )


def test_what_the_main_track_has_counts_once() -> None:
    sounds = [Fingerprint(60_000, "") for _ in range(2)]
    unmatched = UnmatchedInterval(20_000, 60_000, UnmatchedKind.NO_MATCH)
    results = {
        id(sounds[0]): ScanResult(60_000, (segment(0, 20_000),), (unmatched,)),
        id(sounds[1]): ScanResult(
            60_000, (segment(2000, 19_000), segment(30_000, 40_000, 5000)), ()
        ),
    }

    joined = scan_tracks(sounds[0], [(2, sounds[1])], lambda sound: results[id(sound)])

    assert [(row.start_ms, row.track) for row in joined.segments] == [(0, None), (30_000, 2)]
    assert [(interval.start_ms, interval.end_ms) for interval in joined.unmatched] == [
        (20_000, 30_000),
        (40_000, 60_000),
    ]


def test_tracks_that_were_not_searched_are_counted() -> None:
    tracks = [
        SoundTrack(1, "", TrackState.MAIN),
        SoundTrack(2, "", TrackState.SAME),
        SoundTrack(3, "", TrackState.OTHER),
        SoundTrack(4, "", TrackState.UNREAD),
    ]

    assert unsearched(tracks, [3]) == ("1 other sound track was not searched.",)
    assert unsearched(tracks, []) == ("2 other sound tracks were not searched.",)
    assert unsearched(tracks[:3], [3]) == ()
