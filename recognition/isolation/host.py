"""The process that has everything loaded and forks a child for each job.

``client`` starts it as ``python -m recognition.isolation.host FD JOBS``, or forks it from
a command that runs no threads. The module JOBS provides ``JOBS``, the functions by job
name, and ``warm``. A fork from here takes milliseconds where a new interpreter takes a
second, and is safe whatever threads the caller runs. The host ends when its caller ends,
and kills its children.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Final

from recognition.isolation import child as child_process
from recognition.isolation import confine, wire
from recognition.isolation.child import Job

CONTROL_BYTES: Final = 1


class HostServer:
    """Accepts jobs on ``control``; each job arrives as two sockets.

    The child talks to the caller over the first. The host keeps the second: the caller
    closes it to have the child killed, and reads the child's exit code from it.
    """

    def __init__(self, control: socket.socket, jobs: Mapping[str, Job]) -> None:
        self._control = control
        self._jobs = jobs
        self._children: dict[int, socket.socket] = {}
        self._selector = selectors.DefaultSelector()
        self._woken, waker = socket.socketpair()
        self._woken.setblocking(False)
        waker.setblocking(False)
        self._waker = waker
        # Only the wakeup descriptor matters, but SIGCHLD must have a handler to use it.
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
        self._watch(control, self._accept)
        self._watch(self._woken, self._reap)

    def serve(self) -> None:
        """Run until the caller is gone."""
        while self._control.fileno() >= 0:
            for key, _ in self._selector.select():
                key.data()

    def _watch(self, sock: socket.socket, react: Callable[[], None]) -> None:
        self._selector.register(sock, selectors.EVENT_READ, react)

    def _accept(self) -> None:
        data, fds, _, _ = socket.recv_fds(self._control, CONTROL_BYTES, 2)
        if not data:
            for child in self._children:
                _kill_tree(child)
            self._control.close()
            return
        talk, status = (socket.socket(fileno=fd) for fd in fds)
        host = os.getpid()
        child = os.fork()
        if child == 0:
            self._become_child(talk, host)
        talk.close()
        self._children[child] = status
        self._watch(status, lambda: self._kill(child))

    def _become_child(self, talk: socket.socket, host: int) -> None:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            confine.die_with_parent(host)
            os.setsid()
            # Close the sockets that belong to the host and to other children.
            self._selector.close()
            for sock in (self._control, self._woken, self._waker):
                sock.close()
            for sock in self._children.values():
                sock.close()
            os.closerange(3, talk.fileno())
            child_process.run(talk, self._jobs)
            code = 0
        except BrokenPipeError:  # the caller no longer wants the result
            code = 0
        except Exception:  # noqa: BLE001  the outermost frame of this process
            traceback.print_exc()
        finally:
            os._exit(code)

    def _kill(self, child: int) -> None:
        if child not in self._children:  # already reaped in this round
            return
        self._selector.unregister(self._children[child])
        _kill_tree(child)

    def _reap(self) -> None:
        self._woken.recv(4096)
        while self._children:
            child, status = os.waitpid(-1, os.WNOHANG)
            if child == 0:
                return
            sock = self._children.pop(child)
            _kill_group(child)
            if sock in self._selector.get_map():
                self._selector.unregister(sock)
            with contextlib.suppress(OSError):
                sock.send(wire.STATUS.pack(os.waitstatus_to_exitcode(status)))
            sock.close()


def _kill_tree(child: int) -> None:
    os.kill(child, signal.SIGKILL)
    _kill_group(child)


def _kill_group(child: int) -> None:
    """Kill what the child may have started; it leads a process group of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)


def serve(control: socket.socket, jobs_module: str) -> None:
    """Load a module's jobs and serve the other end of ``control`` until it is gone."""
    # Signals to the caller's process group: the caller may want to finish its jobs first.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    jobs = importlib.import_module(jobs_module)
    jobs.warm()
    # Freeze loaded objects, so that a child's collector does not copy shared pages.
    gc.freeze()
    HostServer(control, jobs.JOBS).serve()


def fork(control: socket.socket, jobs_module: str) -> int:
    """Serve ``control`` in a fork of this process, which runs no other thread.

    Returns the fork's process id.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        nothing = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1):
            os.dup2(nothing, standard)
        os.closerange(3, control.fileno())
        os.closerange(control.fileno() + 1, os.sysconf("SC_OPEN_MAX"))
        serve(control, jobs_module)
        code = 0
    except Exception:  # noqa: BLE001  the outermost frame of this process
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])), sys.argv[2])
