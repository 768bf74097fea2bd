"""All processes count failed sign-ins together, also by network address."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.db import OperationalError, connection
from django.test import Client
from pytest_django import Settings

from base.accounts import places
from base.accounts.roles import Role
from tests.accounts.test_sign_in import sign_in
from tests.factories.accounts import make_user
from tests.processes import postgres_url

_GUESS = """
import django
django.setup()
from django.conf import settings
from django.test import Client
settings.ALLOWED_HOSTS, settings.SECURE_SSL_REDIRECT = ["*"], False
for password in ("a", "b", "c"):
    page = Client().post(
        "/accounts/login/", {"username": "ana", "password": password}
    )
print(page.status_code)
"""


@pytest.mark.django_db
def test_a_process_that_just_started_knows_of_earlier_attempts() -> None:
    make_user(Role.REVIEWER, username="ana")
    for _attempt in range(5):
        sign_in(Client(), "wrong")
        for memory in caches.all():
            if isinstance(memory, LocMemCache):
                memory.clear()

    page = sign_in(Client())

    assert page.status_code == 200
    assert "Too many" in page.content.decode()


@pytest.mark.django_db
def test_a_full_disk_is_no_attempt_too_many() -> None:
    make_user(Role.REVIEWER, username="ana")
    client = Client(raise_request_exception=False)

    def full(execute: Callable[..., Any], sql: str, *extra: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            raise OperationalError("database or disk is full")
        return execute(sql, *extra)

    with connection.execute_wrapper(full):
        page = sign_in(client)

    assert page.status_code == 507
    assert "disk is full" in page.content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="processes share no database in memory"
)
def test_attempts_at_two_processes_add_up(data_dir: Path) -> None:
    make_user(Role.REVIEWER, username="ana")
    env = os.environ | {
        "DJANGO_SETTINGS_MODULE": "acrportal.settings",
        "ACRPORTAL_DATA_DIR": str(data_dir),
        "SECRET_KEY": "only for this test, and long enough",
        "DATABASE_URL": postgres_url(),
    }
    for _attempt in range(2):
        sign_in(Client(), "wrong")

    process = subprocess.run(
        [sys.executable, "-c", _GUESS], env=env, check=True, capture_output=True, text=True
    )

    assert process.stdout.strip() == "200"
    assert "Too many" in sign_in(Client()).content.decode()


@pytest.mark.django_db
def test_one_guesser_does_not_lock_out_people_elsewhere(behind_proxy: None) -> None:
    make_user(Role.ADMIN, username="ana")
    for number in range(10):
        guesser = _from("198.51.100.7")
        guesser.post("/accounts/login/", {"username": f"n{number}", "password": "x"})

    assert sign_in(_from("198.51.100.8")).status_code == 302
    assert _is_stopped(_from("203.0.113.5, 198.51.100.7"))

    # Nor does a stranger who types a name.
    stranger = _from("198.51.100.9")
    for _attempt in range(6):
        page = sign_in(stranger, "wrong")
    assert "Too many" in page.content.decode()
    assert sign_in(_from("192.0.2.1")).status_code == 302


def _from(address: str, client: Client | None = None) -> Client:
    """Return a client at an address behind the proxy; a given one keeps its cookies."""
    client = client or Client()
    client.defaults["HTTP_X_FORWARDED_FOR"] = address
    return client


@pytest.fixture
def behind_proxy(settings: Settings) -> None:
    """Let the header name the address, as behind a proxy."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1


def _known_device(address: str, name: str = "ana") -> Client:
    device = _from(address)
    device.post("/accounts/login/", {"username": name, "password": "secret"})
    device.post("/accounts/logout/")
    return device


def _is_stopped(client: Client) -> bool:
    """Return whether ana is told that there were too many attempts."""
    return "Too many" in sign_in(client).content.decode()


@pytest.mark.django_db
def test_guessing_from_many_addresses_slows_down_unknown_ones_only(behind_proxy: None) -> None:
    make_user(Role.ADMIN, username="ana")
    make_user(Role.REVIEWER, username="bert")
    device = _known_device("192.0.2.1")
    of_somebody_else = _known_device("198.51.100.9", "bert")

    for number in range(31):
        sign_in(_from(f"203.0.{number}.7"), "wrong")

    assert _is_stopped(_from("198.51.101.9"))
    assert _is_stopped(of_somebody_else)
    for number, cookie in enumerate(("", "x", "WyJ4IixbMV1d:1abcde:forged")):
        forged = _from(f"198.51.{102 + number}.9")
        forged.cookies[places.cookie_name()] = cookie
        assert _is_stopped(forged), cookie
    office = sign_in(_from("192.0.2.77"))
    moved = sign_in(_from("198.51.100.10", device))
    assert office.status_code == 302
    assert moved.status_code == 302


@pytest.mark.django_db
def test_guesses_in_the_same_office_do_not_stop_a_known_device_but_those_at_it(
    behind_proxy: None,
) -> None:
    make_user(Role.REVIEWER, username="ana")
    device = _known_device("192.0.2.1")
    for number in range(11):
        guesser = _from("192.0.2.1")
        guesser.post("/accounts/login/", {"username": f"n{number}", "password": "x"})
    assert _is_stopped(_from("192.0.2.1"))
    assert sign_in(device).status_code == 302

    device.post("/accounts/logout/")
    for _attempt in range(5):
        sign_in(device, "wrong")
    assert _is_stopped(device)
