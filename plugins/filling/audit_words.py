"""Words of the audit trail about suggestions from open data."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

ACTORS: Final = {"filling-rule": lazy("filling rule %(name)s")}
CASES: Final = {
    "filling": lazy("filling in"),
    "filling-rule": lazy("filling rule"),
    "open-data": lazy("source of open data"),
    "suggestion": lazy("suggestion"),
}
ACTIONS: Final = {
    "enrichment.applied": "Suggestions accepted",
    "enrichment.source_added": "Source of open data added",
    "enrichment.source_deleted": "Source of open data deleted",
    "enrichment.source_read": "Source of open data read",
}
