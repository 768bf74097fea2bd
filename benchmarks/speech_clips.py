"""Clips whose speech and music are known, from voices and music that trained no net.

Nothing here makes the mixes that the net is trained on (``benchmarks.speech_training``): a
measure that came from the generator of its training would praise what that repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.corpus import is_track
from benchmarks.sound import RATE, Samples, audible, decode, mixed, pink_noise, silence, telephone

Truth = NDArray[np.bool_]

SECONDS: Final = 24
HALF: Final = RATE // 2
_CLIP: Final = SECONDS * RATE
# Speakers, languages and packages that no net was trained on.
_PROMPTS: Final = ("it_IT_m_Carlo", "ru_RU_f_IvrvoiceRU")
_DIALOGUE: Final = ("nl",)  # fillets-ng
_SHOUTS: Final = ("Mobster", "Surfer")  # hedgewars
_EFFECTS: Final = ("lincity-ng", "flare-game", "enigma", "ardentryst", "wordwarvi")
TRAINED_ON: Final = (
    *("nexuiz", "warzone2100", "supertux2", "ufoai", "starfighter", "scorched3d", "warmux"),
    *("xmoto", "lordsawar"),
)
"""Folders of packages with music that trained the net."""
LEVELS: Final = (20, 10, 5, 0, -6)  # dB of the voice above the music
_OFTEN: Final = 20


@dataclass(frozen=True, slots=True)
class KnownClip:
    """A clip, and for each half second whether it has speech and music.

    ``known`` marks the half seconds that are clearly one or the other.
    """

    kind: str
    samples: Samples
    speech: Truth
    music: Truth
    known_speech: Truth
    known_music: Truth


@dataclass(frozen=True, slots=True)
class Material:
    """Sounds by kind: a minute of each track, and each speaker's sentences in a row."""

    prompts: Sequence[Samples]
    dialogue: Sequence[Samples]
    tracks: Sequence[Samples]
    effects: Sequence[Samples]

    @property
    def voices(self) -> list[Samples]:
        """Return all voices."""
        return [*self.prompts, *self.dialogue]


def read_material(folder: Path, rng: np.random.Generator) -> Material:
    """Read the unpacked packages in a folder; raise ``SystemExit`` without voices."""
    prompts = [_in_a_row(folder.rglob(f"sounds/{name}/**/*.g722"), rng) for name in _PROMPTS]
    dialogue = [
        *(_in_a_row(folder.rglob(f"fillets-ng/sound/*/{name}/*.ogg"), rng) for name in _DIALOGUE),
        *(_in_a_row(folder.rglob(f"Sounds/voices/{name}/*.ogg"), rng) for name in _SHOUTS),
    ]
    effects = [
        _in_a_row((p for p in folder.rglob(f"{name}/**/*") if _is_effect(p)), rng)
        for name in _EFFECTS
    ]
    paths = sorted(path for path in folder.rglob("*") if is_track(path) and _is_new(path))
    tracks = [y for y in map(_minute_of, paths) if len(y) >= _CLIP]
    made = Material(
        [y for y in prompts if len(y) >= _CLIP],
        [y for y in dialogue if len(y) >= _CLIP],
        tracks,
        [y for y in effects if len(y) >= _CLIP],
    )
    if not made.prompts or not made.dialogue or not made.tracks:
        raise SystemExit(f"{folder} lacks voices or music; docs/benchmarks.md names the packages")
    return made


def _is_new(path: Path) -> bool:
    parts = {part.lower() for part in path.parts}
    is_spoken = "voices" in parts or "nl" in parts or "cs" in parts or "klettres" in parts
    return not is_spoken and parts.isdisjoint(TRAINED_ON) and "fillets-ng" not in parts


def _minute_of(path: Path) -> Samples:
    """Return a minute of a track, not its start; nothing if it cannot be read."""
    try:
        y = audible(decode(path))
    except (OSError, ValueError, IndexError):
        return silence(0)
    first = len(y) // 7
    return y[first : first + 60 * RATE].copy()


def _is_effect(path: Path) -> bool:
    is_sound = path.suffix in (".ogg", ".wav") and path.stat().st_size < 200_000
    return is_sound and not {"music", "voices"} & {part.lower() for part in path.parts}


def _in_a_row(paths: Iterator[Path], rng: np.random.Generator, most_s: int = 600) -> Samples:
    """Return sounds one after the other, equally loud, with short pauses."""
    files = sorted(paths)
    parts: list[Samples] = []
    for k in rng.permutation(len(files)):
        try:
            y = audible(decode(files[k]))
        except (OSError, ValueError, IndexError):
            continue
        if len(y) < RATE // 5 or not np.abs(y).max():
            continue
        parts += [_even(y), silence(int(RATE * rng.uniform(0.05, 0.6)))]
        if sum(map(len, parts)) > most_s * RATE:
            break
    return np.concatenate(parts) if parts else silence(0)


def clips(material: Material, rng: np.random.Generator) -> Iterator[KnownClip]:
    """Yield every clip that holds one thing from its start to its end."""
    yield from _spoken_clips(material, rng)
    yield from _musical_clips(material, rng)
    for level in LEVELS:
        for k in range(_OFTEN):
            voice = _speech(material.voices[k % len(material.voices)], rng)
            music = _any_music(material, rng)
            y = mixed(voice.samples, music.samples, level)
            yield _clip(f"voice over music by {level} dB", y, voice, music)
    yield from _other_clips(material, rng)


def _spoken_clips(material: Material, rng: np.random.Generator) -> Iterator[KnownClip]:
    for kind, voices in (("prompts", material.prompts), ("dialogue", material.dialogue)):
        for k in range(_OFTEN):
            voice = _speech(voices[k % len(voices)], rng)
            yield _clip(f"speech, {kind}", voice.samples, voice, _NOTHING)


def _musical_clips(material: Material, rng: np.random.Generator) -> Iterator[KnownClip]:
    for track in material.tracks:
        music = _part(_even(_cut(track, rng)), -40)
        yield _clip("music", music.samples, _NOTHING, music)
    for _ in range(_OFTEN):
        music = _any_music(material, rng)
        yield _clip("music by telephone", telephone(music.samples), _NOTHING, music)


def _other_clips(material: Material, rng: np.random.Generator) -> Iterator[KnownClip]:
    for y in material.effects:
        for _ in range(4):
            yield _clip("effects", _cut(y, rng), _NOTHING, _NOTHING)
    for _ in range(8):
        yield _clip("noise", 0.1 * pink_noise(_CLIP, rng), _NOTHING, _NOTHING)
    for level in (-90, -70, -50):
        quiet = (10 ** (level / 20) * rng.standard_normal(_CLIP)).astype(np.float32)
        yield _clip("silence", quiet, _NOTHING, _NOTHING)


CHANGES = "changes"


def changing_clips(material: Material, rng: np.random.Generator) -> Iterator[KnownClip]:
    """Yield clips that change between speech and music every 5 to 12 s."""
    for k in range(_OFTEN):
        parts: list[tuple[_Part, _Part]] = []
        for number in range(6):
            halves = int(rng.uniform(10, 24))
            is_speech = (number + k) % 2 == 0
            voices = material.voices
            whole = (
                _speech(voices[int(rng.integers(len(voices)))], rng)
                if is_speech
                else _any_music(material, rng)
            )
            part = whole.first(halves)
            empty = _Part.of_nothing(halves)
            parts.append((part, empty) if is_speech else (empty, part))
        voice, music = (_Part.joined([pair[i] for pair in parts]) for i in (0, 1))
        yield _clip(CHANGES, voice.samples + music.samples, voice, music)


@dataclass(frozen=True, slots=True)
class _Part:
    """Sound of one kind; by half seconds whether it is there, and whether it is not."""

    samples: Samples
    heard: Truth
    unheard: Truth

    def first(self, halves: int) -> _Part:
        return _Part(self.samples[: halves * HALF], self.heard[:halves], self.unheard[:halves])

    @classmethod
    def of_nothing(cls, halves: int) -> _Part:
        return cls(silence(halves * HALF), np.zeros(halves, bool), np.ones(halves, bool))

    @classmethod
    def joined(cls, parts: Sequence[_Part]) -> _Part:
        return cls(
            np.concatenate([part.samples for part in parts]),
            np.concatenate([part.heard for part in parts]),
            np.concatenate([part.unheard for part in parts]),
        )


_NOTHING: Final = _Part.of_nothing(2 * SECONDS)


def _clip(kind: str, y: Samples, voice: _Part, music: _Part) -> KnownClip:
    peak = max(1.0, float(np.abs(y).max()))
    return KnownClip(
        kind,
        (y / peak).astype(np.float32),
        voice.heard,
        music.heard,
        voice.heard | voice.unheard,
        music.heard | music.unheard,
    )


def _speech(voice: Samples, rng: np.random.Generator) -> _Part:
    return _part(_even(_cut(voice, rng)), -36)


def _any_music(material: Material, rng: np.random.Generator) -> _Part:
    track = material.tracks[int(rng.integers(len(material.tracks)))]
    return _part(_even(_cut(track, rng)), -40)


def _part(y: Samples, floor_db: float) -> _Part:
    """Tell where a sound is heard: most of a half second is loud, or hardly any."""
    frames = y[: len(y) // 800 * 800].reshape(-1, 800)  # 50 ms
    power = (frames**2).mean(axis=1)
    loud = power > max(1e-7, float(np.quantile(power, 0.95)) * 10 ** (floor_db / 10))
    share = loud.reshape(-1, 10).mean(axis=1)
    return _Part(y, share >= 0.6, share <= 0.05)


def _cut(y: Samples, rng: np.random.Generator) -> Samples:
    start = int(rng.integers(0, len(y) - _CLIP + 1))
    return y[start : start + _CLIP]


def _even(y: Samples) -> Samples:
    loudness = np.sqrt((y[np.abs(y) > 1e-3] ** 2).mean()) if (np.abs(y) > 1e-3).any() else 1.0
    return (0.1 / loudness * y).astype(np.float32)
