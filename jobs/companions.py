"""What every worker process does beside its jobs, such as following the catalogue.

Regular work (``periodic``) runs once for all machines; this runs on each of them.
"""

from __future__ import annotations

import logging
import threading
from time import sleep

from django.db import connection
from django.utils.module_loading import import_string

from jobs import draining

logger = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0

_paths: list[str] = []


def beside_jobs(path: str) -> None:
    """Register a function without arguments, by its path, to be called each second."""
    _paths.append(path)


def start() -> threading.Thread:
    """Call the registered functions in a thread until the worker is stopping."""
    thread = threading.Thread(target=_run, name="beside jobs", daemon=True)
    thread.start()
    return thread


def call_each() -> None:
    """Call the registered functions once."""
    for path in _paths:
        try:
            import_string(path)()
        except Exception:  # the worker must survive, as an outage of the database
            logger.exception("%s failed; it is called again", path)


def _run() -> None:
    while not draining.seconds():
        call_each()
        # Children of a worker are forked at any time, without a connection.
        connection.close()
        sleep(_PAUSE_SECONDS)
