"""SQLite while another process writes."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.fixtures import CopyDatabase
from tests.processes import python


def test_a_check_passes_while_another_process_writes(
    copy_database: CopyDatabase, tmp_path: Path
) -> None:
    database = copy_database(tmp_path)
    with closing(sqlite3.connect(database, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")

        checked = python(
            *("manage.py", "check", "--database", "default", "--tag", "models"),
            env=os.environ | {"DATABASE_URL": f"sqlite:///{database}"},
        )

        assert "JSONField" not in checked.stderr
        assert checked.returncode == 0, checked.stderr
