"""Words of the audit trail about claims on platforms."""

from __future__ import annotations

from typing import Final

from django.utils.translation import gettext_lazy as lazy

CASES: Final = {
    "claim_file": lazy("file for a platform"),
    "discrepancy": lazy("difference from a platform"),
    "platform_account": lazy("platform account"),
    "platform_values": lazy("values of platforms"),
}
CODES: Final = ("platform_values",)
ACTIONS: Final = {
    "claim_file.exported": "File for a platform downloaded",
    "claims.answers_import_cancelled": "Import of a platform's answers cancelled",
    "claims.answers_import_started": "Import of a platform's answers started",
    "claims.answers_import_tried_again": "Import of a platform's answers tried again",
    "claims.answers_import_undone": "Import of a platform's answers undone",
    "claims.asset_linked": "Asset linked",
    "claims.dismissed": "Difference dismissed",
    "claims.dispute_dated": "Day of a dispute entered",
    "claims.file_answered": "File answered by the platform",
    "claims.file_made": "File for a platform made",
    "claims.file_sent": "File marked as sent",
    "claims.file_withdrawn": "File for a platform withdrawn",
    "claims.import_cancelled": "Import of a platform's report cancelled",
    "claims.import_columns_changed": "Columns of a platform's report mapped differently",
    "claims.import_started": "Import of a platform's report started",
    "claims.import_tried_again": "Import of a platform's report tried again",
    "claims.import_undone": "Import of a platform's report undone",
    "claims.imported": "Platform's report imported",
    "claims.undone": "Undone",
    "claims.value_explained": "Reported value explained",
}
