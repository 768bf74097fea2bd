"""Trains the net that tells speech and music, from unpacked packages of sound.

``python -m benchmarks.speech_training --sounds DIR --hours H --out FILE``: DIR holds the
packages that recognition/speech/README.md names. Mixes of 12 s become level maps, their half
seconds traits, and these train a net of two hidden layers, all with NumPy. Another net needs
another number, ``NET``, and ``benchmarks.speech`` to measure it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import scipy
from numpy.typing import NDArray

from benchmarks.sound import Samples, decode
from benchmarks.speech_clips import TRAINED_ON
from recognition.fingerprints.builder import extract
from recognition.speech.traits import ROW_MS, traits
from recognition.speech_track import HALF_MS

Values = NDArray[np.float32]
Truth = NDArray[np.bool_]

_RATE: Final = 8_000
_HOP: Final = _RATE * ROW_MS // 1000
_SECONDS: Final = 12
_CLIP: Final = _SECONDS * _RATE // _HOP * _HOP
_ROWS: Final = _CLIP // _HOP
_HALVES: Final = _CLIP * 1000 // _RATE // HALF_MS
_HIDDEN: Final = (64, 32)
_ROUNDS: Final = 16
_BATCH: Final = 512
_RATE_OF_LEARNING: Final = 2e-3
_DECAY: Final = 1e-3
_JITTER: Final = 0.15
_DROPPED: Final = 0.15
_SOFT: Final = 0.01  # truth is never quite 0 or 1
# Voices of the measurement, which must stay unheard.
_MEASURED: Final = frozenset({"it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU", "nl", "Mobster", "Surfer"})
_MEASURED_LETTERS: Final = frozenset({"de", "hu", "ml", "pt_BR"})
_MEASURED_EFFECTS: Final = ("lincity-ng", "flare-game", "fillets-ng", "enigma", "ardentryst")


@dataclass(frozen=True, slots=True)
class Sounds:
    """Voices by speaker, tracks of music, and effects, at 8 kHz."""

    voices: Sequence[Samples]
    music: Sequence[Samples]
    effects: Sequence[Samples]


def main(argv: Sequence[str] | None = None) -> int:
    """Train a net and write its weights."""
    made = argparse.ArgumentParser(description="Train the net that tells speech and music.")
    made.add_argument("--sounds", type=Path, required=True, help="a folder of unpacked packages")
    made.add_argument("--hours", type=float, default=33.0)
    made.add_argument("--seed", type=int, default=11)
    made.add_argument("--out", type=Path, required=True)
    args = made.parse_args(argv)
    rng = np.random.default_rng(args.seed)
    sounds = read_sounds(args.sounds)
    print(f"{len(sounds.voices)} voices, {len(sounds.music)} tracks, {len(sounds.effects)} effects")
    count = max(40, round(args.hours * 3600 / _SECONDS))
    x, y = described(sounds, rng, count)
    weights = train(x, y, rng)
    np.savez_compressed(args.out, allow_pickle=False, **weights)
    return 0


def read_sounds(folder: Path) -> Sounds:
    """Read the voices, music and effects that the measurement does not hear."""
    voices = _speakers(folder)
    music = [
        path
        for path in folder.rglob("*")
        if path.suffix in (".ogg", ".mp3", ".flac")
        and path.stat().st_size > 200_000
        and not set(TRAINED_ON).isdisjoint(part.lower() for part in path.parts)
        and "voices" not in path.parts
    ]
    effects = [
        path
        for path in folder.rglob("*")
        if path.suffix in (".ogg", ".wav")
        and path.stat().st_size < 200_000
        and "music" not in path.parts
        and "Sounds" in path.parts
        and not any(name in str(path) for name in (*_MEASURED_EFFECTS, "voices"))
    ]
    read = [list(_read(sorted(paths), 100)) for paths in (music, effects)]
    return Sounds([np.concatenate(list(voice)) for voice in voices], *read)


def _speakers(folder: Path) -> Iterator[list[Samples]]:
    """Yield the sentences of each speaker: of one folder with all below it."""
    patterns = ("asterisk/sounds/*", "fillets-ng/sound/*/*", "Sounds/voices/*", "klettres/*")
    by_speaker: dict[str, list[Path]] = {}
    for pattern in patterns:
        for speaker in folder.rglob(pattern):
            is_measured = speaker.name in _MEASURED or (
                "klettres" in pattern and speaker.name in _MEASURED_LETTERS
            )
            if speaker.is_dir() and not is_measured and speaker.name not in ("Robot", "Singer"):
                files = [path for path in speaker.rglob("*") if path.suffix in (".g722", ".ogg")]
                by_speaker.setdefault(f"{pattern} {speaker.name}", []).extend(files)
    for paths in by_speaker.values():
        sentences = [y for y in _read(sorted(paths)[:400], 10) if len(y) > _RATE // 5]
        if sum(map(len, sentences)) > 30 * _RATE:
            yield sentences


def _read(paths: Sequence[Path], most_s: int) -> Iterator[Samples]:
    for path in paths:
        try:
            y = decode(path, _RATE)[: most_s * _RATE]
        except (OSError, ValueError):
            continue
        if np.abs(y).max(initial=0) > 1e-3:
            yield _even(y)


Mixed = tuple[Samples, Truth, Truth]


@dataclass(frozen=True, slots=True)
class _Mixer:
    """Makes mixes with their truth: by rows, whether there is speech and music."""

    sounds: Sounds
    rng: np.random.Generator

    def any(self) -> Mixed:
        """Return one mix of 12 s."""
        kinds: list[tuple[float, Callable[[], Mixed]]] = [
            (0.17, self._spoken),
            (0.30, self._played),
            (0.24, self._over_music),
            (0.16, self._in_turns),
            (0.07, self._neither),
            (0.06, self._among_effects),
        ]
        chances = np.array([chance for chance, _ in kinds])
        chosen = int(self.rng.choice(len(kinds), p=chances / chances.sum()))
        y, speech, music = kinds[chosen][1]()
        y = self._coloured(y)
        y *= 10 ** (-self.rng.uniform(0, 26) / 20) / (np.abs(y).max() + 1e-9)
        if self.rng.random() < 0.5:
            noise = self.rng.standard_normal(len(y)) * 10 ** (-self.rng.uniform(66, 90) / 20)
            y = y + noise.astype(np.float32)
        return y.astype(np.float32), speech, music

    def _voice(self, n: int) -> tuple[Samples, Truth]:
        voices = self.sounds.voices
        y = self._cut(voices[int(self.rng.integers(len(voices)))], n, 0.84, 1.2)
        if self.rng.random() < 0.2:
            second = self._cut(voices[int(self.rng.integers(len(voices)))], n, 0.84, 1.2)
            y = y + np.float32(0.7) * second
        heard = _heard(y, -36, 0.5)
        return _even(self._in_a_room(y)), heard

    def _music(self, n: int) -> tuple[Samples, Truth]:
        tracks = self.sounds.music
        y = self._cut(tracks[int(self.rng.integers(len(tracks)))], n, 0.9, 1.12)
        if self.rng.random() < 0.18:
            y = np.tanh(y / 0.1 * self.rng.uniform(1, 6)).astype(np.float32)
        return _even(y), _heard(y, -40, 1.0)

    def _ambience(self, n: int) -> Samples:
        effects = self.sounds.effects
        if effects and self.rng.random() < 0.5:
            return _even(self._cut(effects[int(self.rng.integers(len(effects)))], n, 0.8, 1.25))
        spectrum = np.fft.rfft(self.rng.standard_normal(n))
        slope = (np.arange(len(spectrum)) + 1.0) ** -self.rng.uniform(0, 1.2)
        return _even(np.fft.irfft(spectrum * slope, n).astype(np.float32))

    def _spoken(self) -> Mixed:
        y, speech = self._voice(_CLIP)
        return self._with_noise(y), speech, _nothing()

    def _played(self) -> Mixed:
        y, music = self._music(_CLIP)
        return y, _nothing(), music

    def _over_music(self) -> Mixed:
        (voice, speech), (y, music) = self._voice(_CLIP), self._music(_CLIP)
        return voice + y * 10 ** (-self.rng.uniform(-8, 24) / 20), speech, music

    def _neither(self) -> Mixed:
        quiet = 1e-3 if self.rng.random() < 0.25 else 1.0
        return quiet * self._ambience(_CLIP), _nothing(), _nothing()

    def _among_effects(self) -> Mixed:
        y, speech, music = self._spoken() if self.rng.random() < 0.6 else self._played()
        return y + self._ambience(_CLIP) * 10 ** (-self.rng.uniform(0, 18) / 20), speech, music

    def _in_turns(self) -> Mixed:
        y, speech, music = np.zeros(_CLIP, np.float32), _nothing(), _nothing()
        at = 0
        while at < _ROWS - _RATE // 2 // _HOP:
            rows = min(_ROWS - at, int(self.rng.uniform(1.5, 6) * _RATE) // _HOP)
            here, n = slice(at * _HOP, (at + rows) * _HOP), rows * _HOP
            has_voice, has_music = self.rng.random(2) < 0.5
            gain = np.float32(10 ** (self.rng.uniform(-10, 3) / 20))
            if has_voice:
                voice, speech[at : at + rows] = self._voice(n)
                y[here] += gain * voice
            if has_music:
                below = self.rng.uniform(0, 18) if has_voice else 0
                piece, music[at : at + rows] = self._music(n)
                y[here] += gain * np.float32(10 ** (-below / 20)) * piece
            if not has_voice and not has_music:
                y[here] += self._ambience(n) * 10 ** (-self.rng.uniform(0, 40) / 20)
            at += rows
        return y, speech, music

    def _with_noise(self, y: Samples) -> Samples:
        if self.rng.random() < 0.5:
            y = y + self._ambience(len(y)) * np.float32(10 ** (-self.rng.uniform(15, 55) / 20))
        return y

    def _in_a_room(self, y: Samples) -> Samples:
        if self.rng.random() >= 0.2:
            return y
        n = int(self.rng.uniform(0.15, 0.9) * _RATE)
        tail = self.rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
        tail[0] = np.sqrt((tail**2).sum()) * self.rng.uniform(0.5, 2)
        room: Samples = scipy.signal.fftconvolve(y, tail)[: len(y)].astype(np.float32)
        return room

    def _coloured(self, y: Samples) -> Samples:
        chance = self.rng.random()
        if chance < 0.08:
            band = scipy.signal.butter(4, [300, 3400], "band", fs=_RATE, output="sos")
        elif chance < 0.25:
            low = self.rng.uniform(80, 500)
            band = scipy.signal.butter(1, low, "high", fs=_RATE, output="sos")
        elif chance < 0.45:
            high = self.rng.uniform(800, 3500)
            band = scipy.signal.butter(1, high, "low", fs=_RATE, output="sos")
        else:
            return y
        coloured: Samples = scipy.signal.sosfilt(band, y).astype(np.float32)
        return coloured

    def _cut(self, y: Samples, n: int, slowest: float, fastest: float) -> Samples:
        """Return a part at another speed; short sounds are repeated."""
        speed = self.rng.uniform(slowest, fastest)
        need = int(n * speed) + 2
        y = np.tile(y, need // len(y) + 1) if len(y) < need else y
        start = int(self.rng.integers(0, len(y) - need + 1))
        at = np.arange(n) * speed
        part: Samples = np.interp(at, np.arange(need), y[start : start + need]).astype(np.float32)
        return part


def _nothing() -> Truth:
    return np.zeros(_ROWS, dtype=np.bool_)


def _heard(y: Samples, floor_db: float, pause_s: float) -> Truth:
    """Return the rows in which a sound is heard; short pauses belong to it."""
    rows = y[: len(y) // _HOP * _HOP].reshape(-1, _HOP)
    level = np.sqrt((rows**2).mean(axis=1))
    heard = level > max(np.quantile(level, 0.95) * 10 ** (floor_db / 20), 10 ** (-75 / 20))
    on = np.flatnonzero(heard)
    for first, second in pairwise(on):
        if (second - first - 1) * ROW_MS <= 1000 * pause_s:
            heard[first:second] = True
    truth: Truth = heard
    return truth


def _even(y: Samples) -> Samples:
    loud = y[np.abs(y) > 1e-3]
    level = float(np.sqrt((loud**2).mean())) if len(loud) else 1.0
    return (0.1 / level * y).astype(np.float32)


def described(sounds: Sounds, rng: np.random.Generator, count: int) -> tuple[Values, Values]:
    """Return traits [mixes, half seconds, traits] and the share of speech and music."""
    mixer, x, y = _Mixer(sounds, rng), [], []
    half_of = np.minimum(np.arange(_ROWS) * ROW_MS // HALF_MS, _HALVES - 1)
    rows = np.bincount(half_of, minlength=_HALVES)
    for _ in range(count):
        samples, *truths = mixer.any()
        made = extract(samples).level_map
        assert made is not None
        x.append(traits(made.levels, 0, _HALVES))
        y.append(np.stack([np.bincount(half_of, truth, _HALVES) / rows for truth in truths], 1))
    return np.stack(x), np.stack(y).astype(np.float32)


def train(x: Values, y: Values, rng: np.random.Generator) -> dict[str, NDArray[np.generic]]:
    """Return the weights by name; a fortieth of the mixes tells how well they judge."""
    apart = max(1, len(x) // 40)
    flat = x[apart:].reshape(-1, x.shape[2])
    mean, spread = flat.mean(axis=0), flat.std(axis=0) + 1e-4
    scaled = np.clip((x - mean) / spread, -5, 5).astype(np.float32)
    held, training = (part.reshape(-1, x.shape[2]) for part in (scaled[:apart], scaled[apart:]))
    held_truth, truth = (part.reshape(-1, 2) for part in (y[:apart], y[apart:]))
    learner = _Learner.start((x.shape[2], *_HIDDEN, 2), rng, _ROUNDS * (len(training) // _BATCH))
    for number in range(_ROUNDS):
        order = rng.permutation(len(training))
        for start in range(0, len(training) - _BATCH + 1, _BATCH):
            batch = order[start : start + _BATCH]
            learner.learn(training[batch], truth[batch])
        right = ((learner.odds(held) > 0) == (held_truth > 0.5)).mean(axis=0)
        print(f"round {number + 1}: speech {right[0]:.3f}, music {right[1]:.3f}", flush=True)
    half = {name: value.astype(np.float16) for name, value in learner.named().items()}
    return {"mu": mean.astype(np.float32), "sd": spread.astype(np.float32), **half}


@dataclass(slots=True)
class _Learner:
    """A net of three layers, and Adam with a rate that falls like a cosine."""

    weights: list[Values]
    biases: list[Values]
    rng: np.random.Generator
    steps: int
    means: list[Values]
    squares: list[Values]
    step: int = 0

    @classmethod
    def start(cls, sizes: Sequence[int], rng: np.random.Generator, steps: int) -> _Learner:
        pairs = list(pairwise(sizes))
        weights = [
            (rng.standard_normal(pair) * np.sqrt(2 / pair[0])).astype(np.float32) for pair in pairs
        ]
        weights[-1] *= np.float32(0.3)
        biases = [np.zeros(size, np.float32) for size in sizes[1:]]
        blank = [np.zeros_like(value) for value in (*weights, *biases)]
        return cls(weights, biases, rng, max(1, steps), blank, [part.copy() for part in blank])

    def named(self) -> dict[str, Values]:
        named = {f"W{i}": value for i, value in enumerate(self.weights)}
        return named | {f"b{i}": value for i, value in enumerate(self.biases)}

    def odds(self, x: Values) -> Values:
        return self._layers(x)[-1]

    def _layers(self, x: Values, mask: Values | None = None) -> tuple[Values, Values, Values]:
        first = np.maximum(x @ self.weights[0] + self.biases[0], 0)
        if mask is not None:
            first = (first * mask).astype(np.float32)
        second = np.maximum(first @ self.weights[1] + self.biases[1], 0)
        return first, second, second @ self.weights[2] + self.biases[2]

    def learn(self, x: Values, truth: Values) -> None:
        """Take one step against the gradient of the cross entropy."""
        x = x + self.rng.standard_normal(x.shape).astype(np.float32) * np.float32(_JITTER)
        mask = (self.rng.random((len(x), _HIDDEN[0])) > _DROPPED) / (1 - _DROPPED)
        first, second, odds = self._layers(x, mask.astype(np.float32))
        off = (1 / (1 + np.exp(-odds)) - (truth * (1 - 2 * _SOFT) + _SOFT)) / len(x)
        off_second = (off @ self.weights[2].T) * (second > 0)
        off_first = (off_second @ self.weights[1].T) * (first > 0)
        offs = (off_first, off_second, off)
        slopes = [
            *(
                inputs.T @ off_here
                for inputs, off_here in zip((x, first, second), offs, strict=True)
            ),
            *(off_here.sum(axis=0) for off_here in offs),
        ]
        self._descend(slopes)

    def _descend(self, slopes: Sequence[Values]) -> None:
        self.step += 1
        share = min(1.0, self.step / self.steps)
        rate = _RATE_OF_LEARNING * (0.5 + 0.5 * np.cos(np.pi * share)) * min(1, self.step / 100)
        for i, (value, slope) in enumerate(zip((*self.weights, *self.biases), slopes, strict=True)):
            self.means[i] = 0.9 * self.means[i] + 0.1 * slope
            self.squares[i] = 0.999 * self.squares[i] + 0.001 * slope * slope
            mean = self.means[i] / (1 - 0.9**self.step)
            square = self.squares[i] / (1 - 0.999**self.step)
            shrink = _DECAY * value * (value.ndim == 2)
            value -= (rate * (mean / (np.sqrt(square) + 1e-8) + shrink)).astype(np.float32)


if __name__ == "__main__":
    sys.exit(main())
