"""Take rights away from the running process before it reads untrusted media."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from recognition.isolation import seccomp

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
OPEN_FILES = 32
# Time between SIGXCPU, which names the cause, and SIGKILL.
KILL_AFTER_S = 5


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may use from now on; memory is in addition to the current use."""

    memory_bytes: int
    cpu_s: int
    output_bytes: int


def confine(limits: Limits) -> None:
    """Set limits that last for the rest of the process's life."""
    _limit(resource.RLIMIT_CORE, 0)
    statm = Path("/proc/self/statm")
    used_bytes = 4 << 30
    if statm.exists():
        used_bytes = int(statm.read_text().split()[0]) * resource.getpagesize()
    _limit(resource.RLIMIT_AS, used_bytes + limits.memory_bytes)
    _limit(resource.RLIMIT_CPU, limits.cpu_s, KILL_AFTER_S)
    # Address space, not resident memory: Linux does not enforce a limit on the latter.
    _limit(resource.RLIMIT_FSIZE, limits.output_bytes)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        seccomp.forbid(libc)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    # The parent may have died before the request took effect.
    if os.getppid() != parent:
        os._exit(1)


def _limit(which: int, value: int, grace: int = 0) -> None:
    hard = resource.getrlimit(which)[1]
    most = value + grace
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(which, (min(value, most), most))
