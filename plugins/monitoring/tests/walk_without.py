"""Walks a portal that was started without this plug-in; a process of its own.

Prints what the portal has and what its pages say, as JSON.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import django

if TYPE_CHECKING:
    from django.test import Client

    from review.models import Match

WORDS = re.compile(r"\b(?:streams?|stations?|broadcasts?|declarations?|declared)\b", re.I)
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.S)


def walk() -> dict[str, Any]:  # Any: JSON
    from django.apps import apps
    from django.contrib import admin
    from django.urls import get_resolver

    from base.jobs.kinds import all_kinds
    from imports.kinds import all_kinds as import_kinds
    from operations.doctor import examine
    from operations.metrics import page_of_figures
    from reports.choices import Mode
    from reports.layouts import schema_of

    views = dict(list_views(get_resolver()))
    findings = [finding.problem for finding in examine()]
    return {
        "apps": [app.label for app in apps.get_app_configs()],
        "views": sorted(set(views.values())),
        "pages": _pages(views),
        "screens": [model._meta.label for model in admin.site._registry],
        "jobs": [kind.name for kind in all_kinds()],
        "imports": [kind.key for kind in import_kinds()],
        "columns": {mode.value: [field.name for field in schema_of(mode).fields] for mode in Mode},
        "metrics": page_of_figures().decode(),
        "findings": findings,
    }


def list_views(resolver: Any, before: str = "") -> Iterator[tuple[str, str]]:  # Any: Django's
    """Yield the route and the dotted name of each view."""
    for url_pattern in resolver.url_patterns:
        route = f"{before}{url_pattern.pattern}"
        if hasattr(url_pattern, "url_patterns"):
            yield from list_views(url_pattern, route)
        else:
            view = getattr(url_pattern.callback, "view_class", url_pattern.callback)
            yield route, f"{view.__module__}.{getattr(view, '__name__', view)}"


def _pages(views: dict[str, str]) -> dict[str, Any]:  # Any: JSON
    """Ask for every page of a portal with one match; return statuses and wrong words."""
    from django.test import Client

    from base.accounts.roles import Role
    from tests.factories.accounts import make_user
    from tests.factories.review import make_match

    client = Client(raise_request_exception=False)
    client.force_login(make_user(Role.ADMIN))
    return {
        address: [status, sorted({*WORDS.findall(text)})]
        for address, status, text in open_pages(client, views, make_match())
    }


def open_pages(
    client: Client, views: dict[str, str], match: Match | None
) -> Iterator[tuple[str, int, str]]:
    """Open every page without arguments, and those of a match and its file.

    Yield address, status and text.
    """
    addresses = [
        f"/{route}"
        for route, view in views.items()
        if (view.startswith("web.portal.") or ".pages." in view)
        and not view.startswith(("web.portal.api.", "web.portal.admin."))
        and re.fullmatch(r"[\w/-]*", route)
    ]
    addresses += ["/admin/", "/admin/scanning/scannedfile/", "/admin/imports/moved/"]
    if match is not None:
        file = match.scanned_file
        addresses += [
            f"/files/{file.uid}/",
            f"/files/{file.uid}/review/",
            f"/files/{file.uid}/details/",
            f"/files/{file.uid}/cue-sheet/",
            f"/m/{match.uid}/",
            f"/m/{match.uid}/use",
            f"/containers/{file.container_id}/",
            f"/catalogue/recordings/{match.recording.uid}/",
            f"/search/?q={quote(file.name)}",
        ]
    for address in addresses:
        answer = client.get(address)
        text = b"".join(answer).decode("utf-8", "replace")
        yield address, answer.status_code, _TAGS.sub(" ", text)


if __name__ == "__main__":
    django.setup()
    from django.core.management import call_command

    call_command("check")
    call_command("migrate", verbosity=0)
    json.dump(walk(), sys.stdout)
