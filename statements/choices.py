"""The states of statements."""

from __future__ import annotations

from django.db import models
from django.utils.translation import pgettext_lazy


class StatementState(models.TextChoices):
    """Where a statement stands; from its approval or sending on, it never changes."""

    DRAFT = "draft", pgettext_lazy("statement", "Draft")
    SUBMITTED = "submitted", pgettext_lazy("statement", "Submitted")
    APPROVED = "approved", pgettext_lazy("statement", "Approved")
    SENT = "sent", pgettext_lazy("statement", "Sent")
    REPLACED = "replaced", pgettext_lazy("statement", "Replaced")
    WITHDRAWN = "withdrawn", pgettext_lazy("statement", "Withdrawn")


STANDING = (StatementState.APPROVED, StatementState.SENT)
"""The states in which others rely on a statement."""
ISSUED = (StatementState.SUBMITTED, *STANDING)
"""The states in which previews name a statement: somebody waits for it or has it."""
FOLLOWED = (StatementState.DRAFT, *ISSUED)
"""The states in which a statement is compared with today."""
