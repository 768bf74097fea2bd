"""A reader in another language, written from the document, reads what the engine reads."""

from __future__ import annotations

import json
import shutil
import subprocess
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.hostile import crafted
from benchmarks.hostile.feeding import make_rng
from recognition.errors import BadFingerprint
from recognition.fingerprints import file_format as fingerprint
from recognition.types import Landmarks

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.acrfp"))
READER = Path(__file__).with_name("reader.js")

pytestmark = pytest.mark.skipif(
    shutil.which("node") is None, reason="the second reader needs Node.js"
)


def read_with_node(*paths: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        ["node", str(READER), *map(str, paths)], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def plain(landmarks: Landmarks | None) -> dict[str, Any] | None:
    if landmarks is None:
        return None
    return {
        "frames": landmarks.frames.tolist(),
        "bins": landmarks.bins.tolist(),
        "levels": landmarks.levels.tolist(),
        "phases": None if landmarks.phases is None else landmarks.phases.tolist(),
    }


def test_every_golden_file_is_read_alike() -> None:
    assert len(GOLDEN) == 5
    for path, read in zip(GOLDEN, read_with_node(*GOLDEN), strict=True):
        ours = fingerprint.load(path)
        level_map = ours.level_map and {
            "rows": ours.level_map.levels.shape[0],
            "cells": ours.level_map.levels.shape[1],
            "framesPerCell": ours.level_map.frames_per_cell,
            "binsPerCell": ours.level_map.bins_per_cell,
            "values": ours.level_map.levels.ravel().tolist(),
        }
        assert read == {
            "durationMs": ours.duration_ms,
            "paramsHash": ours.params_hash,
            "reference": plain(ours.reference),
            "dense": plain(ours.dense),
            "levelMap": level_map,
        }, path.name


def test_both_readers_refuse_the_same_damaged_files(tmp_path: Path) -> None:
    # Most changes break the checksum; half of these files get a right one again.
    rng = np.random.default_rng(29)
    sound = fingerprint.to_bytes(fingerprint.load(GOLDEN[-1]))
    paths = []
    for number in range(200):
        data = bytearray(sound)
        for at in rng.integers(0, min(len(data), 120), 2):
            data[at] = int(rng.integers(0, 256))
        if number % 2:
            data[-4:] = zlib.crc32(data[:-4]).to_bytes(4, "little")
        paths.append(tmp_path / f"{number}.acrfp")
        paths[-1].write_bytes(data)

    theirs = ["error" in read for read in read_with_node(*paths)]

    assert theirs == [is_refused(path) for path in paths]
    assert any(theirs)
    assert not all(theirs)


@pytest.mark.soak
def test_both_readers_refuse_what_no_sound_gives(tmp_path: Path) -> None:
    rng = make_rng("readers")
    made = [make() for make in crafted.FIXED.values()]
    made += [crafted.mutated_print(GOLDEN[1].read_bytes(), rng) for _ in range(100)]
    paths = [tmp_path / f"{number}.acrfp" for number in range(len(made))]
    for path, data in zip(paths, made, strict=True):
        path.write_bytes(data)

    theirs = ["error" in read for read in read_with_node(*paths)]

    assert theirs == [is_refused(path) for path in paths]


def is_refused(path: Path) -> bool:
    try:
        fingerprint.load(path)
    except BadFingerprint:
        return True
    return False
