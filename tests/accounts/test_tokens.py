"""API tokens: shown once, stored as a hash, revoked at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from base.accounts.models import ApiToken, User
from base.accounts.roles import Action, Role
from base.accounts.tokens import TokenRefused, create_token, find_token, revoke_token
from base.audit.models import Event
from scanning.models import Project
from tests.factories.accounts import confirm, make_user
from tests.factories.catalogue import BucketFactory
from tests.fixtures import MakeClient
from tests.threads import locked, shared_database, using_database

pytestmark = pytest.mark.django_db


def test_only_the_hash_is_kept_and_use_is_noted_every_few_minutes(admin: User) -> None:
    made = create_token(owner=admin, name="a", scopes=["all"])
    assert made.secret not in str(ApiToken.objects.values().get())

    def used_at(minutes: int) -> datetime | None:
        with time_machine.travel(begin + timedelta(minutes=minutes), tick=False):
            assert find_token(made.secret) == made.token
        return ApiToken.objects.get().last_used_at

    begin = datetime.now(tz=UTC) + timedelta(hours=1)
    assert used_at(0) == begin
    with CaptureQueriesContext(connection) as statements, time_machine.travel(begin, tick=False):
        find_token(made.secret)
    assert len(statements) == 1
    assert used_at(6) == begin + timedelta(minutes=6)

    past = datetime.now(tz=UTC) - timedelta(seconds=1)
    expired = create_token(owner=admin, name="b", scopes=["all"], expires_at=past)
    with pytest.raises(TokenRefused, match="expired"):
        find_token(expired.secret)


def test_an_event_tells_of_making_and_of_ending(admin: User) -> None:
    token = create_token(owner=admin, name="a", scopes=["all"], actor=admin).token

    revoke_token(token=token, actor=admin)
    revoke_token(token=token, actor=admin)

    events = Event.objects.filter(case=f"token:{token.uid}").order_by("id")
    assert [event.action for event in events] == ["token.created", "token.revoked"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_reading_over_the_api_does_not_wait_for_a_locked_database(
    admin: User, tmp_path: Path
) -> None:
    secret = create_token(owner=admin, name="a", scopes=["all"]).secret
    database = shared_database(tmp_path)

    def read() -> tuple[int, datetime | None]:
        with using_database(database):
            answer = Client().get("/api/buckets", headers={"Authorization": f"Bearer {secret}"})
            return answer.status_code, ApiToken.objects.get().last_used_at

    with ThreadPoolExecutor(1) as elsewhere:
        with locked(database, ApiToken):
            busy = elsewhere.submit(read).result(timeout=10)
        free = elsewhere.submit(read).result(timeout=10)

    assert busy == (200, None)
    assert free[0] == 200
    assert free[1] is not None


def test_scopes_and_roles_both_have_to_allow() -> None:
    for role, scope, action, allowed in (
        (Role.ADMIN, "all", Action.CONFIGURE, True),
        (Role.VIEWER, "all", Action.UPLOAD, False),
        (Role.ADMIN, "read", Action.UPLOAD, False),
        (Role.REVIEWER, "scan", Action.UPLOAD, True),
        (Role.REVIEWER, "scan", Action.DELETE, False),
        (Role.MANAGER, "catalogue", Action.EDIT_CATALOGUE, True),
    ):
        made = create_token(owner=make_user(role), name="a", scopes=[scope])
        assert made.token.allows(action) is allowed, (role, scope)


def test_the_command_makes_the_user_and_keeps_the_role_of_who_is_there() -> None:
    def make(**options: object) -> ApiToken:
        out = StringIO()
        call_command("create_api_token", stdout=out, **options)
        return find_token(out.getvalue().splitlines()[-1])

    token = make(username="ci", scope=["all"])
    assert token.owner.username == "ci"
    assert token.scopes == ["all"]
    assert token.allows(Action.CONFIGURE)
    assert not token.owner.has_usable_password()
    # It gives the least unless told.
    assert make(username="ci2").scopes == ["read"]

    with pytest.raises(CommandError):
        make(username="ci", days=0)

    limited = Group.objects.create(name="Label North")
    make_user(Role.VIEWER, username="vera").groups.add(limited)
    token = make(username="vera", scope=["read"])
    assert not token.allows(Action.UPLOAD)
    assert token.allows(Action.VIEW)

    token = make(username="vera", role="manager", scope=["all"])
    assert token.allows(Action.DELETE)
    assert not token.allows(Action.CONFIGURE)
    assert {group.name for group in token.owner.groups.all()} == {"manager", "Label North"}


def test_a_token_needs_the_password_again(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)

    answer = client.post("/tokens/", {"name": "nightly", "scopes": ["read"]})
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    client.post(answer.headers["Location"], {"password": "wrong"})
    assert not ApiToken.objects.exists()

    page = client.post(answer.headers["Location"], {"password": "secret"}, follow=True)
    token = ApiToken.objects.get()
    assert (token.name, token.scopes) == ("nightly", ["read"])
    assert token.hint in page.content.decode()
    assert "no-store" in page.headers["Cache-Control"]


def test_identification_keys_are_for_admins_who_enter_their_password_again(
    signed_in: MakeClient,
) -> None:
    assert signed_in(Role.MANAGER).get("/tokens/keys/new/").status_code == 403
    client = signed_in(Role.ADMIN)
    values = {"name": "clips", "buckets": [BucketFactory.create().pk]}

    answer = client.post("/tokens/keys/new/", values)
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    assert not Project.objects.exists()

    confirm(client)
    made = client.post("/tokens/keys/new/", values)
    assert made.context["project"].access_secret in made.content.decode()


def test_the_page_shows_a_token_once(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    confirm(client)
    # The least scope is chosen until somebody chooses more.
    assert client.get("/tokens/").context["form"]["scopes"].initial == ["read"]
    for wrong in (
        {"name": "", "scopes": ["all"]},
        {"name": "a", "scopes": ["everything"]},
        {"name": "a", "scopes": ["all"], "expires_on": "2020-01-01"},
    ):
        client.post("/tokens/", wrong)
        assert not ApiToken.objects.exists(), wrong

    made = client.post("/tokens/", {"name": "nightly", "scopes": ["read", "scan"]})
    again = client.get("/tokens/")

    token = ApiToken.objects.get()
    secret = made.context["secret"]
    assert find_token(secret) == token
    assert token.scopes == ["read", "scan"]
    assert secret in made.content.decode()
    assert secret not in again.content.decode()
    assert "no-store" in made.headers["Cache-Control"]


def test_the_page_lists_and_ends_only_ones_own(signed_in: MakeClient, admin: User) -> None:
    other_token = create_token(owner=admin, name="the admin's own", scopes=["all"]).token
    client = signed_in(Role.REVIEWER)

    page = client.get("/tokens/").content.decode()
    refused = client.post(f"/tokens/{other_token.uid}/revoke/")
    by_admin = signed_in(Role.ADMIN).post(f"/tokens/{other_token.uid}/revoke/")

    assert other_token.hint not in page
    assert refused.status_code == 404
    assert by_admin.status_code == 302
    other_token.refresh_from_db()
    assert other_token.revoked_at is not None


def test_the_api_page_is_open_to_everyone() -> None:
    page = Client().get("/api/docs/")

    assert page.status_code == 200
    assert "/api/fs-containers/{container_id}/files" in page.content.decode()
    assert "<script>" not in page.content.decode()
