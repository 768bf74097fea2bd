"""The admin's pages of users: making one, and what admins cannot do to themselves."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from tests.factories.accounts import confirm, make_user

pytestmark = pytest.mark.django_db

_PASSWORD = "correct horse battery"
_LOCKED_OUT = "This would take the administration from yourself."


@pytest.fixture
def admin(client: Client) -> User:
    user = make_user(Role.ADMIN)
    client.force_login(user)
    confirm(client)
    return user


def _sent(user: User, **changes: Any) -> dict[str, Any]:
    """Return the form of a user as a browser sends it, with ``changes``."""
    fields = {
        "username": user.username,
        "groups": [group.pk for group in user.groups.all()],
        "is_active": "on",
        "is_staff": "on",
        **changes,
    }
    return {name: value for name, value in fields.items() if value}


def _save(client: Client, user: User, **changes: Any) -> str:
    address = reverse("admin:accounts_user_change", args=[user.pk])
    sent = _sent(user, **changes)
    for inline in client.get(address).context["inline_admin_formsets"]:
        for name in ("TOTAL_FORMS", "INITIAL_FORMS"):
            sent[f"{inline.formset.prefix}-{name}"] = "0"
    return client.post(address, sent, follow=True).content.decode()


def test_admins_take_the_role_from_others_and_not_from_themselves(
    client: Client, admin: User
) -> None:
    changes: list[dict[str, Any]] = [{"groups": []}, {"is_active": ""}, {"is_staff": ""}]
    for change in changes:
        assert _LOCKED_OUT in _save(client, admin, **change), change

        admin.refresh_from_db()
        assert admin.is_active
        assert admin.is_staff
        assert User.objects.get(pk=admin.pk).has_perm("accounts.configure_portal")

    other_user = make_user(Role.ADMIN)
    assert _LOCKED_OUT not in _save(client, other_user, groups=[])
    assert not other_user.groups.exists()


def test_a_person_without_a_role_is_named(client: Client, admin: User) -> None:
    reviewer = make_user(Role.REVIEWER)

    warning = f"Without a role, {reviewer.username} sees nothing."

    assert warning in _save(client, reviewer, groups=[])
    group = Group.objects.get(name=Role.VIEWER)
    assert warning not in _save(client, reviewer, groups=[group.pk])


def test_a_new_person_gets_name_address_role_and_the_administration(
    client: Client, admin: User
) -> None:
    client.post(
        reverse("admin:accounts_user_add"),
        {
            "username": "new.person",
            "first_name": "New",
            "email": "new@example.org",
            "usable_password": "true",
            "password1": _PASSWORD,
            "password2": _PASSWORD,
            "groups": [Group.objects.get(name=Role.REVIEWER).pk],
        },
    )

    made = User.objects.get(username="new.person")
    assert (made.first_name, made.email) == ("New", "new@example.org")
    assert made.has_perm("accounts.decide_matches")
    assert not made.is_superuser
    # As people from the command line and from single sign-on.
    assert made.is_staff


def test_the_forms_speak_of_the_portal_not_of_django(client: Client, admin: User) -> None:
    for address in (
        reverse("admin:accounts_user_add"),
        reverse("admin:accounts_user_change", args=[admin.pk]),
    ):
        page = client.get(address).content.decode()

        assert "Designates whether" not in page
        assert "LDAP" not in page
        assert 'type="checkbox" name="groups"' in page
