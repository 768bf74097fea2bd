"""The core passes its own tests where no plug-in is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from acrportal.plugins import plugin_names
from tests.product import ROOT
from tests.without import link_without


# ``make without`` proves at each change that the core holds, but runs no test.
@pytest.mark.soak
def test_the_core_passes_its_tests_without_a_plugin() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", "--maxfail=20"]

    # On the disk of the tree, whose files are linked.
    with tempfile.TemporaryDirectory(prefix="without-", dir=ROOT / "var") as folder:
        tree = Path(folder)
        link_without(tree, set(plugin_names(ROOT / "plugins")))
        done = subprocess.run(
            [*command, "-m", "not slow and not soak and not e2e"],
            cwd=tree,
            env=os.environ | {"ACRPORTAL_DATA_DIR": str(tree / "var"), "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout[-8000:]
