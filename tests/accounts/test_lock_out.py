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

from accounts import places
from accounts.roles import Role
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

    def full(execute: Callable[..., Any], sql: str, *more: Any) -> Any:
        if sql.startswith(("INSERT", "UPDATE", "DELETE")):
            raise OperationalError("database or disk is full")
        return execute(sql, *more)

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
        [sys.executable, "-c", _GUESS],
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )

    assert process.stdout.strip() == "200"
    assert "Too many" in sign_in(Client()).content.decode()


@pytest.mark.django_db
def test_behind_a_proxy_one_guesser_does_not_lock_out_the_others(
    settings: Settings,
) -> None:
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    make_user(Role.REVIEWER, username="ana")
    for number in range(10):
        guesser = Client(headers={"X-Forwarded-For": "198.51.100.7"})
        guesser.post("/accounts/login/", {"username": f"n{number}", "password": "x"})

    elsewhere = sign_in(Client(headers={"X-Forwarded-For": "198.51.100.8"}))
    claimed = Client(headers={"X-Forwarded-For": "203.0.113.5, 198.51.100.7"})

    assert elsewhere.status_code == 302
    assert "Too many" in sign_in(claimed).content.decode()


def _from(address: str, client: Client | None = None) -> Client:
    """Return a client at an address behind the proxy; a given one keeps its cookies."""
    client = client or Client()
    client.defaults["HTTP_X_FORWARDED_FOR"] = address
    return client


@pytest.fixture
def behind_proxy(settings: Settings) -> None:
    """Let the header name the address, as behind a proxy."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1


def _guess_from_everywhere(count: int) -> None:
    """Guess the password of ana once from each of many networks."""
    for number in range(count):
        sign_in(_from(f"203.0.{number}.7"), "wrong")


@pytest.mark.django_db
def test_a_stranger_who_types_a_name_locks_nobody_out_elsewhere(
    behind_proxy: None,
) -> None:
    make_user(Role.ADMIN, username="ana")
    stranger = _from("198.51.100.7")
    for _attempt in range(6):
        page = sign_in(stranger, "wrong")

    assert "Too many" in page.content.decode()
    assert sign_in(_from("192.0.2.1")).status_code == 302


@pytest.mark.django_db
def test_guessing_from_many_addresses_slows_down_unknown_ones_only(
    behind_proxy: None,
) -> None:
    make_user(Role.ADMIN, username="ana")
    device = _from("192.0.2.1")
    sign_in(device)
    device.post("/accounts/logout/")

    _guess_from_everywhere(31)
    unknown = sign_in(_from("198.51.100.9"))
    office = sign_in(_from("192.0.2.77"))
    moved = sign_in(_from("198.51.100.10", device))

    assert "Too many" in unknown.content.decode()
    assert office.status_code == 302
    assert moved.status_code == 302


@pytest.mark.django_db
def test_who_guesses_at_a_known_device_is_stopped_there(behind_proxy: None) -> None:
    make_user(Role.REVIEWER, username="ana")
    device = _from("192.0.2.1")
    sign_in(device)
    device.post("/accounts/logout/")
    for _attempt in range(5):
        sign_in(device, "wrong")

    assert "Too many" in sign_in(device).content.decode()


@pytest.mark.django_db
def test_a_guesser_in_the_same_office_does_not_stop_a_known_device(
    behind_proxy: None,
) -> None:
    make_user(Role.REVIEWER, username="ana")
    device = _from("192.0.2.1")
    sign_in(device)
    device.post("/accounts/logout/")
    for number in range(11):
        guesser = _from("192.0.2.1")
        guesser.post("/accounts/login/", {"username": f"n{number}", "password": "x"})

    assert "Too many" in sign_in(_from("192.0.2.1")).content.decode()
    assert sign_in(device).status_code == 302


@pytest.mark.django_db
def test_the_device_of_somebody_else_is_no_known_one(behind_proxy: None) -> None:
    make_user(Role.REVIEWER, username="ana")
    make_user(Role.REVIEWER, username="bert")
    device = _from("198.51.100.9")
    device.post("/accounts/login/", {"username": "bert", "password": "secret"})
    device.post("/accounts/logout/")

    _guess_from_everywhere(31)

    assert "Too many" in sign_in(device).content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("cookie", ["", "x", "WyJ4IixbMV1d:1abcde:forged"])
def test_a_forged_cookie_marks_no_device(behind_proxy: None, cookie: str) -> None:
    make_user(Role.REVIEWER, username="ana")
    _guess_from_everywhere(31)
    client = _from("198.51.100.9")
    client.cookies[places.cookie_name()] = cookie

    assert "Too many" in sign_in(client).content.decode()
