"""SQLite while another process writes."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from django.conf import settings

from tests.conftest import CopyDatabase


def test_a_check_passes_while_another_process_writes(
    copy_database: CopyDatabase, tmp_path: Path
) -> None:
    database = copy_database(tmp_path)
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        checked = subprocess.run(
            [
                *(sys.executable, "manage.py", "check"),
                *("--database", "default", "--tag", "models"),
            ],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": f"sqlite:///{database}"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert "JSONField" not in checked.stderr
        assert checked.returncode == 0, checked.stderr
