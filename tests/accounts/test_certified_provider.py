"""Single sign-on at oidc-provider, a server that the OpenID Foundation has certified.

``make openid`` installs it; it needs Node.js.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client
from pytest_django import Settings

from base.accounts.models import User
from base.audit.models import Event
from tests.accounts.openid_server import provider_settings
from tests.accounts.test_single_sign_on import BEGIN, follow, groups_of, signed_in_as

_FOLDER = Path(__file__).parent / "certified"
_PORTAL = "http://testserver"

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.soak,  # needs Node.js and a package of others
    pytest.mark.skipif(
        shutil.which("node") is None or not (_FOLDER / "node_modules").is_dir(),
        reason="needs make openid",
    ),
]


class Provider:
    """The server, in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._line()

    def put_everybody_into(self, groups: list[str] | None) -> None:
        """Set the groups that the server sends; None leaves the claim out."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{json.dumps(groups)}\n")
        self._process.stdin.flush()
        assert self._line() == ""

    def sign_in(self, client: Client, name: str = "ana") -> None:
        """Press the button, sign in at the server, allow it to say who that is, and return."""
        browser = requests.Session()
        address = client.post(BEGIN)["Location"]
        answer = browser.get(address, timeout=60, allow_redirects=False)
        while not answer.headers.get("Location", "").startswith(_PORTAL):
            if "Location" in answer.headers:
                address = requests.compat.urljoin(answer.url, answer.headers["Location"])
                answer = browser.get(address, timeout=60, allow_redirects=False)
                continue
            (form,) = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
            (prompt,) = re.findall(r'name="prompt" value="(\w+)"', answer.text)
            values = {"prompt": prompt, "login": name, "password": "any"}
            answer = browser.post(form, values, timeout=60, allow_redirects=False)
        back = urlsplit(answer.headers["Location"])
        client.get(f"{back.path}?{back.query}")

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def provider(settings: Settings) -> Iterator[Provider]:
    """Return the server, which the portal is configured for and asks for groups."""
    process = subprocess.Popen(
        ["node", "provider.mjs", f"{_PORTAL}{BEGIN}callback/"],
        cwd=_FOLDER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        running = Provider(process)
        configured = provider_settings(running.url)
        scopes = [*settings.ACRPORTAL_OIDC_SCOPES, "groups"]
        configured["openid_connect"]["APPS"][0]["settings"]["scope"] = scopes
        settings.SOCIALACCOUNT_PROVIDERS = configured
        yield running
        process.terminate()


def test_roles_follow_the_groups_of_a_certified_server(
    provider: Provider, settings: Settings
) -> None:
    follow(settings)
    for groups, roles in (
        (None, set()),
        (["staff", "north"], {"viewer", "Label North"}),
        (["desk, south", "admins"], {"admin", "reviewer"}),
        ([], set()),
        (["admins"], {"admin"}),
        (None, set()),
    ):
        provider.put_everybody_into(groups)
        client = Client()
        provider.sign_in(client)

        assert signed_in_as(client) == "ana"
        assert groups_of("ana") == roles
        assert client.get("/").status_code == (200 if roles else 403)
    # One account, and an event for each change.
    person = User.objects.get()
    events = Event.objects.filter(case=f"user:{person.pk}", action__startswith="user.group_")
    assert events.count() == 6
    # Signing out ends the session here.
    provider.put_everybody_into(["admins"])
    client = Client()
    provider.sign_in(client)
    client.post("/accounts/logout/")
    assert signed_in_as(client) == ""
