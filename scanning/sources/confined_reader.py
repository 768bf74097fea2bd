"""Runs the link reader with resource limits and the portal's proxy as only server.

Usage: ``confined_reader.py MEMORY CPU FILE_SIZE OPEN_FILES PORT module NAME
[ARGUMENT…]``, or ``program`` and its path. It imports only the standard library, because
the child process has no access to the portal's packages.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import runpy
import signal
import struct
import sys
from typing import Final, NoReturn

PR_SET_PDEATHSIG: Final = 1
PR_SET_NO_NEW_PRIVS: Final = 38
# From linux/landlock.h; the numbers are the same on every processor.
LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446
LANDLOCK_VERSION: Final = 1
LANDLOCK_KNOWS_TCP: Final = 4
LANDLOCK_CONNECT_TCP: Final = 2
LANDLOCK_RULE_PORT: Final = 2

_PROXY_HOST: Final = "127.0.0.1"
# Python audit events for other ways to a server, and for programs that would have them.
_FORBIDDEN: Final = frozenset(
    {
        "socket.gethostbyname",
        "socket.gethostbyaddr",
        "socket.getnameinfo",
        "socket.sendto",
        "socket.sendmsg",
        "subprocess.Popen",
        "pty.spawn",
        "os.system",
        "os.exec",
        "os.fork",
        "os.forkpty",
        "os.posix_spawn",
        "os.spawn",
    }
)


def set_ceilings(memory: int, cpu: int, file_size: int, open_files: int) -> None:
    """Limit the resources of this process and its children."""
    for kind, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NOFILE, open_files),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (most, most))


def end_with_parent() -> None:
    """Have the kernel kill this process when its parent dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def connect_only_to(port: int) -> bool:
    """Have the kernel refuse TCP connections to other ports, also after an exec.

    Return whether it does: this needs Linux 6.7 or newer with Landlock enabled.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    version = libc.syscall(LANDLOCK_CREATE_RULESET, None, 0, LANDLOCK_VERSION)
    if version < LANDLOCK_KNOWS_TCP:
        return False
    handled = struct.pack("=QQ", 0, LANDLOCK_CONNECT_TCP)
    rules = libc.syscall(LANDLOCK_CREATE_RULESET, handled, len(handled), 0)
    if rules < 0:
        return False
    rule = struct.pack("=QQ", LANDLOCK_CONNECT_TCP, port)
    libc.syscall(LANDLOCK_ADD_RULE, rules, LANDLOCK_RULE_PORT, rule, 0)
    restricted = libc.syscall(LANDLOCK_RESTRICT_SELF, rules, 0)
    os.close(rules)
    return bool(restricted == 0)


def guard_python(port: int) -> None:
    """Make this interpreter refuse connections past the proxy, permanently."""

    def refuse(event: str, arguments: tuple[object, ...]) -> None:
        allowed = (
            arguments[1] == (_PROXY_HOST, port)
            if event == "socket.connect"
            else arguments[0] in (_PROXY_HOST, None)
            if event == "socket.getaddrinfo"
            else event not in _FORBIDDEN
        )
        if not allowed:
            raise PermissionError(errno.EACCES, f"{event}: only the proxy is reachable")

    sys.addaudithook(refuse)


def main(arguments: list[str]) -> NoReturn:
    """Drop all rights, then run the reader."""
    memory, cpu, file_size, open_files, port = (int(number) for number in arguments[:5])
    kind, name, *options = arguments[5:]
    end_with_parent()
    set_ceilings(memory, cpu, file_size, open_files)
    connect_only_to(port)
    if kind == "program":
        os.execvp(name, [name, *options])  # noqa: S606 - the operator's program
    guard_python(port)
    sys.argv = [name, *options]
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    sys.exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
