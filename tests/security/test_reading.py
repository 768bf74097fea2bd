"""Reading changes nothing, and no cache keeps what was read: GET and HEAD of every address."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import Client

from accounts.roles import Role
from accounts.tokens import create_token
from tests.factories.accounts import make_user
from tests.security.addresses import Address, addresses, every_address
from tests.security.admin_screens import SCREENS
from tests.security.test_admin import address as admin_address
from tests.security.world import Desk, World, paths_of

pytestmark = pytest.mark.django_db

# What every request may note of itself.
BOOKKEEPING: tuple[str, ...] = (
    "SAVEPOINT",
    "RELEASE SAVEPOINT",
    'UPDATE "accounts_apitoken" SET "last_used',
)
# Requests for the pages of signing in are counted, to slow down attempts.
_COUNTS = "accounts_shared_cache"
_TAKES_BACK = "ROLLBACK TO SAVEPOINT "
# Addresses that note a GET, with the start of what they write, and why.
NOTED = {
    r"^/files/[^/]+/cue-sheet\.(csv|xlsx|pdf)$": (
        ('INSERT INTO "audit_event"',),
        "a download",
    ),
    r"^/notices/[^/]+/text$": (('INSERT INTO "audit_event"',), "a download"),
    r"^/reports/summary/rows\.csv$": (('INSERT INTO "audit_event"',), "a download"),
    r"^/m/[^/]+$": (
        ('UPDATE "review_match" SET "state"', 'INSERT INTO "audit_event"'),
        "the review lock of who opens a match",
    ),
    r"/presigned-upload$": (
        ('INSERT INTO "acrapi_stagedupload"',),
        "the protocol asks for an upload address so",
    ),
}


@dataclass(frozen=True, slots=True)
class Read:
    """The statements that a request wrote with, and what its answer tells caches."""

    written: list[str]
    caching: str


Ask = Callable[[str, str], Read]


@pytest.fixture
def world() -> World:
    """Return two desks."""
    return World(Desk(1), Desk(2), make_user(Role.ADMIN))


@pytest.fixture
def ask(world: World) -> Ask:
    """Return a function that reads an address as the admin: pages signed in, APIs by a token."""
    client = Client()
    client.force_login(world.admin)
    made = create_token(owner=world.admin, name="a", scopes=["all"])
    with_token = {"Authorization": f"Bearer {made.secret}"}

    def read(method: str, path: str) -> Read:
        headers = with_token if path.startswith("/api/") else {}
        return _read(client, method, path, headers)

    return read


@pytest.mark.slow  # every page is shown once
def test_no_address_writes_when_it_is_read_and_no_cache_keeps_it(
    world: World, ask: Ask
) -> None:
    paths = {
        paths_of(address.route, world, world.admin)[0]: True for address in addresses()
    }
    paths = dict.fromkeys(_more_paths(world), False) | paths

    read = {path: ask("GET", path) for path in sorted(paths)}

    assert len(paths) > 300
    assert not {path: one.written for path, one in read.items() if one.written}
    # Refusals are not kept either, because they quote the request. Clients of an API poll.
    kept = {
        path: one.caching
        for path, one in read.items()
        if paths[path]
        and "no-store" not in one.caching
        and not (path.startswith("/api/") and one.caching == "private, no-cache")
    }
    assert not kept


def test_no_address_takes_head_for_a_change(world: World, ask: Ask) -> None:
    paths = {
        paths_of(address.route, world, world.admin)[0]
        for address in addresses()
        if _tells_methods_apart(address)
    }

    read = {path: ask("HEAD", path) for path in sorted(paths)}

    assert len(paths) > 50
    assert not {path: one.written for path, one in read.items() if one.written}


def test_what_may_be_noted_is_an_address() -> None:
    routes = {f"/{re.sub(r'<[^>]*>', 'x', each.route)}" for each in every_address()}

    unknown = [
        each for each in NOTED if not any(re.search(each, route) for route in routes)
    ]

    assert not unknown


def _tells_methods_apart(address: Address) -> bool:
    """Return whether the view's module names GET; REST framework answers HEAD as GET."""
    module = sys.modules[address.view.__module__]
    return address.part == "page" and '"GET"' in inspect.getsource(module)


def _more_paths(world: World) -> Iterator[str]:
    yield from (
        f"/{address.route}" for address in every_address() if "<" not in address.route
    )
    for screen in SCREENS.values():
        row = screen.row(world.own)
        yield from (admin_address(row, page, row.pk) for page in ("change", "history"))


def _read(client: Client, method: str, path: str, headers: dict[str, str]) -> Read:
    """Read an address; leave out what was rolled back.

    A preview makes a change, looks, and takes it back.
    """
    written: list[str] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        # Any: Django's own signature
        if sql.startswith(_TAKES_BACK):
            begun = "SAVEPOINT " + sql.removeprefix(_TAKES_BACK)
            del written[written.index(begun) :]
        elif not re.match(r"\s*\(?(SELECT|PRAGMA|WITH|EXPLAIN)\b", sql):
            written.append(" ".join(sql.split())[:160])
        return execute(sql, params, many, context)

    with transaction.atomic():
        with connection.execute_wrapper(note):
            answer: HttpResponseBase = client.generic(method, path, headers=headers)
            if answer.streaming:
                list(answer)
        transaction.set_rollback(True)
    may = BOOKKEEPING
    for pattern, (starts, _why) in NOTED.items():
        if method == "GET" and re.search(pattern, path):
            may += starts
    written = [sql for sql in written if _COUNTS not in sql and not sql.startswith(may)]
    return Read(written, answer.headers.get("Cache-Control", ""))
