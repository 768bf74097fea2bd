"""Moves the whole installation to other services: database, media, index.

What is there is backed up, restored under the settings of the new installation, indexed
and compared, step by step. Each step that ended is written down beside the backup, so
that a move that was broken off goes on where it stopped. The old installation stays as
it was.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from operations.backup import MANIFEST, Progress, make_backup
from operations.restoring import differences

STATE = "move.json"
_LINE = re.compile(r"^\s*(?:export\s+)?([A-Z_]+)\s*=\s*(.*?)\s*$")
_KNOWN = re.compile(r"^#?([A-Z_]+)=", re.MULTILINE)


class MoveFailed(Exception):
    """A step did not end well; the message says what to do before the next try."""


def move(folder: Path, target: Path, progress: Progress) -> Path:
    """Move everything to what the settings file ``target`` names; return the backup.

    ``folder`` takes the backup through which everything goes.
    """
    wanted = _read_settings(target)
    _refuse_same_place(wanted)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    state = _State(folder / STATE, str(target.resolve()))
    elsewhere = _Elsewhere(target, wanted, progress)
    if "backup" not in state.done:
        progress("1 of 4: backing up what is here")
        state.note("backup", make_backup(folder, progress).folder.name)
    backup = folder / state.done["backup"]
    if "restored" not in state.done:
        progress("2 of 4: restoring it there")
        # One that ended and was not written down is told by what is there now.
        if not elsewhere.run("restore", str(backup)):
            elsewhere.have_to("restore", "--compare", str(backup))
        state.note("restored", "yes")
    if "indexed" not in state.done:
        progress("3 of 4: filling the index there")
        manifest = json.loads((backup / MANIFEST).read_bytes())
        if wanted.get("INDEX_URL") or not manifest["index"]["files"]:
            elsewhere.have_to("rebuild_index", "--resume")
        state.note("indexed", "yes")
    progress("4 of 4: comparing")
    elsewhere.have_to("restore", "--compare", str(backup))
    elsewhere.have_to("check_index")
    for difference in differences(backup, progress, media=False):
        raise MoveFailed(
            f"Something changed here since the backup: {difference}. Stop web server and "
            f"workers, empty the new database, remove {folder / STATE} and start again."
        )
    return backup


class _State:
    """What was done already, for this target."""

    def __init__(self, path: Path, target: str) -> None:
        self._path = path
        self.done: dict[str, str] = {"target": target}
        if path.is_file():
            self.done = json.loads(path.read_bytes())
        if self.done["target"] != target:
            raise MoveFailed(
                f"{path} is about a move to {self.done['target']}. Remove it, or name "
                "another folder."
            )

    def note(self, step: str, value: str) -> None:
        self.done[step] = value
        arriving = self._path.with_suffix(".arriving")
        arriving.write_text(json.dumps(self.done, indent=1), encoding="utf-8")
        arriving.replace(self._path)


class _Elsewhere:
    """Commands run under the settings of the new installation."""

    def __init__(
        self, target: Path, wanted: dict[str, str], progress: Progress
    ) -> None:
        self._progress = progress
        example = (settings.BASE_DIR / ".env.example").read_text(encoding="utf-8")
        ours = set(_KNOWN.findall(example))
        self._environment = {
            name: value
            for name, value in os.environ.items()
            if name.removesuffix("_FILE") not in ours
        } | {"ACRPORTAL_ENV_FILE": str(target.resolve())}
        if not {"SECRET_KEY", "SECRET_KEY_FILE"} & wanted.keys():
            # The restore puts the key into the new data folder.
            self._environment["SECRET_KEY"] = settings.SECRET_KEY

    def run(self, *arguments: str) -> bool:
        """Run a command; tell whether it ended well."""
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
        """Run a command that has to end well."""
        if not self.run(*arguments):
            raise MoveFailed(
                f"manage.py {' '.join(arguments)} failed under the new settings; what "
                "it said is above. Mend that and give the same command again."
            )


def _read_settings(target: Path) -> dict[str, str]:
    lines = target.read_text(encoding="utf-8").splitlines()
    matches = (_LINE.match(line) for line in lines)
    return {match[1]: match[2].strip("\"'") for match in matches if match}


def _refuse_same_place(wanted: dict[str, str]) -> None:
    place = wanted.get("ACRPORTAL_DATA_DIR")
    if not place or Path(place).resolve() == settings.ACRPORTAL_DATA_DIR:
        raise MoveFailed(
            "The new settings have to name an ACRPORTAL_DATA_DIR of their own: the old "
            "folder stays as it is."
        )
