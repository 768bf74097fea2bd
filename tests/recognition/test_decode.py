from __future__ import annotations

import tracemalloc
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from recognition.audio import decode, sources
from recognition.audio.mono import to_mono
from recognition.errors import DecodeFailed, TooLong, TooShort, UnsupportedMedia
from recognition.limits import DEFAULT_LIMITS, DecodeLimits
from tests.recognition import media_files
from tests.recognition.media_files import Kind, Sound, melody, stereo

KINDS = [
    Kind(".wav", "pcm_u8"),
    Kind(".wav", "pcm_s16le"),
    Kind(".wav", "pcm_s24le"),
    Kind(".wav", "pcm_s32le"),
    Kind(".wav", "pcm_f32le"),
    Kind(".wav", "pcm_f64le"),
    Kind(".wav", "pcm_alaw", rate=8000),
    Kind(".w64", "pcm_s16le"),
    Kind(".aiff", "pcm_s16be"),
    Kind(".caf", "pcm_s24le"),
    Kind(".au", "pcm_s16be"),
    Kind(".flac", "flac"),
    Kind(".m4a", "alac", "ipod"),
    Kind(".mp3", "libmp3lame"),
    Kind(".mp2", "mp2"),
    Kind(".aac", "aac", "adts"),
    Kind(".m4a", "aac", "ipod"),
    Kind(".ogg", "vorbis"),
    Kind(".opus", "libopus", "ogg", rate=48_000),
    Kind(".ac3", "ac3"),
    Kind(".wma", "wmav2", "asf"),
    Kind(".mka", "vorbis", "matroska"),
    Kind(".webm", "libopus", rate=48_000),
    Kind(".ts", "mp2", "mpegts"),
    Kind(".wv", "wavpack"),
    Kind(".tta", "tta"),
]


def decoded(path: Path, limits: DecodeLimits = DEFAULT_LIMITS) -> Sound:
    return np.concatenate(list(decode.blocks(path, limits)))


def opened(path: Path) -> tuple[decode.AudioFile, Sound]:
    with path.open("rb") as file, decode.AudioFile(file, DecodeLimits()) as audio:
        return audio, np.concatenate(list(audio.blocks()))


def likeness(a: Sound, b: Sound) -> float:
    """Return the largest normalised correlation within a lag of 0.15 s.

    Half a sample of delay gives 0.7.
    """
    n = min(len(a), len(b))
    spectrum = np.fft.rfft(a[:n], 2 * n) * np.conj(np.fft.rfft(b[:n], 2 * n))
    lags = np.fft.irfft(spectrum)
    near = np.concatenate([lags[:1200], lags[-1200:]])
    return float(near.max() / np.sqrt(np.dot(a[:n], a[:n]) * np.dot(b[:n], b[:n])))


@pytest.mark.parametrize("kind", KINDS, ids=lambda k: f"{k.codec}{k.suffix}")
def test_every_codec_and_container_gives_the_same_sound(kind: Kind, tmp_path: Path) -> None:
    sound = stereo(melody(4, kind.rate))
    path = media_files.write(tmp_path / f"a{kind.suffix}", sound, kind)

    heard = decoded(path)

    assert len(heard) / 8000 == pytest.approx(4, abs=0.15)
    assert heard.dtype == np.float32
    assert likeness(heard, melody(4, 8000)) > 0.7


@pytest.mark.parametrize("rate", [2000, 8000, 11_025, 22_050, 37_800, 96_000, 192_000])
def test_any_sample_rate_keeps_length_and_pitch(rate: int, tmp_path: Path) -> None:
    t = np.arange(4 * rate) / rate
    tone = 0.5 * np.sin(2 * np.pi * 440 * t).astype(np.float32)

    heard = decoded(media_files.wav(tmp_path / "a.wav", tone, rate))

    assert len(heard) == pytest.approx(32_000, abs=2)
    assert np.argmax(np.abs(np.fft.rfft(heard[:32_000]))) == pytest.approx(1760, abs=1)


@pytest.mark.parametrize(
    "kind",
    [
        Kind(".mp4", "aac"),
        Kind(".mkv", "aac", "matroska"),
        Kind(".mov", "pcm_s16le"),
        Kind(".avi", "libmp3lame"),
    ],
    ids=lambda kind: kind.suffix,
)
def test_the_sound_track_of_a_video_is_taken(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / f"a{kind.suffix}"
    media_files.write(path, stereo(melody(4)), kind, video=True)

    audio, heard = opened(path)

    assert audio.declared.has_video
    assert likeness(heard, melody(4, 8000)) > 0.7


def test_six_channels_are_mixed_down(tmp_path: Path) -> None:
    voice, silence = melody(4), np.zeros(4 * 44_100, dtype=np.float32)
    sound = np.stack([silence, silence, voice, silence, silence, silence])
    path = media_files.write(tmp_path / "a.flac", sound, Kind(".flac", "flac"))

    assert likeness(decoded(path), melody(4, 8000)) > 0.7


def test_channels_that_cancel_each_other_are_still_heard(tmp_path: Path) -> None:
    path = media_files.wav(tmp_path / "a.wav", stereo(melody(4), -melody(4)))

    heard = decoded(path)

    assert likeness(heard, melody(4, 8000)) > 0.99


def test_of_cancelling_channels_the_louder_one_is_taken() -> None:
    y = melody(1, 8000)

    mono = np.empty_like(y)
    to_mono(-0.8 * y, y, 8000, mono)

    np.testing.assert_array_equal(mono, y)


def test_blocks_are_short_and_add_up(tmp_path: Path) -> None:
    path = media_files.wav(tmp_path / "a.wav", melody(65, 8000), 8000)

    lengths = [len(block) for block in decode.blocks(path)]

    assert max(lengths) <= 30 * 8000
    assert sum(lengths) == 65 * 8000


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    peaks = []
    for minutes in (1, 4):
        path = tmp_path / f"{minutes}.wav"
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(bytes(2 * 8000 * 60 * minutes))
        tracemalloc.start()
        for _ in decode.blocks(path):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()

    assert peaks[1] < 1.2 * peaks[0]


def test_too_short_says_how_much_sound_there_is_and_two_seconds_are_enough(tmp_path: Path) -> None:
    short = media_files.wav(tmp_path / "a.wav", melody(0.3, 8000), 8000)
    enough = media_files.wav(tmp_path / "b.wav", melody(2, 8000), 8000)

    with pytest.raises(TooShort, match=r"0\.3 s of sound; at least 2 s") as caught:
        decoded(short)

    assert caught.value.seconds == pytest.approx(0.3, abs=0.01)
    with wave.open(str(tmp_path / "c.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
    with pytest.raises(TooShort, match=r"0\.0 s of sound"):
        decoded(tmp_path / "c.wav")
    assert len(decoded(enough)) == 16_000


def test_too_long_is_found_while_reading(tmp_path: Path) -> None:
    sound = stereo(melody(30, 8000))
    path = media_files.write(tmp_path / "a.flac", sound, Kind(".flac", "flac", rate=8000))
    limits = DecodeLimits(max_duration_ms=20_000)
    read: list[Sound] = []

    with pytest.raises(TooLong):
        read.extend(decode.blocks(path, limits))

    assert len(read) == 2


def test_plain_samples_that_are_too_many_are_not_read(tmp_path: Path) -> None:
    path = media_files.wav(tmp_path / "a.wav", melody(30, 8000), 8000)
    limits = DecodeLimits(max_duration_ms=20_000)

    with path.open("rb") as file, pytest.raises(TooLong):
        decode.AudioFile(file, limits)


@pytest.mark.parametrize(
    ("rate", "channels", "reason"),
    [
        *((rate, 1, f"{rate} samp") for rate in (1, 1999, 2_000_000_000)),
        (8000, 200, "200 channels"),
    ],
)
def test_absurd_shape_is_refused_before_anything_is_decoded(
    rate: int, channels: int, reason: str, tmp_path: Path
) -> None:
    path = media_files.claiming_wav(tmp_path / "a.wav", rate=rate, channels=channels)

    with path.open("rb") as file, pytest.raises(UnsupportedMedia, match=reason):
        decode.AudioFile(file, DEFAULT_LIMITS)


def test_headers_that_lead_nowhere_are_not_followed_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = media_files.claiming_wav(tmp_path / "a.wav", rate=8000, channels=1)
    with path.open("ab") as file:
        # FFmpeg interprets every eight zeros as an empty chunk.
        file.write(bytes(2_000_000))
    monkeypatch.setattr(sources, "MAX_STEP_CPU_S", 0.05)

    with path.open("rb") as file, pytest.raises(DecodeFailed, match="cannot be followed"):
        decode.AudioFile(file, DEFAULT_LIMITS)


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), mode="w") as container:
        media_files.add_picture(container, seconds=4)

    with pytest.raises(UnsupportedMedia, match="no audio stream"):
        decoded(path)


@pytest.mark.parametrize(
    "content",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{secret}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{secret}'\n",
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=a\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    ],
    ids=["hls", "concat", "sdp"],
)
def test_a_file_can_not_make_us_open_another(content: str, tmp_path: Path) -> None:
    secret = media_files.wav(tmp_path / "secret.wav", melody(4, 8000), 8000)
    path = tmp_path / "a.m3u8"
    path.write_text(content.format(secret=secret))

    with pytest.raises(UnsupportedMedia):
        decoded(path)


@pytest.mark.parametrize(
    "kind",
    [Kind(".wav", "pcm_s16le"), Kind(".flac", "flac"), Kind(".mp3", "libmp3lame")],
    ids=lambda kind: kind.suffix,
)
def test_a_broken_tail_yields_what_could_be_decoded_and_a_warning(
    kind: Kind, tmp_path: Path
) -> None:
    whole = media_files.write(tmp_path / f"a{kind.suffix}", stereo(melody(20)), kind)
    path = tmp_path / f"cut{kind.suffix}"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])

    audio, heard = opened(path)

    assert len(heard) / 8000 == pytest.approx(12, abs=0.2)
    assert audio.warnings[-1] == "The last 8 s could not be decoded."


def test_damage_in_the_middle_counts_as_silence_with_a_warning(tmp_path: Path) -> None:
    path = media_files.write(tmp_path / "a.flac", melody(20)[np.newaxis], Kind(".flac", "flac"))
    data = bytearray(path.read_bytes())
    start, end = len(data) * 4 // 10, len(data) * 6 // 10
    data[start:end] = bytes(end - start)
    path.write_bytes(data)

    audio, heard = opened(path)

    assert len(heard) / 8000 == pytest.approx(20, abs=0.1)
    assert "4 s within the file could not be decoded" in audio.warnings[0]
    assert likeness(heard[-5 * 8000 :], melody(20, 8000)[-5 * 8000 :]) > 0.7


def test_sound_that_begins_after_the_picture_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    sound = stereo(melody(5))
    media_files.write(path, sound, Kind(".mkv", "flac"), video=True, start_s=2)

    _, heard = opened(path)

    assert len(heard) / 8000 == pytest.approx(7, abs=0.01)
    assert not heard[: 2 * 8000 - 100].any()


def test_tags_that_are_not_utf8_do_no_harm(tmp_path: Path) -> None:
    path = media_files.wav(tmp_path / "a.wav", melody(4, 8000), 8000)
    data = path.read_bytes()
    tag = b"LIST" + (16).to_bytes(4, "little") + b"INFOINAM" + (4).to_bytes(4, "little")
    path.write_bytes(data + tag + b"\xff\xfe\xe9\x00")

    audio, _ = opened(path)

    assert audio.samples == 32_000


def test_headers_that_an_ogg_file_repeats_do_no_harm(tmp_path: Path) -> None:
    kind = Kind(".ogg", "vorbis")
    path = media_files.write(tmp_path / "a.ogg", stereo(melody(5)), kind)
    plain = decoded(path)

    audio, heard = opened(media_files.repeat_ogg_headers(path))

    assert np.array_equal(heard, plain)
    assert audio.warnings == []


def test_infinite_and_undefined_samples_become_silence(tmp_path: Path) -> None:
    sound = melody(4)[np.newaxis].copy()
    kind = Kind(".wav", "pcm_f32le")
    whole = decoded(media_files.write(tmp_path / "a.wav", sound, kind))
    sound[0, 1000] = np.inf
    sound[0, 2000] = np.nan

    heard = decoded(media_files.write(tmp_path / "b.wav", sound, kind))

    # Silent samples take their places, which resampling spreads over a few milliseconds.
    changed = heard != whole
    assert 0 < np.count_nonzero(changed) < 100
    assert np.abs(heard - whole).max() < 1


def test_clipped_sound_is_counted(tmp_path: Path) -> None:
    t = np.arange(4 * 8000) / 8000
    tone = np.clip(3 * np.sin(2 * np.pi * 100 * t), -1, 1).astype(np.float32)

    audio, _ = opened(media_files.wav(tmp_path / "a.wav", tone, 8000))

    assert audio.clipped_s > 2
