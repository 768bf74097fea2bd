from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from recognition.audio import media, spectrogram
from recognition.errors import DecodeFailed, TooLong, UnsupportedMedia
from recognition.limits import SPECTROGRAM_ROWS
from tests import audio


def test_a_tone_stands_at_its_pitch_and_time(tmp_path: Path) -> None:
    t = np.arange(2 * audio.RATE) / audio.RATE
    tone = (0.5 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)
    path = tmp_path / "tone.wav"
    path.write_bytes(audio.wav_bytes(audio.join([audio.silence(2), tone])))

    levels = media.read_spectrogram(path, columns=100)

    assert levels.shape == (SPECTROGRAM_ROWS, 100)
    pitches = np.geomspace(spectrogram.HIGHEST_HZ, spectrogram.LOWEST_HZ, SPECTROGRAM_ROWS)
    loudest = pitches[levels[:, 75].argmax()]
    assert loudest == pytest.approx(440, rel=0.04)
    assert levels[:, 75].max() > 200
    assert levels[:, 20].max() == 0


def test_silence_is_black(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    path.write_bytes(audio.wav_bytes(audio.silence(4)))

    assert media.read_spectrogram(path, columns=10).max() == 0


def test_what_is_too_long_or_no_audio_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.wav"
    path.write_bytes(audio.wav_bytes(audio.silence(spectrogram.MAX_SECONDS + 2)))
    text = tmp_path / "text.wav"
    text.write_text("no audio")

    with pytest.raises(TooLong):
        media.read_spectrogram(path, columns=10)
    with pytest.raises((UnsupportedMedia, DecodeFailed)):
        media.read_spectrogram(text, columns=10)
    with pytest.raises(ValueError, match="columns"):
        media.read_spectrogram(path, columns=0)
