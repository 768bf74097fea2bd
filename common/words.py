"""Texts that pages put together from labels, in the reader's language."""

from __future__ import annotations

from contextlib import AbstractContextManager

from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise, lazy
from django.utils.html import format_html
from django.utils.safestring import SafeString


def _format_html(text: str | Promise, *values: object) -> SafeString:
    return format_html(str(text), *values)


format_html_lazy = lazy(_format_html, SafeString)
"""``format_html`` for class bodies: the language is known only when a page shows it."""


def for_the_record() -> AbstractContextManager[None]:
    """Build the texts inside in English, because the database or a file keeps them.

    Everybody reads them later, so they do not depend on who caused them.
    """
    return translation.override(settings.LANGUAGE_CODE)


def lowered(label: str | Promise) -> str:
    """Return a label for the middle of a sentence.

    Only the first letter changes, because names and German nouns keep theirs.
    """
    text = str(label)
    return text[:1].lower() + text[1:]
