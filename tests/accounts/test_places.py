"""People are told of sign-ins from new places and of changes of their account."""

from __future__ import annotations

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from django.core import mail
from django.test import Client
from pytest_django import Settings

from base.accounts.models import KnownPlace, User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.jobs.choices import Pool
from base.jobs.models import Job
from base.jobs.runner import run_next
from tests.accounts.test_sign_in import sign_in
from tests.factories.accounts import make_user
from web.portal.accounts.erasure import erase

pytestmark = pytest.mark.django_db

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) AppleWebKit/605 Version/18 Safari/604"
NEW = "Sign-in from a new place"


@pytest.fixture
def ana(settings: Settings) -> User:
    """Return a reviewer with an address, in a portal behind a proxy."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    person = make_user(Role.REVIEWER, username="ana")
    User.objects.filter(pk=person.pk).update(email="ana@example.org")
    person.refresh_from_db()
    return person


def sign_in_from(address: str, browser: str = FIREFOX) -> None:
    """Sign ana in with a browser that knows nothing of earlier sign-ins."""
    client = Client(headers={"X-Forwarded-For": address, "User-Agent": browser})
    assert sign_in(client).status_code == 302


def sent() -> list[str]:
    """Let a worker send what waits; return all subjects, without the portal's name."""
    while run_next(Pool.TALK):
        pass
    return [message.subject.split(": ", 1)[1] for message in mail.outbox]


def test_a_new_place_is_told_and_the_first_one_is_not(ana: User) -> None:
    sign_in(Client(headers={"X-Forwarded-For": "192.0.2.1"}), "wrong")
    assert not KnownPlace.objects.exists()
    sign_in_from("192.0.2.1")
    first = sent()
    sign_in_from("192.0.2.99")
    same_network = sent()
    sign_in_from("198.51.100.7")
    another_network = sent()
    sign_in_from("198.51.100.7", SAFARI)

    assert first == same_network == []
    assert another_network == [NEW]
    assert sent() == [NEW, NEW]
    assert mail.outbox[0].to == ["ana@example.org"]
    assert "198.51.100.0/24, Firefox Linux" in mail.outbox[0].body
    assert "Account: ana" in mail.outbox[0].body


def test_addresses_outside_the_listed_domains_get_nothing_and_leave_no_failure(
    ana: User, settings: Settings
) -> None:
    """Each was a failed job that an admin had to look at."""
    settings.ACRPORTAL_MAIL_DOMAINS = ["example.com"]

    create_token(owner=ana, name="a", scopes=["all"])
    ana.email = "ana@example.com"
    ana.save()
    create_token(owner=ana, name="b", scopes=["all"])

    assert sorted(sent()) == ["An API token was created", "Your email address was changed"]
    assert {mail.to[0] for mail in mail.outbox} == {"ana@example.com"}
    assert not Job.objects.filter(kind="account_mail", state="failed").exists()


def test_each_person_has_places_of_their_own(ana: User) -> None:
    make_user(Role.REVIEWER, username="bert")
    for name in ("bert", "ana"):
        client = Client(headers={"X-Forwarded-For": "192.0.2.1"})
        client.post("/accounts/login/", {"username": name, "password": "secret"})

    assert sent() == []
    assert KnownPlace.objects.count() == 2


def test_every_changed_credential_is_told_without_its_secret(ana: User) -> None:
    ana.set_password("nine otters bake quietly")
    ana.save()
    secret = generate_totp_secret()
    factor = TOTP.activate(ana, secret).instance
    token = create_token(owner=ana, name="nightly", scopes=["read"])
    SocialAccount.objects.create(user=ana, provider="oidc", uid="subject-7")
    factor.delete()

    assert sent() == [
        "Your password was changed",
        "A second factor was added",
        "An API token was created",
        "Single sign-on was connected",
        "A second factor was removed",
    ]
    text = "".join(f"{mail.body}{mail.extra_headers}" for mail in mail.outbox)
    for hidden in (secret, token.secret, "otters", "subject-7"):
        assert hidden not in text


def test_the_old_address_hears_of_the_new_one(ana: User) -> None:
    ana.email = "thief@example.net"
    ana.save()

    waiting = str(list(Job.objects.values_list("data", flat=True)))

    assert sent() == ["Your email address was changed"] * 2
    addresses = {address for message in mail.outbox for address in message.to}
    assert addresses == {"ana@example.org", "thief@example.net"}
    assert "example" not in waiting


def test_mails_are_in_the_zone_of_the_person_if_they_are_wanted(
    ana: User, settings: Settings
) -> None:
    bert = make_user(Role.REVIEWER, username="bert")
    create_token(owner=bert, name="a", scopes=["read"])
    settings.ACRPORTAL_ACCOUNT_MAIL = False
    create_token(owner=ana, name="a", scopes=["read"])
    assert sent() == []

    settings.ACRPORTAL_ACCOUNT_MAIL = True
    ana.language, ana.time_zone = "de", "Asia/Tokyo"
    ana.set_password("nine otters bake quietly")
    ana.save()
    assert len(sent()) == 1
    assert " JST" in mail.outbox[0].body


def test_erasing_a_person_forgets_places_and_mails(ana: User) -> None:
    sign_in_from("192.0.2.1")
    sign_in_from("198.51.100.7")

    erase(person=ana, actor=make_user(Role.ADMIN))

    assert not KnownPlace.objects.exists()
    assert sent() == []
