"""Texts that pages assemble from labels, and derived names of models."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import AppConfig, apps
from django.conf import settings
from django.db import models
from django.utils import timezone, translation
from django.utils.functional import Promise, lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy

_FOREIGN = ("django.", "allauth", "rest_framework", "drf_spectacular", "whitenoise")


def _format_html(text: str | Promise, *values: object) -> SafeString:
    return format_html(str(text), *values)


format_html_lazy = lazy(_format_html, SafeString)
"""``format_html`` for class bodies: the language is known only when a page shows it."""


@contextmanager
def for_the_record() -> Iterator[None]:
    """Build the texts inside in English, because the database or a file keeps them.

    Readers of any language and time zone see them later, so they depend on neither.
    """
    with translation.override(settings.LANGUAGE_CODE), timezone.override(None):
        yield


def lowered(label: str | Promise) -> str:
    """Return a label for the middle of a sentence.

    Only the first letter changes, because names and German nouns keep theirs.
    """
    text = str(label)
    return text[:1].lower() + text[1:]


def count_noun(count: int, noun: str, plural: str = "") -> str:
    """Return a count with its English noun, for the output of commands: 1 file, 2 files."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"


def own_apps() -> Iterator[AppConfig]:
    """Yield the applications of this project."""
    for config in apps.get_app_configs():
        if not config.name.startswith(_FOREIGN):
            yield config


def own_models() -> Iterator[type[models.Model]]:
    """Yield the models of this project."""
    for config in own_apps():
        yield from config.get_models()


# Names in the code that people would not write; units and codes follow below.
_WRITTEN = {
    "acr id": "ACRCloud id",
    "as of": "as of event",
    "as of at": "as of",
    "cloud container id": "container id at ACRCloud",
    "every": "interval",
    "every hours": "interval",
    "every seconds": "interval",
    "is default": "opens the queue",
    "max seconds": "maximum seconds per use",
    "on expiry": "when it ends",
    "pdf sha256": "PDF SHA-256",
    "remote container id": "container id at ACRCloud",
    "remote id": "id at ACRCloud",
    "told at": "message sent at",
    "use kind": "which uses",
    "use values": "uses",
}
_UNITS = {"ms": "(ms)", "bytes": "(bytes)", "pct": "(%)"}
_CODES = {"uid": "id", "sha256": "SHA-256", "url": "address"}


def written(name: str) -> str:
    """Return a name that Django derived from the code as people write it.

    "start ms" becomes "start (ms)", "is shared" "shared", "run by name" "run by".
    """
    if name in _WRITTEN:
        return _WRITTEN[name]
    plain = name.removeprefix("is ").replace(" by name", " by")
    *words, last = (_CODES.get(word, word) for word in plain.split(" "))
    return " ".join([*words, _UNITS.get(last, last)])


def _label_of(model: type[models.Model], name: str) -> str:
    return capfirst(str(model._meta.get_field(name).verbose_name))  # type: ignore[union-attr]  # a column


label_of = lazy(_label_of, str)
"""Return the label of a column in forms and tables, in the reader's language."""


def mark_names() -> None:
    """Let Django translate the names that it derives from those in the code.

    It makes "created at" of ``created_at``; ``acrportal.translations`` collects them.
    """
    for model in own_models():
        options = model._meta
        options.verbose_name = gettext_lazy(str(options.verbose_name))
        options.verbose_name_plural = gettext_lazy(str(options.verbose_name_plural))
        for field in options.local_fields + options.local_many_to_many:
            field.verbose_name = gettext_lazy(written(str(field.verbose_name)))
    for config in own_apps():
        if config.models:
            config.verbose_name = gettext_lazy(str(config.verbose_name))


def derived_names() -> Iterator[str]:
    """Yield each name of an application, model or field, in English."""
    for config in own_apps():
        if config.models:
            yield str(config.verbose_name)
    for model in own_models():
        options = model._meta
        yield str(options.verbose_name)
        yield str(options.verbose_name_plural)
        for field in options.local_fields + options.local_many_to_many:
            yield str(field.verbose_name)
