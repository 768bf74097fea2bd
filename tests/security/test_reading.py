"""Reading changes nothing: no GET or HEAD of any address writes to the database."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.http.response import HttpResponseBase
from django.test import Client

from accounts.roles import Role
from accounts.tokens import create_token
from tests.factories.accounts import make_user
from tests.security.addresses import addresses, every_address
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
    r"^/files/[^/]+/cue-sheet\.(csv|pdf)$": (
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


@pytest.fixture
def world() -> World:
    """Return two desks."""
    return World(Desk(1), Desk(2), make_user(Role.ADMIN))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_no_address_writes_when_it_is_read(method: str, world: World) -> None:
    client, secret = (
        Client(),
        create_token(owner=world.admin, name="a", scopes=["all"]).secret,
    )
    client.force_login(world.admin)
    paths = sorted(set(_paths(world)))

    wrote = {path: _written(client, method, path, secret) for path in paths}

    assert len(paths) > 300
    wrote = {path: statements for path, statements in wrote.items() if statements}
    assert not wrote, "\n".join(f"{path}: {said}" for path, said in wrote.items())


def test_what_may_be_noted_is_an_address() -> None:
    routes = {f"/{re.sub(r'<[^>]*>', 'x', each.route)}" for each in every_address()}

    unknown = [
        each for each in NOTED if not any(re.search(each, route) for route in routes)
    ]

    assert not unknown


def _paths(world: World) -> Iterator[str]:
    for address in addresses():
        yield paths_of(address.route, world, world.admin)[0]
    yield from (
        f"/{address.route}" for address in every_address() if "<" not in address.route
    )
    for screen in SCREENS.values():
        row = screen.row(world.own)
        yield from (admin_address(row, page, row.pk) for page in ("change", "history"))


def _written(client: Client, method: str, path: str, secret: str) -> list[str]:
    """Return the statements that a request writes with and does not roll back.

    A preview makes a change, looks, and takes it back.
    """
    headers = {"Authorization": f"Bearer {secret}"} if path.startswith("/api/") else {}
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
    return [sql for sql in written if _COUNTS not in sql and not sql.startswith(may)]
