"""What an MPEG transport stream says beside its sound: tables, clock and scrambling.

A recording of a broadcast may change its sound on the way: another PID, another codec.
FFmpeg follows only what it saw when it opened the file, so such a recording is cut where
its table of sound changes. Scrambled packets have no readable time, but the clock of the
programme goes on beside them.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from recognition.audio.extents import Interval
from recognition.audio.formats import REVERSED_BITS, read_at
from recognition.audio.scrambled import ScrambledSound

# Packets of a transport stream, alone, after four bytes of Blu-ray and some recorders,
# and before sixteen of broadcasters.
STEPS: Final = (188, 192, 204)
PACKET: Final = 188
SYNC: Final = 0x47
# So many packets in their places are no accident.
MIN_PACKETS: Final = 5
MIN_SHARE: Final = 0.9
HEAD: Final = 1 << 16
# 2 MiB of whole packets of any step.
CHUNK: Final = 188 * 192 * 204 // 16 * 4
PAT_PID: Final = 0
# That of packets without content.
DAMAGED_PID: Final = 0x1FFF
PAT_TABLE, PMT_TABLE = 0, 2
CLOCK_HZ: Final = 90_000
CLOCK_TICKS: Final = 1 << 33
# Sound is sent at most so long before it is heard.
MOST_DELAY_S: Final = 10.0
CLOCK_BACK_S: Final = 1.0
MAX_SECTIONS: Final = 1000
MAX_INTERVALS: Final = 1000
# Stream types of sound; 6 is private data, of which descriptors say that it is sound.
SOUND_TYPES: Final = frozenset({3, 4, 0x0F, 0x11, 0x1C, *range(0x80, 0x88), 0xC1, 0xCF})
PRIVATE: Final = 6
SOUND_DESCRIPTORS: Final = frozenset({0x6A, 0x7A, 0x7B, 0x7C, 0x81, 0xCC})
REGISTRATION: Final = 5
SOUND_NAMES: Final = (b"AC-3", b"EAC3", b"Opus", b"DTS1", b"DTS2", b"DTS3", b"BSSD")

# The checksum of a whole table, with its own checksum at the end, is always the same.
CHECKED: Final = 0xFFFFFFFF

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class TransportSection:
    """A range of bytes in which the sound of the programme does not change its form.

    ``head`` is the packet that names the programmes, which may lie before.
    ``fresh`` are the PIDs whose sound begins, or changes its form, with this section,
    whose clock ``continues`` unless it begins anew.
    """

    begin: int
    end: int
    continues: bool
    head: bytes
    fresh: frozenset[int]
    scrambled: tuple[ScrambledSound, ...]


def sections_of_transport(file: BinaryIO, size: int) -> list[TransportSection]:
    """Return the sections of a transport stream, in order; none of another file."""
    layout = _layout(read_at(file, 0, HEAD))
    if layout is None:
        return []
    step, first = layout
    reader = _Reader(size)
    for at, packets in _chunks(file, step, first, size):
        reader.read(at, packets)
    return reader.finish()


def _layout(data: bytes, steps: Sequence[int] = STEPS) -> tuple[int, int] | None:
    """Return how far apart packets lie, and where the first one begins."""
    for step in steps:
        length = len(data) // step * step
        if length < MIN_PACKETS * step:
            continue
        rows = np.frombuffer(data[:length], dtype=np.uint8).reshape(-1, step)
        shares = (rows == SYNC).mean(axis=0)
        if shares.max() >= MIN_SHARE:
            return step, int(shares.argmax())
    return None


def _chunks(file: BinaryIO, step: int, at: int, size: int) -> Iterator[tuple[int, Bytes]]:
    """Yield the places and rows of packets; bytes between them are passed over."""
    length = CHUNK
    while at + PACKET <= size:
        data = read_at(file, at, length)
        if len(data) % step >= PACKET:
            data += bytes(step - len(data) % step)
        rows = np.frombuffer(data[: len(data) // step * step], dtype=np.uint8)
        rows = rows.reshape(-1, step)
        count = _aligned(rows[:, 0] == SYNC)
        if count:
            yield at, rows[:count]
            at += count * step
        # Packets begin elsewhere after lost bytes; damage is rarely alone.
        length = min(CHUNK, 2 * length)
        if count < len(rows):
            length = HEAD
            layout = _layout(read_at(file, at + 1, HEAD), (step,))
            at += HEAD if layout is None else 1 + layout[1]


def _aligned(is_packet: NDArray[np.bool_]) -> int:
    """Return after how many rows no packets begin there any more."""
    width = min(MIN_PACKETS, len(is_packet))
    lost = np.lib.stride_tricks.sliding_window_view(~is_packet, width)
    places = np.flatnonzero(lost.all(axis=1))
    return int(places[0]) if len(places) else len(is_packet)


@dataclass(frozen=True, slots=True)
class _Clock:
    """The times (PCR) that some packets state, by their rows."""

    places: NDArray[np.intp]
    times: NDArray[np.float64]

    def at(self, row: int, before_s: float | None) -> float | None:
        """Return the newest time at a row; ``before_s`` is the one before all rows."""
        number = int(np.searchsorted(self.places, row, side="right"))
        return float(self.times[number - 1]) if number else before_s

    def until(self, row: int | None) -> _Clock:
        """Return the times before a row; all for None."""
        number = len(self.places)
        if row is not None:
            number = int(np.searchsorted(self.places, row))
        return _Clock(self.places[:number], self.times[:number])


@dataclass(slots=True)
class _Sound:
    """What is known of the sound of a PID; its times are those of the clock (PCR)."""

    delay_s: float | None = None
    since_s: float | None = None
    intervals: list[Interval] = field(default_factory=list)


class _Reader:
    """Reads packets in their order, and cuts where the table of sound changes."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tables: dict[int, bytes] = {}
        self._programmes: set[int] = set()
        self._first_programmes: set[int] | None = None
        self._kinds: dict[int, frozenset[tuple[int, ...]]] = {}
        self._clocks: dict[int, int] = {}
        self._known: set[tuple[int, ...]] = set()
        self._newest_pat = b""
        self._sections: list[TransportSection] = []
        self._begin = 0
        self._pat = b""
        self._fresh: frozenset[int] = frozenset()
        self._continues = False
        self._sounds: dict[int, _Sound] = {}
        self._first_s: float | None = None
        self._now_s: float | None = None

    def read(self, at: int, rows: Bytes) -> None:
        """Take the packets that begin at the byte ``at``."""
        pids: NDArray[np.uint16] = (rows[:, 1] & 31).astype(np.uint16)
        pids = pids << np.uint16(8) | rows[:, 2].astype(np.uint16)
        pids[(rows[:, 0] != SYNC) | (rows[:, 1] & 0x80 != 0)] = DAMAGED_PID
        starts = rows[:, 1] & 0x40 != 0
        begin = 0
        while begin < len(rows):
            end = self._read_tables(rows, pids, starts, begin)
            clock = self._clock_of(rows[begin:end], pids[begin:end])
            back = self._goes_back(clock)
            stop = end if back is None else begin + back
            part = slice(begin, stop)
            self._read_sounds(rows[part], pids[part], starts[part], clock.until(back))
            if stop < len(rows):
                self._cut(at + stop * rows.shape[1], continues=back is None)
            begin = stop

    def finish(self) -> list[TransportSection]:
        """Return all sections."""
        self._cut(self._size)
        return self._sections

    def _cut(self, end: int, *, continues: bool = True) -> None:
        """End the current section; the next one begins with the newest table."""
        self._sections.append(
            TransportSection(
                self._begin, end, self._continues, self._pat, self._fresh, self._scrambled()
            )
        )
        self._begin, self._pat, self._continues = end, self._newest_pat, continues
        kinds = {kind for kinds in self._kinds.values() for kind in kinds}
        self._fresh = frozenset(kind[0] for kind in kinds - self._known)
        self._known = kinds
        self._now_s = self._now_s if continues else None
        self._first_s = self._now_s
        self._sounds = {}

    def _scrambled(self) -> tuple[ScrambledSound, ...]:
        first_s, now_s = self._first_s, self._now_s
        if first_s is None or now_s is None:
            return ()
        return tuple(
            ScrambledSound(
                pid,
                first_s + delay_s,
                now_s + delay_s,
                tuple((low + delay_s, high + delay_s) for low, high in intervals),
            )
            for pid, sound in self._sounds.items()
            for delay_s in [sound.delay_s or 0.0]
            if (intervals := _with_open_interval(sound, now_s))
        )

    # --- Tables -----------------------------------------------------------------------

    def _read_tables(
        self, rows: Bytes, pids: NDArray[np.uint16], starts: NDArray[np.bool_], begin: int
    ) -> int:
        """Return the row at which sound of another form begins, or the number of rows."""
        place = begin
        while place < len(rows):
            is_table = np.isin(pids[place:], [PAT_PID, *self._programmes])
            for row in place + np.flatnonzero(is_table & starts[place:]):
                pid, content = int(pids[row]), rows[row, 4:PACKET].tobytes()
                if pid == PAT_PID:
                    self._newest_pat = rows[row].tobytes()
                if self._tables.get(pid) == content:
                    continue
                self._tables[pid] = content
                section = _section(rows, pids, int(row))
                if pid != PAT_PID:
                    if self._takes_sound(pid, section):
                        return int(row)
                elif self._takes_programmes(section):
                    place = int(row) + 1
                    break
            else:
                return len(rows)
        return len(rows)

    def _takes_programmes(self, section: bytes) -> bool:
        """Return whether the table names programmes that were not known."""
        if section[:1] != bytes([PAT_TABLE]):
            return False
        entries = (section[place : place + 4] for place in range(8, len(section) - 3, 4))
        programmes = {(entry[2] & 31) << 8 | entry[3] for entry in entries if entry[:2] != b"\0\0"}
        if self._first_programmes is None:
            self._first_programmes = programmes
        fresh = programmes - self._programmes
        self._programmes |= programmes
        for gone in set(self._kinds) - programmes:
            del self._kinds[gone]
        return bool(fresh)

    def _takes_sound(self, pid: int, section: bytes) -> bool:
        """Return whether a programme has sound of a form that the section lacks."""
        if section[:1] != bytes([PMT_TABLE]) or len(section) < 16:
            return False
        is_first = (
            pid not in self._kinds
            and pid in (self._first_programmes or ())
            and len(self._sections) == 0
        )
        kinds = frozenset(_sound_of(section))
        self._kinds[pid] = kinds
        self._clocks[pid] = (section[8] & 31) << 8 | section[9]
        # FFmpeg finds sound that begins soon by itself.
        if is_first or not self._known or len(self._sections) >= MAX_SECTIONS:
            self._known |= kinds
        return not kinds <= self._known

    # --- Clock ------------------------------------------------------------------------

    def _clock_of(self, rows: Bytes, pids: NDArray[np.uint16]) -> _Clock:
        """Return the clock of the first programme."""
        has_clock = rows[:, 3] & 0x20 != 0
        has_clock &= (rows[:, 4] >= 7) & (rows[:, 5] & 16 != 0)
        if self._clocks:
            has_clock &= pids == next(iter(self._clocks.values()))
        places = np.flatnonzero(has_clock)
        return _Clock(places, _clock_s(rows[places]))

    def _goes_back(self, clock: _Clock) -> int | None:
        """Return where the clock begins anew beside several sounds, whose times then
        say nothing of each other.
        """
        if len({kind[0] for kind in self._known}) < 2 or not len(clock.times):
            return None
        before = clock.times[0] if self._now_s is None else self._now_s
        steps = np.diff(clock.times, prepend=before)
        back = np.flatnonzero(steps < -CLOCK_BACK_S)
        return int(clock.places[back[0]]) if len(back) else None

    def _read_sounds(
        self, rows: Bytes, pids: NDArray[np.uint16], starts: NDArray[np.bool_], clock: _Clock
    ) -> None:
        """Note when sound is scrambled."""
        if self._first_s is None and len(clock.times):
            self._first_s = float(clock.times[0])
        for pid in {kind[0] for kinds in self._kinds.values() for kind in kinds}:
            sound = self._sounds.setdefault(pid, _Sound())
            of_pid = np.flatnonzero((pids == pid) & (rows[:, 3] & 0x10 != 0))
            is_scrambled = rows[of_pid, 3] & 0xC0 != 0
            was = np.concatenate([[sound.since_s is not None], is_scrambled[:-1]])
            for row in of_pid[np.flatnonzero(is_scrambled != was)]:
                self._change(sound, clock.at(int(row), self._now_s))
            if sound.delay_s is None:
                clear = of_pid[starts[of_pid] & ~is_scrambled]
                sound.delay_s = _delay_s(rows[clear[:16]], clear, clock, self._now_s)
        if len(clock.times):
            self._now_s = float(clock.times[-1])

    def _change(self, sound: _Sound, now_s: float | None) -> None:
        """Begin or end an interval in which sound is scrambled."""
        if sound.since_s is None:
            sound.since_s = self._first_s if now_s is None else now_s
        else:
            sound.intervals = _with_open_interval(sound, now_s)[-MAX_INTERVALS:]
            sound.since_s = None


def _delay_s(
    rows: Bytes, places: NDArray[np.intp], clock: _Clock, before_s: float | None
) -> float | None:
    """Return how long after it was sent sound is heard, by its first packet."""
    for row, place in zip(rows, places, strict=False):
        stamp_s, now_s = _stamp_s(row), clock.at(int(place), before_s)
        if stamp_s is not None and now_s is not None:
            delay_s = (stamp_s - now_s) % (CLOCK_TICKS / CLOCK_HZ)
            return delay_s if delay_s <= MOST_DELAY_S else 0.0
    return None


def _with_open_interval(sound: _Sound, now_s: float | None) -> list[Interval]:
    """Return the intervals with the open one, if the clock went on in it."""
    since_s = sound.since_s
    if since_s is None or now_s is None or now_s <= since_s:
        return sound.intervals
    return [*sound.intervals, (since_s, now_s)]


def _clock_s(rows: Bytes) -> NDArray[np.float64]:
    fields = rows[:, 6:11].astype(np.int64)
    base = (
        fields[:, 0] << 25
        | fields[:, 1] << 17
        | fields[:, 2] << 9
        | fields[:, 3] << 1
        | fields[:, 4] >> 7
    )
    seconds: NDArray[np.float64] = base / CLOCK_HZ
    return seconds


def _stamp_s(packet: Bytes) -> float | None:
    """Return the time at which the sound of a packet is heard, if it states one."""
    data = _payload(packet)
    if data[:3] != b"\0\0\1" or len(data) < 14 or not data[7] & 0x80:
        return None
    high, low = data[9] >> 1 & 7, int.from_bytes(data[12:14]) >> 1
    ticks = high << 30 | int.from_bytes(data[10:12]) >> 1 << 15 | low
    return ticks / CLOCK_HZ


def _payload(packet: Bytes) -> bytes:
    data = packet[:PACKET].tobytes()
    has_content, has_more = data[3] & 0x10, data[3] & 0x20
    return data[4 + (1 + data[4] if has_more else 0) :] if has_content else b""


def _section(rows: Bytes, pids: NDArray[np.uint16], row: int) -> bytes:
    """Return the table that begins in a packet, or nothing if it is damaged."""
    data = _payload(rows[row])
    data = data[1 + data[0] :] if data else b""
    if len(data) < 3:
        return b""
    length = 3 + ((data[1] & 15) << 8 | data[2])
    for following in row + 1 + np.flatnonzero(pids[row + 1 :] == pids[row]):
        if len(data) >= length or rows[following, 1] & 0x40:
            break
        data += _payload(rows[following])
    whole = data[:length].translate(REVERSED_BITS)
    is_whole = len(whole) == length and zlib.crc32(whole) == CHECKED
    return data[: length - 4] if is_whole else b""


def _sound_of(section: bytes) -> Iterator[tuple[int, ...]]:
    """Yield PID, type and descriptors of codecs for each sound of a programme."""
    at = 12 + ((section[10] & 15) << 8 | section[11])
    while at + 5 <= len(section):
        kind, pid = section[at], (section[at + 1] & 31) << 8 | section[at + 2]
        length = (section[at + 3] & 15) << 8 | section[at + 4]
        described = section[at + 5 : at + 5 + length]
        codecs = tuple(_codecs(described)) if kind == PRIVATE else ()
        if kind in SOUND_TYPES or codecs:
            yield pid, kind, *codecs
        at += 5 + length


def _codecs(described: bytes) -> Iterator[int]:
    at = 0
    while at + 2 <= len(described):
        tag, length = described[at], described[at + 1]
        name = described[at + 2 : at + 6]
        if tag in SOUND_DESCRIPTORS:
            yield tag
        elif tag == REGISTRATION and name in SOUND_NAMES:
            yield int.from_bytes(name)
        at += 2 + length
