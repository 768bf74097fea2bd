"""A plug-in appears in every place of the core with nothing but its own folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import ROOT

_LEFT_OUT = shutil.ignore_patterns(".*", "docs", "locale", "plugins", "var")
_MADE_UP = ROOT / "tests" / "made_up_plugin"


@pytest.fixture
def tree() -> Iterator[Path]:
    """Return the core with the made-up plug-in as its only one, in a folder of its own."""
    (ROOT / "var").mkdir(exist_ok=True)
    # On the same file system, so that the files need not be copied.
    with tempfile.TemporaryDirectory(prefix="plugin-", dir=ROOT / "var") as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=_LEFT_OUT, copy_function=os.link)
        shutil.copytree(ROOT / "docs", tree / "docs", copy_function=os.link)
        (tree / "locale").symlink_to(ROOT / "locale")
        (tree / "plugins").mkdir()
        shutil.copy(ROOT / "plugins" / "__init__.py", tree / "plugins")
        shutil.copytree(_MADE_UP, tree / "plugins" / "letters")
        (tree / "var").mkdir()
        shutil.copy(ROOT / "var" / "secret_key", tree / "var")
        yield tree


def run(tree: Path, *command: str) -> None:
    own = {"ACRPORTAL_DATA_DIR": str(tree / "var"), "ACRPORTAL_PLUGINS": "letters"}
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ACRPORTAL_", "PYTEST_", "COV_"))
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=tree,
        env=environment | own,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-4000:]


@pytest.mark.slow
def test_a_plugin_appears_in_every_place_with_nothing_but_its_folder(tree: Path) -> None:
    run(tree, "manage.py", "makemigrations", "--check", "--dry-run")
    run(tree, "-m", "pytest", "-q", "-p", "no:xdist", "plugins/letters/proof.py")
