"""Kills of workers that compare unknown sound."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.kills_checks import MORE, Acknowledged, More
from plugins.monitoring.unknown.models import (
    ItemState,
    KeptFile,
    KeptState,
    Occurrence,
    UnknownItem,
)
from tests import audio

if TYPE_CHECKING:
    from benchmarks.kills import Rounds

_SONGS = 3


def _compare(rounds: Rounds, moment: float | None) -> bool:
    """Kill the worker while it compares a programme with those kept before."""
    song = rounds.rng.randrange(_SONGS)
    parts = (
        audio.tune(next(rounds.numbers) + 1_000_000, 10),
        audio.tune(2_000_000 + song, 20),
        audio.tune(next(rounds.numbers) + 1_000_000, 10),
    )
    answer = rounds.web(
        lambda person: person.bring(
            "/api/portal/v1/files/",
            {"container": str(rounds.world.container), "scan_again": "true"},
            "file",
            audio.wav_bytes(np.concatenate(parts)),
        ),
        None,
    )
    if answer is None or answer.status != 201:
        raise SystemExit(f"A programme was not accepted: {answer}")
    uid = str(json.loads(answer.body)["uid"])
    rounds.acknowledged.programmes[uid] = song
    kept_files = KeptFile.objects.filter(scanned_file__uid=uid)
    return rounds.work(
        begun=kept_files.exists,
        ended=lambda: kept_files.filter(state=KeptState.COMPARED).exists(),
        moment=moment,
    )


def _examine(acknowledged: Acknowledged) -> Iterator[str]:
    """Check that each song is one item, heard once in each file that has it."""
    heard: dict[int, list[str]] = {}
    items = UnknownItem.objects.exclude(state=ItemState.MERGED).order_by("pk")
    for item in items:
        files = Occurrence.objects.filter(item=item).order_by("pk")
        uids = [str(uid) for uid in files.values_list("file__scanned_file__uid", flat=True)]
        songs = {acknowledged.programmes.get(uid) for uid in uids}
        if len(songs) != 1 or len(set(uids)) != len(uids):
            yield f"item {item.pk}: songs {songs}, {len(uids)} plays in {len(set(uids))}"
            continue
        (song,) = songs
        if song is None or song in heard:
            yield f"item {item.pk}: song {song} stands in another item, or is none"
            continue
        heard[song] = uids
    for song in sorted(set(acknowledged.programmes.values())):
        texts = sorted(uid for uid, its in acknowledged.programmes.items() if its == song)
        if len(texts) > 1 and sorted(heard.get(song, [])) != texts:
            count = len(heard.get(song, []))
            yield f"song {song}: {count} plays of {len(texts)} files"


MORE["unknown"] = More("programmes with a song", _compare, _examine)
