"""``manage.py serve``: runs web server, worker and stream recorder and stops them together."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import Any

from django.core.management.base import BaseCommand

_ENDING_SECONDS = 30.0
_WORKER_NICENESS = 10
_CONFIG = "python:acrportal.gunicorn_config"


class Command(BaseCommand):
    """Starts web server, worker and stream recorder; stops all when one ends."""

    help = (
        "Run the web server, one worker and a recorder of live streams; all end on "
        "SIGTERM or Ctrl+C."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Run until a signal arrives or one of the processes ends."""
        signal.signal(signal.SIGTERM, _interrupt)
        address = f"{options['host']}:{options['port']}"
        children = [
            _start("-m", "gunicorn", "--config", _CONFIG, "--bind", address),
            _start("manage.py", "worker"),
            _start("manage.py", "stream_recorder"),
        ]
        # Scans use every core, so give page requests and streams the higher priority.
        niceness = max(_WORKER_NICENESS, os.getpriority(os.PRIO_PROCESS, 0))
        os.setpriority(os.PRIO_PROCESS, children[1].pid, niceness)
        self.stdout.write(f"Portal on http://{address}/ (stop with Ctrl+C)")
        self.stdout.flush()
        try:
            while all(child.poll() is None for child in children):
                time.sleep(0.2)
        except KeyboardInterrupt:
            pass
        finally:
            _end(children)
        failed = [child for child in children if child.returncode not in (0, -15)]
        if failed:
            sys.exit(1)


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a child in its own process group, so that Ctrl+C signals this process only.

    This process then stops the children once. They stay in its session, because Linux
    compares niceness only within a session.
    """
    return subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *arguments], process_group=0
    )


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    """Terminate the children; kill those that still run after 30 seconds.

    Ignore further signals meanwhile, because a terminal and make both send one.
    """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _ENDING_SECONDS
    for child in children:
        try:
            child.wait(timeout=max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
