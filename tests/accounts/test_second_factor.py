"""Who must have a second factor, how it is removed, and what follows at once."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.models import Group
from django.test import Client
from pytest_django import Settings

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from tests.accounts.test_sign_in import sign_in
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

SET_UP = "/accounts/2fa/"
REMOVE = "/accounts/2fa/totp/deactivate/"


@pytest.fixture(autouse=True)
def roles(settings: Settings) -> None:
    """Require second factors as an installation does without a setting."""
    settings.ACRPORTAL_SECOND_FACTOR_ROLES = ["admin", "manager"]


def _with_factor(role: Role) -> tuple[User, list[str], Client]:
    """Return a person with an app, their recovery codes, and their open session."""
    person, client = make_user(role, username="ana"), Client()
    TOTP.activate(person, generate_totp_secret())
    codes = list(RecoveryCodes.activate(person).get_unused_codes())
    sign_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": codes.pop()})
    return person, codes, client


def test_admins_and_managers_need_one_and_others_do_not() -> None:
    for role, leads in (
        (Role.ADMIN, SET_UP),
        (Role.MANAGER, SET_UP),
        (Role.REVIEWER, None),
        (Role.VIEWER, None),
    ):
        client = Client()
        client.force_login(make_user(role))
        assert client.get("/queue/").headers.get("Location") == leads, role


def test_the_password_neither_removes_a_second_factor_nor_shows_its_codes() -> None:
    person, _codes, client = _with_factor(Role.REVIEWER)

    asked = client.post(REMOVE, follow=True).redirect_chain
    by_password = client.post("/accounts/reauthenticate/", {"password": "secret"})
    client.post(REMOVE)
    assert asked[-1][0].startswith("/accounts/2fa/reauthenticate/")
    assert by_password["Location"].startswith("/accounts/2fa/reauthenticate/")
    assert Authenticator.objects.filter(user=person).exists()
    for path in ("", "generate/", "download/"):
        answer = client.get(f"/accounts/2fa/recovery-codes/{path}")
        assert answer["Location"].startswith("/accounts/2fa/reauthenticate/"), path

    # The field has the focus, so that people can type at once.
    make_user(Role.REVIEWER, username="ben")
    without = Client()
    sign_in(without, username="ben")
    for browser, name in ((client, "code"), (without, "password")):
        form = browser.get("/accounts/2fa/totp/activate/", follow=True).context["form"]
        assert form.fields[name].widget.attrs["autofocus"]


def test_removing_it_leads_to_setting_one_up_with_the_next_request() -> None:
    person, codes, client = _with_factor(Role.MANAGER)
    other_client = Client()
    sign_in(other_client)
    other_client.post("/accounts/2fa/authenticate/", {"code": codes.pop()})
    before = [client.get("/queue/").status_code for client in (client, other_client)]

    client.post("/accounts/2fa/reauthenticate/", {"code": codes.pop()})
    client.post(REMOVE)

    assert before == [200, 200]
    assert not Authenticator.objects.filter(user=person).exists()
    for browser in (client, other_client):
        assert browser.get("/queue/")["Location"] == SET_UP


def test_a_rule_that_begins_or_ends_does_so_with_the_next_request(settings: Settings) -> None:
    person, client = make_user(Role.REVIEWER, username="ana"), Client()
    sign_in(client)
    assert client.get("/queue/").status_code == 200

    person.groups.add(Group.objects.get(name="manager"))
    assert client.get("/queue/")["Location"] == SET_UP

    settings.ACRPORTAL_SECOND_FACTOR_ROLES = []
    assert client.get("/queue/").status_code == 200

    group = Group.objects.get(name="reviewer")
    AccessLimit.objects.create(group=group, second_factor=True)
    assert client.get("/queue/")["Location"] == SET_UP
