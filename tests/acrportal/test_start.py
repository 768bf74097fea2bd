"""What a process loads when it starts."""

from __future__ import annotations

import subprocess
import sys

from django.conf import settings

_START = """
import os, sys, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
django.setup()
import acrportal.urls
print(*sorted({"numba", "scipy"} & set(sys.modules)))
"""


def test_commands_and_pages_load_no_numeric_library_before_they_compute() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _START],
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == []
