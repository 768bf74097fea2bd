"""No page shows a code, None or a template leftover, in any state."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from review.models import Policy
from tests.factories.accounts import make_user
from tests.portal import every_state
from tests.security.addresses import addresses
from tests.security.admin_screens import SCREENS
from tests.security.world import Desk, World, is_known, paths_of
from tests.visible_text import faults_in

# On PostgreSQL, this is what opens every page: tests.on_postgres.
pytestmark = pytest.mark.django_db


def test_no_page_shows_a_raw_code() -> None:
    world = World(Desk(1), Desk(2), make_user(Role.ADMIN, username="mira"))
    client = Client(raise_request_exception=False)
    client.force_login(world.admin)
    paths = every_state.fill(world, world.admin)
    # The policies of both worlds would hide each other's effects.
    Policy.objects.update(enabled=False)
    paths += [*pages_of(world), *screens_of(world)]
    shown, wrong = 0, []

    for path in dict.fromkeys(paths):
        answer = client.get(path, follow=True)
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        if answer.status_code >= 500:
            wrong.append(f"{path}: {answer.status_code}")
        elif is_page and not answer.streaming:
            faults = faults_in(answer.content.decode())
            wrong += [f"{path}: {fault}" for fault in faults]
            shown += 1

    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong)
    assert shown > 300


def pages_of(world: World) -> list[str]:
    """Return each page of the portal once."""
    return [
        paths_of(address.route, world, world.admin)[0]
        for address in addresses()
        if address.part == "page" and is_known(address.route)
    ]


def screens_of(world: World) -> list[str]:
    """Return each admin list, one row of each, and the form for a new row."""
    paths = [reverse("admin:index")]
    for model in admin.site._registry:
        label = model._meta.label
        if label not in SCREENS:
            continue
        row = SCREENS[label].row(world.own)
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths += [reverse(f"{name}_changelist")]
        paths += [reverse(f"{name}_{page}", args=[row.pk]) for page in _ONE]
        if SCREENS[label].add:
            paths.append(reverse(f"{name}_add"))
    return paths


_ONE = ("change", "history")
