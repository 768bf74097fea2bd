"""Management commands that operators of the season run."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

from django.core import mail
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.season import outside
from tests.season.invariants import check

COMMANDS: tuple[tuple[str, ...], ...] = (
    ("retention",),
    ("doctor",),
    ("doctor", "--fix"),
    ("verify_audit",),
    ("check_index",),
    ("dedup",),
    ("drops",),
)


def run(command: tuple[str, ...], note: Callable[[str], None]) -> None:
    """Run a management command."""
    output = io.StringIO()
    note(f"manage.py {' '.join(command)}")
    try:
        with contextlib.redirect_stderr(output):
            call_command(*command, stdout=output, stderr=output)
    except (CommandError, SystemExit) as error:
        # These commands fail when they find a problem, and there may be one.
        check(command[0] in ("doctor", "check_index"), f"{command}: {error} {output.getvalue()}")


def check_quiet(work: Callable[[], None]) -> None:
    """Check that a restored installation sends and fetches nothing by itself."""
    counts, mails = len(outside.addresses), len(mail.outbox)
    work()
    check(outside.addresses[counts:] == [], f"it asked for {outside.addresses[counts:]}")
    check(mail.outbox[mails:] == [], f"it mailed {mail.outbox[mails:]}")
