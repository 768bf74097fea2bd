"""Fills in ISRCs that were taken out, and compares them with what was taken out.

``python -m plugins.filling.tests.benchmark [--recordings N] [--dump N] [--check]``

A catalogue of invented recordings loses a third of its ISRCs. A dump in MusicBrainz's
format, which the tests' own writer makes, has these recordings, their live, remastered and
remixed versions, covers, and namesakes; a tenth of ours it lacks, and a tenth it writes
otherwise. The portal reads it, searches, accepts what is above the safe mark, and undoes it.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.installation import set_up
from benchmarks.report import Report, machine, parser, workplace
from plugins.filling.tests.dumps import Song, dump_of, invented_songs


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurement and print the results."""
    made = parser("Measure what is filled in.")
    made.add_argument("--recordings", type=int, default=500)
    made.add_argument("--more", type=int, default=0, help="other songs of the dump")
    args = made.parse_args(argv)
    report = Report()
    report.title(f"{args.recordings:,} recordings, a third of them without their ISRC")
    report.line(machine())
    with workplace() as work:
        set_up(Path(work))
        _measure(report, Path(work), args)
    return report.end(checked=args.check)


def _measure(report: Report, work: Path, args: Any) -> None:  # Any: arguments
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    rng = random.Random(args.seed)  # noqa: S311 - no secret
    songs = invented_songs(args.recordings + args.more)
    taken = _catalogue(songs[: args.recordings], rng)
    # Only now, because the dump writes some titles otherwise.
    path = dump_of(_there(songs, rng)).write(work / "mbdump.tar.bz2")
    seconds = {}
    for step in (("read", str(path), "--kind", "musicbrainz", "--accept-licence"), ("match",)):
        before = time.monotonic()
        call_command("enrich", *step)
        seconds[step[0]] = time.monotonic() - before
    _judge(report, taken, seconds)


def _there(songs: Sequence[Song], rng: random.Random) -> list[Song]:
    """Return what the dump has: not all songs, some in other words, and their rivals."""
    result: list[Song] = []
    for n, song in enumerate(songs):
        if rng.random() < 0.9:
            result.append(song)
            if rng.random() < 0.1:
                song.title = f"{song.title.upper()} (feat. Somebody)"
        for number, version in enumerate(("Live", "2011 Remaster", "Holt Remix"), 2):
            if rng.random() < 0.3:
                code = (f"QZXX{number}{n:07d}",)
                title = f"{song.title} ({version})"
                result.append(Song(title, song.artist, song.length_ms + 200, code))
        if rng.random() < 0.3:
            code = (f"QZXX8{n:07d}",)
            result.append(Song(song.title, f"{song.artist} Tribute", song.length_ms, code))
    rng.shuffle(result)
    return result


def _catalogue(songs: Sequence[Song], rng: random.Random) -> dict[str, str]:
    """Add our recordings; return the ISRC that was taken out of each of a third."""
    from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus

    bucket = Bucket.objects.create(name="Ours")
    taken = {}
    for number, song in enumerate(songs):
        (code,) = song.isrcs
        keeps = number % 3 != 0
        row = Recording.objects.create(
            bucket=bucket,
            title=song.title.title() if rng.random() < 0.5 else song.title,
            artists=[song.artist],
            album=song.album,
            duration_ms=song.length_ms + rng.randrange(-1_500, 1_500),
            status=RecordingStatus.READY,
            isrc=code if keeps else "",
            isrc_normalised=code if keeps else "",
            isrc_status=CodeStatus.VALID if keeps else CodeStatus.MISSING,
        )
        if not keeps:
            taken[row.uid] = code
    return taken


def _judge(report: Report, taken: dict[str, str], seconds: dict[str, float]) -> None:
    from base.accounts.models import User
    from plugins.filling import deciding, selectors
    from plugins.filling.models import SafeMark, Suggestion

    rows = selectors.open_suggestions().filter(field="isrc")
    values = dict(rows.filter(hold="").values_list("recording__uid", "value"))
    right = sum(taken.get(uid) == value for uid, value in values.items())
    precision, recall = right / max(1, len(values)), right / len(taken)
    mark = SafeMark.objects.get(field="isrc")
    report.table(
        ("what", "figure"),
        [
            ("ISRCs taken out", f"{len(taken):,}"),
            ("suggested, not one by one", f"{len(values):,}"),
            ("precision", f"{precision:.4f}"),
            ("recall", f"{recall:.4f}"),
            ("suggested one by one", f"{rows.exclude(hold='').count():,}"),
            ("known values found again", f"{mark.known:,}, {mark.right:,} right"),
            ("safe mark", str(mark.mark or "none")),
            ("reading", f"{seconds['read']:.1f} s"),
            ("search and measurement", f"{seconds['match']:.1f} s"),
        ],
    )
    user = User.objects.create(username="bench")
    safe = rows.filter(selectors.is_safe()).values("pk")
    Suggestion.objects.filter(pk__in=list(safe.values_list("pk", flat=True))).update(act="fa_bench")
    before = time.monotonic()
    done = deciding.apply_act(act="fa_bench", user=user).done
    report.line(f"{len(done):,} accepted in {time.monotonic() - before:.1f} s")
    wrong = sum(taken[row.recording.uid] != row.value for row in done)
    if done:
        undone = deciding.undo_act(act="fa_bench", user=user).done
        report.check("undo takes all back", reached=len(undone) == len(done))
    report.check("precision of 99.5 %", reached=precision >= 0.995)
    report.check("recall of 80 %", reached=recall >= 0.8)
    report.check(f"{wrong} wrong values accepted", reached=wrong == 0)


if __name__ == "__main__":
    sys.exit(main())
