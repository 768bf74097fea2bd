"""Every address of the portal, and the permission that its view declares."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.views import APIView

from base.accounts.roles import Action
from web.acrapi.views.base import WireView

PAGE_METHODS = ("GET", "POST")
WIRE_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

# Views without a login, and the reason why each is safe. A new one needs a reason here.
OPEN = {
    "web.acrapi.views.docs.SchemaView": "the document holds no secret",
    "web.acrapi.views.docs.docs": "the same as a page",
    "web.acrapi.views.identify.IdentifyView": "signed with a project's key pair",
    "web.acrapi.errors.unknown": "says that nothing is there",
    "web.acrapi.views.uploads.UploadView": "the address is signed and ends",
    "acrportal.security_contact.security_txt": "says whom to tell about faults",
    "acrportal.health.healthz": "says whether it runs",
    "acrportal.health.metrics": "a token of its own, or this machine",
    "acrportal.health.readyz": "says whether it can work",
    "base.accounts.languages.choose_reading": "one's own choice; leads others to the way in",
    "base.accounts.openid.callback": "the way in: what came from the server is checked",
    "base.accounts.urls.to_login": "leads to the way in",
    "scanning.views.callback.account_callback": "an unguessable address",
    "scanning.views.callback.acrcloud_callback": "an unguessable address",
}

_HOW_TO = """
{view} ({route}) does not say who may call it.
- A page: put @needs(Action.…) of portal.shared.access directly above it.
- A view of the portal's API: derive from PersonView or ProgramView of portal.api.base and
  set reads and changes.
- A view of the wire protocol: derive from WireView and name in actions what a method
  other than GET needs.
- Open to everybody: add it to OPEN in tests/security/addresses.py with the reason.
"""


@dataclass(frozen=True, slots=True)
class Address:
    """One line of the URL map."""

    route: str
    view: Callable[..., Any]  # Any: as Django's resolver types it

    @property
    def shown_class(self) -> Any:  # Any: a view's class or its function
        """Return the class or function behind the view."""
        made_from = getattr(self.view, "cls", None)
        return made_from or getattr(self.view, "view_class", self.view)

    @property
    def view_name(self) -> str:
        """Return the view's full dotted name."""
        return f"{self.shown_class.__module__}.{self.shown_class.__qualname__}"

    @property
    def part(self) -> str:
        """Return the part of the portal: wire, portal API or page."""
        kind = self.shown_class
        if isinstance(kind, type) and issubclass(kind, WireView):
            return "wire"
        is_api = isinstance(kind, type) and issubclass(kind, APIView)
        return "portal API" if is_api else "page"

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods to try."""
        if self.part == "page":
            return PAGE_METHODS
        kind = self.shown_class
        return tuple(
            name
            for name in WIRE_METHODS
            if hasattr(kind, name.lower()) and name.lower() in kind.http_method_names
        )

    def rule(self, method: str) -> Action:
        """Return the permission that the view requires; fail if it declares none."""
        kind = self.shown_class
        if self.part == "wire":
            action = kind.actions.get(method, Action.VIEW)
        elif self.part == "portal API":
            action = kind.action_for(method)
        else:
            action = getattr(self.view, "rule", {}).get(method)
        assert isinstance(action, Action), _HOW_TO.format(view=self.view_name, route=self.route)
        return action


def addresses() -> Iterator[Address]:
    """Return every address outside the admin that requires a login."""
    for address in every_address():
        # allauth's pages concern only the signed-in account, or signing in.
        foreign = address.route.startswith("admin/") or "allauth." in address.view_name
        if not foreign and address.view_name not in OPEN:
            yield address


def every_address() -> Iterator[Address]:
    yield from _walk(get_resolver(), "")


def _walk(resolver: URLResolver, prefix: str) -> Iterator[Address]:
    for pattern in resolver.url_patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLPattern):
            yield Address(route, pattern.callback)
        else:
            yield from _walk(pattern, route)
