"""Every declared list: its page, filters, order, parts, empty states and limits; the admin, the API.

The addresses name the lists; their rows are those of the admin's screens, by model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.contrib.admin import site
from django.db import transaction
from django.db.models import Model
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils.html import escape
from pytest_django import DjangoDbBlocker

from base.accounts.models import User
from base.accounts.roles import Role
from statements.models import Statement
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory
from tests.portal.queries import queries_of
from tests.registered import Table
from tests.security.addresses import every_address
from tests.security.admin_screens import SCREENS
from tests.security.hidden import HIDDEN, HiddenWorld, make_world
from tests.security.world import Desk
from web.portal.shared import lists
from web.portal.shared.declared import DeclaredList, key_of

AnyList = DeclaredList[Any]  # Any: of any model

DECLARED: dict[str, AnyList] = {
    f"/{address.route}": address.view.declared_list
    for address in every_address()
    if hasattr(address.view, "declared_list")
}


def _unfindable(desk: Desk) -> Model:
    return RecordingFactory.create(bucket=desk.bucket, too_little_sound=True)


def _differing(desk: Desk) -> Model:
    statement = desk.statement()
    Statement.objects.filter(pk=statement.pk).update(
        differs_since=datetime(2026, 5, 1, tzinfo=UTC), differs_sha256="1"
    )
    return statement


ROWS: Table[str, Callable[[Desk], Model]] = Table(
    {"/catalogue/cannot-be-found/": _unfindable, "/statements/": _differing}
)
"""Rows of lists that show some rows of a model only, by address."""
WHOLE = {"/statements/": {"show": "all"}}
"""What a list is asked for to have the rows that programs read."""


class Lists:
    """A world with rows of both desks in each list, and signed-in people."""

    def __init__(self) -> None:
        self.world: HiddenWorld = make_world()
        self.rows: dict[str, tuple[Model, Model]] = {}
        for address, declared in DECLARED.items():
            make = ROWS.get(address) or SCREENS[declared.model._meta.label].row
            self.rows[address] = (make(self.world.own), make(self.world.other))
        self.all, self.limited = Client(), Client()
        self.all.force_login(self.world.admin)
        self.limited.force_login(self.world.own.user)

    def keys(self, address: str) -> list[str]:
        """Return how the list names the rows of the own and of the other desk."""
        return [key_of(row) for row in self.rows[address]]


@pytest.fixture(scope="module")
def made(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Lists]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield Lists()
        transaction.set_rollback(True)


def keys_in(client: Client, address: str, **query: str | int) -> list[str]:
    """Return the names of the rows on a page, in their order."""
    answer = client.get(address, query)
    assert answer.status_code == 200, (address, query)
    return re.findall(r'<tr data-row="([^"]*)"', answer.content.decode())


EVERY: Final = pytest.mark.parametrize("address", sorted(DECLARED))


def _has_screen(declared: AnyList) -> bool:
    """Return whether the admin's list of the model takes its columns from this one."""
    screen = site._registry.get(declared.model)
    columns = getattr(screen, "list_display", ())
    return any(callable(column) and column in columns for column in declared.admin_columns)


def _path(address: str) -> str:
    """Return where programs read the list; empty if they do not."""
    with suppress(NoReverseMatch):
        return reverse(f"api:{address.strip('/')}")
    return ""


@pytest.mark.usefixtures("db")
class TestDeclaredList:
    """What holds for each declared list."""

    @EVERY
    def test_shows_its_rows_with_all_columns(self, made: Lists, address: str) -> None:
        declared = DECLARED[address]

        page = made.all.get(address).content.decode()

        for text in (declared.title, declared.lead, *(column.label for column in declared.columns)):
            assert escape(str(text)) in page
        assert set(made.keys(address)) <= set(keys_in(made.all, address))

    @EVERY
    def test_orders_by_each_column(self, made: Lists, address: str) -> None:
        for name in DECLARED[address].sorts:
            rising = keys_in(made.all, address, sort=name)

            assert len(rising) > 1
            assert keys_in(made.all, address, sort=f"-{name}") == rising[::-1], name

    @EVERY
    def test_shows_a_part_at_a_time_with_as_many_queries(
        self, made: Lists, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rows = keys_in(made.all, address)
        queries = queries_of(made.all, address)
        monkeypatch.setattr(lists, "PAGE_SIZE", 1)

        parts = [keys_in(made.all, address, page=page) for page in range(1, len(rows) + 1)]

        assert parts == [[key] for key in rows]
        assert queries_of(made.all, address) == queries

    @EVERY
    def test_filters_by_what_it_offers(self, made: Lists, address: str) -> None:
        declared = DECLARED[address]

        for row_filter in declared.filters:
            offered = row_filter.options() if row_filter.options else row_filter.choices
            values = [value for value, _label in offered] or ["Zyxw"]
            for value in map(str, values):
                fitting = keys_in(made.all, address, **{row_filter.name: value})
                selected = declared.select_for({row_filter.name: row_filter.parse(value)})
                assert len(fitting) == min(selected.count(), lists.PAGE_SIZE), value

    @EVERY
    def test_says_why_it_is_empty(
        self, made: Lists, address: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        declared = DECLARED[address]
        nothing = declared.model._base_manager.none()
        monkeypatch.setattr(DeclaredList, "select", lambda *_values: nothing)
        empty = declared.empty(declared.values()) if callable(declared.empty) else declared.empty

        page = made.all.get(address).content.decode()
        assert escape(str(empty.title)) in page
        assert escape(str(empty.text)) in page
        assert empty.link is None or f'href="{empty.link.href}"' in page
        for row_filter in declared.filters:
            if row_filter.label and row_filter.choices:
                query = {row_filter.name: row_filter.choices[0][0]}
                assert "Nothing fits these filters" in made.all.get(address, query).content.decode()

    @EVERY
    def test_shows_people_with_limits_what_they_may_see(self, made: Lists, address: str) -> None:
        declared, screen = DECLARED[address], SCREENS[DECLARED[address].model._meta.label]
        own, other_key = made.keys(address)

        answer = made.limited.get(address)
        rows = keys_in(made.limited, address)

        assert (own in rows) == (not screen.closed)
        assert screen.shared or other_key not in rows
        assert made.world.names_in(answer.content) == []
        if declared.limited:
            assert escape(str(declared.limited)) in answer.content.decode()
            assert escape(str(declared.limited)) not in made.all.get(address).content.decode()

    @EVERY
    def test_keeps_buttons_from_people_who_may_not_use_them(
        self, made: Lists, address: str
    ) -> None:
        viewer = Client()
        viewer.force_login(make_user(Role.VIEWER))
        links = DECLARED[address].links

        for client, person in ((viewer, User.objects.latest("pk")), (made.all, made.world.admin)):
            page = client.get(address).content.decode()
            for link in links:
                button = f'href="{link.href}">'
                assert (button in page) == person.has_perm(link.action), link.page

    @pytest.mark.parametrize("address", [a for a in sorted(DECLARED) if _has_screen(DECLARED[a])])
    def test_has_its_columns_in_the_admin(self, made: Lists, address: str) -> None:
        declared = DECLARED[address]
        meta = declared.model._meta

        page = made.all.get(reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"))

        assert page.status_code == 200
        columns = site._registry[declared.model].list_display
        assert [column for column in declared.admin_columns if column not in columns] == []

    @pytest.mark.parametrize("address", [address for address in sorted(DECLARED) if _path(address)])
    def test_selects_the_same_for_programs(self, made: Lists, address: str) -> None:
        declared = DECLARED[address]

        for row_filter in declared.filters:
            for value, _label in row_filter.choices if row_filter.label else ():
                query = {row_filter.name: str(value)}
                text = made.all.get(_path(address), query).content.decode()
                selected = declared.select_for(query | WHOLE.get(address, {}))
                uids = {row.uid for row in selected}
                assert set(re.findall(r'"uid":\s*"([^"]+)"', text)) == uids


def test_no_name_of_the_other_desk_is_missing_for_admins(made: Lists, db: None) -> None:
    """The test of limits would find it."""
    assert HIDDEN in made.all.get("/catalogue/").content.decode()
