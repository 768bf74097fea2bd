"""The states of statements, and the names of their kinds."""

from __future__ import annotations

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import pgettext_lazy

from base.common.registry import Registry


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


class NamedKind:
    """How rows and lists name a kind of statement."""

    kind: str
    """As rows keep it, at most 12 letters; it stays as it is."""
    label: str | Promise
    place: int
    """Orders the kinds where several are listed: what binds the most comes first."""


named_kinds: Registry[NamedKind] = Registry()
"""The kinds, which ``statements.kinds`` reads with all that they tell."""


def kind_choices() -> list[tuple[str, str | Promise]]:
    """Return the kinds that this installation has, with their labels, in their order."""
    return [(kind.kind, kind.label) for kind in sorted(named_kinds, key=lambda kind: kind.place)]


def label_of(kind: str) -> str:
    """Return the label of a kind; its own name without the package that had it."""
    return str(dict(kind_choices()).get(kind, kind))
