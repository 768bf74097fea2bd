"""On Linux, forbid system calls that decoding never needs.

A denied call fails with EPERM: no new files, network, programs, or signals to other
processes. On other kernels and architectures nothing happens, and the other limits
stand alone.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from typing import Final

PR_SET_SECCOMP: Final = 22
SECCOMP_MODE_FILTER: Final = 2
RET_ALLOW: Final = 0x7FFF0000
RET_ERRNO: Final = 0x00050000

LOAD_WORD: Final = 0x20
JUMP_EQUAL: Final = 0x15
JUMP_GREATER_EQUAL: Final = 0x35
RETURN: Final = 0x06
OFFSET_NUMBER: Final = 0
OFFSET_ARCH: Final = 4
# x32 calls of a 64-bit kernel have this bit; their numbers would bypass the list.
X32_BIT: Final = 0x40000000

# linux/audit.h
ARCHES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# From asm/unistd_64.h and asm-generic/unistd.h.
DENIED: Final = {
    "x86_64": {
        "open": 2, "socket": 41, "connect": 42, "socketpair": 53, "fork": 57,
        "vfork": 58, "execve": 59, "kill": 62, "rename": 82, "mkdir": 83, "rmdir": 84,
        "creat": 85, "link": 86, "unlink": 87, "symlink": 88, "chmod": 90,
        "chown": 92, "ptrace": 101, "setpgid": 109, "setsid": 112, "rt_sigqueueinfo": 129, "mknod": 133,
        "mount": 165, "tkill": 200, "tgkill": 234, "openat": 257, "mkdirat": 258,
        "mknodat": 259, "unlinkat": 263, "renameat": 264, "linkat": 265,
        "symlinkat": 266, "fchmodat": 268, "unshare": 272, "prlimit64": 302,
        "process_vm_readv": 310, "process_vm_writev": 311, "renameat2": 316,
        "bpf": 321, "execveat": 322, "pidfd_send_signal": 424, "io_uring_setup": 425,
        "clone3": 435, "openat2": 437,
    },
    "aarch64": {
        "mknodat": 33, "mkdirat": 34, "unlinkat": 35, "symlinkat": 36, "linkat": 37,
        "renameat": 38, "mount": 40, "fchmodat": 53, "openat": 56, "unshare": 97,
        "ptrace": 117, "kill": 129, "tkill": 130, "tgkill": 131,
        "rt_sigqueueinfo": 138, "setpgid": 154, "setsid": 157, "socket": 198, "socketpair": 199, "connect": 203,
        "execve": 221, "prlimit64": 261, "process_vm_readv": 270,
        "process_vm_writev": 271, "renameat2": 276, "bpf": 280, "execveat": 281,
        "pidfd_send_signal": 424, "io_uring_setup": 425, "clone3": 435, "openat2": 437,
    },
}  # fmt: skip


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def forbid(libc: ctypes.CDLL) -> bool:
    """Install the filter for good; return whether it is active. Needs no_new_privs."""
    machine = platform.machine()
    if machine not in ARCHES:
        return False
    code = _filter(ARCHES[machine], sorted(DENIED[machine].values()))
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    answer: int = libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)
    return answer == 0


def _filter(arch: int, denied: list[int]) -> bytes:
    """Return a BPF program that denies other architectures, x32 and ``denied`` calls."""
    deny = len(denied)
    lines = [
        (LOAD_WORD, 0, 0, OFFSET_ARCH),
        (JUMP_EQUAL, 0, deny + 3, arch),
        (LOAD_WORD, 0, 0, OFFSET_NUMBER),
        (JUMP_GREATER_EQUAL, deny + 1, 0, X32_BIT),
        *((JUMP_EQUAL, deny - at, 0, number) for at, number in enumerate(denied)),
        (RETURN, 0, 0, RET_ALLOW),
        (RETURN, 0, 0, RET_ERRNO | errno.EPERM),
    ]
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
