"""API tokens: made once, kept as a hash, ended at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import ApiToken, User
from accounts.roles import Action, Role
from accounts.tokens import TokenRefused, create_token, find_token, revoke_token
from audit.models import Event
from tests.conftest import MakeClient
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def test_only_the_hash_is_kept(admin: User) -> None:
    made = create_token(owner=admin, name="a")

    kept = ApiToken.objects.values().get()
    assert made.secret not in str(kept)
    assert find_token(made.secret) == made.token


def test_an_event_tells_of_making_and_of_ending(admin: User) -> None:
    token = create_token(owner=admin, name="a", actor=admin).token

    revoke_token(token=token, actor=admin)
    revoke_token(token=token, actor=admin)

    events = Event.objects.filter(case=f"token:{token.uid}").order_by("id")
    assert [event.action for event in events] == ["token.created", "token.revoked"]


def test_use_is_noted(admin: User) -> None:
    made = create_token(owner=admin, name="a")

    find_token(made.secret)

    assert ApiToken.objects.get().last_used_at is not None


def test_an_expired_token_opens_nothing(admin: User) -> None:
    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    made = create_token(owner=admin, name="a", expires_at=past)

    with pytest.raises(TokenRefused, match="expired"):
        find_token(made.secret)


@pytest.mark.parametrize(
    ("role", "scope", "action", "allowed"),
    [
        (Role.ADMIN, "all", Action.CONFIGURE, True),
        (Role.VIEWER, "all", Action.UPLOAD, False),
        (Role.ADMIN, "read", Action.UPLOAD, False),
        (Role.REVIEWER, "scan", Action.UPLOAD, True),
        (Role.REVIEWER, "scan", Action.DELETE, False),
        (Role.MANAGER, "catalogue", Action.EDIT_CATALOGUE, True),
    ],
)
def test_scopes_and_roles_both_have_to_allow(
    role: Role, scope: str, action: Action, allowed: bool
) -> None:
    made = create_token(owner=make_user(role), name="a", scopes=[scope])

    assert made.token.allows(action) is allowed


def test_the_command_makes_the_user_and_prints_the_token_last() -> None:
    out = StringIO()

    call_command("create_api_token", username="ci", stdout=out)

    token = find_token(out.getvalue().splitlines()[-1])
    assert token.owner.username == "ci"
    assert token.scopes == ["all"]
    assert token.allows(Action.CONFIGURE)
    assert not token.owner.has_usable_password()


def test_the_command_keeps_the_role_of_a_user_who_is_there() -> None:
    make_user(Role.VIEWER, username="vera")
    out = StringIO()

    call_command("create_api_token", "--username=vera", "--scope=read", stdout=out)

    token = find_token(out.getvalue().splitlines()[-1])
    assert not token.allows(Action.UPLOAD)
    assert token.allows(Action.VIEW)


def test_the_command_changes_the_role_when_it_is_told_to() -> None:
    make_user(Role.VIEWER, username="vera")
    out = StringIO()

    call_command("create_api_token", "--username=vera", "--role=manager", stdout=out)

    token = find_token(out.getvalue().splitlines()[-1])
    assert token.allows(Action.DELETE)
    assert not token.allows(Action.CONFIGURE)


def test_the_page_shows_a_token_once(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    made = client.post("/tokens/", {"name": "nightly", "scopes": ["read", "scan"]})
    again = client.get("/tokens/")

    token = ApiToken.objects.get()
    secret = made.context["secret"]
    assert find_token(secret) == token
    assert token.scopes == ["read", "scan"]
    assert secret in made.content.decode()
    assert secret not in again.content.decode()
    assert "no-store" in made.headers["Cache-Control"]


def test_the_page_lists_and_ends_only_ones_own(
    signed_in: MakeClient, admin: User
) -> None:
    other = create_token(owner=admin, name="the admin's own").token
    client = signed_in(Role.REVIEWER)

    listed = client.get("/tokens/").content.decode()
    refused = client.post(f"/tokens/{other.uid}/revoke/")
    by_admin = signed_in(Role.ADMIN).post(f"/tokens/{other.uid}/revoke/")

    assert other.hint not in listed
    assert refused.status_code == 404
    assert by_admin.status_code == 302
    other.refresh_from_db()
    assert other.revoked_at is not None


def test_bad_input_makes_no_token(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    client.post("/tokens/", {"name": "", "scopes": ["all"]})
    client.post("/tokens/", {"name": "a", "scopes": ["everything"]})
    client.post(
        "/tokens/", {"name": "a", "scopes": ["all"], "expires_on": "2020-01-01"}
    )

    assert not ApiToken.objects.exists()


def test_identification_keys_are_for_admins(signed_in: MakeClient) -> None:
    assert signed_in(Role.MANAGER).get("/tokens/keys/new/").status_code == 403
    made = signed_in(Role.ADMIN).post(
        "/tokens/keys/new/", {"name": "clips", "buckets": ["23"]}
    )

    assert made.context["project"].access_secret in made.content.decode()


def test_the_api_page_is_open_to_everyone() -> None:
    page = Client().get("/api/docs/")

    assert page.status_code == 200
    assert "/api/fs-containers/{container_id}/files" in page.content.decode()
    assert "<script>" not in page.content.decode()
