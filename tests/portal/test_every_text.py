"""No page shows a code, None, a template leftover or an untranslated text, in any state.

Nor does it put elements together in a way that keeps somebody from using it.
"""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django import Settings

from base.accounts.roles import Role
from review.models import Policy
from tests import pseudo_language
from tests.factories.accounts import make_user
from tests.portal import every_state
from tests.security.world import Desk, World
from tests.structure import faults_in_structure
from tests.visible_text import faults_in, lone_codes
from web.portal.shared import guides

pytestmark = pytest.mark.django_db


_WORD = re.compile(r"[A-Za-z]{3,}")
# Names, formats and codes that are the same in every language.
_SAME_EVERYWHERE = re.compile(
    r"(?<![A-Za-z])(ACRCloud|acrportal|API|CSV|CSVW|XLSX|PDF|JSON|Lines|Parquet|ISRC|ISWC|UPC|EAN|SHA|UTC|"
    r"KiB|MiB|GiB|English|Deutsch|Español|Français|Ctrl|Enter|Esc|Shift|"
    r"Meta|SoundCloud|TikTok|YouTube|FLAC|MP3|AAC|Ogg|Opus|WAV|Vorbis|WMA|PCM|kHz|min|req|Webhook|OpenAPI|Pseudo|"
    r"UTF|KOI8-R|Windows|MacRoman|HTTP|https|LIC|Bucket|True|False|viewer|reviewer|Dedup|idx|sets|ranges|flags|run demo|"
    r"Short uses|Music|into|DPID|GRid|ISAN|ISO|CRLF|IPN|IPI|ISNI|WE|UC|GB|NZ|"
    # Time zones.
    r"[A-Z][A-Za-z_]+(?:/[A-Za-z_-]+)+|[A-Z]{3}[0-9][A-Z]{3}|Eire|Cuba|Egypt|Iran)(?![A-Za-z])"
)


# Of a page before compression; long lists come in parts.
MOST_BYTES = 150_000


class Texts:
    """The plain texts of pages in the pseudo language, and the faults of the pages."""

    def __init__(self) -> None:
        # In the pseudo language, every code would differ from its label.
        lone_codes()
        self.shown = 0
        self._plain: dict[str, str] = {}
        self._faults: list[str] = []

    def read(self, path: str, page: str) -> None:
        """Note the texts of a page."""
        self.shown += 1
        weight = len(page.encode())
        if weight > MOST_BYTES:
            self._faults.append(f"{path}: weighs {weight / 1000:.0f} kB")
        self._faults += [f"{path}: {fault}" for fault in faults_in(page)]
        if not path.startswith("/admin/") and "<html" in page:
            self._faults += [f"{path}: {fault}" for fault in faults_in_structure(page)]
        if not path.startswith("/api/"):
            for text in pseudo_language.plain_texts(page):
                self._plain.setdefault(text, path)

    def faults(self) -> list[str]:
        """Return what is no text of a page, and what is not translated."""
        # Guides are in English.
        titles = [guides.read(name).title for name in guides.names()]
        data = [*titles, *pseudo_language.stored_values()]
        return self._faults + sorted(
            f"{path}: not translated: {text!r}"
            for text, path in self._plain.items()
            if _WORD.search(_SAME_EVERYWHERE.sub("", pseudo_language.without_data(text, data)))
        )


@pytest.mark.soak  # tests/security/test_reading.py reads every address for these, too
def test_no_page_shows_a_raw_code_or_an_untranslated_text(settings: Settings) -> None:
    """Of the pages in their many states; ``test_reading`` reads each other page so."""
    person = make_user(Role.ADMIN, username="mira")
    paths = every_state.fill(World(Desk(1), Desk(2), person), person)
    # The policies of both worlds would hide each other's effects.
    Policy.objects.update(enabled=False)
    texts, wrong = Texts(), []

    with pseudo_language.spoken(settings):
        client = Client(
            headers={"Accept-Language": pseudo_language.CODE}, raise_request_exception=False
        )
        client.force_login(person)
        for path in dict.fromkeys(paths):
            answer = client.get(path, follow=True)
            is_page = answer.headers.get("Content-Type", "").startswith("text/html")
            if answer.status_code >= 500:
                wrong.append(f"{path}: {answer.status_code}")
            elif is_page and not answer.streaming:
                texts.read(path, answer.content.decode())

    wrong += texts.faults()
    assert not wrong, f"{len(wrong)} faults:\n" + "\n".join(wrong)
    assert texts.shown > 100
