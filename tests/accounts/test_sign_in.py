"""Signing in: name and password, second factors, sessions, lock-out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa import app_settings
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.contrib.auth.models import Group
from django.test import Client

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.audit.models import Event
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

LOGIN = "/accounts/login/"


@pytest.fixture
def ana() -> User:
    return make_user(Role.REVIEWER, username="ana")


def sign_in(client: Client, password: str = "secret", **options: str) -> Any:  # noqa: S107 - of the factory
    return client.post(LOGIN, {"username": "ana", "password": password, **options})


def code_of(secret: str) -> str:
    """Return an authenticator app's code that stays valid for another 15 seconds."""
    remaining_s = app_settings.TOTP_PERIOD - time.time() % app_settings.TOTP_PERIOD
    if remaining_s < 15:
        time.sleep(remaining_s)
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


def test_name_and_password_let_in_and_lead_nobody_elsewhere(ana: User) -> None:
    client = Client()

    answer = sign_in(client, next="/queue/")

    assert answer["Location"] == "/queue/"
    assert client.get("/queue/").status_code == 200
    assert Event.objects.filter(case=f"user:{ana.pk}", action="signed_in").exists()
    for elsewhere in (
        *("https://evil.example/", "//evil.example/"),
        *("/\\evil.example", "javascript:x"),
    ):
        assert sign_in(Client(), next=elsewhere)["Location"] == "/", elsewhere


def test_wrong_passwords_are_recorded_and_unknown_names_without_the_name() -> None:
    sign_in(Client())

    event = Event.objects.get(action="sign_in_failed")
    assert event.case == "sign-in"
    assert "ana" not in f"{event.after}{event.actor_name}"

    ana = make_user(Role.REVIEWER, username="ana")
    page = sign_in(Client(), "wrong")
    assert page.status_code == 200
    assert "alert" in page.content.decode()
    event = Event.objects.get(action="sign_in_failed", case=f"user:{ana.pk}")
    assert "wrong" not in str(event.after)


def test_the_admin_has_no_way_in_of_its_own_and_nobody_signs_up(ana: User) -> None:
    answer = Client().post("/admin/login/", {"username": "ana", "password": "secret"})
    assert answer.status_code == 302
    assert answer["Location"].startswith(LOGIN)

    answer = Client().post("/accounts/signup/", {"username": "eve"})
    assert answer["Location"] == LOGIN
    assert not User.objects.filter(username="eve").exists()


def test_a_second_factor_is_asked_for_and_its_secret_sealed(ana: User) -> None:
    secret = generate_totp_secret()
    TOTP.activate(ana, secret)
    assert secret not in str(Authenticator.objects.get().data)
    client = Client()

    answer = sign_in(client)
    before = client.get("/queue/")
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    right = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})

    assert answer["Location"].startswith("/accounts/2fa/authenticate/")
    assert before.status_code == 302
    assert wrong.status_code == 200
    assert right.status_code == 302
    assert client.get("/queue/").status_code == 200


def test_a_recovery_code_lets_in_once(ana: User) -> None:
    TOTP.activate(ana, generate_totp_secret())
    code = RecoveryCodes.activate(ana).get_unused_codes()[0]
    first, second = Client(), Client()
    for client in (first, second):
        sign_in(client)

    let_in = first.post("/accounts/2fa/authenticate/", {"code": code})
    refused = second.post("/accounts/2fa/authenticate/", {"code": code})

    assert let_in.status_code == 302
    assert refused.status_code == 200


def test_a_group_can_require_a_second_factor(ana: User) -> None:
    group = Group.objects.get(name="reviewer")
    AccessLimit.objects.create(group=group, second_factor=True)
    client = Client()
    sign_in(client)

    led = client.get("/queue/")
    api = client.get("/api/portal/v1/files/00000000-0000-0000-0000-000000000000/")
    page = client.get("/accounts/2fa/")
    TOTP.activate(ana, generate_totp_secret())

    assert led["Location"] == "/accounts/2fa/"
    assert api.status_code == 403
    assert page.status_code == 200
    assert client.get("/queue/").status_code == 200


def test_the_pages_of_an_account_need_no_inline_script_and_refuse_weak_passwords(ana: User) -> None:
    client = Client()
    sign_in(client)

    for page in ("2fa/", "2fa/webauthn/", "sessions/", "password/", "reauthenticate/"):
        answer = client.get(f"/accounts/{page}", follow=True)
        assert answer.status_code == 200, page
        text = answer.content.decode()
        assert "style=" not in text
        assert "onclick" not in text

    answer = client.post(
        "/accounts/password/",
        {"oldpassword": "secret", "password1": "password1", "password2": "password1"},
    )
    ana.refresh_from_db()
    assert "too common" in answer.content.decode()
    assert ana.check_password("secret")
