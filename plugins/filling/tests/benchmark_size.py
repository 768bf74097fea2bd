"""Measures what large dumps cost, and how fast pages of suggestions are.

``python -m plugins.filling.tests.benchmark_size [--dump N] [--match N] [--discogs N]
[--suggestions N] [--database URL] [--check]``

The dumps are those of MusicBrainz and Discogs in their own proportions, with invented
names. Times are processor times of this process, because they say the same on a busy
machine. The reader's child runs in it.
"""

from __future__ import annotations

import gzip
import io
import json
import random
import resource
import sqlite3
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO
from unittest.mock import patch

import numpy as np

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, parser, workplace
from plugins.filling.tests.discogs_dumps import Pressing
from plugins.filling.tests.dumps import RECORDING_OF, WIDTHS, copied, uuid_of

# MusicBrainz in 2024-11, and the dump's limits.
WHOLE = 33_600_000
# Releases of Discogs in 2024-07, which had nine tracks each, and the limits.
RELEASES, TRACKS = 18_000_000, 9
DISCOGS_S, DISCOGS_MB, DISCOGS_GB = 2 * 3600, 500, 4
# Keys that wait to be sorted, on disk and then in memory; a small dump has hardly any.
SEGMENT_BYTES = 2_000_000 * 10 * 8
_SEARCHED = 1_000
READ_S, MEMORY_MB, DISK_GB, MATCH_S, PAGE_MS = 3 * 3600, 1024, 8, 600, 150
_WORDS = [
    "amber",
    "birch",
    "cedar",
    "dusk",
    "ember",
    "fern",
    "garnet",
    "harbour",
    "indigo",
    "juniper",
    "kestrel",
]
_PER_ARTIST, _PER_RELEASE, _ISRCS, _WORKS = 14, 9, 7, 18


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurements that were asked for."""
    made = parser("Measure a large dump and many suggestions.")
    made.add_argument("--dump", type=int, default=1_000_000, help="its recordings")
    made.add_argument("--match", type=int, default=100_000, help="recordings of ours")
    made.add_argument("--discogs", type=int, default=20_000, help="its releases")
    made.add_argument("--suggestions", type=int, default=1_000_000)
    made.add_argument("--database", help="measure pages on it, not on SQLite")
    args = made.parse_args(argv)
    report = Report()
    report.line(machine())
    with workplace() as work:
        set_up(Path(work), args.database)
        from django.core.management import call_command

        call_command("migrate", verbosity=0)
        # First: its memory is read as the peak of the whole process.
        if args.discogs:
            _measure_discogs(report, Path(work), args.discogs)
        if args.dump:
            _measure_dump(report, Path(work), args)
        if args.suggestions:
            _measure_pages(report, args.suggestions)
    return report.end(checked=args.check)


def _title(n: int) -> str:
    return f"{_WORDS[n % 11]} {_WORDS[n // 11 % 11]} {n // 121}".title()


def _band(n: int) -> str:
    return f"The {_title(n)} Band"


def _tables(count: int) -> dict[str, tuple[int, Callable[[int], dict[int, object]]]]:
    """Return how many rows each table has, and what makes the columns of one."""
    artists, releases = count // _PER_ARTIST + 1, count // _PER_RELEASE + 1
    labels, works, codes = count // 200 + 1, count // _WORKS, count // _ISRCS
    return {
        "artist": (artists, lambda n: {1: n, 2: uuid_of("a", n), 3: _band(n)}),
        "artist_credit_name": (artists, lambda n: {1: n, 2: 0, 3: n, 4: _band(n)}),
        "isrc": (codes, lambda n: {2: n * _ISRCS, 3: f"QZXX{n * _ISRCS:08d}"}),
        "iswc": (works, lambda n: {2: n, 3: f"T-{n:09d}-0"}),
        "l_recording_work": (works, lambda n: {2: 1, 3: n * _WORKS, 4: n}),
        "label": (labels, lambda n: {1: n, 3: f"{_title(n)} Records"}),
        "link": (1, lambda _n: {1: 1, 2: 1}),
        "link_type": (1, lambda _n: {1: 1, 4: RECORDING_OF}),
        "medium": (releases, lambda n: {1: n, 2: n}),
        "recording": (count, _recording),
        "release": (
            releases,
            lambda n: {1: n, 3: f"{_title(n)} Album", 5: n, 6: 1, 10: f"{n:012d}"},
        ),
        "release_country": (releases, lambda n: {1: n, 3: 1999, 4: 7}),
        "release_label": (releases, lambda n: {2: n, 3: n % labels}),
        "release_status": (1, lambda _n: {1: 1, 2: "Official"}),
        "track": (count * 7 // 5, lambda n: {1: n, 3: n % count, 4: n % count // _PER_RELEASE}),
    }


def _recording(n: int) -> dict[int, object]:
    return {
        1: n,
        2: uuid_of("r", n),
        3: _title(n),
        4: n // _PER_ARTIST,
        5: 150_000 + n % 99_991,
        6: "",
        9: "f",
    }


def _write_dump(path: Path, count: int) -> None:
    with tarfile.open(path, "w:bz2", compresslevel=1) as archive:
        _put(archive, "SCHEMA_SEQUENCE", io.BytesIO(b"31"), 2)
        for table, (rows, make) in _tables(count).items():
            with tempfile.TemporaryFile() as text:
                for row in map(make, range(rows)):
                    cells = (copied(row.get(at)) for at in range(1, WIDTHS[table] + 1))
                    text.write(("\t".join(cells) + "\n").encode())
                size = text.tell()
                text.seek(0)
                _put(archive, f"mbdump/{table}", text, size)


def _put(archive: tarfile.TarFile, name: str, content: Any, size: int) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    archive.addfile(member, content)


def _measure_dump(report: Report, work: Path, args: Any) -> None:  # Any: arguments
    from django.core.management import call_command

    from plugins.filling.indexes import folder
    from plugins.filling.open_data.musicbrainz import dump_jobs

    path = work / "mbdump.tar.bz2"
    _write_dump(path, args.dump)
    with path.open("rb") as packed:
        child = _timed(lambda: _read_as_child(packed, dump_jobs.read_dump))
    own = _timed(
        lambda: call_command(
            *("enrich", "read", str(path), "--kind", "musicbrainz"), "--accept-licence"
        )
    )
    disk = sum(file.stat().st_size for file in folder().glob("es_*")) / args.dump
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    whole = (child + own) * WHOLE / args.dump
    _add_recordings("Ours", args.match)
    matching = _timed(lambda: call_command("enrich", "match"))
    per_100k = matching * 100_000 / max(1, args.match)
    report.title(f"A dump of {args.dump:,} recordings")
    report.table(
        ("what", "measured", f"of {WHOLE:,} recordings", "limit"),
        [
            (
                "unpacking and splitting",
                f"{child:.0f} s",
                f"{child * WHOLE / args.dump / 3600:.1f} h",
                "",
            ),
            ("storing and indexing", f"{own:.0f} s", f"{own * WHOLE / args.dump / 3600:.1f} h", ""),
            ("both", f"{child + own:.0f} s", f"{whole / 3600:.1f} h", f"{READ_S // 3600} h"),
            ("most memory of the reader", f"{memory:.0f} MB", "the same", f"{MEMORY_MB} MB"),
            (
                "index",
                f"{disk:.0f} bytes a recording",
                f"{disk * WHOLE / 1e9:.1f} GB",
                f"{DISK_GB} GB",
            ),
            (
                f"search for {args.match:,}",
                f"{matching:.0f} s",
                f"{per_100k:.0f} s for 100,000",
                f"{MATCH_S} s",
            ),
        ],
    )
    report.check("reading", reached=whole <= READ_S)
    report.check("memory", reached=memory <= MEMORY_MB)
    report.check("disk", reached=disk * WHOLE <= DISK_GB * 1e9)
    report.check("matching", reached=per_100k <= MATCH_S)


def _write_discogs(path: Path, count: int) -> list[Any]:
    """Write releases of invented words; return some of their tracks as recordings of ours.

    The words pack about as well as those of the real releases in ``docs/enrichment.md``.
    """
    from plugins.filling.open_data.matching import Ours

    ours: list[Ours] = []
    chance = random.Random(1)  # noqa: S311 - no secret
    syllables = [first + vowel for first in "bdfgklmnprstvz" for vowel in "aeiou"]
    words = [
        "".join(chance.choices(syllables, k=chance.choice((1, 2, 2, 3)))).title()
        for _ in range(30_000)
    ]
    # As in a language, few words make up most of a text.
    weights = list(accumulate(at**-0.5 for at in range(1, len(words) + 1)))

    def name(*lengths: int) -> str:
        length = chance.choice(lengths)
        return " ".join(chance.choices(words, cum_weights=weights, k=length))

    with gzip.open(path, "wb") as file:
        file.write(b"<releases>\n")
        for n in range(1, count + 1):
            tracks = [
                (f"{at}", name(3, 4, 5, 6), f"{chance.randint(1, 7)}:{second:02d}")
                for at in range(1, TRACKS + 1)
                for second in [chance.randrange(60)]
            ]
            made = Pressing(tracks, title=name(1, 2, 3), artist=name(2, 3))
            made.label, made.barcode = f"{name(1, 2)} Records", f"{n:013d}"
            made.released = f"{chance.randint(1960, 2024)}-{chance.randint(1, 12):02d}-00"
            file.write(f"{made.xml(n)}\n".encode())
            if n % max(1, count // _SEARCHED) == 0:
                title = tracks[n % TRACKS][1]
                upc = made.barcode if len(ours) % 2 else ""
                ours.append(Ours(title, artists=(made.artist,), upc=upc))
        file.write(b"</releases>\n")
    return ours


def _measure_discogs(report: Report, work: Path, count: int) -> None:
    from plugins.filling.open_data.discogs import dump_jobs, source
    from plugins.filling.open_data.discogs import index as packed
    from plugins.filling.open_data.kinds import Reading

    path, index = work / "discogs_20240701_releases.xml.gz", work / "discogs"
    pressings = _write_discogs(path, count)

    def stream(_jobs: str, _request: object, on_rows: Callable[[Any], None]) -> None:
        with path.open("rb") as file:
            dump_jobs.read_dump(file, send=lambda message: on_rows(json.loads(json.dumps(message))))

    reading = Reading(
        path=path,
        index=index,
        scratch=work / "discogs.tables",
        stream=stream,
        rows=lambda: iter(()),
        report=lambda _rows: None,
    )
    # As many segments as the index of the whole dump has: a search looks into each.
    blocks = max(1, packed._BLOCKS_OF_SEGMENT * count // RELEASES)
    with patch.object(packed, "_BLOCKS_OF_SEGMENT", blocks):
        taken = _timed(lambda: source.read(reading))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with sqlite3.connect(index) as db:
        (used,) = db.execute(
            "select (p.page_count - f.freelist_count) * s.page_size from "
            "pragma_page_count p, pragma_freelist_count f, pragma_page_size s"
        ).fetchone()
    searching = _search_discogs(index, pressings)
    per_100k = searching * 100_000 / len(pressings)
    whole = taken * RELEASES / count
    disk = (used * RELEASES / count + SEGMENT_BYTES) / 1e9
    most = memory + SEGMENT_BYTES / 1e6
    report.title(f"A dump of {count:,} releases")
    report.table(
        ("what", "measured", f"of {RELEASES:,} releases", "limit"),
        [
            ("reading", f"{taken:.0f} s", f"{whole / 3600:.1f} h", f"{DISCOGS_S // 3600} h"),
            ("most memory", f"{memory:.0f} MB", f"{most:.0f} MB", f"{DISCOGS_MB} MB"),
            (
                "index, also while it is built",
                f"{used / count:.0f} bytes a release",
                f"{disk:.1f} GB if no track is on two releases",
                f"{DISCOGS_GB} GB",
            ),
            (
                f"search for {len(pressings):,}",
                f"{searching:.1f} s",
                f"{per_100k:.0f} s for 100,000",
                f"{MATCH_S} s",
            ),
        ],
    )
    report.check("reading Discogs", reached=whole <= DISCOGS_S)
    report.check("memory of Discogs", reached=most <= DISCOGS_MB)
    report.check("disk of Discogs", reached=disk <= DISCOGS_GB)
    report.check("search in Discogs", reached=per_100k <= MATCH_S)


def _search_discogs(path: Path, pressings: Sequence[Any]) -> float:
    """Return how long it takes to find recordings of ours and their values."""
    from plugins.filling.open_data import matching
    from plugins.filling.open_data.discogs.index import DiscogsIndex

    with DiscogsIndex(path) as index:
        return _timed(lambda: [list(matching.values(pressing, index)) for pressing in pressings])


def _read_as_child(packed: BinaryIO, read: Callable[..., None]) -> None:
    read(packed, done=(), send=json.dumps)


def _timed(work: Callable[[], object]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


def _add_recordings(bucket_name: str, count: int) -> None:
    from catalogue.models import Bucket, Recording, RecordingStatus

    bucket = Bucket.objects.create(name=bucket_name)
    for at in range(0, count, 5_000):
        Recording.objects.bulk_create(
            Recording(
                bucket=bucket,
                title=_title(n),
                artists=[f"The {_title(n // _PER_ARTIST)} Band"],
                duration_ms=150_400 + n % 99_991,
                status=RecordingStatus.READY,
                # Some know their code, by which the safe mark is measured.
                **({"isrc": code, "isrc_normalised": code} if n % 14 == 0 else {}),
            )
            for n in range(at, min(count, at + 5_000))
            for code in [f"QZXX{n:08d}"]
        )


def _measure_pages(report: Report, count: int) -> None:
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from base.accounts.roles import Role
    from catalogue.models import Recording
    from plugins.filling.models import SafeMark, Suggestion
    from tests.factories.accounts import make_user

    fields = ["isrc", "iswc", "label", "upc", "release_date"]
    missing = count // len(fields) - Recording.objects.count()
    if missing > 0:
        _add_recordings("More", missing)
    keys = list(Recording.objects.values_list("pk", flat=True)[: count // len(fields)])
    Suggestion.objects.all().delete()
    manager = make_user(Role.MANAGER)
    now = datetime.now(tz=UTC)
    SafeMark.objects.update_or_create(
        field=fields[0], defaults={"mark": "0.9000", "measured_at": now}
    )
    # Of the last field, everything was decided, 5,000 at once.
    decided = {"state": "accepted", "decided_by": manager, "decided_at": now}
    for field in fields:
        for at in range(0, len(keys), 5_000):
            Suggestion.objects.bulk_create(
                Suggestion(
                    recording_id=key,
                    field=field,
                    value=f"{field} {key}",
                    ground="-",
                    confidence=f"0.{key % 10_000:04d}",
                    **({**decided, "act": f"fa_{at}"} if field == fields[-1] else {}),
                )
                for key in keys[at : at + 5_000]
            )
    with connection.cursor() as cursor:
        cursor.execute("analyze")
    client = Client(headers={"host": "localhost"})
    client.force_login(manager)
    some = Suggestion.objects.order_by("pk")[count // 2]
    rows = []
    for name, address in {
        "Gaps": reverse("portal:fill_in"),
        "Suggestions": reverse("portal:suggestion_list"),
        "of one field": reverse("portal:suggestion_list") + "?field=isrc",
        "page 200": reverse("portal:suggestion_list") + "?page=200",
        "One suggestion": reverse("portal:suggestion", args=[some.uid]),
    }.items():
        taken = [
            1000 * _timed(lambda address=address: client.get(address))  # type: ignore[misc]  # bound at once
            for _ in range(15)
        ]
        p50, p95 = np.percentile(taken[2:], [50, 95])
        rows.append((name, f"{p50:.0f}", f"{p95:.0f}", PAGE_MS))
        report.check(f"{name}: p95 {p95:.0f} ms", reached=bool(p95 <= PAGE_MS))
    report.title(f"Pages over {Suggestion.objects.count():,} suggestions")
    report.table(("page", "p50, ms", "p95, ms", "limit, ms"), rows)


if __name__ == "__main__":
    sys.exit(main())
