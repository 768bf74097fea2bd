"""A radio station with known truth: titles that return, among sound that never does."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from benchmarks import sound
from benchmarks.sound import RATE, Samples
from benchmarks.voices import nonsense

CLEAN, CODEC, PART, SPEED, SPOKEN = "clean", "codec", "part", "speed", "under speech"
# So far apart, in seconds, are two plays of one title in a file.
_APART = 720
_LONGEST = 150  # seconds of a song
_LED = 3  # plays of the first song that the first jingle precedes


@dataclass(frozen=True, slots=True)
class Title:
    """A song or a jingle of the station, and how often it is played."""

    number: int
    samples: Samples
    plays: int
    is_jingle: bool = False


@dataclass(frozen=True, slots=True)
class Play:
    """An interval of a file, in seconds, in which a title plays."""

    title: int
    start: float
    end: float
    kind: str


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One recorded file of the station, and every play in it."""

    samples: Samples
    plays: tuple[Play, ...]

    @property
    def seconds(self) -> float:
        """Return its length in seconds."""
        return len(self.samples) / RATE


# Far enough from each other that no copy is found as another one.
_SPEEDS = (1.0, 0.8, 1.25, 0.67, 1.5)
_TEMPI = (1.0, 0.75, 1.35)

_Turn = tuple[Title, str]
"""A title and how it is played."""


def titles(
    music: Sequence[Samples], rng: np.random.Generator, *, songs: int, jingles: int
) -> tuple[list[Title], list[Samples]]:
    """Choose songs and jingles; return them and the music that plays only once.

    A song is played four times, a jingle eight times. Jingles are excerpts of 5 to 15 s
    from tracks that serve nothing else. None begins or ends with silence or the quiet
    of a fade.
    """
    order = [music[k] for k in rng.permutation(len(music))]
    made = [
        Title(number, _trimmed(y[: _LONGEST * RATE]), 4) for number, y in enumerate(order[:songs])
    ]
    for number, y in enumerate(order[songs : songs + jingles], songs):
        y, n = _trimmed(y), int(rng.uniform(5, 15) * RATE)
        at = int(rng.integers(max(1, len(y) - n)))
        made.append(Title(number, _faded(y[at : at + n]), 8, is_jingle=True))
    return made, order[songs + jingles :]


def broadcasts(
    station: Sequence[Title],
    once: Sequence[Samples],
    rng: np.random.Generator,
    *,
    hours: float,
    files: int,
) -> Iterator[Broadcast]:
    """Yield the files of a station, of equal length, one after the other.

    The first jingle is played before most plays of the first song. What lies between
    the plays never returns: speech of random syllables, other music (also backwards and
    at other speeds, so that a little lasts long), tones and silence.
    """
    waiting = _schedule(station, rng)
    filler = fillers(once, rng)
    length = 3600 * hours / files
    for number in range(files):
        parts: list[Samples] = []
        plays: list[Play] = []
        last: dict[int, float] = {}
        at, done = 0.0, 0
        planned = -(-len(waiting) // (files - number))
        while at < length:
            # The plays are spread evenly over the files.
            due = done < planned and at / length >= done / planned
            chosen = _next(waiting, last, at) if due else None
            if chosen is None:
                parts.append(next(filler)[: int((length - at) * RATE) + 1])
                at += len(parts[-1]) / RATE
                continue
            done += 1
            for title, kind in waiting.pop(chosen):
                parts.append(_rendered(title, kind, rng))
                end = at + len(parts[-1]) / RATE
                plays.append(Play(title.number, at, end, kind))
                at = last[title.number] = end
        yield Broadcast(np.concatenate(parts), tuple(plays))


def fillers(once: Sequence[Samples], rng: np.random.Generator) -> Iterator[Samples]:
    """Yield sound without end that never returns, 5 to 60 s at a time."""
    music = _strange(once, rng)
    speaks = shutil.which("espeak-ng") is not None
    while True:
        kind = rng.choice(["speech", "music", "tones", "silence"], p=[0.5, 0.4, 0.06, 0.04])
        seconds = float(rng.uniform(20, 60))
        if kind == "speech" and speaks:
            yield nonsense(rng, seconds)
        elif kind == "silence":
            yield sound.silence(int(seconds / 8 * RATE))
        elif kind == "tones":
            yield _tones(rng, seconds)
        else:
            yield next(music, sound.silence(RATE))


def _strange(once: Sequence[Samples], rng: np.random.Generator) -> Iterator[Samples]:
    """Yield an excerpt of each track, then of each altered beyond recognition.

    Only one, because a refrain is a repeat too.
    """
    for tempo, ratio, step in product(_TEMPI, _SPEEDS, (1, -1)):
        for y in once:
            n = int(rng.uniform(20, 60) * RATE)
            at = int(rng.integers(max(1, len(y) - n)))
            part = y[at : at + n][::step].copy()
            part = part if ratio == 1 else sound.speed(part, ratio)
            yield part if tempo == 1 else sound.tempo(part, tempo)


def _schedule(station: Sequence[Title], rng: np.random.Generator) -> list[tuple[_Turn, ...]]:
    """Return all plays in order, as groups that follow each other without a pause."""
    plays: list[_Turn] = []
    for title in station:
        kinds = [str(kind) for kind in rng.permutation([PART, CODEC, SPEED, SPOKEN])]
        if title.is_jingle:
            kinds = [CLEAN] * (title.plays - 3) + [CODEC, SPOKEN]
        plays += [(title, kind) for kind in [CLEAN, *kinds][: title.plays]]
    plays = [plays[k] for k in rng.permutation(len(plays))]
    leader = min((title.number for title in station if title.is_jingle), default=None)
    moved = [play for play in plays if play[0].number == leader][:_LED]
    groups: list[tuple[_Turn, ...]] = []
    for play in plays:
        if any(play is jingle for jingle in moved):
            continue
        leads = moved.pop() if play[0].number == 0 and moved else None
        groups.append((leads, play) if leads else (play,))
    return groups


def _next(waiting: Sequence[tuple[_Turn, ...]], last: dict[int, float], at: float) -> int | None:
    """Return the first waiting group of titles that were not played lately."""
    for place, group in enumerate(waiting):
        if all(at - last.get(title.number, -_APART) >= _APART for title, _ in group):
            return place
    return None


def _rendered(title: Title, kind: str, rng: np.random.Generator) -> Samples:
    y = title.samples
    if kind == PART:
        n = int(len(y) * rng.uniform(0.4, 0.8))
        start = int(rng.integers(len(y) - n))
        return y[start : start + n]
    if kind == CODEC:
        return sound.coded(y, "libmp3lame", "mp3", 64_000)
    if kind == SPEED:
        return sound.speed(y, 1 + float(rng.choice([-1, 1])) * rng.uniform(0.01, 0.03))
    if kind == SPOKEN and shutil.which("espeak-ng") is not None:
        voice = nonsense(rng, len(y) / RATE)
        voice = np.resize(voice, len(y))
        return sound.mixed(y, voice, -float(rng.choice([0, 5, 10])))
    return y


def _trimmed(y: Samples) -> Samples:
    """Return the sound without ends that are 30 dB quieter than the whole."""
    step = RATE // 20
    power = (y[: len(y) // step * step].reshape(-1, step) ** 2).mean(axis=1)
    heard = np.flatnonzero(power > 1e-3 * power.mean())
    return y[heard[0] * step : (heard[-1] + 1) * step]


def _faded(y: Samples) -> Samples:
    """Return an excerpt that begins and ends within a fiftieth of a second."""
    made = y.copy()
    ramp = np.linspace(0, 1, RATE // 50, dtype=np.float32)
    made[: len(ramp)] *= ramp
    made[-len(ramp) :] *= ramp[::-1]
    return made


def _tones(rng: np.random.Generator, seconds: float) -> Samples:
    """Return a drone of steady tones, or pips."""
    t = np.arange(int(seconds * RATE)) / RATE
    pitches = rng.uniform(100, 3000, int(rng.integers(1, 5)))
    y = np.sin(2 * np.pi * pitches[:, None] * t).sum(axis=0) / len(pitches)
    if rng.random() < 0.5:
        y *= t % 1 < 0.1
    heard: Samples = (0.3 * y).astype(np.float32)
    return heard
