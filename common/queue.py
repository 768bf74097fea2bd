"""The worker's own name, as it stands in leases."""

from __future__ import annotations

import os
import socket


def worker_name() -> str:
    """Return host and process id: unique among the workers alive."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]
