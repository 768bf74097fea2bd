"""Runs one worker on one core, on queues of the measurement.

``python -m benchmarks.pinned_worker CORE PREFIX``; its child processes stay on the core
too.
"""

from __future__ import annotations

import os
import sys

# Set before NumPy and Numba load: one core, one thread.
for _name in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"


def main(core: str, queue: str) -> None:
    """Work until the process is told to stop."""
    os.sched_setaffinity(0, {int(core)})
    import django
    from django.core.management import call_command

    django.setup()
    from base.jobs import broker

    broker.PREFIX = queue
    call_command("worker")


if __name__ == "__main__":
    main(*sys.argv[1:3])
