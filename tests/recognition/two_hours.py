"""Two hours of a radio station, made once for all tests that listen to it.

Making them takes longer than what the tests do with them, and every process would make
them again. They stay on disk for later runs, until code or demo change.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from hashlib import sha256
from pathlib import Path

import numpy as np

from benchmarks import shelf, stations
from benchmarks.corpus import DEMO, read_tracks
from benchmarks.stations import Play
from recognition.fingerprints import file_format as fingerprint
from recognition.types import Fingerprint
from tests import databases, keeping

Heard = tuple[Fingerprint, tuple[Play, ...]]
"""A file of the station, and what plays in it."""
SONGS, JINGLES = 4, 4
_FILES = 4
_KEPT = Path(__file__).parents[2] / "var" / "test-stations"


def two_hours() -> list[Heard]:
    """Return four songs, four times each, and four jingles, eight times each."""
    folder = keeping.folder(_KEPT, _version(), _make, days=7)
    return [
        (
            fingerprint.load(folder / f"{number}.acrfp"),
            tuple(Play(**play) for play in json.loads((folder / f"{number}.json").read_text())),
        )
        for number in range(_FILES)
    ]


def _version() -> str:
    hashed = sha256(databases.fingerprint_code().encode() + Path(__file__).read_bytes())
    for path in sorted(DEMO.iterdir()):
        hashed.update(f"{path.name} {path.stat().st_size}".encode())
    return hashed.hexdigest()[:32]


def _make(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as work:
        music = [track.samples() for track in read_tracks(DEMO, Path(work))]
    rng = np.random.default_rng(26)
    titles, once = stations.titles(music, rng, songs=SONGS, jingles=JINGLES)
    made = stations.broadcasts(titles, once, rng, hours=2, files=_FILES)
    for number, broadcast in enumerate(made):
        fingerprint.save(folder / f"{number}.acrfp", shelf.fingerprint(broadcast.samples))
        plays = [dataclasses.asdict(play) for play in broadcast.plays]
        (folder / f"{number}.json").write_text(json.dumps(plays))
