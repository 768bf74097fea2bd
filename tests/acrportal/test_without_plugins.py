"""The core passes its own tests where no plug-in is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from acrportal.plugins import plugin_names
from tests.product import ROOT
from tests.without import copy_without


# ``make without`` proves at each change that the core holds, but runs no test.
@pytest.mark.soak
def test_the_core_passes_its_tests_without_a_plugin(tmp_path: Path) -> None:
    copy_without(tmp_path, set(plugin_names(ROOT / "plugins")))
    command = [sys.executable, "-m", "pytest", "-q", "-x"]

    done = subprocess.run(
        [*command, "-m", "not slow and not soak and not e2e"],
        cwd=tmp_path,
        env=os.environ | {"ACRPORTAL_DATA_DIR": str(tmp_path / "var"), "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-8000:]
