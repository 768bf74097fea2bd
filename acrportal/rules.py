"""What ``make rules`` asks of a started Django: ``python -m acrportal.rules``.

Starting it takes longer than most of these checks, so one process makes them all.
"""

from __future__ import annotations

import os
import sys

from django.core.management import execute_from_command_line

_CHECKS = (
    ("check", "--fail-level", "WARNING"),
    ("makemigrations", "--check", "--dry-run"),
    ("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull),
)


def main() -> int:
    """Return 0 if every check holds; the first command that fails ends the process."""
    for check in _CHECKS:
        execute_from_command_line(["manage.py", *check])
    # Its words come from models, which the commands have loaded.
    from acrportal import translations

    return translations.main(["--check"])


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    sys.exit(main())
