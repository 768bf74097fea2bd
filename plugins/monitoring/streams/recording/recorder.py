"""Record one stream until somebody stops it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

from plugins.monitoring.streams.choices import GapCause, RunEdge, StreamState
from plugins.monitoring.streams.recording import causes, hls, ring
from plugins.monitoring.streams.recording.account import Account
from plugins.monitoring.streams.recording.arrivals import Chunk, Closed, Missing, Opened
from plugins.monitoring.streams.recording.clocks import Clock
from plugins.monitoring.streams.recording.connection import Connection
from plugins.monitoring.streams.recording.events import (
    RunEnded,
    RunStarted,
    Sink,
    StateChanged,
    StreamPlan,
    Titled,
)
from plugins.monitoring.streams.recording.icy import SentTitle
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from plugins.monitoring.streams.recording.live_run import LiveRun, Manner
from plugins.monitoring.streams.recording.ogg import OggLinks
from plugins.monitoring.streams.recording.pace import RUN_BYTES, Pace
from plugins.monitoring.streams.recording.receiver import TICK_S
from plugins.monitoring.streams.recording.ring import RingGone, RingLog, utc
from plugins.monitoring.streams.recording.run_files import RunFiles
from plugins.monitoring.streams.recording.splice import TAIL_BYTES, Joined, Splice

SOON_S: Final = 30.0
"""So long every second is tried again: bursts are short."""
MAX_PAUSE_S: Final = 60.0
AWAY_S: Final = 5.0
# A run stays open so long without a connection: a burst may continue it.
OPEN_S: Final = 120.0
LATE_S: Final = 60.0
CHECKS_EACH_S: Final = 5.0
CLEANS_EACH_S: Final = 60.0
TITLES_EACH_S: Final = 2.0
# Video lies between the sound of segments.
SEGMENT_PATIENCE: Final = 4 << 20
PATIENCE: Final = 256 * 1024


class _GivenUp(Exception):
    """This connection is of no use any more."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
        self.closed = Closed(cause, reason)


class StreamRecorder:
    """Listens to one stream and tells a sink what happens.

    Addresses pass the guard of ``base.common.http``. Events arrive at least once: after a
    kill, ``RunStarted`` and ``RunEnded`` of a run, or a gap with the same start, may be
    repeated. ``RunEnded.duration_ms`` may be less than ``RunGrew`` said, where sound
    turned out to be missing; the rest belongs to the next run. Gaps of silence lie
    within runs, all others between them. ``absence`` is the cause of the gap between
    the recorder's last end and its start.
    """

    def __init__(
        self,
        plan: StreamPlan,
        sink: Sink,
        *,
        clock: Clock | None = None,
        absence: str = GapCause.RECORDER,
    ) -> None:
        self._plan = plan
        self._clock = clock or Clock()
        self._account = Account(plan.folder, sink, absence)
        self._absence = absence
        self._ring = RingLog(plan.folder)
        self._found_end = -1
        self._counted = 0  # the ring's offset up to which sound was counted
        self._place = hls.HlsPlace()
        self._pace = Pace(self._clock)
        self._run: LiveRun | None = None
        self._next_cause: str = RunEdge.STARTED
        self._ogg: OggLinks | None = None
        self._head = b""
        self._splice: Splice | None = None
        self._opened: Opened | None = None
        self._is_broken = False
        self._last_state: tuple[str, str, str] | None = None
        self._reason = ""
        self._url = ""
        self._sound_at = self._now()
        self._checked_at = self._cleaned_at = 0.0
        self._last_arrival = self._begun_at = 0.0
        self._title_at = 0.0
        self._new_title: Titled | None = None

    def run(self, stop: threading.Event) -> None:
        """Listen until ``stop`` is set: reconnect with pauses, go on from the ring.

        An exception of the sink ends it; a later ``run`` of a new recorder goes on
        where this one ended.
        """
        failures = 0
        try:
            self._go_on()
            self._sound_at = self._now()
            while not stop.is_set():
                url = self._plan.urls[failures % len(self._plan.urls)]
                before = self._sound_at
                closed = self._listen(url, stop)
                heard = self._sound_at > before
                failures = failures if heard else failures + 1
                self._reason = closed.reason
                if closed.cause == GapCause.NO_AUDIO:
                    self._account.cause = GapCause.NO_AUDIO
                until = self._now() + (1.0 if heard else self._pause_s(failures))
                while self._now() < until and not stop.wait(self._clock.real(TICK_S)):
                    try:
                        self._tick()
                    except _GivenUp as given_up:
                        self._reason = given_up.closed.reason
                    if self._now() - self._sound_at > OPEN_S:
                        self._end_run(RunEdge.CONNECTION)
            self._end_run(RunEdge.RECORDER)
        finally:
            if self._run is not None:
                self._run.close()
            self._ring.close()

    # After a start

    def _go_on(self) -> None:
        """End the run that a kill left open, and hear the ring from there."""
        self._counted = self._ring.end
        state = self._account.state
        if self._ring.end:
            self._next_cause = RunEdge.RECORDER
        if not state.run:
            return
        files = RunFiles(self._plan.folder, state.run)
        facts = files.facts()
        decided_ms = LandmarkLog(self._plan.folder, state.run).duration_ms
        points = [point for point in files.points() if point[0] <= decided_ms]
        duration_ms, offset = points[-1] if points else (0, facts.byte_offset)
        self._head = files.head(offset)
        self._account.tell(
            RunStarted(
                run=facts.run,
                at=utc(facts.starts_at),
                codec=facts.codec,
                sample_rate=facts.sample_rate,
                channels=facts.channels,
                byte_offset=facts.byte_offset,
                cause=facts.cause,
            )
        )
        self._account.run_ended(
            RunEnded(
                run=facts.run,
                at=utc(state.zero_at + duration_ms / 1000),
                duration_ms=duration_ms,
                cause=RunEdge.RECORDER,
            )
        )
        self._account.cause = self._absence
        if offset < self._ring.end:
            self._found_end = self._ring.end
            self._rewind(offset, RunEdge.RECORDER)

    # One connection

    def _listen(self, url: str, stop: threading.Event) -> Closed:
        """Connect, and record until the connection ends or is of no use."""
        self._url = url
        self._opened = self._splice = None
        connected_at = self._now()
        self._tell_state()
        connection = Connection(
            url, self._clock, self._place, self._pace, title_charset=self._plan.title_charset
        )
        connection.start()
        try:
            while not stop.is_set():
                closed = self._take(connection)
                if closed is not None:
                    self._decide_splice(force=True)
                    self._tick()
                    return closed
                self._decide_splice()
                self._tick()
                self._refuse_late(connected_at)
        except _GivenUp as given_up:
            return given_up.closed
        finally:
            connection.halt()
        return Closed(self._absence, "")

    def _take(self, connection: Connection) -> Closed | None:
        for arrival in connection.arrived():
            match arrival:
                case Closed():
                    return arrival
                case Opened():
                    self._open(arrival)
                case SentTitle():
                    self._title(arrival.text)
                case Missing():
                    lost = arrival.seconds is not None
                    self._end_run(RunEdge.SEGMENT_LOST if lost else RunEdge.ENCODER)
                    self._account.missing_s = arrival.seconds
                    self._is_broken = True
                case Chunk():
                    self._chunk(arrival)
        return None

    def _open(self, opened: Opened) -> None:
        self._opened = opened
        self._url = opened.url
        if not opened.is_hls:
            rate = self._run.bytes_per_s if self._run else 0.0
            tail = self._ring.tail(TAIL_BYTES)
            self._splice = Splice(tail, rate, self._last_arrival)

    def _title(self, text: str) -> None:
        if text:
            self._new_title = Titled(at=self._clock.utc(), text=text)
            self._tell_title()

    def _tell_title(self) -> None:
        """Tell of the newest title; a server may send thousands a second."""
        title, now = self._new_title, self._now()
        if title is None or now - self._title_at < TITLES_EACH_S:
            return
        self._new_title = None
        if title.text != self._account.state.title:
            self._title_at = now
            self._account.tell(title)
            self._account.keep(title=title.text)

    def _chunk(self, chunk: Chunk) -> None:
        if self._splice is not None:
            joined = self._splice.take(chunk.data, chunk.at)
            if joined is not None:
                self._join(joined)
            return
        kind = ring.CUT if chunk.begins_anew else ring.BYTES
        if self._is_broken:
            kind, self._is_broken = ring.BEGIN, False
        if kind != ring.BYTES:
            self._ogg, self._head = None, chunk.head
        self._sound(chunk.data, chunk.at, kind)
        self._keep_head(chunk.head)

    def _decide_splice(self, *, force: bool = False) -> None:
        if self._splice is not None:
            joined = self._splice.decide(self._now())
            if joined is None and force:
                joined = self._splice.give_up()
            if joined is not None:
                self._join(joined)

    def _join(self, joined: Joined) -> None:
        """Continue where the recorded bytes ended, or begin a new run."""
        self._splice = None
        if not joined.chunks and not joined.continues:
            return
        begins = joined.repeated or joined.chunks[0][0]
        if not joined.continues:
            # What was recorded before a start ends with the recorder that did it.
            is_old = self._ring.end == self._found_end
            self._end_run(RunEdge.RECORDER if is_old else RunEdge.CONNECTION)
        if not joined.continues or self._ogg is None:
            self._ogg = OggLinks() if begins.startswith(b"OggS") else None
            self._head = b""
            if self._ogg is not None and joined.continues:
                for _ in self._ogg.take(joined.repeated):
                    pass
                self._head = self._ogg.head
        kind = ring.BYTES if joined.continues else ring.BEGIN
        for data, at in joined.chunks:
            self._sound(data, at, kind)
            kind = ring.BYTES

    def _sound(self, data: bytes, at: float, kind: int) -> None:
        """Keep bytes of sound, and have them heard."""
        if self._ogg is None:
            self._keep(data, at, kind)
            return
        for part in self._ogg.take(data):
            self._keep(part.data, at, ring.CUT if part.begins and not kind else kind)
            kind = ring.BYTES
        self._keep_head(self._ogg.head)

    def _keep(self, data: bytes, at: float, kind: int) -> None:
        offset = self._ring.end
        end = self._ring.append(data, at, kind)
        self._last_arrival = at
        if self._run is None:
            self._run = self._begin(offset, mid_container=kind == ring.BYTES)
            kind = ring.BEGIN
        self._run.feed(data, end, at, begins_anew=kind == ring.CUT)

    def _keep_head(self, head: bytes) -> None:
        if head and head != self._head:
            self._head = head
            if self._run is not None:
                self._run.add_head(self._ring.end, head)

    # Runs

    def _begin(self, offset: int, *, mid_container: bool) -> LiveRun:
        self._begun_at = self._now()
        self._pace.receive(RUN_BYTES)
        is_hls = self._opened is not None and self._opened.is_hls
        jitter_s = 0.0 if self._opened is None else self._opened.jitter_s
        return LiveRun(
            self._plan.folder,
            self._account,
            byte_offset=offset,
            cause=self._next_cause,
            head=self._head,
            mid_container=mid_container,
            manner=Manner(jitter_s, SEGMENT_PATIENCE if is_hls else PATIENCE),
        )

    def _rewind(self, offset: int, cause: str) -> None:
        """Begin a new run with bytes that the ring already has."""
        self._next_cause = cause
        if cause != RunEdge.STALLED:
            self._account.missing_s = 0.0
        self._run = self._begin(offset, mid_container=True)
        try:
            for entry in self._ring.entries(offset):
                anew = entry.kind == ring.CUT and entry.offset > offset
                self._run.feed(entry.data, entry.end, entry.at, begins_anew=anew)
                self._last_arrival = entry.at
        except RingGone:
            return  # its beginning; the gap shows it

    def _end_run(self, cause: str) -> None:
        run, self._run = self._run, None
        if run is not None:
            self._next_cause = cause
            self._begun_at = self._now()
            self._hear(run, run.flush)
            run.conclude(run.heard_ms, cause)

    def _tick(self) -> None:
        now = self._now()
        run = self._run
        if run is None:
            self._account.away(now)
        else:
            if self._hear(run, run.tick):
                self._sound_at = now
            if run.why:
                self._follow(run)
            elif now - self._checked_at >= CHECKS_EACH_S:
                self._checked_at = now
                self._split_at_jump(run)
        self._tell_title()
        self._tell_state()
        if now - self._cleaned_at >= CLEANS_EACH_S:
            self._cleaned_at = now
            self._ring.drop_before(utc(now - self._plan.keep_hours * 3600))
            if self._run is not None:
                self._run.drop_heads_before(self._ring.begin)

    def _hear(self, run: LiveRun, listen: Callable[[float], None]) -> bool:
        """Have a run heard on; return whether it was. Count what was never heard."""
        before_ms, before = run.heard_ms, run.heard_until
        listen(self._now())
        new = run.heard_until - max(before, self._counted)
        if new > 0:
            self._counted = run.heard_until
            share = new / (run.heard_until - before)
            self._pace.hear(share * (run.heard_ms - before_ms) / 1000)
        return run.heard_ms > before_ms

    def _follow(self, run: LiveRun) -> None:
        """Go on after a listener that has ended by itself."""
        self._run = None
        self._next_cause = RunEdge.FORMAT
        reason = run.error
        if run.why == "failed":
            duration_ms, offset = run.point_before(run.decided_ms)
        else:
            duration_ms, offset = run.heard_ms, run.heard_until
        run.conclude(duration_ms, RunEdge.FORMAT)
        if offset <= run.byte_offset or duration_ms <= 0:
            raise _GivenUp(GapCause.NO_AUDIO, reason)
        self._rewind(offset, RunEdge.FORMAT)

    def _split_at_jump(self, run: LiveRun) -> None:
        jump = run.jump()
        if jump is None:
            return
        run_ms, offset = jump
        run.conclude(run_ms, RunEdge.STALLED)
        self._rewind(offset, RunEdge.STALLED)

    # What is late or away

    def _refuse_late(self, connected_at: float) -> None:
        """Give up a connection that brings too little sound."""
        newest = self._run.air_time if self._run is not None else None
        since = max(connected_at, self._begun_at, newest or 0.0)
        jitter_s = 0.0 if self._opened is None else self._opened.jitter_s
        if self._now() - since <= LATE_S + 3 * jitter_s:
            return
        if self._pace.cause == causes.TOO_FAST:
            return  # what it sent ahead was heard
        if newest is None:
            raise _GivenUp(GapCause.NO_AUDIO, causes.NO_SOUND)
        raise _GivenUp(GapCause.STALLED, causes.TOO_LITTLE)

    def _pause_s(self, failures: int) -> float:
        if self._now() - self._sound_at < SOON_S:
            return 1.0
        return float(min(MAX_PAUSE_S, 2 ** min(failures, 10)))

    def _tell_state(self) -> None:
        now = self._now()
        last = self._last_state
        recent = now - self._sound_at < AWAY_S
        if self._run is not None and self._run.is_silent and recent:
            state, reason = StreamState.SILENT, ""
        elif self._run is not None and self._run.heard_ms and recent:
            state, reason = (
                StreamState.LISTENING,
                causes.DISK_FULL if self._ring.is_failing else self._pace.cause,
            )
            self._reason = ""
        elif last is None:
            state, reason = StreamState.CONNECTING, ""
        elif (last[0] == StreamState.CONNECTING and not self._reason) or recent:
            return
        else:
            reason = self._pace.cause or self._reason or causes.NOTHING_ARRIVES
            state = StreamState.AWAY
        if last != (state, self._url, reason):
            self._last_state = (state, self._url, reason)
            self._account.tell(
                StateChanged(state=state, at=self._clock.utc(), url=self._url, cause=reason)
            )

    def _now(self) -> float:
        return self._clock.utc().timestamp()
