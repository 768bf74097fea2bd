"""Compares what a portal answers to clips as audio and as fingerprints.

Each clip of the accuracy benchmark goes to a second portal twice: once in a container
that sends audio, once in one that sends fingerprints. The bytes of both results must be
the same, and no message of the second may hold a piece of the clip's sound.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.conditions import Damage, conditions, cut
from benchmarks.corpus import Roles, Track, roles
from benchmarks.report import Report
from benchmarks.sound import silence
from benchmarks.voices import voices
from tests import audio
from tests.wire.federation import Federation, add_recording, federation, holds_sound

_SECONDS = 10
_EVERY = 256  # bytes; the pieces of 500 clips fit into memory
Clip = tuple[str, bytes]  # the condition, and a sound file


def measure(report: Report, tracks: list[Track], work: Path, *, seed: int, clips: int) -> None:
    """Print and check how many results differ, for each condition."""
    parts = roles(tracks, seed, 1)
    made = list(_clips(tracks, parts, seed, clips))
    with federation(work / "portals") as by_audio:
        for number in parts.played:
            sound = audio.wav_bytes(tracks[number].samples())
            add_recording(by_audio.there, by_audio.bucket, str(number), sound)
        by_fingerprint = by_audio.sending("fingerprint_only")
        heard, _ = _results(by_audio, made)
        seen, traffic = _results(by_fingerprint, made)
    report.title("Results of audio and of fingerprints")
    rows = []
    for condition in dict.fromkeys(name for name, _ in made):
        numbers = [n for n, (name, _) in enumerate(made) if name == condition]
        same = sum(heard[n] == seen[n] for n in numbers)
        count = sum(heard[n] != "null" for n in numbers)
        rows.append((condition, len(numbers), count, same))
        report.check(f"{condition}: the same results", reached=same == len(numbers))
    report.table(["condition", "clips", "with a match", "same bytes"], rows)
    sent = sum(map(len, traffic))
    sounds = sum(len(sound) for _, sound in made)
    report.line(
        f"{len(made)} clips of {_SECONDS} s, {len(parts.played)} recordings. "
        f"{sent / 1e6:.1f} MB went over the wire for {sounds / 1e6:.1f} MB of sound."
    )
    leaks = holds_sound(traffic, [sound for _, sound in made], every=_EVERY)
    report.check("no sound on the wire", reached=not leaks)


def _clips(tracks: list[Track], parts: Roles, seed: int, clips: int) -> Iterator[Clip]:
    rng = np.random.default_rng([seed, _SECONDS, 1])
    damage = Damage(rng, voices(rng, 10))
    for condition in conditions():
        for number in rng.choice(parts.played, clips):
            y, _ = cut(tracks[int(number)].samples(), rng, _SECONDS, condition.tempo)
            sound = audio.wav_bytes(np.clip(condition.apply(y, damage), -1, 1))
            yield condition.name, sound
    for number in rng.choice(parts.strangers, clips):
        y, _ = cut(tracks[int(number)].samples(), rng, _SECONDS, 1)
        yield "unknown", audio.wav_bytes(y)
    yield "silence", audio.wav_bytes(silence(_SECONDS * audio.RATE))


def _results(pair: Federation, clips: list[Clip]) -> tuple[dict[int, str], list[bytes]]:
    """Return the results of all clips as text, and the messages about them."""
    pair.calls.traffic.clear()
    pair.calls.records = True
    for number, (_, sound) in enumerate(clips):
        pair.submit(f"{number}.wav", sound)
    pair.wait_for_all(len(clips))
    results = {
        int(file["name"].removesuffix(".wav")): json.dumps(file["results"]) for file in pair.files()
    }
    return results, list(pair.calls.traffic)
