"""``manage.py serve``: web server and worker together, ended together."""

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


class Command(BaseCommand):
    """Starts both processes and watches over them."""

    help = "Run the web server and one worker; both end on SIGTERM or Ctrl+C."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, **options: Any) -> None:  # Any: Django's own signature
        """Run until a signal comes or one of the two processes ends."""
        signal.signal(signal.SIGTERM, _interrupt)
        address = f"{options['host']}:{options['port']}"
        children = [
            _start("-m", "gunicorn", *_gunicorn_arguments(address)),
            _start("manage.py", "scan_worker"),
        ]
        # People who wait for a page go before scans, which take every core they get.
        os.setpriority(os.PRIO_PROCESS, children[1].pid, _WORKER_NICENESS)
        self.stdout.write(f"Portal on http://{address}/ (Ctrl+C ends it)")
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


def _gunicorn_arguments(address: str) -> list[str]:
    threads = str(max(4, 2 * (os.cpu_count() or 1)))
    return [
        "acrportal.wsgi:application",
        *("--bind", address),
        *("--worker-class", "gthread", "--workers", "1", "--threads", threads),
        # A hundred file ids joined by commas stand in one address.
        *("--limit-request-line", "8190"),
        *("--timeout", "120", "--graceful-timeout", "10", "--log-level", "warning"),
    ]


def _start(*arguments: str) -> subprocess.Popen[bytes]:
    """Start a program of ours where Ctrl+C does not reach it: we pass that on, once.

    It stays in our session, within which Linux weighs one process against another.
    """
    return subprocess.Popen(  # noqa: S603 - our own programs
        [sys.executable, *arguments], process_group=0
    )


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _end(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask both to finish what they hold; end for good what does not.

    Further signals are ignored meanwhile: a terminal and make both send one.
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
