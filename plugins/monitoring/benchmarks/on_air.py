"""Measures how soon what plays on a stream is shown, by a recorder in real time.

A radio server on this machine sends music that the catalogue holds between music that it
does not hold. ``manage.py stream_recorder`` records and searches it in its own process.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks import sound
from benchmarks.corpus import Track
from benchmarks.report import Report
from benchmarks.shelf import fingerprint
from benchmarks.sound import RATE, Samples
from plugins.monitoring.benchmarks import radio
from plugins.monitoring.benchmarks.radio import Radio
from plugins.monitoring.streams.recording.clocks import Clock

if TYPE_CHECKING:
    from base.accounts.models import User
    from plugins.monitoring.streams.models import Stream
    from scanning.models import Container

_ROOT: Final = Path(__file__).resolve().parent.parent
LENGTHS: Final = (12, 45, 20, 50)
"""Seconds of the plays, in order."""
LONG_S: Final = 30
AFTER_END_S: Final = 30.0
AFTER_BEGIN_S: Final = 20.0
# The page asks so often for what plays.
PAGE_S: Final = 5.0
# The radio begins 30 s into the programme; the recorder has the rest to start in.
_LEAD_S: Final = 150
_BETWEEN_S: Final = 15
_TAIL_S: Final = 45
_SKIPPED_S: Final = 5  # of each recording, before what is played
_BIT_RATE: Final = 128_000
_LOOK_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class OnAir:
    """A play, in seconds of the programme."""

    track: Track
    start: float
    end: float


def measure(report: Report, tracks: Sequence[Track], work: Path) -> None:
    """Print and check when plays are shown; needs an installation in ``work``."""
    from django.core.management import call_command

    from base.accounts.models import User

    call_command("migrate", verbosity=0)
    samples, plays = _programme(tracks)
    path = work / "programme.mp3"
    sound.write_stereo(path, samples, _BIT_RATE)
    played = radio.programme(path.read_bytes(), ".mp3")
    user = User.objects.create_superuser(username="benchmark")
    keys, container = _catalogue(plays, user)
    call_command("worker", batch=True)
    with Radio(played, Clock()) as sender, _recorder(work / "recorder.log"):
        stream = _stream(container, user, f"{sender.address}/live")
        seen = _seen(stream, sender, plays)
    report.title("When plays are shown")
    rows = []
    for play in plays:
        length = play.end - play.start
        at = seen.get(keys[play.track.name])
        if at is None:
            rows.append((f"{length:.0f}", "never", "", ""))
            report.check(f"a play of {length:.0f} s is shown", reached=False)
            continue
        since_begin = at - sender.on_air - play.start + PAGE_S
        since_end = since_begin - length
        rows.append(
            (
                f"{length:.0f}",
                f"{since_begin - PAGE_S:.1f}",
                f"{since_begin:.1f}",
                f"{since_end:+.1f}",
            )
        )
        report.check(
            f"a play of {length:.0f} s is shown {since_end:.1f} s after its end",
            reached=since_end <= AFTER_END_S,
        )
        report.check(
            f"a play of {length:.0f} s is shown {since_begin:.1f} s after its begin",
            reached=length < LONG_S or since_begin <= AFTER_BEGIN_S,
        )
    report.table(
        [
            "length of the play, s",
            "known after its begin, s",
            "on the page after its begin, at most",
            "after its end, at most",
        ],
        rows,
    )
    report.line(
        f"MP3 at {_BIT_RATE // 1000} kbit/s at real time; the page asks every "
        f"{PAGE_S:.0f} s, which is added. Negative: while it plays."
    )


def _programme(tracks: Sequence[Track]) -> tuple[Samples, list[OnAir]]:
    """Return the programme: known music between unknown music."""
    longest = sorted(tracks, key=lambda track: -track.seconds)
    references, strangers = longest[: len(LENGTHS)], longest[len(LENGTHS) :]
    unknown_s = _LEAD_S + len(LENGTHS) * _BETWEEN_S + _TAIL_S
    unknown = np.concatenate([track.samples() for track in strangers])
    if len(unknown) < unknown_s * RATE or references[-1].seconds < _SKIPPED_S + max(LENGTHS):
        raise SystemExit("This folder holds too little music.")
    parts, plays, used, at = [unknown[: _LEAD_S * RATE]], [], _LEAD_S, float(_LEAD_S)
    for track, length in zip(references, LENGTHS, strict=True):
        end = (_SKIPPED_S + length) * RATE
        parts.append(track.samples()[_SKIPPED_S * RATE : end])
        plays.append(OnAir(track, at, at + length))
        gap = _BETWEEN_S if track is not references[-1] else _TAIL_S
        parts.append(unknown[used * RATE : (used + gap) * RATE])
        used, at = used + gap, at + length + gap
    return np.concatenate(parts), plays


def _catalogue(plays: Sequence[OnAir], user: User) -> tuple[dict[str, int], Container]:
    """Add the recordings that are played, and a container that searches them.

    The keys of the recordings are by the names of their tracks.
    """
    from catalogue.models import Recording
    from catalogue.services import add_recording, create_bucket
    from scanning.models import Container

    bucket = create_bucket(name="Played on air", user=user)
    keys = {
        play.track.name: add_recording(
            bucket=bucket,
            details=Recording(title=play.track.name[:200]),
            fingerprint=fingerprint(play.track.samples()),
            user=user,
        ).pk
        for play in plays
    }
    container = Container.objects.create(name="Radio")
    container.buckets.add(bucket)
    return keys, container


def _stream(container: Container, user: User, url: str) -> Stream:
    from plugins.monitoring.streams import services

    return services.add_stream(
        station=services.add_station(name="Radio", user=user),
        container=container,
        name="Radio",
        urls=[url],
        user=user,
    )


@contextmanager
def _recorder(log: Path) -> Iterator[None]:
    """Run ``manage.py stream_recorder`` on the same installation."""
    command = [sys.executable, "manage.py", "stream_recorder"]
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=_ROOT, env=os.environ, stdout=out, stderr=out)
        try:
            yield
        finally:
            process.terminate()
            process.wait()


def _seen(stream: Stream, sender: Radio, plays: Sequence[OnAir]) -> dict[int, float]:
    """Return when the play of each recording was first known, in UTC seconds."""
    from plugins.monitoring.streams.models import Airplay, StreamRun

    seen: dict[int, float] = {}
    is_heard = False
    last = plays[-1].end + AFTER_END_S
    while len(seen) < len(plays) and time.time() < sender.on_air + last:
        is_heard = is_heard or StreamRun.objects.filter(stream=stream).exists()
        if not is_heard and time.time() > sender.on_air + plays[0].start:
            raise SystemExit("The recorder has not started in time.")
        rows = Airplay.objects.filter(stream=stream).values_list("recording", flat=True)
        for recording in rows:
            seen.setdefault(recording, time.time())
        time.sleep(_LOOK_S)
    return seen
