"""What commands write is for the portal's account alone, whatever the caller's umask."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from tests.fixtures import CopyDatabase

_SHELL = f'umask 022; exec {sys.executable} manage.py shell -v 0 -c "$0"'


def open_to_others(folder: Path) -> dict[str, str]:
    """Return what others than the owner may read or enter below a folder, with modes."""
    modes = {}
    for path in (folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        if not path.is_symlink() and mode & 0o077:
            modes[str(path.relative_to(folder))] = oct(mode)
    return modes


@pytest.mark.slow
def test_nobody_else_reads_what_commands_write(tmp_path: Path, copy_database: CopyDatabase) -> None:
    data, out = tmp_path / "data", tmp_path / "given"
    data.mkdir(mode=0o700)
    environment = os.environ | {
        "ACRPORTAL_DATA_DIR": str(data),
        "DATABASE_URL": f"sqlite:///{copy_database(data)}",
        "SECRET_KEY": "only for this test, and long enough",
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
    }
    commands = (
        ("create_signing_key",),
        ("create_signing_key", f"--export={out}.pem"),
        ("backup", f"{out}/deep/backups"),
        ("worker", "--batch"),
        ("check_index",),
    )
    # In one process, because Django takes longer to start than each of them.
    calls = "\n".join(f"management.call_command(*{words})" for words in commands)
    subprocess.run(
        ["sh", "-c", _SHELL, f"from django.core import management\n{calls}"],
        env=environment,
        cwd=settings.BASE_DIR,
        check=True,
    )

    # The index is read by its files' own mode, behind the folder's.
    assert (data.stat().st_mode & 0o777) == 0o700
    assert open_to_others(out) == {}
    assert {
        name: mode
        for name, mode in open_to_others(data).items()
        if not name.startswith(("index", "portal.sqlite3"))
    } == {}
    (manifest,) = out.glob("deep/backups/*/manifest.json")
    assert stat.S_IMODE(manifest.stat().st_mode) == 0o600
