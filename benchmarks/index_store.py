"""What the index store costs: load, size, add, remove, query, merge, by size.

``python -m benchmarks.index_store --millions 10 100`` makes synthetic postings with a
skew like that of real pairs (21,600 for each recording of four minutes) and prints a
row for each size. Processor time is of this process alone.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from recognition.index.store import SegmentStore

PER_RECORDING = 21_600
FRAMES = 15_000
WINDOW_HASHES = 5_000
FILE_HASHES = 150_000
BATCH = 200
TRUE_SHARE = 0.3

Postings = tuple[NDArray[np.uint32], NDArray[np.int32]]


@dataclass
class Row:
    """One size's figures."""

    millions: float
    load: float
    bytes_per_posting: float
    add_ms: float
    remove_ms: float
    first_ms: float
    window_ms: float
    window_cpu_ms: float
    file_cpu_ms: float
    merge: float
    rss_mb: float

    HEAD = (
        "| postings | load M/s | bytes each | add ms | remove ms | first query ms "
        "| 5k window ms | its CPU ms | 150k query CPU ms | merge M/s | peak RSS MB |"
    )

    def __str__(self) -> str:
        return (
            f"| {self.millions:.0f} M | {self.load:.1f} | {self.bytes_per_posting:.2f} "
            f"| {self.add_ms:.0f} | {self.remove_ms:.1f} | {self.first_ms:.0f} "
            f"| {self.window_ms:.1f} | {self.window_cpu_ms:.1f} "
            f"| {self.file_cpu_ms:.0f} | {self.merge:.1f} | {self.rss_mb:.0f} |"
        )


def recording(seed: int) -> Postings:
    """Pairs like those of music: frequency × difference × distance, and a few common."""
    rng = np.random.default_rng(seed)
    n = PER_RECORDING
    f1 = rng.triangular(0, 60, 256, n).astype(np.uint32)
    df = np.clip(np.rint(rng.laplace(0, 20, n)) + 64, 0, 127).astype(np.uint32)
    dt = np.minimum(rng.geometric(0.015, n), 511).astype(np.uint32)
    hashes = (f1 << np.uint32(16)) | (df << np.uint32(9)) | dt
    common = rng.random(n) < 0.02
    hashes[common] = np.minimum(rng.zipf(1.1, int(common.sum())), 1 << 20)
    return hashes, np.sort(rng.integers(0, FRAMES, n)).astype(np.int32)


def query(seed: int, hashes: int) -> Postings:
    """Of which a share belongs to one recording, the rest to others' noise."""
    own, frames = recording(seed)
    n = min(len(own), round(TRUE_SHARE * hashes))
    start = (len(own) - n) // 2
    noise, _ = recording(1_000_000 + seed)
    noise = np.resize(noise, hashes - n)
    span = max(625, hashes // 60)
    rng = np.random.default_rng(seed)
    noise_frames = rng.integers(0, span, hashes - n).astype(np.int32)
    inside = (frames[start : start + n] - frames[start]).astype(np.int32)
    return (
        np.concatenate([own[start : start + n], noise]),
        np.concatenate([inside, noise_frames]),
    )


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds on the clock and of the processor."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def measure(root: Path, millions: float) -> Row:
    """Build a store of that size and measure everything on it."""
    store = SegmentStore(root, params_hash="benchmark")
    count = round(millions * 1e6 / PER_RECORDING)
    load_ms = 0.0
    for first in range(0, count, BATCH):
        numbers = range(first, min(count, first + BATCH))
        batch = [(number, *recording(number)) for number in numbers]
        load_ms += timed(lambda batch=batch: store.add_many(1, batch))[0]  # type: ignore[misc]
    merge_ms = timed(lambda: store.maintain(1))[0]
    stats = store.stats(1)
    reader = SegmentStore(root, params_hash="benchmark")
    rng = np.random.default_rng(5)
    picks = [int(n) for n in rng.integers(0, count, 30)]
    queries = [(number, query(number, WINDOW_HASHES)) for number in picks]
    first_ms = timed(lambda: window(reader, *queries[0]))[0]
    windows = [timed(lambda q=q: window(reader, *q)) for q in queries[1:]]  # type: ignore[misc]
    whole = query(picks[0], FILE_HASHES)
    files = [timed(lambda: reader.query([1], *whole, min_votes=6)) for _ in range(3)]
    more = [(n, recording(n)) for n in added(count)]
    adds = [timed(lambda m=m: store.add(1, m[0], *m[1]))[0] for m in more]  # type: ignore[misc]
    removes = [timed(lambda n=n: store.remove(1, n))[0] for n in added(count)]  # type: ignore[misc]
    return Row(
        millions=millions,
        load=1000 * stats.postings / load_ms / 1e6,
        bytes_per_posting=stats.size_bytes / stats.postings,
        add_ms=statistics.median(adds),
        remove_ms=statistics.median(removes),
        first_ms=first_ms,
        window_ms=statistics.median(wall for wall, _ in windows),
        window_cpu_ms=statistics.median(cpu for _, cpu in windows),
        file_cpu_ms=min(cpu for _, cpu in files),
        merge=1000 * stats.postings / merge_ms / 1e6,
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def added(count: int) -> range:
    """Numbers of recordings added one by one."""
    return range(count, count + 20)


def window(store: SegmentStore, number: int, postings: Postings) -> None:
    """One window; the right recording must come first."""
    found = store.query([1], *postings)
    assert found
    assert found[0].recording == number


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", nargs="+", type=float, default=[1, 10])
    parser.add_argument("--folder", type=Path, help="where to build it")
    args = parser.parse_args()
    print(Row.HEAD)
    print("|---" * 11 + "|")
    for millions in args.millions:
        root = Path(tempfile.mkdtemp(dir=args.folder))
        try:
            print(measure(root, millions), flush=True)
        finally:
            shutil.rmtree(root)


if __name__ == "__main__":
    main()
