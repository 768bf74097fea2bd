"""The library as its callers see it: only names that ``recognition`` lists."""

from __future__ import annotations

import json
import pydoc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import recognition
from recognition import Fingerprint, Index, RecognitionError, compare, fingerprint
from recognition.errors import MissingLayer, TooShort, UnsupportedMedia
from recognition.search import match
from tests.recognition import media_files
from tests.recognition.media_files import melody

RATE = 8000
TUNE = melody(10, RATE)
OTHER = melody(10, RATE, seed=2)
CLIP = TUNE[3 * RATE : 8 * RATE]


@pytest.fixture
def index(tmp_path: Path) -> Index:
    made = Index.create(tmp_path / "index")
    made.add(TUNE, recording_id="tune", rate=RATE)
    made.add(OTHER, recording_id="other", rate=RATE)
    return made


def test_an_index_is_made_filled_opened_and_scanned(tmp_path: Path) -> None:
    song = media_files.wav(tmp_path / "song.wav", TUNE, RATE)
    clip = media_files.wav(tmp_path / "clip.wav", CLIP, RATE)
    folder = tmp_path / "index"

    assert Index.create(str(folder)).add(str(song)) == "song"
    index = Index.open(folder)
    scan = index.scan(str(clip))

    assert (len(index), list(index), "song" in index) == (1, ["song"], True)
    assert repr(index) == f"Index({str(folder)!r}, 1 recordings)"
    (segment,) = scan.segments
    assert segment.recording_id == "song"
    assert segment.start_s == pytest.approx(0, abs=0.2)
    assert segment.reference_start_s == pytest.approx(3, abs=0.2)
    assert json.loads(json.dumps(scan.to_dict()))["segments"] == [segment.to_dict()]
    assert list(scan.rows()) == [{"path": str(clip), **segment.to_dict()}]
    assert index.scan(clip) == scan


@pytest.mark.parametrize(
    "array",
    [
        CLIP,
        CLIP.astype(np.float32),
        (CLIP * 32767).astype(np.int16),
        (CLIP * (2**31 - 1)).astype(np.int32),
        CLIP[:, np.newaxis],
        np.stack([CLIP, CLIP], axis=1),
        np.stack([CLIP, -CLIP], axis=1),
    ],
    ids=["float64", "float32", "int16", "int32", "one channel", "two channels", "opposite"],
)
def test_an_array_is_heard_like_its_file(array: NDArray[Any], index: Index, tmp_path: Path) -> None:
    from_file = index.scan(media_files.wav(tmp_path / "clip.wav", CLIP, RATE))
    read_only = array.view()
    read_only.flags.writeable = False

    from_array = index.scan(read_only, rate=RATE)

    assert from_array.path is None
    (expected,), (segment,) = from_file.segments, from_array.segments
    assert segment.recording_id == expected.recording_id == "tune"
    assert segment.start_s == pytest.approx(expected.start_s, abs=0.05)
    assert segment.bits == pytest.approx(expected.bits, rel=0.05)


def test_a_recording_is_replaced_and_removed(index: Index) -> None:
    index.add(CLIP, recording_id="other", rate=RATE)
    segments = index.scan(CLIP, rate=RATE).segments
    assert {segment.recording_id for segment in segments} == {"tune", "other"}

    index.remove("tune")

    assert list(index) == ["other"]
    assert [segment.recording_id for segment in index.scan(TUNE, rate=RATE).segments] == ["other"]
    with pytest.raises(KeyError, match="tune"):
        index.remove("tune")
    index.remove("other")
    # No number of a removed recording ever stands for another one.
    index.add(TUNE, recording_id="again", rate=RATE)
    assert [segment.recording_id for segment in index.scan(CLIP, rate=RATE).segments] == ["again"]


def test_sounds_are_compared(tmp_path: Path) -> None:
    song = media_files.wav(tmp_path / "song.wav", TUNE, RATE)
    again = tmp_path / "again.wav"
    again.write_bytes(song.read_bytes())

    assert compare(song, str(again)).relation == "exact_file"
    comparison = compare(song, TUNE, rate=RATE)
    assert (comparison.relation, comparison.a, comparison.b) == ("same_audio", str(song), None)
    assert comparison.to_dict()["segments"][0]["start_s"] == pytest.approx(0, abs=0.1)
    assert compare(fingerprint(OTHER, rate=RATE), song).relation == "none"


def test_a_fingerprint_is_taken_for_its_sound(index: Index) -> None:
    made = fingerprint(CLIP, rate=RATE)

    index.add_many({"clip": made})

    assert "landmarks>" in repr(made)
    assert {segment.recording_id for segment in index.scan(made).segments} == {"tune", "clip"}
    lacking = Fingerprint(made.duration_ms, made.params_hash, reference=made.reference)
    with pytest.raises(MissingLayer):
        index.scan(lacking)


NAN = CLIP.copy()
NAN[17] = np.nan


@pytest.mark.parametrize(
    ("array", "rate", "error", "words"),
    [
        (CLIP, None, TypeError, "rate=44100"),
        (CLIP, 44_100.5, TypeError, "whole number"),
        (CLIP, 100, ValueError, "between 2,000 and"),
        (CLIP.astype(np.complex64), RATE, TypeError, "not complex64"),
        (CLIP.astype(np.uint8), RATE, TypeError, "not uint8"),
        (np.array(["a"]), RATE, TypeError, "floats, int16 or int32"),
        (np.stack([CLIP, CLIP]), RATE, ValueError, r"with \.T"),
        (CLIP[:0], RATE, TooShort, "at least 2 s"),
        (CLIP[:RATE], RATE, TooShort, "has 1.0 s"),
        (NAN, RATE, ValueError, "first at sample 17"),
        (CLIP * 32768, RATE, ValueError, "Divide them"),
        ([0.5, 0.25], RATE, TypeError, "Only an array"),
        (5, None, TypeError, "not int"),
    ],
)
def test_a_wrong_array_is_explained(
    array: Any, rate: Any, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        fingerprint(array, rate=rate)


def test_wrong_files_and_folders_are_explained(index: Index, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("no sound\n" * 100)

    with pytest.raises(FileNotFoundError):
        index.scan("none.wav")
    with pytest.raises(IsADirectoryError):
        index.scan(tmp_path)
    with pytest.raises(UnsupportedMedia):
        fingerprint(text)
    with pytest.raises(TypeError, match="Only an array takes a rate"):
        compare(text, text, rate=RATE)
    with pytest.raises(TypeError, match="pass a recording_id"):
        index.add(CLIP, rate=RATE)
    with pytest.raises(FileNotFoundError, match=r"Index\.create"):
        Index.open(tmp_path / "nothing")
    with pytest.raises(FileExistsError, match=r"Index\.open"):
        Index.create(tmp_path / "index")
    assert len(Index.create(tmp_path / "index", exist_ok=True)) == 2
    assert issubclass(UnsupportedMedia, RecognitionError)


def test_help_is_for_reading() -> None:
    text = pydoc.plain(pydoc.render_doc(recognition))

    assert all(name in text for name in recognition.__all__)
    # From Python 3.13 on, each parameter has a line.
    assert len(pydoc.render_doc(match.scan).splitlines()) < 20
