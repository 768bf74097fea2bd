"""What suggestions add to the pages of the catalogue, and of what is declared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import QuerySet

from base.accounts.models import User
from catalogue.models import Recording
from plugins.filling.choices import FillField
from plugins.filling.models import Suggestion
from plugins.filling.selectors import (
    Origin,
    count_disagreements,
    origins_of,
    suggested_for,
    suggestions_of,
)
from web.portal.shared.cards import Card


def _suggestions(recording: Recording, _user: User) -> list[Suggestion] | None:
    return list(suggestions_of(recording)) or None


def _disagreements(_page: object, _user: User) -> int | None:
    return count_disagreements() or None


def _of_values(declared: tuple[QuerySet[Recording], datetime], _user: User) -> list[Origin]:
    recordings, until = declared
    return origins_of(recordings, until=until)


def _of_gap(gap: tuple[str, Sequence[str]], _user: User) -> dict[str, int] | None:
    cell, recordings = gap
    # The format's name of the cell, in our words.
    name = cell.casefold().replace(" ", "_")
    words = name.replace("icpn", "upc").replace("releasedate", "release_date")
    field = next((field for field in FillField if field in words), None)
    if field is None:
        return None
    suggested, safe = suggested_for(recordings, field)
    return {"suggested": suggested, "safe": safe} if suggested else None


CARDS = (
    Card("recording", "portal/enrichment/_card.html", _suggestions),
    Card("rights.conflicts", "portal/enrichment/_disagreements.html", _disagreements),
    Card("keys", "portal/enrichment/_keys.html"),
    Card("catalogue.actions", "portal/enrichment/_button.html"),
    Card("declaration.values", "portal/enrichment/_origins.html", _of_values),
    Card("declaration.gap", "portal/enrichment/_of_gap.html", _of_gap),
)
