"""The caller's side: start the host on first use and run jobs in its children."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Final, Self

from recognition import interrupts, jit
from recognition.errors import DecodeFailed, OutOfLimits, RecognitionError, UnsupportedMedia
from recognition.isolation import host, wire
from recognition.isolation.wire import MessageKind
from recognition.limits import DecodeLimits

# Includes Numba's compilation, which the first job of a new installation waits for.
START_S: Final = 180.0
MEDIA_JOBS: Final = "recognition.jobs"
ANALYSIS_JOBS: Final = "recognition.analysis_jobs"
STATUS_S: Final = 10.0
# Wall time also counts waiting for a core and for the disk.
WALL_PER_CPU: Final = 2

OnMessage = Callable[[MessageKind, bytes], None]


class _HostLost(DecodeFailed):
    """The host died before a job began; a new host can take it."""


class HostProcess:
    """One host process; ``run`` may be called from several threads."""

    def __init__(self, jobs: str = MEDIA_JOBS, *, forked: bool = False) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process: _Fork | subprocess.Popen[bytes] = (
                _Fork(theirs, jobs) if forked else _start(theirs, jobs)
            )
        self._control = ours
        self._lock = threading.Lock()
        self._owner = os.getpid()

    @property
    def usable(self) -> bool:
        """Whether it can take jobs from this process, which may be a fork."""
        return self._owner == os.getpid() and self._process.poll() is None

    def start(self) -> tuple[socket.socket, socket.socket]:
        """Fork a child; return the socket to talk to it and the one that keeps it
        alive.
        """
        talk, their_talk = socket.socketpair()
        status, their_status = socket.socketpair()
        with their_talk, their_status, self._lock:
            fds = [their_talk.fileno(), their_status.fileno()]
            try:
                socket.send_fds(self._control, [b"j"], fds)
            except OSError as error:
                talk.close()
                status.close()
                raise _HostLost(f"The decoding process was lost: {error}.") from error
        return talk, status

    def close(self) -> None:
        """Close the control socket, which ends the host."""
        self._control.close()
        if self._owner == os.getpid():
            self._process.wait()


def _start(control: socket.socket, jobs: str) -> subprocess.Popen[bytes]:
    # Each child uses one core; several run side by side.
    package_parent = str(Path(__file__).resolve().parents[2])
    path = os.environ.get("PYTHONPATH")
    environment = os.environ | {
        "PYTHONPATH": f"{package_parent}{os.pathsep}{path}" if path else package_parent,
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    module = "recognition.isolation.host"
    return subprocess.Popen(  # noqa: S603  our own module
        [sys.executable, "-m", module, str(control.fileno()), jobs],
        pass_fds=[control.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        env=environment,
    )


class _Fork:
    """A host that is a fork of this process; as much of ``Popen`` as is needed."""

    def __init__(self, control: socket.socket, jobs: str) -> None:
        self._pid = host.fork(control, jobs)
        self._ended = False

    def poll(self) -> int | None:
        """Return a number if the host has ended."""
        return self._wait(os.WNOHANG)

    def wait(self) -> int | None:
        """Wait until it ends."""
        return self._wait(0)

    def _wait(self, options: int) -> int | None:
        if not self._ended:
            self._ended = os.waitpid(self._pid, options)[0] != 0
        return 0 if self._ended else None


_host: HostProcess | None = None
_host_lock = threading.Lock()


def run(
    request: dict[str, Any], files: Sequence[int], *, wall_s: float, on_message: OnMessage
) -> None:
    """Run one job in a child, which gets ``request`` and duplicates of ``files``.

    ``on_message`` takes the child's messages; if it raises, the child is killed. Raises
    the error that the child reports, or ``DecodeFailed`` if it dies.
    """
    try:
        _attempt(_current_host(), request, files, wall_s, on_message)
    except _HostLost:  # the job had not begun, so it can run again
        stop()
        _attempt(_current_host(), request, files, wall_s, on_message)


def run_once(
    request: dict[str, Any],
    files: Sequence[int],
    *,
    jobs: str,
    wall_s: float,
    on_message: OnMessage,
) -> None:
    """Run one job of the module ``jobs`` in a host of its own, like ``run``.

    The host ends with the job: for rare work that needs nothing kept warm.
    """
    host = HostProcess(jobs)
    try:
        _attempt(host, request, files, wall_s, on_message)
    finally:
        host.close()


def open_media(path: Path) -> BinaryIO:
    """Open a file for a child; it must be a regular file."""
    file = path.open("rb")
    if not stat.S_ISREG(path.stat().st_mode):
        file.close()
        raise UnsupportedMedia("This is not a regular file.")
    return file


def wall_s(limits: DecodeLimits) -> float:
    """Return the wall-clock limit, in seconds, of a child with these limits."""
    return 60.0 + WALL_PER_CPU * limits.max_cpu_s


def prepare_fork() -> None:
    """Make a fork of this process, which must run no other thread, the host.

    So a command that ends soon loads Numba once, for the host and for its own work. This
    host analyses media and does nothing else.
    """
    global _host
    jit.load_compiler()
    with _host_lock:
        _host = HostProcess(ANALYSIS_JOBS, forked=True)


def stop() -> None:
    """End the host; a later job starts a new one."""
    global _host
    with _host_lock:
        if _host is not None:
            _host.close()
        _host = None


atexit.register(stop)


class RunningChild:
    """A child that works on a request; a context manager that ends it."""

    def __init__(self, host: HostProcess, request: dict[str, Any], files: Sequence[int]) -> None:
        self._talk, self._status = host.start()
        self.started = False
        try:
            wire.send_request(self._talk, request, files)
        except ConnectionError:
            ended = _failure_of_child(self._status, self.started)
            self.close()
            raise ended from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Kill the child unless it has ended."""
        self._status.close()
        self._talk.close()

    def fileno(self) -> int:
        """Return what becomes readable when the child says something."""
        return self._talk.fileno()

    def next(self, deadline: float) -> tuple[MessageKind, bytes] | None:
        """Return the child's next message, or None when it is done.

        Raises the error that the child reports, ``DecodeFailed`` if it dies, and
        ``OutOfLimits`` after ``deadline``, on the clock of ``time.monotonic``.
        """
        message = _next(self._talk, deadline)
        if message is None:
            raise _failure_of_child(self._status, self.started)
        kind, body = message
        if kind is MessageKind.DONE:
            return None
        if kind is MessageKind.FAILURE:
            raise _reported(body)
        self.started = self.started or kind is MessageKind.STARTED
        return message


def begin(request: dict[str, Any], files: Sequence[int]) -> RunningChild:
    """Start a job in a child that the caller talks with while it works."""
    try:
        return RunningChild(_current_host(), request, files)
    except _HostLost:
        stop()
        return RunningChild(_current_host(), request, files)


def _attempt(
    host: HostProcess,
    request: dict[str, Any],
    files: Sequence[int],
    wall_s: float,
    on_message: OnMessage,
) -> None:
    deadline = time.monotonic() + START_S
    with RunningChild(host, request, files) as child:
        # The clock of the job starts with it: a cold host may take minutes to compile.
        while (message := child.next(deadline)) is not None:
            interrupts.look()
            kind, body = message
            if kind is MessageKind.STARTED:
                deadline = time.monotonic() + wall_s
                continue
            try:
                on_message(kind, body)
            except wire.BrokenMessage as error:
                raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error


def _current_host() -> HostProcess:
    global _host
    with _host_lock:
        if _host is None or not _host.usable:
            if _host is not None:
                _host.close()
            _host = HostProcess()
        return _host


def _next(talk: socket.socket, deadline: float) -> tuple[MessageKind, bytes] | None:
    try:
        return wire.receive(talk, deadline)
    except TimeoutError:
        raise OutOfLimits("Decoding took too long and was stopped.") from None
    except wire.BrokenMessage as error:
        raise DecodeFailed(f"The decoding process misbehaved: {error}.") from error


def _reported(body: bytes) -> RecognitionError:
    try:
        return wire.failure_from_json(body)
    except (ValueError, KeyError, TypeError) as error:
        return DecodeFailed(f"The decoding process misbehaved: {error}.")


def _failure_of_child(status: socket.socket, started: bool) -> DecodeFailed:
    """Return the error for a child that ended without reporting one."""
    status.settimeout(STATUS_S)
    try:
        packed = status.recv(wire.STATUS.size)
    except OSError:
        packed = b""
    if len(packed) != wire.STATUS.size:
        lost = DecodeFailed if started else _HostLost
        return lost("The decoding process could not be started or was lost.")
    code = wire.STATUS.unpack(packed)[0]
    if code == -signal.SIGXCPU:
        return OutOfLimits("Decoding took more processor time than allowed.")
    if code < 0:
        return DecodeFailed(f"Decoding crashed or was killed ({signal.Signals(-code).name}).")
    return DecodeFailed(f"The decoding process ended with code {code}.")
