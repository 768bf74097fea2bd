"""Shared parts of all kinds of input: the run's numbers, mutations, and outcomes."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.report import Report


@dataclass(frozen=True)
class Feeding:
    """How many inputs of one kind to feed, and where."""

    count: int
    seed: int
    workers: int
    work: Path
    music: Path | None


def make_rng(*of: object) -> random.Random:
    """Return the random generator of one input, the same in every process."""
    return random.Random("-".join(map(str, of)))  # noqa: S311 - no secret


def mutated(content: bytes, rng: random.Random) -> bytes:
    """Return a file broken in one of the ways in which files break."""
    broken = bytearray(content)
    way = rng.randrange(6)
    if way == 0:
        return bytes(broken[: rng.randrange(len(broken))])
    if way == 1:
        for _ in range(rng.randrange(1, 200)):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
    elif way == 2:
        # The header: sizes, rates, counts.
        for _ in range(rng.randrange(1, 12)):
            broken[rng.randrange(min(128, len(broken)))] = rng.choice((0, 127, 255))
    elif way == 3:
        begin = rng.randrange(len(broken))
        end = begin + rng.randrange(1, 65_536)
        broken[begin:end] = bytes(len(broken[begin:end]))
    elif way == 4:
        begin, cut = rng.randrange(len(broken)), rng.randrange(len(broken))
        broken[begin:begin] = broken[cut : cut + rng.randrange(1, 65_536)]
    else:
        return rng.randbytes(64) + bytes(broken)
    return bytes(broken)


def feed_each(
    report: Report,
    feeding: Feeding,
    try_number: Callable[[int], tuple[str, str]],
    *,
    noun: str,
    wall_s: float,
) -> None:
    """Feed each number to ``one``, which returns an outcome, or "" and the fault."""

    def timed(number: int) -> tuple[str, str, float]:
        begun = time.monotonic()
        outcome, fault = try_number(number)
        return outcome, fault and f"#{number} {fault}", time.monotonic() - begun

    begun = time.monotonic()
    with ThreadPoolExecutor(feeding.workers) as pool:
        fed = list(pool.map(timed, range(feeding.count)))
    outcomes = Counter(outcome for outcome, fault, _took in fed if not fault)
    faults = [fault for _outcome, fault, _took in fed if fault]
    slowest = max((took for _outcome, _fault, took in fed), default=0.0)
    report.line(f"{time.monotonic() - begun:.0f} s")
    report.table(["outcome", noun], outcomes.most_common())
    report.table(
        ["", "measured", "limit"],
        [
            ("neither accepted nor refused", len(faults), 0),
            ("slowest, s", f"{slowest:.1f}", wall_s),
        ],
    )
    for fault in faults[:10]:
        report.line(fault)
    report.check(f"all {noun} are accepted or refused", reached=not faults)
    report.check(f"none of the {noun} hangs", reached=slowest < wall_s)
