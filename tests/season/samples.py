"""Sounds, tables, links and texts that people in the season upload or type."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from django.core.files.uploadedfile import SimpleUploadedFile

from benchmarks.sound import drifting
from tests import audio
from tests.recognition.synthesis import faster
from tests.registered import SEASON, Table

HIDDEN = "Velvet"
"""Part of every name that belongs to the desk that limited people must not see."""

WORDS = [
    "Morning show",
    "Checked by ear.",
    'He said "play" & left',
    "=1+1",
    "Ünïcøde ☂",
    "\u202egnitset",
    "a|b; c,d",
    "",
]

# By part of the field's name; the first match counts.
TEXTS = {
    "isrc": ["QZES71982312", "GBAYE0601498", "QZ-ES7-19-82312", "nonsense", ""],
    "upc": ["2000000000015", "040000000013", "12", ""],
    "iswc": ["T-000.000.001-0", "T-900.000.042-0", "12", ""],
    "score": ["0", "50", "80", "101", "x"],
    "floor": ["0", "50", "60", "80"],
    "share": ["0", "50", "100", "101"],
    "start": ["00:00:00.000", "00:00:01.000", "00:00:02", "1", "9", "x"],
    "end": ["00:00:03.000", "00:00:06.000", "00:00:12", "12", "4", "x"],
    "pct": ["0", "33.3", "100"],
    "links": ["http://localhost:9/gone.mp3", "ftp://example.com/a", "not a link"],
    "place": ["/nowhere", "s3://bucket/", "no address"],
    "url": ["http://localhost:9/feed", "https://127.0.0.1:9/", "no address"],
    "duration": ["3000", "20000", "x"],
    "territor": ["DE", "DE|FR", "XX", ""],
    "email": ["ana@example.com", "not an address", ""],
    "recipient": ["ana@example.com", "mira@example.com, ana@example.com", ""],
    "q": ["Tune", "Beacon", HIDDEN, "zzz", ""],
    "number": ["1", "2", "12", ""],
    "day": ["1", "7", "30", "0"],
    "hour": ["0", "6", "23"],
    "priority": ["0", "5", "-5"],
    "cap": ["", "1", "100"],
}


@cache
def programme(number: int) -> bytes:
    """Return programme ``number`` as WAV; some contain tunes of the catalogue."""
    gap = audio.silence(1.0)
    parts = {
        0: [
            audio.tune(1, 30)[: audio.RATE * 9],
            gap,
            _by_telephone(audio.tune(2, 30)[audio.RATE * 4 : audio.RATE * 14]),
        ],
        1: [audio.tune(40, 8), gap, audio.tune(3, 30)[audio.RATE * 6 : audio.RATE * 16]],
        2: [audio.tune(50, 12)],
        3: [audio.silence(8.0)],
        4: [
            audio.tune(1, 30)[audio.RATE * 2 : audio.RATE * 12],
            audio.tune(5, 30)[: audio.RATE * 9],
        ],
        5: [
            _by_telephone(audio.tune(6, 30)[: audio.RATE * 12]),
            audio.tune(2, 30)[: audio.RATE * 8],
        ],
        # Returns what programme 2 holds, which is in no bucket at first.
        6: [*(gap, audio.tune(50, 12), _logo(), audio.tune(6, 30)[: audio.RATE * 9]), _logo()],
        # Plays a tune faster, as edited uses do.
        EDITED: [faster(audio.tune(1, 30)[: audio.RATE * 14], 1.04)],
        # Plays a tune whose speed drifts, beside another.
        TAPE: [
            audio.tune(2, 30)[: audio.RATE * 8],
            drifting(audio.tune(3, 15), 0.97, 1.05, audio.RATE * 29 // 2),
        ],
    }[number]
    return audio.wav_bytes(audio.join(parts))


def _logo() -> audio.Samples:
    return audio.tune(LOGO, 2.2)


def _by_telephone(y: audio.Samples) -> audio.Samples:
    """Return what a telephone leaves of a sound, as far as the engine hears."""
    spectrum = np.fft.rfft(y)
    spectrum[: 300 * len(y) // audio.RATE] = 0
    return np.fft.irfft(spectrum, len(y)).astype(np.float32)


PROGRAMMES = 9
LOGO = 41
"""A recording of two seconds."""
EDITED = 7
"""The programme that plays a tune at another speed."""
TAPE = 8
"""The programme that plays a tune whose speed drifts."""


def much_faster() -> SimpleUploadedFile:
    """Return a tune that only a wide search finds: 1.25 times as fast."""
    played = faster(audio.tune(1, 30)[: audio.RATE * 15], 1.25)
    return upload("nightcore.wav", audio.wav_bytes(played))


@cache
def tune(number: int) -> bytes:
    """Return a whole recording as WAV; the catalogue has recordings 1 to 6."""
    return audio.wav_bytes(_logo() if number == LOGO else audio.tune(number, 15))


def some_sound(rng: random.Random) -> SimpleUploadedFile:
    """Return an upload: mostly a programme, sometimes a file without sound."""
    kind = rng.random()
    if kind < 0.08:
        return no_sound()
    if kind < 0.12:
        return upload("empty.wav", b"")
    number = rng.randrange(PROGRAMMES)
    content = programme(number)
    if kind < 0.2:
        content = content[: len(content) // 2]
    return upload(f"programme {number}.wav", content)


def no_sound() -> SimpleUploadedFile:
    """Return a file that nothing can decode."""
    return upload("notes.txt", b"this is no sound at all" * 20)


def some_recording(rng: random.Random) -> SimpleUploadedFile:
    """Return a recording from the catalogue, or one that only files contain so far."""
    number = rng.choice([1, 2, 3, 40, 50, LOGO, 5])
    return upload(f"tune {number}.wav", tune(number))


FILES: Table[str, Callable[[random.Random], SimpleUploadedFile]] = Table({}, SEASON)
"""What the forms of plug-ins take, by the start of their address."""


def some_file(name: str, path: str, rng: random.Random) -> SimpleUploadedFile:
    """Return a suitable file for a form's file field."""
    for start, make in FILES.items():
        if path.startswith(start):
            return make(rng)
    if "import" in path:
        return some_results(rng) if path.startswith("/files/") else some_table(rng)
    if "licence" in path:
        return upload("agreement.pdf", b"%PDF-1.4 nothing more")
    if "catalogue" in path or "recording" in path:
        return some_recording(rng)
    return some_sound(rng)


def some_table(rng: random.Random) -> SimpleUploadedFile:
    """Return a table with new, changed and faulty recordings."""
    rows = ["custom_id,title,artists,isrc,label,exclude"]
    for _ in range(rng.randint(1, 4)):
        name = rng.choice(["R-1", "R-2", "R-3", f"N-{rng.randrange(5)}"])
        title = rng.choice(["Tune one", "Renamed tune", "", "=1+1"])
        isrc = rng.choice(["QZES71982312", "", "wrong"])
        exclude = rng.choice(["", "", "00:00:00.000-00:00:02.000", "backwards"])
        rows.append(f"{name},{title},A. Example|B. Other,{isrc},Label {name},{exclude}")
    return upload("recordings.csv", "\n".join(rows).encode())


def some_results(rng: random.Random) -> SimpleUploadedFile:
    """Return another system's results in ACRCloud's format."""
    file = {
        "id": f"3a1f1d1e-0c2e-4f38-9d5a-2f2b6e1c9a{rng.randrange(10):02}",
        "name": "foreign show.mp3",
        "state": 1,
        "duration": 60,
        "created_at": "2026-05-01T10:00:00.000000Z",
        "results": results(rng),
    }
    return upload("results.json", json.dumps({"data": [file]}).encode())


def results(rng: random.Random, acr_ids: Sequence[str] = ()) -> dict[str, object]:
    """Return ACRCloud's detections in a file: our recordings and other music."""
    acr_ids = acr_ids or [f"{number:032x}" for number in range(3)]
    return {
        "custom_files": [
            {
                "offset": rng.choice([0, 5]),
                "played_duration": 8,
                "type": "traverse",
                "result": {
                    "title": "Tune one",
                    "acrid": rng.choice(acr_ids),
                    "audio_id": rng.choice(["R-1", "R-2", "none"]),
                    "duration_ms": 15000,
                    "score": rng.choice([60, 95, 100]),
                    "play_offset_ms": 1000,
                    "sample_begin_time_offset_ms": 0,
                    "sample_end_time_offset_ms": 8000,
                    "db_begin_time_offset_ms": 1000,
                    "db_end_time_offset_ms": 9000,
                },
            }
        ],
        "music": [],
    }


def upload(name: str, content: bytes) -> SimpleUploadedFile:
    """Return an upload."""
    return SimpleUploadedFile(name, content, content_type="application/octet-stream")
