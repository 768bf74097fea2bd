"""Measures recording live streams: faults, memory, and how many fit on one core.

``python -m plugins.monitoring.benchmarks.streams [--faults N] [--hours H] [--streams N] [--plays] [--check]``
"""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.corpus import DEMO
from benchmarks.installation import set_up
from benchmarks.report import Report, music, parser, workplace
from plugins.monitoring.benchmarks import live_search, on_air, radio
from plugins.monitoring.benchmarks.patient_clock import PatientClock
from plugins.monitoring.benchmarks.radio import Broken, Radio, SentSound
from plugins.monitoring.streams.recording import ring as ring_log
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.events import (
    Anchored,
    Gap,
    RunEnded,
    RunStarted,
    StreamEvent,
    StreamPlan,
)
from plugins.monitoring.streams.recording.ring import RingLog
from plugins.monitoring.streams.recording.run_files import RunFiles
from recognition.streaming.listener import Listener

RATE: Final = 20.0  # times real time, while the machine keeps up
BEGIN_S: Final = 30.0
KINDS: Final = (radio.DROP, radio.DOWN, radio.PAUSE, radio.HOLD, "kill")
SILENT: Final = "gap_silent"
FAULT_S: Final = 0.5  # most that gaps may differ for each fault
CLOCK_S: Final = 0.5
MEMORY_MB: Final = 5.0
STREAMS_A_CORE: Final = live_search.STREAMS
# A listener that takes half of a core for a minute is killed, as one that hangs.
LISTENER_SHARE: Final = 0.4


class Killed(Exception):
    """The recorder's process is gone."""


@dataclass
class KeptEvents:
    """Keeps events; raises ``Killed`` at the next one after ``is_killing`` is set."""

    events: list[StreamEvent] = field(default_factory=list)
    is_killing: bool = False

    def take(self, event: StreamEvent) -> None:
        """Keep an event."""
        if self.is_killing:
            raise Killed
        self.events.append(event)

    def of(self, kind: type[StreamEvent]) -> list[StreamEvent]:
        """Return the events of a kind, a repeated one once."""
        stream_events: list[StreamEvent] = []
        for event in self.events:
            if isinstance(event, kind) and event not in stream_events:
                stream_events.append(event)
        return stream_events


@dataclass(frozen=True)
class Recorded:
    """What a recorder made of a radio, against what the radio knows; seconds."""

    lost_s: float
    paused_s: float
    gaps: tuple[Gap, ...]
    clock_errors: tuple[float, ...]
    runs: int

    @property
    def gaps_s(self) -> float:
        """The length of all gaps."""
        return sum((gap.end - gap.start).total_seconds() for gap in self.gaps)

    @property
    def error_s(self) -> float:
        """How far the gaps are from what is missing."""
        return self.gaps_s - self.lost_s - self.paused_s


def recorded(
    played: Radio,
    folder: Path,
    seconds: float,
    *,
    path: str = "/live",
    kills: Sequence[Broken] = (),
) -> KeptEvents:
    """Record a radio that has started for some of its seconds, with kills."""
    # Needs configured settings, as outgoing requests do.
    from plugins.monitoring.streams.recording.recorder import StreamRecorder

    events: list[StreamEvent] = []
    ends = [(kill.at, kill.end) for kill in kills] + [(seconds, seconds)]
    for until, again in ends:
        sink, stop = KeptEvents(), threading.Event()
        plan = StreamPlan(uid="s", urls=(played.address + path,), folder=folder, keep_hours=24)
        recorder = StreamRecorder(plan, sink, clock=played.clock)
        thread = threading.Thread(target=_recording, args=(recorder.run, stop))
        thread.start()
        _pass(played, until, thread)
        sink.is_killing = until < seconds
        if until >= seconds:
            stop.set()
        thread.join()
        events += sink.events
        _pass(played, again, None)
    return KeptEvents(events)


def outcome(played: Radio, folder: Path, sink: KeptEvents) -> Recorded:
    """Compare what was recorded with what was sent."""
    parts: list[bytearray] = []
    starts: list[int] = []
    for entry in RingLog(folder).entries(0):
        if entry.kind == ring_log.BEGIN or not parts:
            parts.append(bytearray())
            starts.append(entry.offset)
        parts[-1] += entry.data
    held = radio.parts_of([bytes(part) for part in parts], played.played)
    # A head that was sent before them shifts the bytes of a part.
    shifts = [
        (start, begin - (len(part) - (end - begin)))
        for start, part, (begin, end) in zip(starts, parts, held, strict=True)
    ]
    ordered = sorted(held)
    lost_s = sum(
        played.played.second_at(following[0]) - played.played.second_at(before[1])
        for before, following in itertools.pairwise(ordered)
    )
    gaps = [gap for gap in sink.of(Gap) if isinstance(gap, Gap)]
    return Recorded(
        lost_s=lost_s,
        paused_s=played.paused_s(),
        gaps=tuple(gap for gap in gaps if gap.cause != SILENT),
        clock_errors=tuple(_clock_errors(played, folder, sink, shifts)),
        runs=len(sink.of(RunStarted)),
    )


def _clock_errors(
    played: Radio, folder: Path, sink: KeptEvents, shifts: list[tuple[int, int]]
) -> Iterator[float]:
    anchors: dict[tuple[str, int], float] = {}
    lasted = {e.run: e.duration_ms for e in sink.of(RunEnded) if isinstance(e, RunEnded)}
    for event in sink.of(Anchored):
        if isinstance(event, Anchored) and event.run_ms <= lasted.get(event.run, 0):
            anchors[event.run, event.run_ms] = event.at.timestamp()
    for (run, run_ms), at in anchors.items():
        later = [p for p in RunFiles(folder, run).points() if p[0] > run_ms]
        if not later:
            continue
        point_ms, offset = later[0]
        start, begin = [shift for shift in shifts if shift[0] <= offset][-1]
        aired = played.aired_at(begin + offset - start)
        yield at + (point_ms - run_ms) / 1000 - aired


def random_faults(rng: np.random.Generator, count: int, every: float) -> list[Broken]:
    """Return faults, some seconds after one another."""
    made, at = [], BEGIN_S
    for _ in range(count):
        kind = str(rng.choice(KINDS))
        seconds = 0.0 if kind == radio.DROP else float(rng.uniform(0.5, 15))
        made.append(Broken(kind, at, seconds))
        at += seconds + every + float(rng.uniform(0, 10))
    return made


def measure_faults(
    report: Report, played: SentSound, count: int, seed: int, *, rate: float
) -> None:
    """Print and check what random faults leave unaccounted for."""
    rng = np.random.default_rng(seed)
    rows, worst, clocks = [], 0.0, [0.0]
    total = dict.fromkeys(("lost", "paused", "gaps"), 0.0)
    at_once, done = 8, 0
    while done < count:
        faults = random_faults(rng, min(at_once, count - done), 45)
        served = [fault for fault in faults if fault.kind != "kill"]
        kills = [fault for fault in faults if fault.kind == "kill"]
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with Radio(played, PatientClock(rate=rate), served) as sender:
                sink = recorded(sender, folder, faults[-1].end + 60, kills=kills)
            result = outcome(sender, folder, sink)
        done += len(faults)
        error = abs(result.error_s) / len(faults)
        worst = max(worst, error)
        clocks += [abs(e) for e in result.clock_errors]
        total["lost"] += result.lost_s
        total["paused"] += result.paused_s
        total["gaps"] += result.gaps_s
        rows.append(
            (
                done,
                " ".join(f.kind for f in faults),
                f"{result.lost_s:.1f}",
                f"{result.paused_s:.1f}",
                f"{result.gaps_s:.1f}",
                f"{result.error_s:+.2f}",
            )
        )
    report.title("Faults")
    report.table(["faults", "kinds", "lost, s", "paused", "gaps", "difference"], rows)
    missing = total["lost"] + total["paused"]
    report.line(
        f"{done} faults at {rate:g} times real time: {total['lost']:.1f} s lost and {total['paused']:.1f} s paused "
        f"({missing:.1f} s), {total['gaps']:.1f} s of gaps; at most {worst:.2f} s "
        f"differ for each fault. Clock: at most {max(clocks):.2f} s off, half of "
        f"the anchors {float(np.median(clocks)):.2f} s."
    )
    report.check(f"gaps within {FAULT_S} s for each fault", reached=worst <= FAULT_S)
    report.check(f"clock within {CLOCK_S} s", reached=max(clocks) <= CLOCK_S)


def measure_memory(report: Report, played: SentSound, hours: float) -> None:
    """Print and check the memory of a listener over simulated hours."""
    rows = []
    with Listener() as listener:
        heard, hour, cpu = 0.0, 0, 0.0
        began = time.process_time()
        while heard < hours * 3600:
            since, before = time.monotonic(), cpu
            _hear(listener, played.data)
            heard += played.seconds
            memory, cpu = _listener_use()
            if heard >= hour * 3600:
                rows.append((f"{heard / 3600:.1f}", f"{memory:.1f}", f"{cpu:.1f}"))
                hour += 1
            lasts = (cpu - before) / LISTENER_SHARE
            time.sleep(max(0.0, since + lasts - time.monotonic()))
        ours = time.process_time() - began
    report.title("Memory and time of a listener")
    report.table(["hours heard", "own memory, MB", "processor time, s"], rows)
    share = cpu / heard
    report.line(
        f"{heard / 3600:.1f} hours took {cpu:.1f} s in the listener ({100 * share:.2f} % "
        f"of a core each stream) and {ours:.1f} s in the caller."
    )
    grown = float(rows[-1][1]) - float(rows[1 if len(rows) > 1 else 0][1])
    report.check(f"memory within {MEMORY_MB} MB", reached=abs(grown) <= MEMORY_MB)


def _hear(listener: Listener, data: bytes) -> None:
    """Let a listener hear bytes as fast as it can."""
    for at in range(0, len(data), 16_000):
        listener.feed(data[at : at + 16_000])
        for _ in listener.take():
            pass
        while listener.is_behind:
            time.sleep(0.001)
            for _ in listener.take():
                pass
        if listener.why:
            raise SystemExit(f"The listener ended: {listener.error or listener.why}")


def measure_streams(report: Report, played: SentSound, count: int, seconds: float) -> float:
    """Print and check the processor time of many streams in real time.

    Return the share of a core that one stream takes.
    """
    from plugins.monitoring.streams.recording.recorder import StreamRecorder

    with _radio_elsewhere(played) as address, tempfile.TemporaryDirectory() as name:
        stop = threading.Event()
        threads = []
        for number in range(count):
            plan = StreamPlan(
                uid=f"s{number}",
                urls=(f"{address}/live",),
                folder=Path(name) / str(number),
                keep_hours=1,
            )
            recorder = StreamRecorder(plan, KeptEvents())
            threads.append(threading.Thread(target=_recording, args=(recorder.run, stop)))
        for thread in threads:
            thread.start()
        time.sleep(10)
        ours, theirs = time.process_time(), _listeners_cpu()
        time.sleep(seconds)
        ours, theirs = time.process_time() - ours, _listeners_cpu() - theirs
        stop.set()
        for thread in threads:
            thread.join()
    share = (ours + theirs) / seconds
    fits = int(count / share)
    report.title("Streams on one core")
    report.table(
        ["streams", "seconds", "recorder, s", "listeners, s", "share of a core", "fit"],
        [(count, f"{seconds:.0f}", f"{ours:.1f}", f"{theirs:.1f}", f"{share:.2f}", fits)],
    )
    report.line("Recording alone: what searching takes comes on top.")
    report.check(f"{STREAMS_A_CORE} streams a core", reached=fits >= STREAMS_A_CORE)
    return share / count


def main(argv: Sequence[str] | None = None) -> int:
    """Run the measurements and print the results."""
    made = parser("Measure recording live streams.")
    made.add_argument("--faults", type=int, default=200)
    made.add_argument("--rate", type=float, default=RATE, help="of the faults; 1 is real time")
    made.add_argument("--hours", type=float, default=24.0, help="of the memory")
    made.add_argument("--streams", type=int, default=40)
    made.add_argument("--seconds", type=float, default=60.0, help="in real time")
    made.add_argument(
        "--plays",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure when plays are shown, in four minutes",
    )
    made.add_argument(
        "--catalogue-hours",
        type=float,
        default=300.0,
        help="of the catalogue that streams are searched for; 0 leaves that out",
    )
    options = made.parse_args(argv)
    report = Report()
    with workplace() as folder:
        work = Path(folder)
        set_up(work / "data", ACRPORTAL_ALLOW_PRIVATE_ADDRESSES="true")
        if options.hours or options.streams or options.faults:
            played = radio.encoded(options.music or DEMO, 900, "libmp3lame", ".mp3")
        if options.hours:
            measure_memory(report, played, options.hours)
        recording = 0.0
        if options.streams:
            recording = measure_streams(report, played, options.streams, options.seconds)
        if options.faults:
            measure_faults(report, played, options.faults, options.seed, rate=options.rate)
        if options.plays or options.catalogue_hours:
            tracks = music(options.music, work)
        if options.plays:
            on_air.measure(report, tracks, work)
        if options.catalogue_hours:
            live_search.measure(
                report,
                tracks,
                work,
                hours=options.catalogue_hours,
                seed=options.seed,
                recording=recording,
            )
    return report.end(checked=options.check)


def _recording(run: object, stop: threading.Event) -> None:
    try:
        run(stop)  # type: ignore[operator]
    except Killed:
        return


def _pass(played: Radio, until: float, thread: threading.Thread | None) -> None:
    while played.now < until and (thread is None or thread.is_alive()):
        played.wait(0.02)


def _serve(played: SentSound, pipe: Pipe) -> None:
    with Radio(played, Clock()) as sender:
        pipe.send(sender.address)
        pipe.recv()


@contextmanager
def _radio_elsewhere(played: SentSound) -> Iterator[str]:
    """Serve in a process of its own, whose time does not count."""
    ours, theirs = get_context("spawn").Pipe()
    process = get_context("spawn").Process(target=_serve, args=(played, theirs))
    process.start()
    try:
        yield str(ours.recv())
    finally:
        ours.send("stop")
        process.join()


def _children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()]


def _hosts() -> list[int]:
    threads = Path("/proc/self/task").iterdir()
    children = [int(c) for t in threads for c in (t / "children").read_text().split()]
    mark = b"recognition.isolation.host"
    return [c for c in children if mark in Path(f"/proc/{c}/cmdline").read_bytes()]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _listeners_cpu() -> float:
    return sum(_cpu_s(child) for host in _hosts() for child in _children(host))


def _listener_use() -> tuple[float, float]:
    """Return MB of the listener's own memory, and its processor time in seconds."""
    child = _children(_hosts()[0])[0]
    rollup = Path(f"/proc/{child}/smaps_rollup").read_text().splitlines()
    own_kb = sum(int(line.split()[1]) for line in rollup if line.startswith("Private_"))
    return own_kb / 1024, _cpu_s(child)


if __name__ == "__main__":
    sys.exit(main())
