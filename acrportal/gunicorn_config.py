"""gunicorn's settings: ``gunicorn --config python:acrportal.gunicorn_config``.

``manage.py serve``, the systemd unit and the container use them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import Any

from recognition.isolation import confine

_MOST_PROCESSES = 4
_METRICS = "PROMETHEUS_MULTIPROC_DIR"

wsgi_app = "acrportal.wsgi:application"
logger_class = "acrportal.web_worker.RedactingLogger"
worker_class = "acrportal.web_worker.PatientWorker"
# Python runs one thread of a process at a time, so a process for each core.
# gunicorn itself reads WEB_CONCURRENCY, too.
workers = int(os.environ.get("WEB_CONCURRENCY") or min(_MOST_PROCESSES, os.cpu_count() or 1))
# Few, since only one runs at a time: long pages would wait for each other's pieces.
threads = max(2, max(4, 2 * (os.cpu_count() or 1)) // workers)
# Half the usual limit of open files per process.
worker_connections = 500
# As nginx has it. Programs poll every few seconds on one connection, and one that is
# closed just as they ask breaks their call. Idle ones make room for others.
keepalive = 75
# A hundred comma-separated file ids fit into one URL.
limit_request_line = 8190
timeout = 120
graceful_timeout = 10
loglevel = "warning"


def on_starting(_server: Any) -> None:  # Any: gunicorn is not typed
    """Make the folder in whose files the processes add up their request times."""
    # prometheus_client reads this name.
    os.environ[_METRICS] = tempfile.mkdtemp(prefix="acrportal-metrics-")


def post_fork(_server: Any, worker: Any) -> None:  # Any: as above
    """End each process with the first one, which may be killed; nobody else would."""
    confine.die_with_parent(worker.ppid)


def on_exit(_server: Any) -> None:  # Any: as above
    """Remove the files of the request times."""
    shutil.rmtree(os.environ[_METRICS], ignore_errors=True)
