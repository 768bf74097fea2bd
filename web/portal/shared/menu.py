"""The menu beside every page, and the pages and verbs that the palette finds.

Features register their entries at the start; packages above the portal add theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from django.db.models import Exists, QuerySet
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.registry import Registry


class Section(StrEnum):
    """The parts of the menu, from top to bottom."""

    WORK = "work"
    LIBRARY = "library"
    FOOT = "foot"


@dataclass(frozen=True, slots=True)
class PageLink:
    """A page, or a verb that a page begins, as the palette names it."""

    label: Any  # Any: a lazy translation
    page: str
    action: Action | None = Action.VIEW

    @property
    def url(self) -> str:
        """Return the page's address."""
        return reverse(self.page)

    def is_open_to(self, user: User) -> bool:
        """Tell whether the person may open the page; without an action everybody may."""
        return self.action is None or user.has_perm(self.action)


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuEntry:
    """One line of the menu.

    ``place`` orders the entries of a section. The entry is marked as current on its own
    ``page`` and on all ``pages``, which are names of URLs. ``title`` is its name in the
    palette, where the label alone says too little. Until ``uses`` returns a row, nobody
    has used the feature: the entry then stands on the page *More*, with its ``lead``.
    ``goto`` is the key's name in ``shell.js``.
    """

    section: Section
    place: int
    label: Any  # Any: lazy translations, here and below
    icon: str
    page: str
    pages: Sequence[str] = ()
    title: Any = ""
    action: Action | None = Action.VIEW
    goto: str = ""
    count: Callable[[], int] | None = None
    lead: Any = ""
    uses: Callable[[], QuerySet[Any]] | None = None

    @property
    def key(self) -> str:
        """Return the name of the entry's count in pages and scripts."""
        return self.page.rpartition(":")[2]

    @property
    def link(self) -> PageLink:
        """Return the entry as the palette names it."""
        return PageLink(self.title or self.label, self.page, self.action)

    def holds(self, page: str) -> bool:
        """Tell whether a page, by the name of its URL, belongs to the entry."""
        return page in {self.page, *self.pages} or any(
            page in added.pages for added in subpages if added.of == self.page
        )


@dataclass(frozen=True, slots=True)
class Subpages:
    """Pages of a package above that belong to the entry with this page."""

    of: str
    pages: Sequence[str]


entries: Final[Registry[MenuEntry]] = Registry()
subpages: Final[Registry[Subpages]] = Registry()
# Pages and verbs that the palette finds beside the entries of the menu.
pages: Final[Registry[PageLink]] = Registry()
verbs: Final[Registry[PageLink]] = Registry()


@dataclass(frozen=True, slots=True)
class Menu:
    """The entries that a person may open; ``unused`` ones stand on the page *More*."""

    entries: Sequence[MenuEntry]
    unused: Sequence[MenuEntry]

    def of(self, section: Section) -> list[MenuEntry]:
        """Return the entries of one part of the menu."""
        return [entry for entry in self.entries if entry.section is section]


def menu_for(user: User) -> Menu:
    """Return the person's menu; one query finds which features have been used."""
    allowed = sorted(
        (entry for entry in entries if entry.link.is_open_to(user)),
        key=lambda entry: (list(Section).index(entry.section), entry.place),
    )
    used = _used(user, allowed)
    return Menu(
        entries=[entry for entry in allowed if used.get(entry.key, True)],
        unused=[entry for entry in allowed if not used.get(entry.key, True)],
    )


def counts() -> Iterator[tuple[str, Callable[[], int]]]:
    """Yield the entries that count something, with what counts it."""
    for entry in entries:
        if entry.count is not None:
            yield entry.key, entry.count


def _used(user: User, allowed: Sequence[MenuEntry]) -> dict[str, bool]:
    conditional = [entry for entry in allowed if entry.uses]
    if not conditional:
        return {}
    exists = [Exists(entry.uses()) for entry in conditional if entry.uses]
    # One row, of any table, so that one query answers for all entries.
    answers = User.objects.filter(pk=user.pk).values_list(*exists).get()
    return dict(zip((entry.key for entry in conditional), answers, strict=True))
