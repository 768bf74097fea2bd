"""Portal commands as processes that start instantly, so that many can be killed.

A fork server imports this module, which loads the application once. Each process is
forked from it and runs its command as ``manage.py`` does.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

import django
from django.core.management import call_command

django.setup()
# Loaded before the fork: the modules that a worker and a backup need.
for _name in (
    "operations.backup",
    "reports.report_job",
    "base.jobs.management.commands.worker",
    "base.jobs.broker_worker",
    "scanning.pipeline",
    "scanning.drops.polling",
):
    import_module(_name)


def run(*arguments: str, log: str = os.devnull) -> None:
    """Run a command in this process; its output goes to a file."""
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(out, 1)
    os.dup2(out, 2)
    sys.stdout = sys.stderr = os.fdopen(out, "w", buffering=1, closefd=False)
    call_command(*arguments)
