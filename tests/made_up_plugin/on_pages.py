"""What letters add to the pages of matches."""

from __future__ import annotations

from base.accounts.models import User
from plugins.letters.models import Letter
from review.models import Match
from web.portal.shared.cards import Card


def _of_match(match: Match, _user: User) -> object:
    return Letter.objects.filter(match=match) or None


CARDS = (Card("match", "portal/letters/_card.html", _of_match),)
