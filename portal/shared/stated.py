"""Refuses a form until the person saw which statements stand on its row."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _

from portal.shared.consequences import Consequences, standing_consequences

SEEN = "stated_seen"


def refuse_unseen(form: Any, case: str) -> None:  # Any: a form that keeps the mark
    """Raise ``ValidationError`` if statements stand on a case that the person did not see.

    The form carries their mark in ``stated_seen``, so that saving again changes the row.
    """
    consequences = standing_consequences([case])
    if not consequences or form.data.get(SEEN) == consequences.mark:
        return
    form.stated_seen = consequences.mark
    raise forms.ValidationError(
        _(
            "Nothing was saved yet. Statements stand on this, and may say something else "
            "then: %(statements)s. Save again to change it all the same."
        )
        % {"statements": _in_words(consequences)}
    )


def _in_words(consequences: Consequences) -> str:
    parts = [
        f"{label}: {count} ({', '.join(statement.name for statement in first)})"
        for label, count, first in consequences.standing
    ]
    if consequences.has_hidden:
        parts.append(_("some that you may not see"))
    return "; ".join(parts)
