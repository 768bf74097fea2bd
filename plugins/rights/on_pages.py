"""What rights add to the pages of matches and recordings."""

from __future__ import annotations

from collections.abc import Sequence

from base.accounts.models import User
from base.common.zones import office_day
from catalogue.models import Recording
from catalogue.owners.models import Conflict
from catalogue.owners.selectors import rights_of
from plugins.rights.selectors import conflicts_under
from review.models import Match
from review.subjects import Subject, rights_at_use
from web.portal.shared.cards import Card


def _of_match(match: Match, _user: User) -> dict[str, object]:
    return {
        "rights": rights_at_use(match),
        "recording": match.recording,
        "used": Subject.of(match).use,
    }


def _of_recording(recording: Recording, _user: User) -> dict[str, object]:
    return {"rights": rights_of(recording, day=office_day()), "recording": recording}


def _under(isrcs: Sequence[str], _user: User) -> list[Conflict] | None:
    return list(conflicts_under(isrcs)) or None


CARDS = (
    Card("match", "portal/rights/_card.html", _of_match),
    Card("recording", "portal/rights/_card.html", _of_recording),
    Card("filling.bulk", "portal/rights/_conflicts_under.html", _under),
)
