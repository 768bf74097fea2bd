"""Moves the whole installation to other services: database, media, index.

It backs up this installation, restores the backup under the new settings, fills the
index and compares. Each finished step is recorded beside the backup, so an interrupted
move continues there. The old installation stays unchanged.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from operations.backup import Progress, make_backup
from operations.backup_places import FolderPlace
from operations.restoring import differences, read_manifest

STATE = "move.json"
_LINE = re.compile(r"\s*(?:export\s+)?([A-Z_]+)\s*=(.*)")
_KNOWN = re.compile(r"^#?([A-Z_]+)=", re.MULTILINE)


class MoveFailed(Exception):
    """A step failed; the message says what to do before the next attempt."""


def move(folder: Path, target: Path, progress: Progress) -> Path:
    """Move everything to the services in ``target``, a settings file.

    ``folder`` receives the backup that the move uses; its path is returned.
    """
    new_settings = _settings_elsewhere(target)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = _State(folder / STATE, str(target.resolve()))
    target_commands = _Elsewhere(target, new_settings, progress)
    if "backup" not in state.done:
        progress("1 of 4: backing up this installation")
        state.note("backup", make_backup(FolderPlace(folder), progress).name)
    backup = folder / state.done["backup"]
    if "restored" not in state.done:
        progress("2 of 4: restoring the backup there")
        # The restore refuses a database with data. It may be our own earlier restore
        # that was interrupted before it was recorded; the comparison tells.
        if not target_commands.run("restore", str(backup)):
            target_commands.have_to("restore", "--compare", str(backup))
        state.note("restored", "yes")
    if "indexed" not in state.done:
        progress("3 of 4: filling the index there")
        manifest = read_manifest(backup)
        # The index came with the backup, unless it was damaged.
        if not manifest["index"]["files"]:
            target_commands.have_to("rebuild_index", "--resume")
        state.note("indexed", "yes")
    progress("4 of 4: comparing")
    target_commands.have_to("restore", "--compare", str(backup))
    target_commands.have_to("check_index")
    for difference in differences(backup, progress, media=False):
        raise MoveFailed(
            f"This installation changed since the backup: {difference}. Stop web server and "
            f"workers, empty the new database, remove {folder / STATE} and start again."
        )
    return backup


class _State:
    """The finished steps of a move to this target."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self.done: dict[str, str] = {"target": target}
        if path.is_file():
            self.done = json.loads(path.read_bytes())
        if self.done["target"] != target:
            raise MoveFailed(
                f"{path} belongs to a move to {self.done['target']}. Remove it, or name "
                "another folder."
            )

    def note(self, step: str, value: str) -> None:
        self.done[step] = value
        # Write, then rename: a crash leaves the old state, never half a file.
        partial = self._path.with_suffix(".arriving")
        partial.write_text(json.dumps(self.done, indent=1), encoding="utf-8")
        partial.replace(self._path)


class _Elsewhere:
    """Runs commands under the settings of the new installation."""

    def __init__(self, target: Path, values: dict[str, str], progress: Progress) -> None:
        self._progress = progress
        example = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8")
        # Our own settings must not leak into the new installation.
        ours = set(_KNOWN.findall(example))
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name.removesuffix("_FILE") not in ours
        } | {"ACRPORTAL_ENV_FILE": str(target.resolve())}
        if not {"SECRET_KEY", "SECRET_KEY_FILE"} & values.keys():
            # The restore writes the key into the new data folder.
            self._environment["SECRET_KEY"] = settings.SECRET_KEY

    def run(self, *arguments: str) -> bool:
        """Run a command; tell whether it succeeded."""
        with subprocess.Popen(  # noqa: S603 - our own commands
            [sys.executable, "manage.py", *arguments],
            cwd=settings.BASE_DIR,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            for line in process.stdout or ():
                self._progress(f"  {line.rstrip()}")
        return process.returncode == 0

    def have_to(self, *arguments: str) -> None:
        """Run a command that must succeed; raise ``MoveFailed`` otherwise."""
        if not self.run(*arguments):
            raise MoveFailed(
                f"manage.py {' '.join(arguments)} failed under the new settings; its "
                "output is above. Correct the cause and run the same command again."
            )


def _settings_elsewhere(target: Path) -> dict[str, str]:
    """Return the settings in a file, which must name another data folder than ours."""
    lines = target.read_text(encoding="utf-8").splitlines()
    matches = (_LINE.match(line) for line in lines)
    values = {match[1]: match[2].strip().strip("\"'") for match in matches if match}
    place = values.get("ACRPORTAL_DATA_DIR")
    if not place or Path(place).resolve() == settings.ACRPORTAL_DATA_DIR:
        raise MoveFailed(
            "The new settings must name their own ACRPORTAL_DATA_DIR: the old "
            "folder stays unchanged."
        )
    return values
