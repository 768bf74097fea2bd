"""What the search of every page finds: hits, and how features find theirs."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any
from urllib.parse import urlsplit

from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from base.accounts.models import User
from base.common.registry import Registry
from scanning.sources.link_texts import links_in


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found; ``state`` with ``looks`` names its badge."""

    title: SafeString
    url: str
    detail: str = ""
    state: str = ""
    looks: str = ""
    end: str = ""


@dataclass(frozen=True, slots=True)
class SearchText:
    """A searched text, as typed and in the forms in which ids and codes are stored."""

    text: str
    limit: int

    @property
    def code(self) -> str:
        """Return the text as codes are stored, without separators."""
        return re.sub(r"[\s-]", "", self.text).upper()

    @property
    def link(self) -> str:
        """Return the address that the text is, with its scheme; "" if it is none."""
        links = links_in(self.text) if " " not in self.text else []
        return links[0] if len(links) == 1 else ""

    @property
    def ids(self) -> list[str]:
        """Return the text, or the parts of a pasted address, that may be ids."""
        if not self.link:
            return [self.text]
        return [part for part in urlsplit(self.link).path.split("/") if part]

    @property
    def name(self) -> str:
        """Return the text, or the name of the file of a pasted path."""
        if self.link:
            return self.text
        return PureWindowsPath(self.text).name or self.text


@dataclass(frozen=True, slots=True)
class SearchKind:
    """One kind of hits, a group of its own; ``find`` returns a few, as the user may see."""

    key: str
    label: str | Promise
    icon: str
    find: Callable[[SearchText, User], Iterable[Hit]]


search_kinds: Registry[SearchKind] = Registry()
"""The kinds that other features add to the search."""


def either(rows: QuerySet[Any], exact: Q, named: Q, search: SearchText) -> list[Any]:
    """Return the rows with this id or code; without any, those with such a name.

    Any: rows of any model.
    """
    exact_rows = list(rows.filter(exact)[: search.limit])
    return exact_rows or list(rows.filter(named)[: search.limit])


def marked(text: str, searched: str) -> SafeString:
    """Return the text with the searched part marked."""
    if not searched:
        return format_html("{}", text)
    parts = re.split(f"({re.escape(searched)})", text, flags=re.IGNORECASE)
    draw: list[Callable[[str], SafeString]] = [
        lambda part: format_html("{}", part),
        lambda part: format_html("<mark>{}</mark>", part),
    ]
    drawn = ((draw[at % 2](part),) for at, part in enumerate(parts))
    return format_html_join("", "{}", drawn)
