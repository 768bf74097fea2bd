"""Signing in through an OpenID Connect server, with a test server over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from pytest_django import Settings

from acrportal.sign_on_map import sign_on_map
from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.services import create_user
from base.accounts.tokens import create_token
from base.audit.labels import via_label
from base.audit.models import Event
from operations.doctor import examine
from tests.accounts.openid_server import (
    CLIENT_SECRET,
    OpenIdServer,
    key_of,
    openid_server,
    provider_settings,
)
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db

BEGIN = "/accounts/oidc/oidc/login/"


@pytest.fixture
def server(settings: Settings) -> Iterator[OpenIdServer]:
    """Return an OpenID Connect server that the portal is configured for."""
    with openid_server() as running:
        settings.SOCIALACCOUNT_PROVIDERS = provider_settings(running.url)
        yield running


def come_back(client: Client, begin: str = BEGIN) -> str:
    """Press the button and sign in at the server; return the redirect's address."""
    leads = client.post(begin)["Location"]
    return requests.get(leads, allow_redirects=False, timeout=60).headers["Location"]


def sign_in(client: Client) -> Any:  # Any: the test client's answer
    """Sign in through the server and follow every redirect."""
    return client.get(come_back(client))


def signed_in_as(client: Client) -> str:
    """Return the session's username; empty without a session."""
    key = client.session.get("_auth_user_id")
    return User.objects.get(pk=key).username if key else ""


def invited(username: str, role: Role = Role.MANAGER) -> User:
    """Return an account without a password that an admin made."""
    return create_user(username=username, password=None, role=role)


def test_who_is_new_gets_an_account_and_is_then_known_by_the_subject(server: OpenIdServer) -> None:
    # Two people may have one address.
    other_user = make_user(Role.VIEWER, username="other")
    User.objects.filter(pk=other_user.pk).update(email="desk@example.org")
    server.person["email"] = "desk@example.org"
    client = Client()
    assert BEGIN in client.get("/accounts/login/").content.decode()

    answer = sign_in(client)

    person = User.objects.get(username="ana")
    assert answer["Location"] == "/"
    assert signed_in_as(client) == "ana"
    assert [group.name for group in person.groups.all()] == ["viewer"]
    assert not person.has_usable_password()
    assert Event.objects.filter(case=f"user:{person.pk}", action="signed_in").exists()

    server.person["preferred_username"] = "ana.new"
    again = Client()
    sign_in(again)
    assert signed_in_as(again) == "ana"
    assert User.objects.count() == 2

    # A name that somebody took at the server opens no account.
    server.person |= {"preferred_username": "ana", "sub": "another"}
    stranger = Client()
    refused = stranger.get(come_back(stranger), follow=True)
    assert signed_in_as(stranger) == ""
    assert "somebody else" in refused.content.decode()


VERIFIED = {"email": "Ana@Example.org", "email_verified": True}


def prepared(username: str, address: str = "ana@example.org") -> User:
    """Return an account that an admin made for an address."""
    person = invited(username)
    person.email = address
    person.save()
    return person


@pytest.mark.parametrize("proof", [VERIFIED, VERIFIED | {"email_verified": "true"}])
def test_an_account_prepared_for_a_verified_address_is_tied_to_it(
    server: OpenIdServer, settings: Settings, proof: dict[str, object]
) -> None:
    settings.ACRPORTAL_OIDC_MAIL_DOMAINS = ["example.org"]
    person = prepared("a.muster")
    # Somebody else has taken the address without proof.
    server.person |= {"sub": "1", "preferred_username": "zoe"} | VERIFIED
    server.person["email_verified"] = False
    sign_in(Client())
    server.person |= {"sub": "2", "preferred_username": "ana"} | proof
    client = Client()

    sign_in(client)

    assert signed_in_as(client) == "a.muster"
    assert SocialAccount.objects.get(uid="2").user == person
    assert [group.name for group in person.groups.all()] == ["manager"]


@pytest.mark.parametrize(
    ("claims", "domains"),
    [
        ({}, ["example.org"]),
        ({"email": "ana@example.org"}, ["example.org"]),
        (VERIFIED | {"email_verified": False}, ["example.org"]),
        (VERIFIED | {"email_verified": "false"}, ["example.org"]),
        (VERIFIED, []),
        (VERIFIED, ["example.com"]),
        (VERIFIED, ["ample.org"]),
        (VERIFIED | {"email": "ana@example.org@evil.example"}, ["example.org"]),
    ],
)
def test_a_name_or_an_address_without_proof_opens_no_prepared_account(
    server: OpenIdServer, settings: Settings, claims: dict[str, object], domains: list[str]
) -> None:
    settings.ACRPORTAL_OIDC_MAIL_DOMAINS = domains
    person = prepared("ana")
    server.person |= {"preferred_username": "ana"} | claims
    client = Client()

    answer = client.get(come_back(client), follow=True)

    assert signed_in_as(client) == ""
    assert "does not prove" in answer.content.decode()
    assert not SocialAccount.objects.exists()
    assert [group.name for group in person.groups.all()] == ["manager"]


def test_an_address_of_two_prepared_accounts_opens_neither(
    server: OpenIdServer, settings: Settings
) -> None:
    settings.ACRPORTAL_OIDC_MAIL_DOMAINS = ["example.org"]
    prepared("first")
    prepared("second")
    server.person |= VERIFIED
    client = Client()

    sign_in(client)

    assert signed_in_as(client) == "ana"
    assert User.objects.count() == 3


def test_accounts_of_others_are_not_taken_over_and_those_switched_off_stay_so(
    server: OpenIdServer, settings: Settings
) -> None:
    settings.ACRPORTAL_OIDC_MAIL_DOMAINS = ["example.org"]
    make_user(Role.ADMIN, username="ana")
    client = Client()
    answer = client.get(come_back(client), follow=True)
    assert signed_in_as(client) == ""
    assert "sign in with that" in answer.content.decode()

    create_token(owner=invited("bot", Role.ADMIN), name="Nightly", scopes=["all"])
    server.person["preferred_username"] = "bot"
    sign_in(client)
    assert signed_in_as(client) == ""

    person = prepared("cleo", "cleo@example.org")
    person.is_active = False
    person.save()
    server.person |= {
        "preferred_username": "cleo",
        "email": "cleo@example.org",
        "email_verified": True,
    }
    answer = sign_in(client)
    assert answer["Location"] == "/accounts/inactive/"
    assert signed_in_as(client) == ""


def test_an_open_session_is_not_enough_to_add_ones_own_sign_in(server: OpenIdServer) -> None:
    """Whoever came by an open screen kept the account with an identity of their own."""
    person, client = make_user(Role.ADMIN), Client()
    client.force_login(person)

    answer = client.get(come_back(client, f"{BEGIN}?process=connect"))
    assert not SocialAccount.objects.exists()
    assert "/accounts/reauthenticate/" in answer["Location"]

    client.post("/accounts/reauthenticate/", {"password": "secret"})
    client.get(come_back(client, f"{BEGIN}?process=connect"))
    assert SocialAccount.objects.get().user == person


def test_an_id_token_that_was_not_made_or_signed_for_this_is_refused(server: OpenIdServer) -> None:
    def refused() -> bool:
        client = Client()
        return sign_in(client).status_code == 401 and not signed_in_as(client)

    wrong: tuple[dict[str, Any], ...] = (
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"aud": "another client"},
        {"azp": "another client"},
        {"iss": "https://elsewhere.example"},
        {"sub": "somebody else"},
        {"exp": 1_000_000_000},
        {"exp": None},
    )
    for number, claims in enumerate(wrong, start=1):
        server.claims = claims
        assert refused(), claims
        assert Event.objects.filter(action="sign_in_failed").count() == number
    assert Event.objects.count() == len(wrong)

    server.claims = {}
    for algorithm, key in (
        ("RS256", key_of("a stranger")),
        ("none", ""),
        ("HS256", f"{CLIENT_SECRET}, long enough to sign with"),
    ):
        server.algorithm, server.signing_key = algorithm, key
        assert refused(), algorithm
    assert not User.objects.exists()


def test_an_answer_counts_once_in_its_own_browser_and_leads_nowhere_else(
    server: OpenIdServer,
) -> None:
    begun, client = come_back(Client()), Client()
    come_back(client)
    assert client.get(begun).status_code == 401
    assert signed_in_as(client) == ""

    client = Client()
    back = come_back(client, f"{BEGIN}?next=https://evil.example/")
    assert client.get(back)["Location"] == "/"
    assert signed_in_as(client) == "ana"
    client.logout()
    assert client.get(back).status_code == 401
    assert signed_in_as(client) == ""

    # The address of the button cannot bring its own nonce.
    leads = Client().post(f"{BEGIN}?auth_params=nonce%3Dknown")["Location"]
    assert "nonce=known" not in leads
    assert "nonce=" in leads


def test_a_server_that_is_away_is_told(server: OpenIdServer, settings: Settings) -> None:
    settings.SOCIALACCOUNT_PROVIDERS = provider_settings("http://127.0.0.1:1")

    answer = Client().post(BEGIN)

    assert answer.status_code == 401
    assert "Single sign-on" in answer.content.decode()


def test_without_a_server_there_is_nothing() -> None:
    assert Client().post(BEGIN).status_code == 404
    assert Client().get(f"{BEGIN}callback/?code=x&state=y").status_code == 404


# --- Roles from the server's groups ----------------------------------------------

MAP = {
    "admins": "admin",
    "desk, south": ["reviewer"],
    "north": ["viewer", "Label North"],
}


def follow(settings: Settings, claim: str = "groups") -> None:
    """Let roles follow the server's groups."""
    settings.ACRPORTAL_OIDC_GROUPS = sign_on_map(json.dumps(MAP))
    settings.ACRPORTAL_OIDC_GROUPS_CLAIM = claim
    Group.objects.get_or_create(name="Label North")


def groups_of(username: str) -> set[str]:
    return set(User.objects.get(username=username).groups.values_list("name", flat=True))


def test_roles_follow_the_groups_at_every_sign_in(server: OpenIdServer, settings: Settings) -> None:
    follow(settings)
    server.person["groups"] = ["staff", "north"]
    client = Client()
    sign_in(client)
    person = User.objects.get(username="ana")
    assert groups_of("ana") == {"viewer", "Label North"}
    assert client.get("/").status_code == 200

    # What an admin gave by hand goes, and a group that the map does not name stays.
    person.groups.add(Group.objects.get(name="manager"), Group.objects.create(name="Night"))
    server.person["groups"] = ["desk, south", "admins"]
    other_client = Client()
    other_client.force_login(make_user(Role.ADMIN, username="other"))
    sign_in(other_client)
    assert groups_of("ana") == {"admin", "reviewer", "Night"}
    events = Event.objects.filter(case=f"user:{person.pk}", action__startswith="user.group_")
    by_server, by_hand = ("system", "single_sign_on"), ("system", "")
    assert [
        (event.action, event.after["groups"], (event.actor_name, event.via))
        for event in events.order_by("sequence")
    ] == [
        ("user.group_added", ["Label North", "viewer"], by_server),
        ("user.group_added", ["Night", "manager"], by_hand),
        ("user.group_removed", ["Label North", "manager", "viewer"], by_server),
        ("user.group_added", ["admin", "reviewer"], by_server),
    ]

    assert via_label("single_sign_on") == "single sign-on"

    # The last role too, at once in each open session; nothing is left but a page that says so.
    server.person["groups"] = []
    last = Client()
    sign_in(last)
    assert groups_of("ana") == {"Night"}
    assert signed_in_as(last) == "ana"
    for session in (client, last):
        refused = session.get("/")
        assert refused.status_code == 403
        assert "none of your groups has a role here" in refused.content.decode()


def test_without_the_setting_roles_stay_in_the_hands_of_admins(server: OpenIdServer) -> None:
    sign_in(Client())
    person = User.objects.get(username="ana")
    person.groups.set([Group.objects.get(name="manager")])
    server.person["groups"] = ["admins"]

    sign_in(Client())

    assert groups_of("ana") == {"manager"}


@pytest.mark.parametrize(
    ("claim", "claims", "groups"),
    [
        ("groups", {"groups": "admins"}, {"admin"}),
        ("groups", {"groups": "desk, south"}, {"reviewer"}),
        ("groups", {"groups": "staff, admins"}, {"admin"}),
        # A name with a space is one name: who may choose it must not become an admin.
        ("groups", {"groups": "not admins"}, set()),
        ("groups", {"groups": ["Admins", "not, admins", 7, None, ["admins"]]}, set()),
        ("groups", {"groups": [{"id": 1, "name": "admins"}, {"name": 2}]}, {"admin"}),
        ("urn:zitadel:roles", {"urn:zitadel:roles": {"admins": {"1": "a.example"}}}, {"admin"}),
        ("realm_access.roles", {"realm_access": {"roles": ["admins"]}}, {"admin"}),
        ("https://a.example/groups", {"https://a.example/groups": ["admins"]}, {"admin"}),
        ("of.a.example.roles", {"of": {"a.example": {"roles": ["admins"]}}}, {"admin"}),
        ("groups.deep", {"groups": ["admins"]}, set()),
    ],
)
def test_the_claim_is_read_in_each_form_that_servers_send(
    server: OpenIdServer,
    settings: Settings,
    claim: str,
    claims: dict[str, Any],
    groups: set[str],
) -> None:
    follow(settings, claim)
    server.person |= claims

    sign_in(Client())

    assert groups_of("ana") == groups


def test_a_claim_in_the_id_token_alone_counts(server: OpenIdServer, settings: Settings) -> None:
    follow(settings)
    server.claims["groups"] = ["admins"]

    sign_in(Client())

    assert groups_of("ana") == {"admin"}


def test_a_server_that_sends_no_groups_takes_only_those_that_it_gave(
    server: OpenIdServer, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that is not set up locks nobody out; Keycloak leaves out an empty list."""
    sign_in(Client())
    follow(settings)

    sign_in(Client())
    assert groups_of("ana") == {"viewer"}
    assert "sent no claim groups: roles of user" in caplog.text

    server.person["groups"] = ["admins"]
    sign_in(Client())
    assert groups_of("ana") == {"admin"}

    # Entra ID sends a link instead of many groups.
    del server.person["groups"]
    server.claims |= {"_claim_names": {"groups": "src1"}}
    sign_in(Client())
    assert groups_of("ana") == {"admin"}

    server.claims = {}
    caplog.clear()
    sign_in(Client())
    assert groups_of("ana") == set()
    assert "is in no group" in caplog.text


def test_a_group_that_the_portal_lacks_gives_nothing(
    server: OpenIdServer, settings: Settings
) -> None:
    """Its limits would be what keeps its members from seeing everything."""
    follow(settings)
    Group.objects.filter(name="Label North").delete()
    server.person["groups"] = ["north"]

    sign_in(Client())

    assert groups_of("ana") == set()
    [finding] = [f for f in examine() if f.check == "single sign-on"]
    assert "Label North" in finding.problem
    Group.objects.create(name="Label North")
    sign_in(Client())
    assert groups_of("ana") == {"viewer", "Label North"}


def test_a_role_that_comes_with_the_sign_in_asks_for_its_second_factor(
    server: OpenIdServer, settings: Settings
) -> None:
    follow(settings)
    settings.ACRPORTAL_SECOND_FACTOR_ROLES = ["admin"]
    server.person["groups"] = ["admins"]
    client = Client()
    sign_in(client)
    assert client.get("/")["Location"] == "/accounts/2fa/"

    # With a factor, the server's word is not enough for a session.
    TOTP.activate(User.objects.get(username="ana"), generate_totp_secret())
    other_client = Client()
    assert sign_in(other_client)["Location"].startswith("/accounts/2fa/authenticate/")
    assert signed_in_as(other_client) == ""


@pytest.mark.parametrize("text", ["admins=admin", "[]", '{"admins": 1}', '{"admins": [["admin"]]}'])
def test_a_map_that_is_none_stops_the_start(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="must be a JSON object"):
        sign_on_map(text)
