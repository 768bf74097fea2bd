"""Dumps of Ogg streams: they begin in mid-link, and links follow that were cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recognition.audio import decode, unreadable
from recognition.audio.decode import AudioFile
from recognition.errors import UnsupportedMedia
from recognition.limits import DEFAULT_LIMITS
from tests.recognition.media_files import Kind, Sound, melody, stereo, write
from tests.recognition.timed_files import noise

SECONDS = 12
KINDS = {
    "vorbis": Kind(".ogg", "vorbis", "ogg"),
    "opus": Kind(".opus", "libopus", "ogg", rate=48_000),
    "flac": Kind(".oga", "flac", "ogg"),
}


def link(folder: Path, codec: str, seed: int, channels: int = 2) -> bytes:
    """Return a link with noise that differs at each moment."""
    kind = KINDS[codec]
    y = noise(SECONDS, kind.rate, seed)
    sound = stereo(y) if channels == 2 else y[np.newaxis]
    return write(folder / f"{codec}{seed}{kind.suffix}", sound, kind).read_bytes()


def heard(path: Path) -> tuple[Sound, list[str]]:
    with path.open("rb") as file, AudioFile(file, DEFAULT_LIMITS, name=path.name) as it:
        return np.concatenate(list(it.blocks())), it.warnings


def farthest_ms(sound: Sound, reference: Sound) -> float:
    """Return how far a second of one sound lies at most from its place in the other."""
    lags = []
    for at in range(4000, len(sound) - 8000, 4000):
        around = reference[at - 4000 : at + 6000]
        # Another phase of resampling makes them differ, so the most alike counts.
        alike = np.correlate(around, sound[at : at + 2000], mode="valid")
        lags.append(abs(int(alike.argmax()) - 4000) / 8)
    return max(lags)


def pages_of(data: bytes) -> list[int]:
    """Return where the pages of a link begin."""
    at, places = 0, []
    while at < len(data):
        places.append(at)
        sizes = data[at + 27 : at + 27 + data[at + 26]]
        at += 27 + len(sizes) + sum(sizes)
    return places


def without_begin(data: bytes, *, within_page: bool) -> bytes:
    """Return what a dump has that begins after a third of a link."""
    page = next(at for at in pages_of(data) if at > len(data) // 3)
    return data[page + 50 * within_page :]


@pytest.mark.parametrize("within_page", [True, False])
@pytest.mark.parametrize("codec", KINDS)
def test_a_dump_that_begins_in_mid_link_is_read_from_there(
    codec: str, within_page: bool, tmp_path: Path
) -> None:
    first, second = link(tmp_path, codec, 1), link(tmp_path, codec, 2)
    path, whole = tmp_path / "dump.ogg", tmp_path / "whole.ogg"
    path.write_bytes(without_begin(first, within_page=within_page) + second)
    whole.write_bytes(first + second)

    sound, warnings = heard(path)

    everything, _ = heard(whole)
    missing = len(everything) - len(sound)
    assert 2 * 8000 < missing < 8 * 8000
    assert warnings == []
    # All that is there lies in one place.
    assert farthest_ms(sound, everything[missing:]) <= 30


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("codec", ["opus", "flac"])
def test_a_single_link_without_its_headers_is_read(
    codec: str, channels: int, tmp_path: Path
) -> None:
    data = link(tmp_path, codec, 1, channels)
    path, whole = tmp_path / "dump.ogg", tmp_path / "whole.ogg"
    path.write_bytes(without_begin(data, within_page=True))
    whole.write_bytes(data)

    sound, warnings = heard(path)

    everything, _ = heard(whole)
    assert warnings == []
    assert len(sound) > 4 * 8000
    missing = len(everything) - len(sound)
    assert farthest_ms(sound, everything[missing:]) <= 30


def test_vorbis_without_headers_says_so(tmp_path: Path) -> None:
    path = tmp_path / "dump.ogg"
    path.write_bytes(without_begin(link(tmp_path, "vorbis", 1), within_page=False))

    with pytest.raises(UnsupportedMedia) as refused:
        list(decode.blocks(path))

    assert str(refused.value) == unreadable.HEADLESS


def test_a_beginning_that_no_header_fits_is_a_warning(tmp_path: Path) -> None:
    begin = without_begin(link(tmp_path, "vorbis", 1), within_page=False)
    path = tmp_path / "dump.ogg"
    path.write_bytes(begin + link(tmp_path, "opus", 2))

    sound, warnings = heard(path)

    assert len(sound) / 8000 == pytest.approx(SECONDS, abs=0.1)
    assert warnings == ["The beginning of the file could not be read."]


def test_links_of_different_codecs_follow_each_other(tmp_path: Path) -> None:
    links = [link(tmp_path, codec, seed) for seed, codec in enumerate(KINDS)]
    path = tmp_path / "chain.ogg"
    path.write_bytes(b"".join(links) + b"junk" * 999 + links[0])

    sound, warnings = heard(path)

    assert len(sound) / 8000 == pytest.approx(4 * SECONDS, abs=0.2)
    assert warnings == []


@pytest.mark.parametrize("codec", KINDS)
def test_a_link_after_one_that_was_cut_off_is_read(codec: str, tmp_path: Path) -> None:
    first, second = link(tmp_path, codec, 1), link(tmp_path, "vorbis", 2)
    path = tmp_path / "chain.ogg"
    path.write_bytes(first[: len(first) // 2 + 77] + second)

    sound, _ = heard(path)

    assert len(sound) / 8000 == pytest.approx(1.5 * SECONDS, abs=1.2)
    alone = tmp_path / "alone.ogg"
    alone.write_bytes(second)
    end, _ = heard(alone)
    assert farthest_ms(sound[-len(end) :], end) <= 30


def test_a_file_that_mentions_pages_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp3", stereo(melody(4)), Kind(".mp3", "mp3"))
    plain, _ = heard(path)
    data = path.read_bytes()
    tag = b"ID3\x03\0\0\0\0\0\x40" + b"OggS" + bytes(60)
    path.write_bytes(tag + data)

    sound, _ = heard(path)

    assert len(sound) == len(plain)
