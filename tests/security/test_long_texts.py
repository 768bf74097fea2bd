"""No text of a stranger takes long: each pattern, each field, each page that reads texts.

While a pattern of ``re`` or the forms of Unicode work on a text, no other thread of the
process runs, so one person's text would stop the portal for everybody.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import process_time
from typing import Any

import pytest
from django.forms import BaseForm
from django.test import Client
from django.urls import reverse
from rest_framework import serializers

from base.accounts.roles import Role
from base.common import stored
from base.common.logs import redact
from base.common.outside_text import normalised
from base.common.storage import display_name
from base.common.table_text import one_form
from catalogue.owners.texts import folded
from scanning.models import Container
from scanning.services.link_batches import links_of_csv, links_of_text
from scanning.sources import link_items
from scanning.sources.link_keys import link_key
from scanning.sources.link_texts import links_in
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient, upload
from tests.modules import import_all, ours
from tests.patterns import (
    LENGTH,
    Pattern,
    Unlisted,
    limit_seconds,
    patterns,
    product_modules,
    shapes,
    slow_text,
)

# Patterns that code makes anew from values, and why none of them takes long.
MADE = {
    "base.common.outside_text._marks": "a class of characters, tested below with marks",
    "base.common.stored._patterns": "sentences of our own catalogue, tested below",
    "web.portal.shared.searching.marked": "a searched text of at most 300 characters, escaped",
    "recognition.audio.unreadable._is_free_format": "two bytes of a limited head, escaped",
    "scanning.sources.link_items._readers": "for links of limited parts, tested below",
}
REPEATED = (
    *("a", " ", ",", "\n", "://", "a://", "a:", "(", "[", "<", "&amp;", "&", "%", "\\"),
    *("www.", "a.b/", "http://", "youtu.be/a,", "-", "_", '"', "'", "=", "feat. ", "\0"),
    *("\u0301\u0327", "a\u0301\u0327", "\uff9e\u0301", "\u200d", "漢", "\ufdfa", "1", "#!/"),
)
# Fields read words, lists, addresses and marks; their patterns are tried above.
TEXTS_OF_FIELDS = [(text * LENGTH)[:LENGTH] for text in ("a", " ", ",", "a://", "\u0301\u0327")]
TEXTS = [(text * LENGTH)[:LENGTH] for text in REPEATED]


@pytest.fixture
def container(db: None) -> Container:
    return ContainerFactory.create()


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


def seconds(call: Callable[[], object]) -> float:
    begun = process_time()
    call()
    return process_time() - begun


def takes_long(call: Callable[[], object]) -> bool:
    """Return whether a call takes long each time; other programs may disturb one."""
    return all(seconds(call) > 2 * limit_seconds() for _again in range(3))


def slow_texts(read: Callable[[str], object]) -> list[str]:
    """Return how the texts begin that a function reads for long."""
    return [text[:20] for text in TEXTS if takes_long(partial(_tried, read, text))]


def test_no_pattern_takes_long_for_any_text() -> None:
    made, slow = [], []
    for pattern in patterns():
        if isinstance(pattern, Unlisted):
            made.append(pattern.place)
        elif text := slow_text(pattern):
            slow.append(f"{pattern.place}: {pattern.compiled.pattern}: {text}")

    assert slow == []
    assert sorted(made) == sorted(MADE), "list them with the reason, or name them"


@pytest.mark.soak
@pytest.mark.parametrize(
    ("pattern", "method"),
    [
        (r"\w+://[^\s<>]+", "findall"),
        (r"\s*(?:,|\s(?:and|x)\.?\s)\s*", "split"),
        (r"[\s,:]+(?:pt|part)\.?\s+(\d+)$", "search"),
        (r"([?&][\w.-]*(?:token|secret)[\w.-]*=)[^&]+", "sub"),
        (r"^\s*([A-Z_]+)\s*=\s*(.*?)\s*$", "match"),
        (r"(a|a)*b", "fullmatch"),
        (r"<!--.*?-->", "sub"),
    ],
)
def test_a_pattern_that_takes_long_is_found(pattern: str, method: str) -> None:
    assert slow_text(Pattern("here", re.compile(pattern), frozenset({method})))


@pytest.mark.soak
def test_no_stored_sentence_takes_long_to_read() -> None:
    slow = [
        (sentence, shape)
        for sentence, _plural, pattern in stored._patterns("de")
        for shape in shapes(pattern)
        if takes_long(partial(pattern.fullmatch, shape.text(500)))
    ]

    assert slow == []


@pytest.mark.soak
def test_no_link_takes_long_whatever_platform_it_names() -> None:
    slow = [
        link
        for reader in link_items._readers()
        for shape in shapes(reader.pattern)
        for link in (shape.text(360), f"{shape.text(300)}?{shape.text(400)}")
        if takes_long(partial(link_key, link))
    ]

    assert slow == []


def test_texts_are_normalised_in_one_place_that_limits_marks() -> None:
    places = {
        module
        for module, tree in product_modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr == "normalize"
        if isinstance(node.value, ast.Name) and node.value.id == "unicodedata"
    }

    assert places == {"base.common.outside_text"}
    assert normalised("Zażółć e\u0301", "NFC") == "Zażółć é"
    assert normalised("e" + "\u0301" * 400, "NFC") == "é" + "\u0301" * 29


@pytest.mark.parametrize(
    "read", [*(links_in, link_key, links_of_text, one_form, folded, redact, display_name)]
)
def test_what_reads_texts_reads_long_ones(read: Callable[[str], object]) -> None:
    assert slow_texts(read) == []


@pytest.mark.django_db
def test_every_field_of_a_form_reads_a_long_text() -> None:
    import_all()
    fields = {
        (kind.__qualname__, name): field
        for kind in ours(BaseForm)
        for name, field in getattr(kind, "base_fields", {}).items()
    }

    slow = [
        (place, text[:20])
        for place, field in fields.items()
        for text in TEXTS_OF_FIELDS
        if takes_long(partial(_tried, field.clean, text))
    ]

    assert len(fields) > 300
    assert slow == []


@pytest.mark.soak
@pytest.mark.django_db
def test_every_field_of_an_api_reads_a_long_text() -> None:
    import_all()
    fields: dict[tuple[str, str], serializers.Field[Any, Any, Any, Any]] = {
        (kind.__qualname__, name): field
        for kind in ours(serializers.Serializer)
        for name, field in kind._declared_fields.items()
        if not field.read_only
    }

    slow = [
        (place, text[:20])
        for place, field in fields.items()
        for text in TEXTS_OF_FIELDS
        if takes_long(partial(_tried, field.run_validation, text))
    ]

    assert len(fields) > 100
    assert slow == []


def test_three_pasted_texts_of_120_kb_leave_the_portal_to_others(
    container: Container, client: Client
) -> None:
    """The patterns that began at each letter took 40 seconds each."""
    for text in ("a" * 120_000, "a," * 60_000, "https://" * 15_000):
        fields = {"container": container.pk, "links": text}
        for address in (reverse("portal:links"), reverse("portal:upload")):
            page = partial(client.post, address, fields)
            assert seconds(page) < 20 * limit_seconds(), address
            refused = "Line 1 has more than 50,000 characters."
            assert refused in page().content.decode()
        answer = client.post(
            reverse("api:read_links"), {"text": text}, content_type="application/json"
        )
        assert answer.status_code == 422
        assert answer.json()["code"] == "line_too_long"


def test_a_file_of_900_000_lines_is_refused_at_once(container: Container, client: Client) -> None:
    content = b"a\n" * 900_000
    fields = {"container": container.pk, "csv_file": upload("links.csv", content)}

    page = client.post(reverse("portal:links"), fields).content.decode()

    assert "The CSV file has more than 20,000 lines. Split it." in page
    assert not takes_long(partial(_tried, links_of_csv, content))


def _tried(read: Callable[[Any], object], value: object) -> None:
    """Read something that may be refused in any way."""
    with suppress(Exception):
        read(value)
