"""Fingerprints that unpack to gigabytes, through each door of a real server."""

from __future__ import annotations

import json

import pytest

from benchmarks.hostile import crafted
from benchmarks.hostile.fingerprints import Doors
from benchmarks.serving import peak_kib, tree_of
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.builder import extract
from tests.recognition.synthesis import music
from tests.wire.live import Server
from tests.wire.scene import Scene

pytestmark = pytest.mark.slow  # a server and a worker have to start

_DOORS = ("identify", "scan", "add")
_BOMBS = {
    "two days": lambda: crafted.bomb(crafted.TWO_DAYS_MS),
    "half an hour": lambda: crafted.bomb(crafted.HALF_HOUR_MS),
    "one frame": lambda: crafted.in_one_frame(600_000, crafted.TWO_DAYS_MS),
}
_GROWTH_MIB = 64


@pytest.fixture(scope="module")
def doors(live: Server, scene: Scene) -> Doors:
    """Return the doors, each opened once, so that everything is loaded."""
    made = live.manage(
        *("create_project", "--name", "bombs", "--format", "json"),
        *("--bucket", str(scene.bucket["id"])),
    )
    project = json.loads(made.splitlines()[-1])
    doors = Doors(
        live.base,
        live.token,
        project["access_key"],
        project["access_secret"],
        scene.bucket["id"],
        scene.container["id"],
    )
    sound = fingerprint.to_bytes(extract(music(48, 12)))
    for number, name in enumerate(_DOORS):
        _, fault = getattr(doors, name)(number, sound)
        assert not fault
    return doors


@pytest.mark.soak
@pytest.mark.parametrize("bomb", _BOMBS)
def test_a_bomb_is_refused_and_takes_no_memory_of_the_server(
    bomb: str, live: Server, doors: Doors
) -> None:
    number, content = 1_000 + list(_BOMBS).index(bomb), _BOMBS[bomb]()

    for door in _DOORS:
        before = {pid: peak_kib(pid) for pid in tree_of(live.pid)}
        outcome, fault = getattr(doors, door)(number, content)
        assert not fault
        assert outcome in ("no fingerprint", "fs-containers: 422", "buckets: 422")
        for pid, peak in before.items():
            assert peak_kib(pid) - peak < _GROWTH_MIB * 1024, door
