"""What the work rows and the queue have to know of each other."""

from __future__ import annotations

import os
import socket

from django_tasks_db.models import DBTaskResult


def worker_name() -> str:
    """Return host and process id: unique among the workers alive."""
    return f"{socket.gethostname()}:{os.getpid()}"[:64]


def queue_holds_work() -> bool:
    """Tell whether entries still wait.

    While they do, a row that waits long may only be far back in the queue; when they do
    not, its entry was lost.
    """
    return bool(DBTaskResult.objects.ready().exists())
