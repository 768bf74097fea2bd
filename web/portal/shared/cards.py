"""Cards: parts of a page that belong to another feature, with its own template.

A page draws the cards that are registered for it with ``{% cards %}``; it knows none of
them. Buttons, tabs and lines of the help with keys are cards, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from base.accounts.models import User
from base.common.registry import Registry


def _nothing_to_read(_subject: object, _user: User) -> object:
    return True


@dataclass(frozen=True, slots=True)
class Card:
    """A part of ``page``, which draws it in the order of registration.

    ``match.steps`` are cards with steps that follow a decision; any page about a match
    may draw them.

    ``values`` reads what the template gets as ``card`` for the page's subject, such as a
    match, and the viewer; None leaves the card out. Beside ``card`` the template has only
    ``request``, ``can`` and ``csrf_token``.
    """

    page: str
    template: str
    values: Callable[[Any, User], object] = _nothing_to_read  # Any: the page's subject


cards: Registry[Card] = Registry()


def cards_of(page: str) -> list[Card]:
    """Return the cards of a page."""
    return [card for card in cards if card.page == page]
