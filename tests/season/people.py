"""The people of the season: each has a browser, some open pages, and a token."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.core.files.uploadedfile import SimpleUploadedFile
from django.http.response import HttpResponseBase
from django.test import Client
from lxml import html

from base.accounts.models import User
from base.accounts.roles import Role, Scope
from base.accounts.tokens import create_token
from tests.season import invariants, readers
from tests.season.pages import Filled, Form, Page
from tests.season.world import PASSWORD, PEOPLE
from web.portal.shared.lists import PAGE_SIZE

_OPEN_PAGES = 5
_REDIRECTS = 4
_AGREED = re.compile(rb'name="agreed" value="([0-9a-f]+)"')


@dataclass
class Answer:
    """A response with its complete body."""

    status: int
    url: str
    content: bytes
    kind: str
    location: str = ""
    signed_out: bool = False
    """The session had ended: what was sent waits until the person signs in again."""

    @property
    def is_page(self) -> bool:
        """Return whether the response is an HTML page."""
        return self.kind.startswith("text/html") and not self.location

    def json(self) -> Any:  # Any: JSON
        """Return the body as JSON."""
        return json.loads(self.content)


@dataclass
class Person:
    """A person who uses the portal; each response is checked at once."""

    name: str
    role: Role
    is_limited: bool
    note: Callable[[str], None]
    tabs: list[Page] = field(default_factory=list)
    reached: set[tuple[str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.client = Client()
        self.sign_in()
        self.zone = readers.zone_of(self.user)
        self._secret = ""

    def sign_in(self) -> None:
        """Sign in, as at the beginning of a day."""
        self.client.force_login(User.objects.get(username=self.name))

    @property
    def user(self) -> User:
        """Return the account's current row."""
        return User.objects.get(username=self.name)

    def open(self, path: str) -> Answer:
        """Open a page and follow redirects; keep the final page open."""
        answer = self._ask("GET", path, self.client.get(path))
        return self._follow("GET", answer)

    def send(self, filled: Filled) -> Answer:
        """Send a form and follow its redirect."""
        form = filled.form
        if form.method == "GET":
            query = f"{form.path}?{urlencode(filled.fields, doseq=True)}"
            return self.open(query)
        # A browser requests a new token when the page has an old one.
        response = self.client.post(form.url, filled.data)
        return self._follow(form.method, self._ask(form.method, form.url, response))

    def fill_in(self, path: str, **fields: Any) -> Answer:  # Any: texts and files
        """Send a form with these values, or lists of them, to an address."""
        filled = Filled(Form(path, "POST", [], path), {}, {})
        for name, value in fields.items():
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, SimpleUploadedFile):
                    filled.files.setdefault(name, []).append(part)
                else:
                    filled.fields.setdefault(name, []).append(str(part))
        self.note(f"{self.name} sends {filled}")
        return self.send(filled)

    def fill_in_and_agree(self, path: str, **fields: Any) -> Answer:  # Any: as above
        """Send a form, and again if a page shows first which statements change."""
        answer = self.fill_in(path, **fields)
        mark = _AGREED.search(answer.content)
        return self.fill_in(path, **fields, agreed=mark[1].decode()) if mark else answer

    def read_list(self, path: str) -> set[str]:
        """Return the matches on all pages of a list, whose address has a query."""
        uids: set[str] = set()
        for number in range(1, 20):
            answer = self.open(f"{path}&page={number}")
            invariants.check(answer.is_page, f"{answer.url} as {self.name}: {answer.status}")
            document = html.document_fromstring(answer.content)
            links = document.xpath("//main//table//a/@href")
            here = set(re.findall(r"/m/(m_\w+)", " ".join(links)))
            uids |= here
            if len(here) < PAGE_SIZE:
                break
        return uids

    def call(self, method: str, path: str, body: Any = None) -> Answer:  # Any: JSON
        """Call an API with a token that has all of the person's permissions."""
        if not self._secret:
            self._secret = create_token(owner=self.user, name="season", scopes=[Scope.ALL]).secret
        response = self.client.generic(
            method,
            path,
            json.dumps(body) if body is not None else "",
            content_type="application/json",
            headers={"Authorization": f"Bearer {self._secret}"},
        )
        return self._ask(method, path, response)

    def upload(self, path: str, fields: dict[str, Any]) -> Answer:  # Any: form fields
        """Call an API with a form that holds files."""
        if not self._secret:
            self._secret = create_token(owner=self.user, name="season", scopes=[Scope.ALL]).secret
        response = self.client.post(
            path, fields, headers={"Authorization": f"Bearer {self._secret}"}
        )
        return self._ask("POST", path, response)

    def send_bytes(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send bytes as a page's script does."""
        kind = "application/offset+octet-stream"
        response = self.client.generic(method, path, body, content_type=kind, headers=headers)
        return self._ask(method, path, response)

    def some_tab(self, rng: random.Random) -> Page | None:
        """Return a page that has been open for a while."""
        return rng.choice(self.tabs) if self.tabs else None

    def _ask(self, method: str, url: str, response: HttpResponseBase) -> Answer:
        content = (
            b"".join(response.streaming_content)  # type: ignore[attr-defined]  # as asked
            if response.streaming
            else response.content  # type: ignore[attr-defined]  # as asked
        )
        response.close()
        answer = Answer(
            status=response.status_code,
            url=url,
            content=content,
            kind=response.headers.get("Content-Type", ""),
            location=response.headers.get("Location", ""),
        )
        self.note(f"{method} {url} as {self.name}: {answer.status}")
        invariants.check_answer(self, method, answer)
        if answer.status < 400:
            self.reached.add((method, url.partition("?")[0]))
        return answer

    def _follow(self, method: str, answer: Answer) -> Answer:
        for _ in range(_REDIRECTS):
            if answer.status not in (301, 302, 303, 308) or "//" in answer.location:
                break
            url = answer.location
            signed_out = url.startswith("/accounts/login")
            if signed_out:
                self.sign_in()
                # Signing in leads to the requested page, if it can be opened with GET.
                url = answer.url if method == "GET" else "/"
            question = self.client.get(url)
            if url.startswith("/accounts/reauthenticate/"):
                # What was sent waits, and goes on with the password.
                question = self.client.post(url, {"password": PASSWORD}, follow=True)
            answer = self._ask("GET", url, question)
            answer.signed_out = signed_out
        if answer.is_page:
            self.tabs = [Page.read(answer.url, answer.content), *self.tabs][:_OPEN_PAGES]
        return answer


def everybody(note: Callable[[str], None]) -> dict[str, Person]:
    """Return everybody in the season, signed in."""
    return {name: Person(name, role, limited, note) for name, role, limited in PEOPLE}
