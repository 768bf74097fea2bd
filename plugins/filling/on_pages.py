"""What suggestions add to the pages of the catalogue."""

from __future__ import annotations

from accounts.models import User
from catalogue.models import Recording
from enrichment.models import Suggestion
from enrichment.selectors import count_disagreements, suggestions_of
from portal.shared.cards import Card


def _suggestions(recording: Recording, _user: User) -> list[Suggestion] | None:
    return list(suggestions_of(recording)) or None


def _disagreements(_page: object, _user: User) -> int | None:
    return count_disagreements() or None


CARDS = (
    Card("recording", "portal/enrichment/_card.html", _suggestions),
    Card("rights.conflicts", "portal/enrichment/_disagreements.html", _disagreements),
    Card("catalogue.actions", "portal/enrichment/_button.html"),
)
