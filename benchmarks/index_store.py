"""Measures the index: load, size, add, remove, query and merge.

``python -m benchmarks.index_store --millions 10 100 [--check]`` makes synthetic
postings with a skew like that of real pairs (21,600 for each recording of four minutes)
and prints a row for each size.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Report
from recognition.index.interface import IndexStore
from recognition.index.store import SegmentStore
from recognition.types import Vote

PER_RECORDING = 21_600
FRAMES = 15_000
WINDOW_HASHES = 5_000
FILE_HASHES = 150_000
BATCH = 200
TRUE_SHARE = 0.3
PARAMS = "benchmark"

# Targets: bytes per posting, and processor milliseconds per window of 5,000 hashes.
MOST_BYTES = 6.0
MOST_WINDOW_MS = 6.0

Postings = tuple[NDArray[np.uint32], NDArray[np.int32]]


Open = Callable[[], IndexStore]


@dataclass
class StoreFigures:
    """The figures of one size on one store."""

    millions: float
    load: float
    bytes_per_posting: float
    add_ms: float
    remove_ms: float
    first_ms: float
    window_ms: float
    window_cpu_ms: float
    file_ms: float
    merge_s: float
    rss_mb: float

    HEAD = (
        "postings",
        "load M/s",
        "bytes per posting",
        "add ms",
        "remove ms",
        "first query ms",
        "5k window ms",
        "5k window CPU ms",
        "150k query ms",
        "merge s",
        "peak RSS MB",
    )

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        return (
            f"{self.millions:g} M",
            f"{self.load:.2f}",
            f"{self.bytes_per_posting:.2f}",
            f"{self.add_ms:.0f}",
            f"{self.remove_ms:.1f}",
            f"{self.first_ms:.0f}",
            f"{self.window_ms:.1f}",
            f"{self.window_cpu_ms:.1f}",
            f"{self.file_ms:,.0f}",
            f"{self.merge_s:.1f}",
            f"{self.rss_mb:.0f}",
        )


def recording(seed: int) -> Postings:
    """Return pairs like music's: frequency × difference × distance, some common."""
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
    """Return hashes of which a share belongs to one recording and the rest is noise."""
    own, frames = recording(seed)
    n = min(len(own), round(TRUE_SHARE * hashes))
    start = (len(own) - n) // 2
    noise, _ = recording(1_000_000 + seed)
    noise = np.resize(noise, hashes - n)
    span = max(625, hashes // 60)
    rng = np.random.default_rng(seed)
    noise_frames = rng.integers(0, span, hashes - n).astype(np.int32)
    inside = (frames[start : start + n] - frames[start]).astype(np.int32)
    return (np.concatenate([own[start : start + n], noise]), np.concatenate([inside, noise_frames]))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor time in milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return 1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)


def measure(open_store: Open, millions: float) -> StoreFigures:
    """Build a store of that size, measure every operation, and return the figures."""
    store = open_store()
    count = round(millions * 1e6 / PER_RECORDING)
    load_ms = 0.0
    for first in range(0, count, BATCH):
        numbers = range(first, min(count, first + BATCH))
        batch = [(number, *recording(number)) for number in numbers]
        load_ms += timed(lambda batch=batch: store.add_many(1, batch))[0]  # type: ignore[misc]
    merge_ms = timed(lambda: store.maintain(1))[0]
    stats = store.stats(1)
    assert (stats.recordings, stats.postings) == (count, count * PER_RECORDING)
    reader = open_store()
    rng = np.random.default_rng(5)
    picks = [int(n) for n in rng.integers(0, count, 30)]
    queries = [(number, query(number, WINDOW_HASHES)) for number in picks]
    first_ms = timed(lambda: best(reader, *queries[0]))[0]
    windows = [timed(lambda q=q: best(reader, *q)) for q in queries[1:]]  # type: ignore[misc]
    whole = query(picks[0], FILE_HASHES)
    files = [timed(lambda: reader.query([1], *whole, min_votes=6)) for _ in range(3)]
    additions = [(n, recording(n)) for n in added(count)]
    adds = [timed(lambda m=m: store.add(1, m[0], *m[1]))[0] for m in additions]  # type: ignore[misc]
    removes = [timed(lambda n=n: store.remove(1, n))[0] for n in added(count)]  # type: ignore[misc]
    return StoreFigures(
        millions=millions,
        load=1000 * stats.postings / load_ms / 1e6,
        bytes_per_posting=stats.size_bytes / stats.postings,
        add_ms=median(adds),
        remove_ms=median(removes),
        first_ms=first_ms,
        window_ms=median(wall for wall, _ in windows),
        window_cpu_ms=median(cpu for _, cpu in windows),
        file_ms=min(wall for wall, _ in files),
        merge_s=merge_ms / 1000,
        rss_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def added(count: int) -> range:
    """Return the numbers of recordings that are added one by one."""
    return range(count, count + 20)


def best(store: IndexStore, number: int, postings: Postings) -> Vote:
    """Return the best vote for one window, which must be the right recording."""
    votes = store.query([1], *postings)
    assert votes
    assert votes[0].recording == number
    return votes[0]


def in_folder(folder: Path) -> Open:
    """Return a function that opens segments in the folder."""
    return lambda: SegmentStore(folder, params_hash=PARAMS)


def judge(report: Report, row: StoreFigures) -> None:
    """Check a row against its targets."""
    most_ms = MOST_WINDOW_MS * max(1.0, row.millions)
    label = f"{row.millions:g} M postings"
    report.check(
        f"{label}: {row.bytes_per_posting:.1f} bytes per posting, {MOST_BYTES} at most",
        reached=row.bytes_per_posting <= MOST_BYTES,
    )
    report.check(
        f"{label}: {row.window_cpu_ms:.0f} ms per window, {most_ms:.0f} at most",
        reached=row.window_cpu_ms <= most_ms,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--millions", nargs="+", type=float, default=[1, 10])
    parser.add_argument("--folder", type=Path, help="folder for the index")
    parser.add_argument("--check", action="store_true", help="exit 1 below a target")
    args = parser.parse_args(argv)
    report = Report()
    rows = []
    for millions in args.millions:
        with tempfile.TemporaryDirectory(dir=args.folder) as name:
            rows.append(measure(in_folder(Path(name) / "index"), millions))
    report.table(StoreFigures.HEAD, [row.cells for row in rows])
    for row in rows:
        judge(report, row)
    return report.end(checked=args.check)


if __name__ == "__main__":
    sys.exit(main())
