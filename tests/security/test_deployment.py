"""The settings that installations start from pass Django's own checks."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
# The last is set by the tests that drive a browser.
_OWN = re.compile(
    r"^(SECRET_KEY|ALLOWED_HOSTS|\w+_URL|ACRPORTAL_\w+|DEBUG|DJANGO_\w+)(_FILE)?$"
)


@pytest.fixture
def example(tmp_path: Path) -> dict[str, str]:
    """Return the environment of the example file, with its blanks filled in."""
    text = (ROOT / "deploy" / "production.env.example").read_text(encoding="utf-8")
    filled = text.replace("CHANGE-ME", secrets.token_urlsafe(48))
    lines = [line for line in filled.splitlines() if line and line[0] != "#"]
    plain = {name: text for name, text in os.environ.items() if not _OWN.match(name)}
    told = dict(line.split("=", 1) for line in lines)
    return plain | told | {"ACRPORTAL_DATA_DIR": str(tmp_path)}


def test_health_check_of_the_container_is_answered(example: dict[str, str]) -> None:
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")

    (host,) = re.findall(r"urlopen\('http://([\d.]+):8000/readyz'\)", compose)

    assert host in example["ALLOWED_HOSTS"].split(",")


def test_what_a_container_writes_lies_in_its_volume() -> None:
    """All else is read-only, and numba does not start where it cannot write."""
    built = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    compose = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    (volume,) = re.findall(r"^VOLUME (\S+)$", built, re.MULTILINE)

    written = re.findall(r"(?:ACRPORTAL_DATA|NUMBA_CACHE)_DIR=(\S+)", built)

    assert len(written) == 2
    assert all(Path(volume) in (Path(path), *Path(path).parents) for path in written)
    assert f"- data:{volume}" in compose
    assert "read_only: true" in compose


def test_the_example_of_a_deployment_is_clean(example: dict[str, str]) -> None:
    command = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    told = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=example,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.returncode == 0, told.stderr
