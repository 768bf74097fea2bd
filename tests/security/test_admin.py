"""The admin's screens: the rights of each role, and what people with limits see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.models import Model
from django.template.response import TemplateResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from dedup.models import PairLink
from tests.factories.accounts import confirm, make_user
from tests.security.admin_screens import HIDDEN_COLUMNS, MORE, SCREENS
from tests.security.hidden import make_world
from tests.security.world import Desk

pytestmark = pytest.mark.django_db

_ADMINS: dict[str, ModelAdmin[Any]] = {
    model._meta.label: screen for model, screen in admin.site._registry.items()
}
# Tables that a signed-in request writes by itself.
_OWN_TRACES = ("django_session", "accounts_shared_cache", "usersessions", "SAVEPOINT")
_NAMES = ("_changelist", "_add", "_history", "_delete", "_change")


@pytest.fixture
def desks(db: None) -> tuple[Desk, Desk]:
    """Return the person's own desk, and another one."""
    return Desk(1), Desk(2)


def client_of(person: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(person)
    confirm(client)
    return client


def address(row: Model | str, page: str, *arguments: object) -> str:
    meta = _ADMINS[row].opts if isinstance(row, str) else row._meta
    name = f"admin:{meta.app_label}_{meta.model_name}_{page}"
    return reverse(name, args=arguments)


def test_every_screen_and_page_is_known() -> None:
    assert set(_ADMINS) == set(SCREENS), (
        "Say in tests/security/admin_screens.py who may do what on a new screen."
    )
    pages = {
        f"admin:{pattern.name}"
        for label in SCREENS
        for pattern in _ADMINS[label].get_urls()
        if pattern.name and not pattern.name.endswith(_NAMES)
    }
    assert pages | {"admin:auth_user_password_change"} == set(MORE)


@pytest.mark.parametrize("role", Role)
def test_a_role_has_the_rights_that_the_table_says(role: Role) -> None:
    person = make_user(role)
    request = RequestFactory().get("/admin/")
    request.user = person
    wrong = []
    for label, screen in SCREENS.items():
        model_admin = _ADMINS[label]
        rights = {
            "view": (screen.view, model_admin.has_view_permission(request)),
            "add": (screen.add, model_admin.has_add_permission(request)),
            "change": (screen.change, model_admin.has_change_permission(request)),
            "delete": (screen.delete, model_admin.has_delete_permission(request)),
        }
        wrong += [
            f"{label}: {right} is {has} for {role}"
            for right, (needed, has) in rights.items()
            if has != (needed is not None and person.has_perm(needed))
        ]
        deletes = screen.delete and {"delete_selected": screen.delete}
        actions = screen.actions | (deletes or {})
        allowed = {name for name, needed in actions.items() if person.has_perm(needed)}
        if (offered := set(model_admin.get_actions(request))) != allowed:
            wrong.append(f"{label}: {role} is offered {offered}, not {allowed}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_a_viewer_reads_at_most(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    viewer = (desk := Desk(3, Role.VIEWER)).user
    client = client_of(viewer)
    for label, screen in SCREENS.items():
        row = screen.row(desk)
        addresses, change, history = (
            address(row, "changelist"),
            address(row, "change", row.pk),
            address(row, "history", row.pk),
        )
        writes = [address(row, "add"), change, address(row, "delete", row.pk)]

        with watched() as written:
            # Only to who may not change them does a page show rows as text.
            read = {change: client.get(change).status_code}
            with monkeypatch.context() as unseen:
                unseen.setattr(TemplateResponse, "rendered_content", "")
                read |= {path: client.get(path).status_code for path in (addresses, history)}
                refused = {path: client.post(path).status_code for path in writes}
                chosen = {"_selected_action": row.pk, "apply": "yes", "post": "yes"}
                for action in [*screen.actions, "delete_selected"]:
                    answer = client.post(addresses, chosen | {"action": action})
                    assert answer.status_code in (302, 200, 403), (label, action)

        may = viewer.has_perm(screen.view) and not screen.closed
        assert set(read.values()) == ({200} if may else {403}), read
        assert set(refused.values()) == {403}, refused
        assert not written, label


@pytest.mark.soak  # a test above and test_matrix hide what another desk has
def test_somebody_of_a_desk_finds_their_own() -> None:
    world = make_world()
    client = client_of(world.own.user)
    for label, screen in SCREENS.items():
        own, other_model = screen.row(world.own), screen.row(world.other)
        rows = client.get(address(label, "changelist"))
        assert not world.names_in(rows.content), f"the list of {label} names what is hidden"
        if screen.closed:
            assert rows.status_code == 403, label
            assert client.get(address(own, "change", own.pk)).status_code == 403, label
        elif not screen.shared:
            listing = rows.content.decode()
            assert address(own, "change", own.pk) in listing, label
            assert address(other_model, "change", other_model.pk) not in listing, label
            answer = client.get(address(own, "change", own.pk))
            assert answer.status_code == 200, label
            assert not world.names_in(answer.content), f"a row of {label} names what is hidden"
            _assert_reaches_no_other(client, label, other_model)


def _assert_reaches_no_other(client: Client, label: str, other_model: Model) -> None:
    for page in ("change", "history", "delete"):
        seen = client.get(address(other_model, page, other_model.pk)).status_code
        assert seen in (302, 403, 404), f"{seen}: {page} of another desk's {label}"
    with watched() as written:
        for action in SCREENS[label].actions:
            chosen = {"_selected_action": other_model.pk, "apply": "yes", "post": "yes"}
            if action != "export_matches":
                client.post(address(other_model, "changelist"), chosen | {"action": action})
    assert not written, label


def test_the_export_of_what_another_desk_found_is_empty(desks: tuple[Desk, Desk]) -> None:
    own, other_desk = desks
    chosen = {"action": "export_matches", "_selected_action": other_desk.match.pk}

    answer = client_of(own.user).post(address(own.match, "changelist"), chosen)

    assert len(b"".join(answer).splitlines()) == 1


def test_a_pair_is_seen_by_who_may_see_both(desks: tuple[Desk, Desk]) -> None:
    own, other_desk = desks
    recording, two = sorted((own.recording, other_desk.recording), key=lambda row: row.pk)
    pair = PairLink.objects.create(one=recording, other=two)

    for person, status in ((own.user, 302), (make_user(Role.VIEWER), 200)):
        page = client_of(person).get(address(pair, "change", pair.pk))
        assert page.status_code == status


def test_the_pages_beside_them_ask_for_the_role(desks: tuple[Desk, Desk]) -> None:
    own, other_desk = desks
    for role in Role:
        client = client_of(person := own.person(role))
        for name, needed in MORE.items():
            # An export is a run that is kept, so it is no reading.
            ask = client.post if name.endswith("_export") else client.get
            with undone():
                status = ask(_path(name, own)).status_code
            may = (200, 302) if person.has_perm(needed) else (403,)
            assert status in may, (role, name)
    client = client_of(own.user)
    for name in MORE:
        if name.startswith("admin:review_match_") and "export" not in name:
            assert client.get(_path(name, other_desk)).status_code == 404, name


def _path(name: str, desk: Desk) -> str:
    if name.endswith("_decide"):
        return reverse(name, args=[desk.match.pk, "confirm"])
    if name.endswith("_claim"):
        return reverse(name, args=[desk.match.pk, "dispute"])
    if name.endswith(("_note", "_lock")):
        return reverse(name, args=[desk.match.pk])
    if name.endswith("_export"):
        return reverse(name)
    if name.endswith("password_change"):
        return reverse(name, args=[desk.user.pk])
    return reverse(name, args=[SCREENS["scanning.CloudAccount"].row(desk).pk])


@contextmanager
def undone() -> Iterator[None]:
    """Take back what the block writes."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@contextmanager
def watched() -> Iterator[list[str]]:
    """Record the statements that write, except those of the session."""
    written: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # Any: Django's own signature
        writes = sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE"))
        if writes and not any(trace in sql for trace in _OWN_TRACES):
            written.append(sql)
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(note):
        yield written


def test_no_filter_finds_out_what_a_screen_hides(desks: tuple[Desk, Desk]) -> None:
    client = client_of(make_user(Role.VIEWER))
    for model, column in (
        ("scanning.Container", "callback_secret_sealed"),
        ("scanning.Container", "callback_url"),
        *HIDDEN_COLUMNS.items(),
    ):
        SCREENS[model].row(desks[0])
        query = {f"{column}__startswith": "h"}

        answer = client.get(address(model, "changelist"), query)

        assert answer.status_code in (302, 400), column
        assert "e=1" in answer.get("Location", "e=1"), column


def test_a_deleted_group_leaves_an_event(db: None) -> None:
    group = Group.objects.create(name="Desk 9")
    other_group = Group.objects.create(name="Desk 10")
    client = client_of(admin_user := make_user(Role.ADMIN))

    client.post(address(group, "delete", group.pk), {"post": "yes"})
    chosen = {"_selected_action": other_group.pk, "post": "yes"}
    client.post(address(group, "changelist"), chosen | {"action": "delete_selected"})

    for gone in (group, other_group):
        event = Event.objects.get(case=f"group:{gone.pk}", action="group.deleted")
        assert (event.actor, event.before) == (admin_user, {"name": gone.name})
    assert not Group.objects.filter(pk__in=[group.pk, other_group.pk]).exists()


def test_roles_and_groups_with_people_are_not_deleted(desks: tuple[Desk, Desk]) -> None:
    client = client_of(make_user(Role.ADMIN))
    groups = [Group.objects.get(name=Role.VIEWER), desks[0].group]

    for group in groups:
        client.post(address(group, "delete", group.pk), {"post": "yes"})
    chosen = {"_selected_action": [group.pk for group in groups], "post": "yes"}
    client.post(address(groups[0], "changelist"), chosen | {"action": "delete_selected"})

    assert Group.objects.filter(pk__in=[group.pk for group in groups]).count() == 2


def test_forged_rows_beside_a_form_write_nothing(desks: tuple[Desk, Desk]) -> None:
    file, scan = desks[0].file, desks[0].match.scan
    person = desks[1].user
    token = UserSession.objects.create(user=person, ip="192.0.2.1", session_key="k")
    client = client_of(make_user(Role.ADMIN))
    rows = {"TOTAL_FORMS": 2, "INITIAL_FORMS": 1, "0-DELETE": "on"}
    scans = {f"scans-{name}": value for name, value in rows.items()}
    scans |= {"scans-0-id": scan.pk, "scans-0-status": "failed"}
    scans |= {"scans-0-scanned_file": file.pk, "scans-1-scanned_file": file.pk}
    sessions = {f"usersession_set-{name}": value for name, value in rows.items()}
    sessions |= {"usersession_set-0-id": token.pk, "usersession_set-0-user": person.pk}

    client.post(address(file, "change", file.pk), {"remote_id": "7", **scans})
    client.post(
        address(person, "change", person.pk),
        {"username": person.username, "is_superuser": "on", **sessions},
    )

    status = scan.status
    scan.refresh_from_db()
    person.refresh_from_db()
    assert scan.status == status
    assert file.scans.count() == 1
    assert not person.is_superuser
    assert UserSession.objects.filter(pk=token.pk).exists()


def test_no_popup_hands_out_a_hidden_column(desks: tuple[Desk, Desk]) -> None:
    client = client_of(make_user(Role.ADMIN))
    for label, column in (
        ("scanning.Container", "callback_secret_sealed"),
        ("accounts.User", "password"),
    ):
        row = SCREENS[label].row(desks[0])
        query = {"_popup": "1", "_to_field": column}
        for path in (address(row, "changelist"), address(row, "change", row.pk)):
            assert client.get(path, query).status_code == 400, path
