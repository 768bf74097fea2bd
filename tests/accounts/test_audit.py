"""Every change to an account leaves an event, whoever makes it and wherever."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.auth.models import Group
from django.test import Client, override_settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from tests.accounts.test_sign_in import code_of, sign_in
from tests.factories.accounts import confirm, make_user

pytestmark = pytest.mark.django_db

SECRETS = ("s-ecret 9 words", "ana@example.org")


@pytest.fixture
def ana() -> User:
    return make_user(Role.REVIEWER, username="ana")


@pytest.fixture
def here(ana: User) -> Client:
    """Return the session in which she signed in through the form."""
    client = Client()
    sign_in(client)
    return client


@pytest.fixture
def admin_page(admin: User) -> Client:
    client = Client()
    client.force_login(admin)
    confirm(client)
    return client


def events_of(person: User, action: str) -> list[Event]:
    events = Event.objects.filter(case=f"user:{person.pk}", action=action)
    for event in events:
        text = f"{event.before}{event.after}{event.note}"
        assert not any(secret in text for secret in SECRETS)
    return list(events.order_by("sequence"))


def test_a_new_account_and_a_password_that_an_admin_sets_and_takes_away(
    ana: User, admin: User, admin_page: Client
) -> None:
    form = {"username": "new", "password1": SECRETS[0], "password2": SECRETS[0]}
    role = Group.objects.get(name="viewer").pk
    form |= {"usable_password": "true", "groups": str(role), "is_staff": "on"}
    admin_page.post("/admin/accounts/user/add/", form)
    (event,) = events_of(User.objects.get(username="new"), "user.created")
    assert event.actor == admin

    address = f"/admin/accounts/user/{ana.pk}/password/"
    passwords = {"password1": SECRETS[0], "password2": SECRETS[0]}
    admin_page.post(address, {**passwords, "usable_password": "true"})
    admin_page.post(address, {"usable_password": "false", "unset-password": "yes"})
    (changed,) = events_of(ana, "user.password_changed")
    (removed,) = events_of(ana, "user.password_removed")
    assert changed.actor == removed.actor == admin


def test_a_newer_hash_of_the_same_password_is_no_change(ana: User) -> None:
    with override_settings(
        PASSWORD_HASHERS=[
            "django.contrib.auth.hashers.ScryptPasswordHasher",
            "django.contrib.auth.hashers.MD5PasswordHasher",
        ]
    ):
        sign_in(Client())

    ana.refresh_from_db()
    assert ana.password.startswith("scrypt$")
    assert not events_of(ana, "user.password_changed")


def test_address_and_state_of_an_account(ana: User) -> None:
    ana.email, ana.is_active = "ana@example.org", False
    ana.save()

    (event,) = events_of(ana, "user.changed")
    assert event.before == {"is_active": True}
    assert event.after == {"is_active": False, "fields": ["email"]}


def test_second_factors_recovery_codes_and_ones_own_password(ana: User, here: Client) -> None:
    here.post("/accounts/reauthenticate/", {"password": "secret"})
    page = here.get("/accounts/2fa/totp/activate/")
    secret = page.context["form"].secret
    here.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    here.post("/accounts/2fa/recovery-codes/generate/")
    here.post("/accounts/2fa/totp/deactivate/")

    added = [event.after["kind"] for event in events_of(ana, "second_factor.added")]
    removed = [event.before["kind"] for event in events_of(ana, "second_factor.removed")]
    assert added == ["totp", "recovery_codes", "recovery_codes"]
    assert sorted(removed) == ["recovery_codes", "recovery_codes", "totp"]
    assert {event.actor for event in Event.objects.filter(action__startswith="second")} == {ana}

    form = {"oldpassword": "secret", "password1": SECRETS[0], "password2": SECRETS[0]}
    here.post("/accounts/password/", form)
    (event,) = events_of(ana, "user.password_changed")
    assert event.actor == ana


def test_a_recovery_code_and_a_wrong_one(ana: User) -> None:
    TOTP.activate(ana, generate_totp_secret())
    code = RecoveryCodes.activate(ana).get_unused_codes()[0]
    client = Client()
    sign_in(client)

    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": code})

    (failed,) = events_of(ana, "sign_in_failed")
    (used,) = events_of(ana, "recovery_code.used")
    assert failed.after == {"through": "second factor"}
    assert used.actor == ana


def test_one_session_ends_and_then_all_others(ana: User, here: Client) -> None:
    clients = [Client() for _ in range(3)]
    for other_client in clients:
        sign_in(other_client)
    user_session = UserSession.objects.get(session_key=clients[0].session.session_key)
    foreign = UserSession.objects.create(
        user=make_user(Role.ADMIN), ip="192.0.2.1", session_key="foreign"
    )

    assert here.get("/accounts/sessions/").status_code == 200
    here.post("/accounts/sessions/", {"session": str(foreign.pk)})
    here.post("/accounts/sessions/", {"session": str(user_session.pk)})
    states = [other_client.get("/queue/").status_code for other_client in clients]
    here.post("/accounts/sessions/")

    assert states == [302, 200, 200]
    assert [event.after for event in events_of(ana, "sessions.ended")] == [
        {"count": 1},
        {"count": 2},
    ]
    assert here.get("/queue/").status_code == 200
    assert [other_client.get("/queue/").status_code for other_client in clients] == [302] * 3
    assert UserSession.objects.filter(user=ana).count() == 1
    assert UserSession.objects.filter(pk=foreign.pk).exists()


def test_an_admin_sees_how_somebody_signs_in_and_takes_it_after_asking(
    ana: User, here: Client, admin: User, admin_page: Client
) -> None:
    TOTP.activate(ana, generate_totp_secret())
    SocialAccount.objects.create(user=ana, provider="oidc", uid="subject-7")
    factor = Authenticator.objects.get(user=ana)

    page = admin_page.get(f"/admin/accounts/user/{ana.pk}/change/").content.decode()
    for text in ("Authenticator app", "subject-7", "127.0.0.1", "A password is set."):
        assert text in page
    key = UserSession.objects.get(user=ana).session_key
    for hidden in (factor.data["secret"], key, "pbkdf2", "hash:", "salt"):
        assert hidden not in page

    def act(action: str, **options: str) -> str:
        chosen = {"_selected_action": ana.pk, "action": action, **options}
        return admin_page.post("/admin/accounts/user/", chosen).content.decode()

    act("sign_out")
    assert here.get("/queue/").status_code == 302
    (ended,) = events_of(ana, "sessions.ended")
    assert ended.actor == admin

    assert "Remove them" in act("take_second_factors")
    assert Authenticator.objects.filter(user=ana).exists()
    act("take_second_factors", apply="yes")
    assert not Authenticator.objects.filter(user=ana).exists()
    (removed,) = events_of(ana, "second_factor.removed")
    assert removed.actor == admin

    sign_in(here)
    assert here.get("/queue/").status_code == 200
    assert "Remove the single sign-on" in act("end_single_sign_on")
    assert SocialAccount.objects.filter(user=ana).exists()
    act("end_single_sign_on", apply="yes")
    assert not SocialAccount.objects.filter(user=ana).exists()
    assert here.get("/queue/").status_code == 302
    (removed,) = events_of(ana, "single_sign_on.removed")
    assert removed.actor == admin


def test_a_superuser_finds_no_screen_of_keys_and_secrets(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root", password=None))

    for path in (
        *("mfa/authenticator", "usersessions/usersession", "account/emailaddress"),
        *("socialaccount/socialapp", "socialaccount/socialtoken"),
        "socialaccount/socialaccount",
    ):
        assert client.get(f"/admin/{path}/").status_code == 404, path


def test_the_admin_uses_the_pages_that_limit_and_record(ana: User, here: Client) -> None:
    page = here.get("/admin/password_change/").content.decode()
    here.post("/admin/logout/")

    assert "Current password" in page
    assert len(events_of(ana, "signed_out")) == 1
    assert here.get("/admin/").status_code == 302
