"""Checks a whole catalogue for duplicates: time, memory, and copies found.

``python -m benchmarks.catalogue_dedup [--recordings 10000] [--music DIR] [--check]``

The recordings of four minutes are made from the landmarks of real music, see
``benchmarks.variants``. One in fifty is a copy of another, with some landmarks removed,
moved and weakened as a codec at 32 kbit/s does. The database and the disk hold them as
the portal does, and the portal's own code checks them.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.report import Report, machine, music, parser, workplace
from benchmarks.shelf import fingerprint
from benchmarks.variants import variants
from recognition.params import DEFAULT
from recognition.types import Landmarks

MINUTES = 4
LIMIT_MINUTES = 30
FULL = 10_000
FOUND = 0.98
_EVERY_COPY = 50
_BATCH = 200


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Time a duplicate check of a whole catalogue.")
    made.add_argument("--recordings", type=int, default=FULL)
    args = made.parse_args(argv)
    report = Report()
    with workplace() as work:
        _set_up(Path(work))
        pieces = _pieces(args.music, Path(work), args.seed)
        copies = _fill(pieces, args.recordings, np.random.default_rng(args.seed))
        _measure(report, args.recordings, copies)
    return report.end(checked=args.check)


def _set_up(work: Path) -> None:
    """Set up a separate installation for the length of the measurement."""
    data = work / "data"
    data.mkdir()
    os.environ["ACRPORTAL_DATA_DIR"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "acrportal.settings"
    os.environ["SECRET_KEY"] = "benchmark" * 8
    os.environ.pop("DATABASE_URL", None)
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _pieces(folder: Path | None, work: Path, seed: int) -> list[Landmarks]:
    """Return excerpts of four minutes from all the music in sequence."""
    layers = [fingerprint(track.samples()).reference for track in music(folder, work)]
    order = np.random.default_rng(seed).permutation(len(layers))
    frames, bins, levels, at = [], [], [], 0
    for number in order:
        layer = layers[int(number)]
        assert layer is not None
        frames.append(layer.frames.astype(np.int64) + at)
        bins.append(layer.bins)
        levels.append(layer.levels)
        at = int(frames[-1][-1]) + 1
    length = round(MINUTES * 60_000 / DEFAULT.frame_ms)
    at_frames = np.concatenate(frames)
    at_bins, at_levels = np.concatenate(bins), np.concatenate(levels)
    pieces = []
    for start in range(0, at - length + 1, length):
        inside = (at_frames >= start) & (at_frames < start + length)
        pieces.append(
            Landmarks(
                (at_frames[inside] - start).astype(np.int32), at_bins[inside], at_levels[inside]
            )
        )
    return pieces


def _recordings(
    pieces: Sequence[Landmarks], rng: np.random.Generator
) -> Iterator[tuple[Landmarks, int | None]]:
    """Yield landmarks, with the number of the earlier recording that they copy."""
    number, latest = 0, pieces[0]
    for variant in variants():
        for piece in pieces:
            if number % _EVERY_COPY == _EVERY_COPY - 1:
                yield _copied(latest, rng), number - 1
                number += 1
            latest = variant.of(piece)
            yield latest, None
            number += 1


def _copied(landmarks: Landmarks, rng: np.random.Generator) -> Landmarks:
    n = len(landmarks.frames)
    stays = rng.random(n) > 0.25
    moved = landmarks.frames + (rng.random(n) < 0.1) * rng.integers(-1, 2, n)
    frames = np.maximum(0, moved)[stays].astype(np.int32)
    order = np.argsort(frames, kind="stable")
    return Landmarks(
        frames[order],
        (landmarks.bins + rng.normal(0, 0.08, n)).astype(np.float32)[stays][order],
        (landmarks.levels - 0.5 + rng.normal(0, 0.1, n)).astype(np.float32)[stays][order],
    )


def _fill(
    pieces: Sequence[Landmarks], count: int, rng: np.random.Generator
) -> list[tuple[int, int]]:
    """Write the catalogue to the database, the disk and the index."""
    from base.common.storage import replace_bytes
    from catalogue import following
    from catalogue.index_log import note_change
    from catalogue.models import Bucket, Recording, RecordingStatus
    from recognition.fingerprints.file_format import to_bytes
    from recognition.types import Fingerprint

    bucket = Bucket.objects.create(name="Benchmark")
    copies: list[tuple[int, int]] = []
    pks: list[int] = []
    source = islice(_recordings(pieces, rng), count)
    while batch := list(islice(source, _BATCH)):
        rows = []
        for number, (landmarks, _) in enumerate(batch, start=len(pks)):
            made = Fingerprint(
                duration_ms=MINUTES * 60_000, params_hash=DEFAULT.shape_hash(), reference=landmarks
            )
            name = replace_bytes(f"fingerprints/{number}.acrfp", to_bytes(made))
            rows.append(
                Recording(
                    bucket=bucket,
                    title=f"Recording {number}",
                    custom_id=str(number),
                    fingerprint=name,
                    audio_sha256=f"{number:064x}",
                    duration_ms=MINUTES * 60_000,
                    status=RecordingStatus.READY,
                )
            )
        Recording.objects.bulk_create(rows)
        first = len(pks)
        pks += [row.pk for row in rows]
        note_change(row.pk for row in rows)
        copies += [
            (pks[of], pks[first + number]) for number, (_, of) in enumerate(batch) if of is not None
        ]
    following.open_index().maintain(bucket.pk)
    if len(pks) < count:
        raise SystemExit(f"This music yields only {len(pks):,} recordings; add more.")
    return copies


class _CheckMemory:
    """Records a check's private memory after every tenth of its recordings."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.megabytes: list[float] = []

    def begin(self, total: int) -> None:
        """Store the number of recordings."""
        self.total = total

    def step(self, compared: int | None) -> None:
        """Measure the memory after every tenth of the check."""
        self.done += 1
        if self.done % max(1, self.total // 10) == 0:
            self.megabytes.append(_anonymous_mb())


def _anonymous_mb() -> float:
    """Return the process's memory without cached file pages, which the system owns."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _measure(report: Report, size: int, copies: Sequence[tuple[int, int]]) -> None:
    from catalogue.models import Bucket
    from dedup.models import PairLink
    from dedup.services import find_duplicates

    memory = _CheckMemory()
    began = time.process_time()
    run = find_duplicates(bucket=Bucket.objects.get(name="Benchmark"), watch=memory)
    minutes = (time.process_time() - began) / 60
    began = time.process_time()
    find_duplicates(bucket=run.bucket)
    again = time.process_time() - began
    same = set(PairLink.objects.filter(kind="same_audio").values_list("one_id", "other_id"))
    share = sum(pair in same for pair in copies) / max(1, len(copies))
    growth = memory.megabytes[-1] / memory.megabytes[0] if memory.megabytes else 1.0
    report.title("Duplicate check of a whole catalogue")
    report.line(f"Recordings of {MINUTES} minutes; {machine()}, processor time.")
    report.table(
        (
            "recordings",
            "pairs compared",
            "minutes",
            "ms per recording",
            "MB after 10 %",
            "MB at the end",
            "copies found",
            "false copies",
            "second run, s",
        ),
        [
            (
                f"{size:,}",
                f"{run.pairs_compared:,}",
                f"{minutes:.1f}",
                f"{60_000 * minutes / size:.0f}",
                f"{memory.megabytes[0]:.0f}",
                f"{memory.megabytes[-1]:.0f}",
                f"{share:.3f}",
                len(same - set(copies)),
                f"{again:.1f}",
            )
        ],
    )
    limit = LIMIT_MINUTES * size / FULL
    report.check(f"{minutes:.1f} minutes", reached=minutes < limit)
    report.check(f"copies found: {share:.3f}", reached=share >= FOUND)
    report.check(f"memory grew {growth:.2f} times", reached=growth <= 1.25)


if __name__ == "__main__":
    sys.exit(main())
