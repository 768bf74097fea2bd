"""Reading any address changes nothing, and no cache keeps what was read.

The same answers show nothing deleted, no text of people or files as markup, which
``tests.markup`` finds, and no code or untranslated text.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models import CharField, Model, TextField
from django.template.backends.django import Template
from django.test import Client
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Action, Role
from base.accounts.tokens import create_token
from catalogue.changes import delete_bucket
from scanning.services.filing import delete_container
from scanning.services.identification import create_project
from tests import pseudo_language
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory
from tests.portal.test_every_text import Texts
from tests.security.addresses import Address, addresses, every_address
from tests.security.admin_screens import SCREENS
from tests.security.noted import NOTED
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

PAYLOAD = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"
# As pages show it, whole or cut.
_SHOWN_PAYLOAD = re.compile(r"(&quot;)?&#x27;&gt;&lt;img [^<\"{]*(\{\{[7*]*\}{0,2})?")
# Names and hashes that the portal makes, which addresses and files use.
_MACHINE = frozenset({"sha256", "audio_sha256", "acr_id", "language", "lease_owner", "score_scale"})
_DELETED = ("Deleted container", "Deleted bucket")


@dataclass(frozen=True, slots=True)
class Read:
    """An answer, and the statements that its request wrote with."""

    written: list[str]
    status: int
    headers: Mapping[str, str]
    text: str


Ask = Callable[[str, str], Read]


@pytest.fixture
def world() -> World:
    return World(Desk(1), Desk(2), make_user(Role.ADMIN))


@pytest.fixture
def ask(world: World) -> Ask:
    """Return a function that reads an address as the admin: pages signed in, APIs by a token."""
    client = Client(
        headers={"Accept-Language": pseudo_language.CODE}, raise_request_exception=False
    )
    client.force_login(world.admin)
    made = create_token(owner=world.admin, name="a", scopes=["all"])
    with_token = {"Authorization": f"Bearer {made.secret}"}

    def read(method: str, path: str) -> Read:
        headers = with_token if path.startswith("/api/") else {}
        return _read(client, method, path, headers)

    return read


@pytest.mark.slow  # every page is shown once
def test_no_address_has_a_fault_when_it_is_read(world: World, ask: Ask, settings: Settings) -> None:
    own = {paths_of(address.route, world, world.admin)[0] for address in addresses()}
    paths = sorted(own.union(_more_paths(world)))
    _poison_texts(world)
    _delete_some_and_keep_some(world.admin)
    faults: list[str] = []
    poisoned, offering, texts = 0, 0, Texts()

    with pseudo_language.spoken(settings):
        answers = {path: ask("GET", path) for path in paths}
    for path, read in answers.items():
        result = [*_faults_of(read), *(_caching(path, read) if path in own else ())]
        # The audit trail tells what was deleted.
        if not path.startswith("/admin/audit/"):
            result += [f"shows {name}" for name in _DELETED if name in read.text]
        faults += [f"{path}: {fault}" for fault in result]
        poisoned += "onerror" in read.text
        offering += "Kept container" in read.text or "Kept bucket" in read.text
        is_page = read.headers.get("Content-Type", "").startswith("text/html")
        if is_page and read.text and not path.startswith(("/api/", "/metrics")):
            texts.read(path, _SHOWN_PAYLOAD.sub("°", read.text))

    faults += texts.faults()
    assert not faults, "\n".join(faults)
    assert texts.shown > 200
    assert len(paths) > 300
    assert poisoned > 10
    assert offering > 20


def _faults_of(read: Read) -> Iterator[str]:
    if read.status >= 500:
        yield f"answers {read.status}"
    yield from (f"writes: {sql}" for sql in read.written)


def _caching(path: str, read: Read) -> Iterator[str]:
    """Yield what lets caches keep an answer.

    Refusals are not kept either, because they quote the request. Clients of an API poll.
    """
    cache_control = read.headers.get("Cache-Control", "")
    is_polled = path.startswith("/api/") and cache_control == "private, no-cache"
    if "no-store" not in cache_control and not is_polled:
        yield f"lets caches keep it: {cache_control!r}"


def _delete_some_and_keep_some(person: User) -> None:
    """Make two containers and buckets, and delete one of each."""
    containers, buckets = [], []
    for name in ("Kept", "Deleted"):
        containers.append(ContainerFactory.create(name=f"{name} container"))
        buckets.append(BucketFactory.create(name=f"{name} bucket"))
        create_project(name=name, buckets=buckets[-1:], user=person)
    delete_container(container=containers[1], user=person, reason="")
    delete_bucket(bucket=buckets[1], user=person)


def _poison_texts(world: World) -> None:
    """Write the payload to every free text of the own desk's main rows."""
    desk, admin = world.own, world.admin
    rows: list[Model] = [desk.file, desk.container, desk.bucket, desk.recording]
    rows += [desk.match, desk.match.scan, desk.licence(), desk.policy()]
    rows += [desk.exclusion(), desk.watch_of(admin), desk.drop_of(admin)]
    rows += [world.project, world.template]
    for row in rows:
        texts = {
            field.name: PAYLOAD[: field.max_length or None]
            for field in row._meta.concrete_fields
            if isinstance(field, CharField | TextField) and _is_free(field)
        }
        type(row)._base_manager.filter(pk=row.pk).update(**texts)


def _is_free(field: CharField[str, str] | TextField[str, str]) -> bool:
    """Return whether people write the column."""
    is_made = field.unique or field.name in _MACHINE or field.name.endswith("_sealed")
    return not (is_made or field.choices or hasattr(field, "upload_to"))


@pytest.mark.soak
def test_no_address_takes_head_for_a_change(
    world: World, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A page that is not drawn writes all the same.
    monkeypatch.setattr(Template, "render", lambda *_context: "")
    paths = {
        paths_of(address.route, world, world.admin)[0]
        for address in addresses()
        if _tells_methods_apart(address)
    }

    read = {path: ask("HEAD", path) for path in sorted(paths)}

    assert len(paths) > 50
    assert not {path: answer.written for path, answer in read.items() if answer.written}


def test_what_may_be_noted_is_an_address() -> None:
    routes = {f"/{re.sub(r'<[^>]*>', 'x', address.route)}" for address in every_address()}

    unknown = [
        pattern for pattern in NOTED if not any(re.search(pattern, route) for route in routes)
    ]

    assert not unknown


def _tells_methods_apart(address: Address) -> bool:
    """Return whether the view's module names GET; REST framework answers HEAD as GET."""
    module = sys.modules[address.view.__module__]
    return address.part == "page" and '"GET"' in inspect.getsource(module)


def _more_paths(world: World) -> Iterator[str]:
    yield from (f"/{address.route}" for address in every_address() if "<" not in address.route)
    for screen in SCREENS.values():
        row = screen.row(world.own)
        yield admin_address(row, "change", row.pk)
        # Viewers read the other histories: tests/security/test_admin.py.
        if screen.view != Action.VIEW:
            yield admin_address(row, "history", row.pk)


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
            answer = client.generic(method, path, headers=headers)
            sent = b"".join(answer) if answer.streaming else answer.content
        transaction.set_rollback(True)
    may = BOOKKEEPING
    for pattern, (starts, _why) in NOTED.items():
        if method == "GET" and re.search(pattern, path):
            may += starts
    written = [sql for sql in written if _COUNTS not in sql and not sql.startswith(may)]
    text = sent.decode(errors="replace")
    return Read(written, answer.status_code, answer.headers, text)


def test_every_page_forbids_inline_script_and_framing() -> None:
    client = Client()
    client.force_login(make_user(Role.ADMIN))

    headers = client.get("/").headers

    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
