"""Makes the demo's programme of edited music, and its rows of ``truth.csv``.

``python -m benchmarks.edited_programme`` plays music of the demo's catalogue sped up, slowed
and through a telephone, between speech of the morning programme. It writes
``demo/programmes/programme-uploads.opus`` and prints the rows.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream

from benchmarks.sound import RATE, Samples, decode, loudness, resample, telephone

_DEMO = Path(__file__).parents[1] / "demo"
_RATE = 48_000
_LOUDNESS = 0.1


@dataclass(frozen=True, slots=True)
class Use:
    """Seconds of a demo recording, and how they are played."""

    custom_id: str
    name: str
    start_s: int
    seconds: int  # of the recording
    rate: float
    words: str
    through: Callable[[Samples], Samples] | None = None

    def sound(self) -> Samples:
        """Return the music as the programme plays it."""
        y = _part(_DEMO / f"{self.name}.opus", self.start_s, self.seconds)
        if self.through is not None:
            y = resample(self.through(resample(y, _RATE, RATE)), RATE, _RATE)
        return resample(y, round(_RATE * self.rate), _RATE)


USES = (
    Use("DEMO-002", "coherence", 12, 25, 1.25, "sped up"),
    Use("DEMO-003", "orbital-elevator", 8, 18, 0.8, "slowed"),
    Use("DEMO-006", "mountain", 20, 18, 1.0, "through a telephone", telephone),
)
_SPEECH = ((0, 9), (31, 6), (75, 5), (114, 7))
"""Seconds of the morning programme, before, between and after the music."""
_ANOTHER_VOICE = 0.9
"""Speed of the speech: slower and deeper, so that no programme repeats it."""


def main() -> None:
    """Write the programme; print its truth."""
    name = "programme-uploads.opus"
    rows = csv.writer(sys.stdout, lineterminator="\n")
    parts: list[Samples] = []
    at_s = 0.0

    def add(y: Samples, kind: str, *facts: object) -> None:
        nonlocal at_s
        parts.append((y * np.float32(_LOUDNESS / loudness(y))).astype(np.float32))
        end_s = at_s + len(y) / _RATE
        rows.writerow([name, f"{at_s:.2f}", f"{end_s:.2f}", kind, *facts])
        at_s = end_s

    for number, (start_s, seconds) in enumerate(_SPEECH):
        y = _part(_DEMO / "programmes/programme-morning.opus", start_s, seconds)
        speech = resample(y, round(_RATE * _ANOTHER_VOICE), _RATE)
        add(speech, "speech", "", "", "", "", "")
        if number < len(USES):
            use = USES[number]
            note = f"{use.name} ({use.words})"
            add(use.sound(), "track", use.custom_id, use.start_s, use.rate, "", note)
    _write(_DEMO / "programmes" / name, np.concatenate(parts))


def _part(path: Path, start_s: int, seconds: int) -> Samples:
    y = decode(path, _RATE)
    return y[start_s * _RATE : (start_s + seconds) * _RATE]


def _write(path: Path, y: Samples) -> None:
    with av.open(str(path), "w", format="opus") as output:
        stream = output.add_stream("libopus", rate=_RATE, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.bit_rate = 32_000
        frame = AudioFrame.from_ndarray(np.clip(y, -1, 1)[None], "flt", "mono")
        frame.sample_rate = _RATE
        fit = av.AudioResampler(stream.format.name, "mono", _RATE, stream.codec_context.frame_size)
        for frame_or_end in (frame, None):
            for part in fit.resample(frame_or_end):
                output.mux(stream.encode(part))
        output.mux(stream.encode(None))


if __name__ == "__main__":
    main()
