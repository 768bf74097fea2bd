"""Erasing a person removes the name, keeps the audit trail and closes the account."""

from __future__ import annotations

from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.test import Client

from base.accounts.models import ApiToken, User
from base.accounts.roles import Role
from base.accounts.tokens import TokenRefused, create_token, find_token
from base.audit.models import Event
from base.audit.services import export_case, first_broken_event, record
from base.audit.standing import StatementKind
from statements.services import issue
from tests.factories.accounts import confirm, make_user

pytestmark = pytest.mark.django_db

CASE = "match:m_1"


@pytest.fixture
def ana() -> User:
    """Return a person with some events."""
    ana = make_user(Role.REVIEWER, username="ana.analyst")
    ana.first_name, ana.email = "Ana", "ana@example.org"
    ana.save()
    record(case=CASE, action="found")
    record(case=CASE, action="confirmed", actor=ana, note="Ours.")
    return ana


def test_the_name_is_gone_and_the_chain_is_whole(ana: User) -> None:
    secret = create_token(owner=ana, name="Ana's laptop", scopes=["all"], actor=ana).secret
    output = StringIO()

    # The preview changes nothing.
    call_command("erase_person", "ana.analyst", stdout=output)
    assert "events: 2" in output.getvalue()
    assert User.objects.filter(username="ana.analyst").exists()

    call_command("erase_person", "ana.analyst", "--yes", stdout=StringIO())

    ana.refresh_from_db()
    stored_text = str(list(User.objects.values())) + str(list(Event.objects.values()))
    assert "ana.analyst" not in stored_text
    assert "example.org" not in stored_text
    assert not ana.is_active
    assert f"erased-{ana.pk}" in "".join(export_case(case=CASE))
    for case in set(Event.objects.values_list("case", flat=True)):
        assert first_broken_event(case=case) is None
    call_command("verify_audit", stdout=StringIO())
    with pytest.raises(TokenRefused):
        find_token(secret)
    assert "Ana" not in ApiToken.objects.get().name


def test_an_admin_erases_after_a_preview_but_not_themself(ana: User) -> None:
    admin = make_user(Role.ADMIN)
    client = Client()
    client.force_login(admin)
    confirm(client)
    fields = {"action": "erase_data", "_selected_action": ana.pk}

    answer = client.post("/admin/accounts/user/", fields)
    client.post("/admin/accounts/user/", {**fields, "apply": "yes"})
    client.post(
        "/admin/accounts/user/",
        {"action": "erase_data", "_selected_action": admin.pk, "apply": "yes"},
    )

    assert "Erase permanently" in answer.content.decode()
    ana.refresh_from_db()
    admin.refresh_from_db()
    assert ana.username == f"erased-{ana.pk}"
    assert not admin.username.startswith("erased-")
    assert Event.objects.filter(action="user.erased", actor=admin).count() == 1


def test_nothing_beside_the_account_keeps_the_name(ana: User) -> None:
    admin = make_user(Role.ADMIN)
    client = Client()
    client.force_login(admin)
    confirm(client)
    address = f"/admin/accounts/user/{ana.pk}/change/"
    client.post(address, {"username": ana.username, "first_name": "Anna", **_INLINES})
    EmailAddress.objects.create(user=ana, email="ana@example.org")
    statement = issue(kind=StatementKind.REPORT, subject="rr_1", name="-", facts=[], user=ana)
    assert "ana.analyst" in client.get("/admin/").content.decode()

    call_command("erase_person", "ana.analyst", "--yes", stdout=StringIO())

    assert not EmailAddress.objects.exists()
    assert statement.steps.get().person_name == f"erased-{ana.pk}"
    assert "ana.analyst" not in client.get("/admin/").content.decode()


_INLINES = {
    f"{name}-{field}": "0"
    for name in (*("authenticator_set", "usersession_set", "socialaccount_set"), "known_places")
    for field in ("TOTAL_FORMS", "INITIAL_FORMS")
}
