"""What a process loads when it starts."""

from __future__ import annotations

import os
from pathlib import Path

from tests.processes import python

_START = """
import os, sys, django
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "acrportal.settings")
django.setup()
import acrportal.urls
print(*sorted({"numba", "scipy"} & set(sys.modules)))
"""


def test_commands_and_pages_load_no_numeric_library_before_they_compute() -> None:
    done = python("-c", _START, check=True)

    assert done.stdout.split() == []


def test_a_command_without_a_key_says_in_one_line_what_is_missing(tmp_path: Path) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in {"SECRET_KEY", "SECRET_KEY_FILE"}
    }
    done = python("manage.py", "doctor", env={**environment, "ACRPORTAL_DATA_DIR": str(tmp_path)})

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "python -m acrportal.secret_key" in done.stderr
