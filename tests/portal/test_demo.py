"""The demo: what it sets stays, and a busy port is noticed before all work."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from base.accounts.models import User
from base.accounts.roles import Role
from tests.factories.accounts import make_user
from web.portal.management import demo

_PRINT = """
import django
django.setup()
from django.conf import settings
print(settings.ACRPORTAL_SECOND_FACTOR_ROLES)
"""


def roles_of_later_processes(folder: Path, **environment: str) -> str:
    """Return for which roles ``make serve`` asks for a second factor later."""
    inherited = {name: text for name, text in os.environ.items() if name != demo.ROLES}
    own = {
        "ACRPORTAL_DATA_DIR": str(folder),
        "ACRPORTAL_ENV_FILE": os.devnull,
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "SECRET_KEY": "only for this test, and long enough",
    }
    done = subprocess.run(
        [sys.executable, "-c", _PRINT],
        env=inherited | own | environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the operator have set nothing."""
    monkeypatch.setenv(demo.ROLES, "restored afterwards")
    monkeypatch.delenv(demo.ROLES)


@pytest.mark.usefixtures("unset", "db")
def test_the_demo_asks_for_passwords_only_also_when_it_is_served_later(data_dir: Path) -> None:
    demo.ensure_users()
    before = roles_of_later_processes(data_dir)

    assert demo.ask_for_passwords_only()

    assert before == "['admin', 'manager']"
    assert roles_of_later_processes(data_dir) == "[]"
    # What the operator sets goes first.
    set_by_operator = roles_of_later_processes(data_dir, **{demo.ROLES: "admin"})
    assert set_by_operator == "['admin']"


@pytest.mark.usefixtures("unset", "db")
def test_an_installation_with_other_people_keeps_its_second_factors(data_dir: Path) -> None:
    demo.ensure_users()
    make_user(Role.VIEWER)

    assert not demo.ask_for_passwords_only()

    assert roles_of_later_processes(data_dir) == "['admin', 'manager']"


def test_what_the_operator_set_is_not_stored(
    db: None, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(demo.ROLES, "admin")

    assert not demo.ask_for_passwords_only()

    assert not demo.stored_settings().exists()


@pytest.fixture
def busy() -> Iterator[int]:
    """Return a port on which another program listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield int(listener.getsockname()[1])


@pytest.mark.parametrize("command", ["run_demo", "serve"])
def test_a_busy_port_is_noticed_first(db: None, busy: int, command: str) -> None:
    with pytest.raises(CommandError) as refused:
        call_command(command, port=busy)

    text = str(refused.value)
    assert f"cannot listen on port {busy} of 127.0.0.1: Address already in use" in text
    assert "choose another one: PORT=8001" in text
    assert not User.objects.filter(username="admin").exists()


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_named(db: None, port: int) -> None:
    with pytest.raises(CommandError, match=f"port {port} of"):
        call_command("serve", port=port)
