"""Who must have a second factor, how it is removed, and what follows at once."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from accounts.models import AccessLimit, User
from accounts.roles import Role
from tests.accounts.test_sign_in import sign_in
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

SET_UP = "/accounts/2fa/"
REMOVE = "/accounts/2fa/totp/deactivate/"


@pytest.fixture(autouse=True)
def roles(settings: Settings) -> None:
    """Require second factors as an installation does without a setting."""
    settings.ACRPORTAL_SECOND_FACTOR_ROLES = ["admin", "manager"]


def _signed_in(role: Role) -> tuple[User, Client]:
    person, client = make_user(role, username="ana"), Client()
    sign_in(client)
    return person, client


def _with_factor(role: Role) -> tuple[User, list[str], Client]:
    """Return a person with an app, their recovery codes, and their open session."""
    person, client = make_user(role, username="ana"), Client()
    TOTP.activate(person, generate_totp_secret())
    codes = list(RecoveryCodes.activate(person).get_unused_codes())
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": codes.pop()})
    return person, codes, client


@pytest.mark.parametrize(
    ("role", "asked"),
    [
        (Role.ADMIN, True),
        (Role.MANAGER, True),
        (Role.REVIEWER, False),
        (Role.VIEWER, False),
    ],
)
def test_admins_and_managers_need_one_and_others_do_not(
    role: Role, asked: bool
) -> None:
    _person, client = _signed_in(role)

    answer = client.get("/queue/")

    assert (answer.status_code == 302) is asked
    assert (answer.headers.get("Location") == SET_UP) is asked


def test_a_setting_turns_it_off(settings: Settings) -> None:
    settings.ACRPORTAL_SECOND_FACTOR_ROLES = []
    _person, client = _signed_in(Role.ADMIN)

    assert client.get("/queue/").status_code == 200


def test_the_password_does_not_remove_a_second_factor() -> None:
    person, _codes, client = _with_factor(Role.REVIEWER)

    asked = client.post(REMOVE)
    by_password = client.post("/accounts/reauthenticate/", {"password": "secret"})
    client.post(REMOVE)

    assert asked["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert by_password["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert Authenticator.objects.filter(user=person).exists()


def test_who_is_asked_can_type_at_once() -> None:
    _person, _codes, by_code = _with_factor(Role.REVIEWER)
    make_user(Role.REVIEWER, username="ben")
    by_password = Client()
    sign_in(by_password, username="ben")

    for client, name in ((by_code, "code"), (by_password, "password")):
        asked = client.get("/accounts/2fa/totp/activate/", follow=True)
        field = asked.context["form"].fields[name]
        assert field.widget.attrs["autofocus"]


def test_new_recovery_codes_need_the_second_factor_too() -> None:
    _person, _codes, client = _with_factor(Role.REVIEWER)

    for path in ("", "generate/", "download/"):
        asked = client.get(f"/accounts/2fa/recovery-codes/{path}")
        assert asked["Location"].startswith("/accounts/2fa/reauthenticate/"), path


def test_removing_it_leads_to_setting_one_up_with_the_next_request() -> None:
    person, codes, client = _with_factor(Role.MANAGER)
    other = Client()
    sign_in(other)
    other.post("/accounts/2fa/authenticate/", {"code": codes.pop()})
    before = [each.get("/queue/").status_code for each in (client, other)]

    client.post("/accounts/2fa/reauthenticate/", {"code": codes.pop()})
    client.post(REMOVE)

    assert before == [200, 200]
    assert not Authenticator.objects.filter(user=person).exists()
    for each in (client, other):
        assert each.get("/queue/")["Location"] == SET_UP


@pytest.mark.parametrize("change", ["a new role", "a stricter group"])
def test_a_rule_that_begins_to_apply_does_so_with_the_next_request(change: str) -> None:
    person, client = _signed_in(Role.REVIEWER)
    before = client.get("/queue/").status_code

    if change == "a new role":
        person.groups.add(Group.objects.get(name="manager"))
    else:
        group = Group.objects.get(name="reviewer")
        AccessLimit.objects.create(group=group, second_factor=True)

    assert before == 200
    assert client.get("/queue/")["Location"] == SET_UP


def test_a_rule_that_is_lifted_leads_nobody_there_any_more(settings: Settings) -> None:
    _person, client = _signed_in(Role.MANAGER)
    led = client.get("/queue/").status_code

    settings.ACRPORTAL_SECOND_FACTOR_ROLES = []

    assert led == 302
    assert client.get("/queue/").status_code == 200
