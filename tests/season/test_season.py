"""The bounded season of ``make test``, and a check that steps cover every address."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import databases
from tests.season.calls import is_known
from tests.season.routes import LEFT_OUT, routes
from tests.security.addresses import every_address

_ROOT = Path(__file__).resolve().parents[2]
# Most of its time builds the world.
_STEPS, _SEED = 12, 21


def test_every_address_of_the_portal_is_asked_for() -> None:
    """``routes`` fails for an address that it cannot fill."""
    assert len(routes()) > 250


def test_every_api_call_has_something_to_send() -> None:
    unknown = [
        f"{method} {route.route}"
        for route in routes()
        if route.part in ("wire", "portal API")
        for method in route.address.methods
        if not is_known(route, method)
    ]

    assert not unknown, f"Add a body for {unknown} to tests/season/calls.py"


@pytest.mark.parametrize("beginning", LEFT_OUT)
def test_what_is_left_out_is_there(beginning: str) -> None:
    assert any(address.route.startswith(beginning) for address in every_address())


@pytest.mark.soak  # builds a world and lives in it
def test_a_season_breaks_nothing() -> None:
    played = subprocess.run(
        [
            *(sys.executable, "-m", "tests.season"),
            *(
                "--steps",
                str(_STEPS),
                "--length",
                str(_STEPS),
                "--seed",
                str(_SEED),
                "--as-it-is",
                "--migrated",
                str(databases.file()),
            ),
        ],
        cwd=_ROOT,
        env={name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert played.returncode == 0, played.stdout + played.stderr
