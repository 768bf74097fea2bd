"""What a process loads when it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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


def test_a_command_without_a_key_says_in_one_line_what_is_missing(
    tmp_path: Path,
) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SECRET_KEY", "SECRET_KEY_FILE"}
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "doctor"],
        cwd=settings.BASE_DIR,
        env={**environment, "ACRPORTAL_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "python -m acrportal.secret_key" in done.stderr
