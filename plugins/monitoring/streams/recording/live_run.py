"""One run while it goes on: its listener, its clock, its landmarks."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from base.common.uid import new_uid
from plugins.monitoring.streams.choices import GapCause
from plugins.monitoring.streams.recording import causes
from plugins.monitoring.streams.recording.account import Account
from plugins.monitoring.streams.recording.events import Anchored, Gap, RunEnded, RunGrew, RunStarted
from plugins.monitoring.streams.recording.landmark_log import LandmarkLog
from plugins.monitoring.streams.recording.ring import utc
from plugins.monitoring.streams.recording.run_clock import RunClock
from plugins.monitoring.streams.recording.run_files import RunFacts, RunFiles
from plugins.monitoring.streams.recording.silence import SilenceWatch
from recognition.streaming.listener import HeardSound, Listener
from recognition.streaming.pieces import RunPiece

POINT_MS: Final = 1_000
# Points in memory reach back as far as a run may still be cut.
POINTS_KEPT: Final = 600
# The end of a burst tells the time, and the sound after it confirms it.
SETTLES_S: Final = 2.0
ANCHORS_EACH_S: Final = 5.0
# So far the least delay must rise to mean missing sound: no time may be wrong by more.
JUMP_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Manner:
    """How a stream arrives: how unevenly, and with how much between its sound."""

    jitter_s: float
    patience_bytes: int


class LiveRun:
    """Samples without a break, from a byte of the ring on.

    ``head`` is what a decoder needs first where the run begins in mid-container.
    """

    def __init__(
        self,
        folder: Path,
        account: Account,
        *,
        byte_offset: int,
        cause: str,
        head: bytes,
        mid_container: bool,
        manner: Manner,
    ) -> None:
        self.uid = new_uid("sr")
        self.cause = cause
        self.byte_offset = byte_offset
        self._folder = folder
        self._account = account
        self._log = LandmarkLog(folder, self.uid)
        self._files = RunFiles(folder, self.uid)
        self._mid_container = mid_container
        if head:
            self.add_head(byte_offset, head)
        self._silence = SilenceWatch()
        self._clock = RunClock(JUMP_S + manner.jitter_s)
        self._arrivals: deque[tuple[int, float]] = deque()
        self._points: deque[tuple[int, int]] = deque(maxlen=POINTS_KEPT)
        self._pointed_ms = -POINT_MS
        self._first_heard_s: float | None = None
        self._settles_s = SETTLES_S + 1.5 * manner.jitter_s
        self._anchored_s = 0.0
        self._heard: HeardSound | None = None
        self._is_announced = False
        self.decided_ms = 0
        self._listener = Listener(patience_bytes=manner.patience_bytes)
        self._fed_base = byte_offset
        if mid_container and head:
            self._fed_base -= len(head)
            self._listener.feed(head)

    @property
    def heard_ms(self) -> int:
        """How much is decoded."""
        return 0 if self._heard is None else self._heard.duration_ms

    @property
    def heard_until(self) -> int:
        """The ring's offset after the last byte that gave sound."""
        if self._heard is None:
            return self.byte_offset
        return max(self.byte_offset, self._fed_base + self._heard.byte)

    @property
    def air_time(self) -> float | None:
        """UTC in seconds of the newest sound, if there is any."""
        return self._clock.at(self.heard_ms) if self._clock.is_set else None

    @property
    def bytes_per_s(self) -> float:
        """The mean rate of the run, 0 if nothing is heard."""
        ms = self.heard_ms
        return (self.heard_until - self.byte_offset) * 1000 / ms if ms else 0.0

    @property
    def is_silent(self) -> bool:
        """Whether the last seconds were silent."""
        return self._silence.is_silent

    @property
    def why(self) -> str:
        """Why the listener ended; empty while it listens."""
        return self._listener.why

    @property
    def error(self) -> str:
        """What the listener reports, for people."""
        error = self._listener.error
        return causes.of_listener(error) if error is not None else causes.NOT_DECODED

    def feed(self, data: bytes, end: int, at: float, *, begins_anew: bool) -> None:
        """Give bytes that end at the ring's offset ``end`` and arrived at ``at``."""
        self._arrivals.append((end, at))
        if begins_anew:
            self._listener.cut()
        self._listener.feed(data)

    def add_head(self, offset: int, head: bytes) -> None:
        """Store the bytes that a decoder needs before those from an offset on."""
        self._files.add_head(offset, head)

    def drop_heads_before(self, offset: int) -> None:
        """Delete the heads that no byte from an offset on needs."""
        self._files.drop_heads_before(offset)

    def tick(self, now: float) -> None:
        """Read the listener's messages and report their consequences."""
        self._take_all(self._listener.take(), now)
        first = self._first_heard_s
        settled = first is not None and now - first >= self._settles_s
        if settled and self._clock.is_set and not self._is_announced:
            self._tell()
            if self.decided_ms:
                self._tell_growth()
        if self._is_announced and now - self._anchored_s >= ANCHORS_EACH_S:
            self._anchored_s = now
            self._tell_anchors()

    def flush(self, now: float) -> None:
        """Have the listener decode all it was given, and end it."""
        self._take_all(self._listener.finish(), now)

    def jump(self) -> tuple[int, int] | None:
        """Return (run_ms, offset) before which sound is missing, if it is."""
        jump = self._clock.jump()
        return None if jump is None or jump[0] > self.decided_ms else jump

    def point_before(self, run_ms: int) -> tuple[int, int]:
        """Return the last (run_ms, offset) known at or before a moment."""
        points = [point for point in self._points if point[0] <= run_ms]
        return points[-1] if points else (0, self.byte_offset)

    def conclude(self, duration_ms: int, cause: str) -> None:
        """Tell of the run's end at ``duration_ms``; nothing if it has no sound."""
        self.close()
        if duration_ms <= 0 or not self._clock.is_set:
            shutil.rmtree(self._files.folder, ignore_errors=True)
            return
        if duration_ms < self.heard_ms:
            self._clock.forget_after(duration_ms)
        if not self._is_announced:
            self._tell()
        self._tell_anchors()
        for start_ms, end_ms in self._silence.end():
            self._tell_silence(start_ms, min(end_ms, duration_ms))
        self._account.run_ended(
            RunEnded(
                run=self.uid,
                at=utc(self._clock.at(duration_ms)),
                duration_ms=duration_ms,
                cause=cause,
            )
        )

    def close(self) -> None:
        """End the listener without waiting for it."""
        self._listener.close()
        self._log.close()
        self._files.close()

    def _take_all(self, messages: Iterator[RunPiece | HeardSound], now: float) -> None:
        for message in messages:
            if isinstance(message, HeardSound):
                self._take_heard(message, now)
            else:
                self._take_piece(message)

    def _take_heard(self, heard: HeardSound, now: float) -> None:
        if heard.duration_ms and self._first_heard_s is None:
            self._first_heard_s = now
        self._heard = heard
        for run_ms, byte, arrived in heard.points:
            offset = max(self.byte_offset, self._fed_base + byte)
            last = max(self.byte_offset, self._fed_base + arrived)
            while len(self._arrivals) > 1 and self._arrivals[0][0] < last:
                self._arrivals.popleft()
            self._clock.add(run_ms, offset, self._arrivals[0][1])
            self._points.append((run_ms, offset))
            if run_ms - self._pointed_ms >= POINT_MS:
                self._pointed_ms = run_ms
                self._files.add_point(run_ms, offset)

    def _take_piece(self, piece: RunPiece) -> None:
        self._log.append(piece)
        self.decided_ms = piece.duration_ms
        level_map = piece.fingerprint().level_map
        if level_map is not None:
            for start_ms, end_ms in self._silence.take(piece.first_row, level_map):
                self._tell_silence(start_ms, end_ms)
        if self._is_announced:
            self._tell_growth()

    def _tell_growth(self) -> None:
        at = self._clock.at(self.decided_ms)
        self._account.tell(RunGrew(run=self.uid, duration_ms=self.decided_ms, at=utc(at)))
        self._account.keep(zero_at=at - self.decided_ms / 1000)

    def _tell(self) -> None:
        heard = self._heard
        if heard is None:
            return
        self._is_announced = True
        starts_at = self._clock.at(0)
        self._files.save(
            RunFacts(
                run=self.uid,
                starts_at=starts_at,
                codec=heard.codec,
                container=heard.container,
                sample_rate=heard.sample_rate,
                channels=heard.channels,
                byte_offset=self.byte_offset,
                cause=self.cause,
                mid_container=self._mid_container,
            )
        )
        self._account.run_started(
            RunStarted(
                run=self.uid,
                at=utc(starts_at),
                codec=heard.codec,
                sample_rate=heard.sample_rate,
                channels=heard.channels,
                byte_offset=self.byte_offset,
                cause=self.cause,
            )
        )
        self._tell_anchors()

    def _tell_anchors(self) -> None:
        for run_ms, at in self._clock.new_anchors():
            self._account.tell(Anchored(run=self.uid, run_ms=run_ms, at=utc(at)))

    def _tell_silence(self, start_ms: int, end_ms: int) -> None:
        if start_ms < end_ms:
            self._account.tell(
                Gap(
                    start=utc(self._clock.at(start_ms)),
                    end=utc(self._clock.at(end_ms)),
                    cause=GapCause.SILENT,
                    is_exact=True,
                )
            )
