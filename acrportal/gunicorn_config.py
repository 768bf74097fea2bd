"""gunicorn's settings: ``gunicorn --config python:acrportal.gunicorn_config``.

``manage.py serve``, the systemd unit and the container use them.
"""

from __future__ import annotations

import os

wsgi_app = "acrportal.wsgi:application"
logger_class = "acrportal.web_worker.RedactingLogger"
worker_class = "acrportal.web_worker.PatientWorker"
# One process, because the landmark index and the counters live in its memory.
workers = 1
threads = max(4, 2 * (os.cpu_count() or 1))
# Half the usual limit of open files per process.
worker_connections = 500
# A hundred comma-separated file ids fit into one URL.
limit_request_line = 8190
timeout = 120
graceful_timeout = 10
loglevel = "warning"
