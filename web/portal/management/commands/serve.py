"""``manage.py serve``: runs all processes of a portal and stops them together."""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand

from base.common.children import Child, end_children, start_child, stop_on_signals
from web.portal.management.ports import require_free_port
from web.portal.shared.processes import processes

HOST = "127.0.0.1"
_LOOK_SECONDS = 0.2
_WORKER_NICENESS = 10
_CONFIG = "python:acrportal.gunicorn_config"


class Command(BaseCommand):
    """Starts web server, worker and the processes of plug-ins; stops all when one ends."""

    help = (
        "Run the web server, one worker and what plug-ins need beside them; all end "
        "on SIGTERM or Ctrl+C."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--host", default=HOST)
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Run until a signal arrives or one of the processes ends."""
        require_free_port(options["host"], options["port"])
        address = f"{options['host']}:{options['port']}"
        with stop_on_signals() as stop:
            children = _start(address)
            self.stdout.write(f"Portal on http://{address}/ (stop with Ctrl+C)")
            self.stdout.flush()
            while not stop.requested and all(child.poll() is None for child in children):
                time.sleep(_LOOK_SECONDS)
            end_children(children)
        failed = [child for child in children if child.returncode not in (0, -15)]
        if failed:
            sys.exit(1)


def _start(address: str) -> list[Child]:
    web = start_child("-m", "gunicorn", "--config", _CONFIG, "--bind", address)
    worker = start_child("manage.py", "worker")
    # Scans use every core, so give page requests and streams the higher priority.
    niceness = max(_WORKER_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
    os.setpriority(os.PRIO_PROCESS, worker.pid, niceness)
    return [web, worker, *(start_child("manage.py", name) for name in processes)]
