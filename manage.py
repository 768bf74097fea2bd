#!/usr/bin/env python3
"""Django's command line for acrportal."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the management command named on the command line."""
    if sys.argv[1:] in (["version"], ["--version"]):
        # Django would print its own.
        from recognition.version import VERSION

        print(f"acrportal {VERSION}")  # noqa: T201 - the answer
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as wrong:
        if "--traceback" in sys.argv:
            raise
        # The message says what to correct; where it was raised helps nobody.
        sys.exit(f"The settings are not complete. {wrong}")


if __name__ == "__main__":
    main()
