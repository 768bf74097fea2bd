"""Measures how well clips of edited music are found.

``python -m benchmarks.edits [--music DIR] [--hours 27 300] [--clips N] [--half 0|1]
[--check]``. Clips of 10 s are sped up, slowed, stretched and pitched as people edit
music for their videos; see ``trials`` for how they are judged.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import numpy as np
import scipy  # loads scipy.signal when it is used, which takes long

from benchmarks import sound
from benchmarks.conditions import Condition, Damage
from benchmarks.report import Report
from benchmarks.shelf import fingerprint
from benchmarks.sound import RATE, Samples
from benchmarks.trials import ClipTrial, TrialScene, run
from recognition.types import SegmentMatch

SPEEDS = (0.7, 0.75, 0.8, 0.85, 0.9, 1.08, 1.12, 1.16, 1.2, 1.25, 1.3, 1.35, 1.4, 1.45)
TEMPI = (0.7, 0.75, 0.8, 0.85, 0.89, 1.12, 1.15, 1.2, 1.25, 1.3, 1.35, 1.4)
# Semitones: in quarter steps, which fall between the lines of any coarse grid.
_LOWER = (-6, -5.25, -4.5, -3.75, -3, -2.25, -1.5, -0.75)
PITCHES = (*_LOWER, *(-pitch for pitch in reversed(_LOWER)))
BOTH = (
    *((0.92, -3.0), (0.92, 3.0), (1.08, -3.0), (1.08, 3.0)),
    *((0.96, 1.5), (0.94, 2.0), (1.05, -1.5), (1.04, -2.0)),
)
# The middles between lines of the grid, and wherever chance falls, always the same.
_DRAWN = np.random.default_rng(52).uniform((0.92, -3), (1.08, 3), (8, 2)).round(3)
BETWEEN = (
    *((0.96, -2.83), (0.96, 2.83), (1.04, -2.83), (1.04, 2.83)),
    *((float(tempo), float(semitones)) for tempo, semitones in _DRAWN),
)
_ALONE, _BOTH, _DAMAGED = "speed, tempo or pitch", "tempo and pitch", "and damaged"
_BETWEEN = "tempo and pitch between lines"
# Least recall by group in catalogues of up to so many hours; see docs/benchmarks.md.
_TARGETS = {
    _ALONE: ((27, 0.98), (300, 0.97), (1_000, 0.95), (6_700, 0.93)),
    _BOTH: ((27, 0.9), (300, 0.88), (1_000, 0.85)),
    _BETWEEN: ((27, 0.9), (300, 0.88), (1_000, 0.85)),
    _DAMAGED: ((27, 0.92), (300, 0.9), (1_000, 0.85), (6_700, 0.8)),
}
_CLIP_S = 10
# Whole uploads: their speeds, how many of each, seconds, and the pauses around them.
_UPLOADED = (0.8, 0.85, 1.15, 1.25, 1.35)
_UPLOADS_EACH, _UPLOAD_S, _PAUSE_S = 4, 180, 8
_EDGE_S, _LATE_EDGE_S = 0.15, 0.6  # error of the edges, median and 95 %
_TEMPO = 0.0005  # error of tempo

# Speeds that drift from one to the other; the least share of their seconds found, and the
# error of their places at 95 %.
_DRIFTS = ((1.0, 1.02), (1.0, 1.06), (1.2, 1.3), (0.9, 0.8))
_DRIFT_S, _DRIFT_SHARE, _DRIFT_PLACE_S = 120, 0.97, 0.1
# A place that is so many seconds off may be a repeat: sound at most so far beside it, which
# correlates so well.
_REPEAT_S, _BESIDE_S, _SAME_SOUND = 1, 0.2, 0.9

Damaging = Callable[[Samples, Damage], Samples]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    trials = [ClipTrial(condition, _CLIP_S) for condition in edits()]
    label = "Measure the recall of edited music."

    def measure_edits(report: Report, scene: TrialScene, numbers: Sequence[int]) -> None:
        uploads(report, scene, numbers)
        drifts(report, scene, numbers)

    return run(argv, label, trials, _TARGETS, extra=measure_edits)


def uploads(report: Report, scene: TrialScene, numbers: Sequence[int]) -> None:
    """Measure whole edited uploads, from where they begin to where they end.

    Each lies between two pauses of faint noise, as films put music between scenes, and
    begins and ends where it is louder: some tracks have seconds of silence there.
    """
    rng = np.random.default_rng(3)
    pause = 0.02 * sound.pink_noise(_PAUSE_S * RATE, rng)
    edges, tempi, cents, lost = [], [], [], 0
    for speed in _UPLOADED:
        for number in rng.choice(numbers, _UPLOADS_EACH):
            music = scene.tracks[number].samples()[: int(_UPLOAD_S * speed * RATE)]
            y = sound.speed(music, speed)
            y = sound.reverberant(y, rng) if speed < 1 else y
            made = fingerprint(np.concatenate([pause, y, pause]))
            rows = scene.catalogue.scan(made).segments
            segments = [segment for segment in rows if segment.recording == number]
            if not segments:
                lost += 1
                continue
            longest = max(segments, key=lambda segment: segment.end_ms - segment.start_ms)
            begin, end = _louder(y, pause)
            edges.append(abs(segments[0].start_ms / 1000 - _PAUSE_S - begin))
            edges.append(abs(segments[-1].end_ms / 1000 - _PAUSE_S - end))
            tempi.append(abs(longest.tempo_ratio / speed - 1))
            cents.append(abs(longest.pitch_cents - 1200 * float(np.log2(speed))))
    median, late = np.quantile(edges, [0.5, 0.95])
    report.line(f"Whole uploads at {_UPLOADED}, slowed ones with reverberation:")
    report.table(
        ("not found", "edges, s: median, 95 %", "tempo, at most", "pitch, median"),
        [(lost, f"{median:.2f}, {late:.2f}", f"{max(tempi):.3%}", f"{np.median(cents):.1f} cents")],
    )
    report.check(f"{lost} uploads not found", reached=not lost)
    reached = float(median) <= _EDGE_S and float(late) <= _LATE_EDGE_S
    report.check(f"edges of uploads: {median:.2f}, {late:.2f} s", reached=reached)
    report.check("tempo of uploads", reached=max(tempi) <= _TEMPO)


def drifts(report: Report, scene: TrialScene, numbers: Sequence[int]) -> None:
    """Measure music whose speed drifts: the seconds found, and where they are placed.

    Each second is compared with the place of the recording that it plays, or with another
    one that has the same sound: some music repeats its own samples after minutes.
    """
    rng = np.random.default_rng(4)
    long = [n for n in numbers if scene.tracks[n].seconds > 1.4 * _DRIFT_S]
    errors: list[float] = []
    seconds = segments = 0
    for first, last in _DRIFTS:
        for number in rng.choice(long, _UPLOADS_EACH):
            music = scene.tracks[number].samples()
            y = sound.drifting(music, first, last, _DRIFT_S * RATE)
            rows = scene.catalogue.scan(fingerprint(y)).segments
            result = [segment for segment in rows if segment.recording == number]
            segments += len(result)
            seconds += _DRIFT_S
            for at in range(_DRIFT_S):
                true = (first + (last - first) * at / (2 * _DRIFT_S)) * at
                errors += [
                    _misplaced(music, true, _place(segment, at))
                    for segment in result
                    if segment.start_ms <= 1000 * at < segment.end_ms
                ][:1]
    share = len(errors) / seconds
    median, late = np.quantile(errors, [0.5, 0.95])
    report.line(f"{_DRIFT_S} s whose speed drifts, {_DRIFTS}:")
    report.table(
        ("seconds found", "segments", "error of the place, s: median, 95 %"),
        [(f"{share:.3f}", segments, f"{median:.3f}, {late:.3f}")],
    )
    report.check(f"seconds that drift: {share:.3f}", reached=share >= _DRIFT_SHARE)
    report.check(f"places: {late:.3f} s", reached=float(late) <= _DRIFT_PLACE_S)


def _misplaced(music: Samples, true_s: float, place_s: float) -> float:
    """Return by how many seconds a place is off; a repeat of the same sound is as right."""
    repeat_s = _repeat_near(music, true_s, place_s) if abs(place_s - true_s) > _REPEAT_S else None
    return abs(place_s - (true_s if repeat_s is None else repeat_s))


def _repeat_near(music: Samples, true_s: float, place_s: float) -> float | None:
    """Return where the second of music at ``true_s`` sounds again near a place, if it does."""
    second = music[int(true_s * RATE) :][:RATE]
    begin = max(0, int((place_s - _BESIDE_S) * RATE))
    around = music[begin:][: int((1 + 2 * _BESIDE_S) * RATE)]
    if len(around) < len(second):
        return None
    alike = scipy.signal.correlate(around, second, "valid", "fft")
    best = int(np.argmax(alike))
    loudness = np.linalg.norm(second) * np.linalg.norm(around[best : best + len(second)])
    return (begin + best) / RATE if alike[best] >= _SAME_SOUND * loudness else None


def _place(segment: SegmentMatch, at_s: float) -> float:
    """Return the second of the recording that a segment says is heard then."""
    length = segment.end_ms - segment.start_ms
    used = segment.reference_end_ms - segment.reference_start_ms
    share = (1000 * at_s - segment.start_ms) / length
    return (segment.reference_start_ms + share * used) / 1000


def _louder(y: Samples, noise: Samples) -> tuple[float, float]:
    """Return between which seconds sound is louder than noise, to 50 ms."""
    size = RATE // 20
    parts = y[: len(y) // size * size].reshape(-1, size)
    loud = np.flatnonzero((parts**2).mean(axis=1) > (noise**2).mean())
    return float(loud[0]) / 20, float(loud[-1] + 1) / 20


def edits() -> list[Condition]:
    """Return every edit that is measured."""
    return [
        *(_edit("speed", _ALONE, speed=speed) for speed in SPEEDS),
        *(_edit("tempo", _ALONE, tempo=tempo) for tempo in TEMPI),
        *(_edit("pitch", _ALONE, semitones=pitch) for pitch in PITCHES),
        *(_edit("tempo and pitch", _BOTH, tempo=a, semitones=b) for a, b in BOTH),
        _damaged("slowed, reverb", 0.85, lambda y, d: sound.reverberant(y, d.rng)),
        _damaged("slowed, reverb", 0.8, lambda y, d: sound.reverberant(y, d.rng)),
        _damaged("sped up, bass", 1.25, lambda y, d: sound.with_bass(y, 12)),
        _damaged("sped up, MP3", 1.2, _mp3),
        _damaged("slowed, MP3", 0.8, _mp3),
        _damaged("sped up, voice", 1.25, _voice),
        _damaged("slowed, voice", 0.85, _voice),
        *(_edit("between", _BETWEEN, tempo=a, semitones=b) for a, b in BETWEEN),
    ]


def _edit(
    name: str, group: str, *, speed: float = 1.0, tempo: float = 1.0, semitones: float = 0.0
) -> Condition:
    def apply(y: Samples, damage: Damage) -> Samples:
        # A change of pitch is a change of speed whose tempo is changed back.
        ratio = speed * 2 ** (semitones / 12)
        faster = sound.speed(y, ratio) if ratio != 1 else y
        stretch = speed * tempo / ratio
        return sound.tempo(faster, stretch) if abs(stretch - 1) > 1e-6 else faster

    words = [f"{speed * tempo:.2f} ×"] * (speed * tempo != 1)
    words += [f"{semitones:+g} semitones"] * (semitones != 0)
    cents = 100 * semitones + 1200 * float(np.log2(speed))
    return Condition(" ".join([name, *words]), group, apply, speed * tempo, cents)


def _damaged(name: str, speed: float, damaging: Damaging) -> Condition:
    def apply(y: Samples, damage: Damage) -> Samples:
        return damaging(sound.speed(y, speed), damage)

    cents = 1200 * float(np.log2(speed))
    return Condition(f"{name} {speed:.2f} ×", _DAMAGED, apply, speed, cents)


def _mp3(y: Samples, damage: Damage) -> Samples:
    return sound.coded(y, "libmp3lame", "mp3", 64_000)


def _voice(y: Samples, damage: Damage) -> Samples:
    return sound.mixed(y, damage.speech(1, len(y)), 0)


if __name__ == "__main__":
    sys.exit(main())
