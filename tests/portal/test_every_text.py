"""No page shows a code, None, a template leftover or an untranslated text, in any state."""

from __future__ import annotations

import re

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.roles import Role
from portal.shared import guides
from review.models import Policy
from tests import pseudo_language
from tests.factories.accounts import make_user
from tests.portal import every_state
from tests.security.addresses import addresses
from tests.security.admin_screens import SCREENS
from tests.security.world import Desk, World, is_known, paths_of
from tests.visible_text import faults_in, lone_codes

# On PostgreSQL, this is what opens every page: tests.on_postgres.
pytestmark = pytest.mark.django_db


_WORD = re.compile(r"[A-Za-z]{3,}")
# Names, formats and codes that are the same in every language.
_SAME_EVERYWHERE = re.compile(
    r"(?<![A-Za-z])(ACRCloud|acrportal|API|CSV|CSVW|XLSX|PDF|JSON|Lines|Parquet|ISRC|ISWC|UPC|EAN|SHA|UTC|"
    r"KiB|MiB|GiB|Match portal|English|Deutsch|Español|Français|Ctrl|Enter|Esc|Shift|"
    r"Meta|SoundCloud|TikTok|YouTube|FLAC|MP3|AAC|Ogg|Opus|WAV|Vorbis|WMA|PCM|kHz|min|req|Webhook|OpenAPI|Pseudo|"
    r"UTF|KOI8-R|Windows|HTTP|https|LIC|Bucket|True|False|viewer|reviewer|Dedup|idx|sets|ranges|flags|run demo|"
    r"Short uses|Music|into|DPID|GRid|ISAN|ISO|CRLF|IPN|IPI|ISNI|WE|UC|GB|NZ|"
    # Time zones.
    r"[A-Z][A-Za-z_]+(?:/[A-Za-z_-]+)+|[A-Z]{3}[0-9][A-Z]{3}|Eire|Cuba|Egypt|Iran)(?![A-Za-z])"
)


@pytest.mark.slow
def test_no_page_shows_a_raw_code_or_an_untranslated_text(settings: Settings) -> None:
    world = World(Desk(1), Desk(2), make_user(Role.ADMIN, username="mira"))
    paths = every_state.fill(world, world.admin)
    # The policies of both worlds would hide each other's effects.
    Policy.objects.update(enabled=False)
    paths += [*pages_of(world), *screens_of(world)]
    plain: dict[str, str] = {}
    shown, wrong = 0, []
    # In the pseudo language, every code would differ from its label.
    lone_codes()

    with pseudo_language.spoken(settings):
        client = Client(
            headers={"Accept-Language": pseudo_language.CODE},
            raise_request_exception=False,
        )
        client.force_login(world.admin)
        for path in dict.fromkeys(paths):
            answer = client.get(path, follow=True)
            is_page = answer.headers.get("Content-Type", "").startswith("text/html")
            if answer.status_code >= 500:
                wrong.append(f"{path}: {answer.status_code}")
            elif is_page and not answer.streaming:
                page = answer.content.decode()
                wrong += [f"{path}: {fault}" for fault in faults_in(page)]
                shown += 1
                if not path.startswith("/api/"):
                    for text in pseudo_language.plain_texts(page):
                        plain.setdefault(text, path)

    # Guides are in English.
    titles = [guides.read(name).title for name in guides.names()]
    data = [*titles, *pseudo_language.stored_values()]
    wrong += sorted(
        f"{path}: not translated: {text!r}"
        for text, path in plain.items()
        if _WORD.search(
            _SAME_EVERYWHERE.sub("", pseudo_language.without_data(text, data))
        )
    )
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
    """Return each admin list, one row of each, and the form for a new row.

    ``every_state`` has the histories, which are one template.
    """
    paths = [reverse("admin:index")]
    for model in admin.site._registry:
        label = model._meta.label
        if label not in SCREENS:
            continue
        row = SCREENS[label].row(world.own)
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        paths += [reverse(f"{name}_changelist")]
        paths.append(reverse(f"{name}_change", args=[row.pk]))
        if SCREENS[label].add:
            paths.append(reverse(f"{name}_add"))
    return paths
