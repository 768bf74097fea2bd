"""Every text of every page is marked for translation."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

from accounts.roles import Role
from review.models import Policy
from tests import pseudo_language
from tests.factories.accounts import make_user
from tests.portal import every_state
from tests.portal.test_raw_codes import pages_of, screens_of
from tests.security.world import Desk, World

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]

_WORD = re.compile(r"[A-Za-z]{3,}")
# Names, formats and codes that are the same in every language.
_SAME_EVERYWHERE = re.compile(
    r"(?<![A-Za-z])(ACRCloud|API|CSV|CSVW|XLSX|PDF|JSON|Lines|Parquet|ISRC|ISWC|UPC|EAN|SHA|UTC|"
    r"KiB|MiB|GiB|Match portal|English|Deutsch|Español|Français|Ctrl|Enter|Esc|Shift|"
    r"FLAC|MP3|AAC|Ogg|Opus|WAV|Vorbis|WMA|PCM|kHz|min|req|Webhook|OpenAPI|Pseudo|"
    r"UTF|Windows|HTTP|https|LIC|Bucket|True|False|viewer|reviewer|Dedup|idx|sets|ranges|flags|run demo|"
    r"Short uses|Music|into|DPID|GRid|ISAN|ISO|CRLF|IPN|IPI|ISNI|WE|UC|GB|NZ|"
    # Time zones.
    r"[A-Z][A-Za-z_]+(?:/[A-Za-z_-]+)+|[A-Z]{3}[0-9][A-Z]{3}|Eire|Cuba|Egypt|Iran)(?![A-Za-z])"
)


def test_every_text_of_every_page_is_translated(settings: Settings) -> None:
    world = World(Desk(1), Desk(2), make_user(Role.ADMIN, username="mira"))
    paths = every_state.fill(world, world.admin)
    Policy.objects.update(enabled=False)
    paths += [*pages_of(world), *screens_of(world)]
    plain: dict[str, str] = {}
    shown = 0

    with pseudo_language.spoken(settings):
        client = Client(headers={"Accept-Language": pseudo_language.CODE})
        client.force_login(world.admin)
        for path in dict.fromkeys(paths):
            answer = client.get(path, follow=True)
            is_page = answer.headers.get("Content-Type", "").startswith("text/html")
            if is_page and not answer.streaming and not path.startswith("/api/"):
                shown += 1
                for text in pseudo_language.plain_texts(answer.content.decode()):
                    plain.setdefault(text, path)

    data = pseudo_language.stored_values()
    unmarked = sorted(
        f"{text!r} on {path}"
        for text, path in plain.items()
        if _WORD.search(
            _SAME_EVERYWHERE.sub("", pseudo_language.without_data(text, data))
        )
    )
    assert not unmarked, f"{len(unmarked)} texts:\n" + "\n".join(unmarked)
    assert shown > 300
