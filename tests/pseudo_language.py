"""A language that no person speaks: it shows which texts are not translated.

Each translated text stands in brackets with accents on its letters; a text that keeps
plain letters was never marked, or is data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from uuid import UUID

import pytest
from django.db import models
from django.utils.translation import trans_real
from lxml import etree, html
from pytest_django import Settings

from base.common.phrases import own_models

CODE = "xx"
_LETTERS = str.maketrans(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "áƀćđéƒǵĥíĵķĺɱńóṕɋŕśťúṽŵẋýźÁɃĆĐÉƑǴĤÍĴĶĹṀŃÓṔɊŔŚŤÚṼŴẊÝŹ",
)
# Placeholders and markup inside a text stay as they are.
_KEPT = re.compile(r"(%\(\w+\)[sd]|%[sd%]|\{\w*\}|<[^>]+>|&\w+;)")
_CONTEXT = "\x04"
_WORD = re.compile(r"[A-Za-z]{3,}")
_NOT_TEXT = ("script", "style", "template", "code", "kbd", "pre", "svg", "bdi", "time")
_ATTRIBUTES = ("title", "aria-label", "placeholder", "alt", "data-label")


@cache
def disguise(text: str) -> str:
    """Return a text as the pseudo language says it."""
    parts = _KEPT.split(text.partition(_CONTEXT)[2] or text)
    page = [part if place % 2 else part.translate(_LETTERS) for place, part in enumerate(parts)]
    return f"[{''.join(page)}]"


class _Pseudo:
    """Stands in for the translations that Django reads from a catalogue."""

    def gettext(self, message: str) -> str:
        return disguise(message) if message else message

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return disguise(singular if number == 1 else plural)

    def to_language(self) -> str:
        return CODE


@contextmanager
def spoken(settings: Settings) -> Iterator[None]:
    """Offer the pseudo language, and speak it where a browser asks for it."""
    # Django forgets what it knows of the languages when this setting changes.
    settings.LANGUAGES = [*settings.LANGUAGES, (CODE, "Pseudo")]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(trans_real._translations, CODE, _Pseudo())  # type: ignore[attr-defined]  # Django's own table
        patch.setattr(trans_real, "check_for_language", lambda _code: True)
        yield


def plain_texts(page: str) -> set[str]:
    """Return the texts of a page that keep plain letters and are not marked verbatim."""
    texts = {text for text in _visible_texts(html.fromstring(page)) if text}
    return {" ".join(text.split()) for text in texts if _WORD.search(text)}


def _visible_texts(page: html.HtmlElement) -> Iterator[str | None]:
    """Yield the texts and attributes that a page shows and does not mark as verbatim."""
    walk = etree.iterwalk(page, events=("start", "end", "comment"))
    for event, element in walk:
        if event != "start":
            yield element.tail
        elif (
            element.tag in _NOT_TEXT
            or element.get("translate") == "no"
            or "request-id" in element.get("class", "")
        ):
            walk.skip_subtree()
        else:
            yield element.text
            yield from (element.get(name) for name in _ATTRIBUTES)


def stored_values() -> list[str]:
    """Return every text of the database, longest first: pages show them as data."""
    texts: set[str] = set()
    for model in own_models():
        for row in model._base_manager.values_list(*_text_fields(model)):
            for value in row:
                texts |= set(_texts_in(value))
        texts |= {str(row) for row in model._base_manager.all()}
    return sorted(filter(_WORD.search, texts), key=len, reverse=True)


def _text_fields(model: type[models.Model]) -> list[str]:
    kinds = (models.CharField, models.TextField, models.JSONField, models.UUIDField)
    return ["pk"] + [
        field.name for field in model._meta.concrete_fields if isinstance(field, kinds)
    ]


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        for part in value.values():
            yield from _texts_in(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts_in(part)
    elif isinstance(value, str | UUID):
        yield " ".join(str(value).split())


def without_data(text: str, values: list[str]) -> str:
    """Return a text without what the database holds of it, in whole words."""
    for value in values:
        if value in text:
            whole = rf"(?<![A-Za-z]){re.escape(value)}(?![A-Za-z])"
            text = re.sub(whole, "", text)
    return text
