"""What notices add to the pages of matches."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from base.accounts.models import User
from plugins.notices.selectors import notices_and_changes
from plugins.notices.services import MOST_MATCHES
from review.models import Match
from web.portal.shared.cards import Card


def _of_match(match: Match, _user: User) -> dict[str, object]:
    return {"match": match, "notices": notices_and_changes(match)}


def _query_of(uids: Sequence[str], _user: User) -> str:
    """Return the query that offers these matches for a notice."""
    return urlencode([("match", uid) for uid in uids[:MOST_MATCHES]])


CARDS = (
    Card("match.steps", "portal/notices/_card.html", _of_match),
    Card("matches.actions", "portal/notices/_button_of_list.html"),
    Card("confirmed.actions", "portal/notices/_button.html", _query_of),
)
