"""Text from people and files never becomes markup, on any page of the URL map."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from django.db.models import CharField, Model, TextField
from django.test import Client

from accounts.roles import Role
from tests.factories.accounts import make_user
from tests.security.addresses import addresses
from tests.security.world import Desk, World, is_known, paths_of

pytestmark = pytest.mark.django_db

PAYLOAD = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{7*7}}"


class Finder(HTMLParser):
    """Finds markup that a text turned into."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Check one element."""
        names = {name for name, _ in attrs}
        if dict(attrs).get("src") == "x" or any(n.startswith("on") for n in names):
            self.found.append(f"<{tag} {attrs}>")

    def handle_data(self, data: str) -> None:
        """Check the content of a script element."""
        if self.cdata_elem == "script" and data.strip() == "alert(1)":
            self.found.append("<script>")


def _poison(row: Model) -> None:
    """Write the payload to every free text of a row."""
    texts = {}
    for field in row._meta.concrete_fields:
        free = isinstance(field, CharField | TextField) and not field.choices
        names_things = field.unique or field.name in _MACHINE
        names_things |= field.name.endswith("_sealed")
        if free and not names_things and not hasattr(field, "upload_to"):
            texts[field.name] = PAYLOAD[: field.max_length or None]
    type(row)._base_manager.filter(pk=row.pk).update(**texts)


# Names and hashes that the portal makes, which addresses and files use.
_MACHINE = frozenset(
    {"sha256", "audio_sha256", "acr_id", "language", "lease_owner", "score_scale"}
)


@pytest.mark.slow  # every page is shown once
def test_no_page_shows_a_text_as_markup() -> None:
    world = World(Desk(1), Desk(2), make_user(Role.ADMIN))
    desk = world.own
    rows: list[Model] = [desk.file, desk.container, desk.bucket, desk.recording]
    rows += [desk.match, desk.match.scan, world.own.licence(), world.own.policy()]
    rows.append(world.template)
    rows += [desk.exclusion(), desk.watch_of(world.admin), world.project]
    rows.append(desk.drop_of(world.admin))
    client = Client(raise_request_exception=False)
    client.force_login(world.admin)
    paths = {
        paths_of(address.route, world, world.admin)[0]
        for address in addresses()
        # The matrix test reports addresses that cannot be filled.
        if address.part == "page" and is_known(address.route)
    }
    for row in rows:
        _poison(row)
    shown, wrong = 0, []
    for path in sorted(paths):
        answer = client.get(path)
        if answer.status_code >= 500:
            wrong.append(f"{answer.status_code} {path}")
        if answer.status_code != 200 or answer.streaming:
            continue
        if not answer.headers["Content-Type"].startswith("text/html"):
            continue
        finder = Finder()
        finder.feed(answer.content.decode())
        wrong += [f"{path}: {what}" for what in finder.found]
        shown += "onerror" in answer.content.decode()
    assert not wrong, "\n".join(wrong)
    assert shown > 10


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
