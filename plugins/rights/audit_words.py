"""Words of the audit trail about rights."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {
    "conflict": lazy("conflict"),
    "party": lazy("party"),
    "release": lazy("release"),
    "rights": lazy("rights"),
    "rights_import": lazy("rights import"),
    "rights_recording": lazy("recording"),
    "work": lazy("work"),
}
ACTIONS: Final = {
    "rights.import_changed": "Changed by an import of rights",
    "rights.imported": "Added by an import of rights",
    "rights.split_off": "Split off",
    "rights.took_over": "Took over another record",
}
