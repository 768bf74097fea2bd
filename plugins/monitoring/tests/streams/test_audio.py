"""The sound around matches of an hour is kept before the ring overwrites it."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from base.common.storage import read_bytes
from plugins.monitoring.streams import audio
from plugins.monitoring.streams.errors import SoundElsewhere, StreamRefused
from plugins.monitoring.streams.excerpts import cut_excerpt
from plugins.monitoring.streams.recording.cutting import CutFacts
from plugins.monitoring.streams.recording.ring import RingGone
from plugins.monitoring.streams.recording.run_files import RunFiles
from plugins.monitoring.streams.selectors import kept_intervals
from plugins.monitoring.tests.streams.radio import NOON, Radio, programme
from recognition.audio import waveform
from recognition.audio.analysis import analyse_file
from recognition.audio.decode import AudioFile
from recognition.limits import DEFAULT_LIMITS
from scanning.models import ScannedFile
from tests.audio import wav_bytes
from tests.fixtures import Worker
from tests.recognition.synthesis import music

pytestmark = pytest.mark.django_db(transaction=True)


def heard_hour(radio: Radio, run_worker: Worker) -> ScannedFile:
    """Return the file of a scanned hour with a play from 40 s to 65 s."""
    radio.run("run-1", programme((900, 40), (1, 25), (901, 40)))
    radio.settle(NOON + timedelta(hours=1))
    run_worker()
    return ScannedFile.objects.get()


@pytest.mark.slow
def test_sound_around_matches_is_kept_sent_and_keeps_its_times(
    radio: Radio, run_worker: Worker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = heard_hour(radio, run_worker)
    intervals: list[tuple[int, int]] = []

    def cut(_folder: Path, _run: str, start: int, end: int, target: Path) -> CutFacts:
        intervals.append((start, end))
        # WAV files of tests have twice the rate.
        sound = np.repeat(music(5, (end - start) / 1000), 2)
        target.write_bytes(wav_bytes(sound))
        return CutFacts(start_ms=start, end_ms=end, suffix=".wav", codec="pcm")

    monkeypatch.setattr(audio, "cut_audio", cut)

    audio.copy_due(radio.stream, radio.folder)
    audio.copy_due(radio.stream, radio.folder)
    run_worker()

    file.refresh_from_db()
    ((start, end),) = intervals
    assert start == pytest.approx(30_000, abs=500)
    assert end == pytest.approx(75_000, abs=500)
    ((kept_from, kept_until),) = kept_intervals(file)
    assert kept_from == pytest.approx(start, abs=30)
    assert kept_until == pytest.approx(end, abs=30)
    assert file.proxy
    drawn = waveform.from_bytes(read_bytes(file.waveform))
    loud = np.flatnonzero(drawn.rms > 5) * drawn.step_ms
    assert (loud[0], loud[-1]) == pytest.approx((start, end), abs=500)
    memory = io.BytesIO(read_bytes(file.media))
    with AudioFile(memory, DEFAULT_LIMITS, name="hour.webm") as sound:
        samples = sum(len(block) for block in sound.blocks())
    assert samples / 8 == pytest.approx(file.length_ms, abs=50)

    # Machines that did not record it send it.
    target = tmp_path / "sound"

    def excerpt(begin: float, end: float) -> CutFacts:
        return cut_excerpt(
            stream=radio.stream,
            from_at=NOON + timedelta(seconds=begin),
            until=NOON + timedelta(seconds=end),
            target=target,
        )

    # The landmarks of tests lie beside where a recorder keeps its runs.
    sent = excerpt(40, 65)
    assert sent.suffix == ".flac"
    assert analyse_file(target).facts.duration_ms == pytest.approx(25_000, abs=5)
    with pytest.raises(SoundElsewhere):
        excerpt(2, 20)
    RunFiles(radio.folder, "run-1").folder.mkdir(parents=True)
    with pytest.raises(StreamRefused, match="no longer kept"):
        excerpt(2, 20)


def test_what_the_ring_has_lost_is_not_kept(
    radio: Radio, run_worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = heard_hour(radio, run_worker)

    def cut(*_interval: object) -> CutFacts:
        raise RingGone

    monkeypatch.setattr(audio, "cut_audio", cut)

    audio.copy_due(radio.stream, radio.folder)

    file.refresh_from_db()
    assert not file.media
    assert kept_intervals(file) == []
