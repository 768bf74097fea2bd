"""Every address, own and other objects, as the roles on both sides of its permission.

No answer to a person with access limits names what belongs to the other desk.
The addresses come from the URL map and the permissions from the views. A view that
declares no permission fails here, with a message that explains how to declare it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import pairwise

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.template.backends.django import Template
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import ROLE_ACTIONS, Role, Scope
from base.accounts.tokens import create_token
from tests.factories.accounts import make_user
from tests.security.addresses import WIRE_METHODS, Address, addresses, every_address
from tests.security.hidden import HiddenWorld, make_world
from tests.security.scopes import SCOPES
from tests.security.world import PORTAL_WIDE, paths_of

pytestmark = pytest.mark.django_db

Ask = Callable[[str, str], HttpResponse]
Paths = Callable[[str, User], tuple[str, str | None]]

# Addresses of data that the desks' files and reports do not have.
HOLDS_NOTHING = (
    *("/audio", "/evidence", "/rows.csv", "/file", "-metadata.json"),
    *("/manifest.json", "/check/", "/again/", "/zip", "/file/", "/manifest/"),
    *("/undeclared.csv", "/files-check/", "/pdf", "<str:acr_id>/fingerprint/"),
    # The query selects the recordings, or the interval of a file.
    *("/searches/new/", "/review/sound/"),
)
# 422: the body was refused before any object was looked up.
REFUSED, GONE = 403, (404, 405, 422)


@pytest.fixture
def world() -> HiddenWorld:
    """Return two desks; all names of the other one begin with ``HIDDEN``."""
    return make_world()


@pytest.fixture
def paths(world: HiddenWorld) -> Paths:
    """Return a function that fills an address for a person.

    The same objects serve all requests, whose changes are taken back.
    """
    return cache(lambda route, person: paths_of(route, world, person))


def test_each_role_may_what_the_weaker_ones_may() -> None:
    for weaker, stronger in pairwise(Role):
        assert ROLE_ACTIONS[weaker] < ROLE_ACTIONS[stronger]


def test_the_map_is_not_empty() -> None:
    assert len(list(addresses())) > 90
    assert len(list(every_address())) > 200


@pytest.mark.slow  # thousands of requests: every address, method and person
@pytest.mark.parametrize("part", ["page", "portal API", "wire"])
def test_everybody_gets_what_the_view_says(part: str, world: HiddenWorld, paths: Paths) -> None:
    clients = [(person, _as(person, part)) for person in map(make_user, Role)]
    limited, stranger = _as(world.own.user, part), _by(Client(), "")
    wrong: list[str] = []
    for address in addresses():
        if address.part != part:
            continue
        for method in address.methods:
            wrong += _by_role(address, method, paths, clients)
            own, foreign = paths(address.route, world.own.user)
            wrong += _by_desk(address, method, world, (own, foreign), limited)
            wrong += _by_a_stranger(address, method, own, stranger)
    assert not wrong, "\n".join(wrong)


def _by_role(
    address: Address, method: str, paths: Paths, clients: list[tuple[User, Ask]]
) -> Iterator[str]:
    """Request as the weakest role that may and the strongest that may not.

    Return the answers that differ from the view's permission. No page is drawn: the person
    of a desk reads them, and an admin in ``test_reading``.
    """
    rule = address.rule(method)
    may = [client for client in clients if client[0].has_perm(rule)]
    may_not = [client for client in clients if not client[0].has_perm(rule)]
    for person, ask in (*may_not[-1:], *may[:1]):
        path, _ = paths(address.route, person)
        with _undrawn():
            status, _ = _undone(ask, method, path)
        fits = _lets_in(status, address) if person.has_perm(rule) else status in (REFUSED, 405)
        if not fits:
            yield f"{status}: {method} {path} as {person}, where {rule} is needed"


def _by_desk(
    address: Address, method: str, world: HiddenWorld, paths: tuple[str, str | None], limited: Ask
) -> Iterator[str]:
    """Request a desk's own objects and another desk's as a person of one desk."""
    own, foreign = paths
    if foreign is not None:
        with _undrawn():
            status, _ = _undone(limited, method, foreign)
        if status not in (REFUSED, *GONE):
            yield f"{status}: {method} {foreign}, which is another desk's"
    elif method != "GET":
        return
    status, sent = _undone(limited, method, own)
    if names := world.names_in(sent):
        yield f"{status}: {method} {own} names {names}, which are hidden"
    if foreign is None:
        if status >= 500:
            yield f"{status}: {method} {own} as a person of one desk"
        return
    if address.route in PORTAL_WIDE:
        if status not in (REFUSED, *GONE):
            yield f"{status}: {method} {own}, which acts on all desks"
        return
    may = world.own.user.has_perm(address.rule(method))
    if may and not _lets_in(status, address):
        yield f"{status}: {method} {own}, which is one's own desk's"


def _by_a_stranger(address: Address, method: str, path: str, stranger: Ask) -> Iterator[str]:
    with _undrawn():
        status, _ = _undone(stranger, method, path)
    if status not in ((401,) if address.part == "wire" else (302, 401, 403)):
        yield f"{status}: {method} {path} without signing in"


def test_the_table_of_scopes_names_every_address() -> None:
    named = {route: set(methods) for route, methods in SCOPES.items()}
    there = {
        address.route: set(address.methods) for address in addresses() if address.part != "page"
    }

    assert named == there


def test_a_token_opens_what_its_scopes_cover(world: HiddenWorld, paths: Paths) -> None:
    """One token has all scopes that an address refuses: none of them opens it."""
    wrong = []

    @cache
    def ask_with(scopes: frozenset[Scope]) -> Ask:
        name = " ".join(sorted(scopes))
        token = create_token(owner=world.admin, name=name, scopes=sorted(scopes))
        return _by(Client(), token.secret)

    for address in addresses():
        if address.part == "page":
            continue
        path, _ = paths(address.route, world.admin)
        rules = SCOPES[address.route]
        for method in (*WIRE_METHODS, "HEAD"):
            rule = rules.get("GET" if method == "HEAD" else method)
            opening = {*map(Scope, rule.split()), Scope.ALL} if rule else set()
            for scope in opening:
                status, _ = _undone(ask_with(frozenset({scope})), method, path)
                if not _lets_in(status, address):
                    wrong.append(f"{status}: {method} {path} with {scope}")
            refused = frozenset(Scope) - opening
            status, _ = _undone(ask_with(refused), method, path)
            if status not in (REFUSED, 401, 405):
                wrong.append(f"{status}: {method} {path} with {sorted(refused)}")
    assert not wrong, "\n".join(wrong)


def _as(person: User, part: str) -> Ask:
    """Return a function that makes requests as a person, with a session or a token."""
    client = Client()
    if part == "wire":
        return _by(client, create_token(owner=person, name="a", scopes=["all"]).secret)
    client.force_login(person)
    return _by(client, "")


def _by(client: Client, secret: str) -> Ask:
    headers = {"Authorization": f"Bearer {secret}"} if secret else {}
    cookies = client.cookies.output(header="", sep=";")

    def ask(method: str, path: str) -> HttpResponse:
        content_type = (
            "application/json"
            if secret or path.startswith("/api/")
            else "application/x-www-form-urlencoded"
        )
        # What an answer sets belongs to a session that ``_undone`` takes back.
        client.cookies.clear()
        client.cookies.load(cookies)
        return client.generic(  # type: ignore[return-value]  # the test client's own
            method, path, content_type=content_type, headers=headers
        )

    return ask


@contextmanager
def _undrawn() -> Iterator[None]:
    """Draw no page: a view that lets somebody in has read its rows before."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "render", lambda *_words, **_named: "")
        yield


def _undone(ask: Ask, method: str, path: str) -> tuple[int, bytes]:
    """Make a request, undo its changes, and return the status and what was sent."""
    with transaction.atomic():
        answer = ask(method, path)
        # Reading a stream to its end closes it as the client does; closing it here
        # would close the database connection in the middle of the transaction.
        sent = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    return answer.status_code, sent


def _lets_in(status: int, address: Address) -> bool:
    if status == 404:
        return address.route.endswith(HOLDS_NOTHING)
    return status < 500 and status not in (401, REFUSED)
