"""What events of rights are about, and what they did, in words."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as _

from audit.words import Words

WORDS: Final = Words(
    cases={"rights": _("rights"), "rights_import": _("rights import")},
    actions={
        "rights.import_changed": "Changed by an import of rights",
        "rights.imported": "Added by an import of rights",
        "rights.split_off": "Split off",
        "rights.took_over": "Took over another record",
    },
)
