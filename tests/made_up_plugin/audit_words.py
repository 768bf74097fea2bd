"""Words of the audit trail about letters."""

from __future__ import annotations

CASES = {"letter": "letter", "letters_import": "import of letters"}
ACTIONS = {"letter.written": "Letter written"}
