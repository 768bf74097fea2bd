"""Refuses a form until the person saw which statements its change makes wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _

from web.portal.shared.consequences import Consequences, consequences_of

SEEN = "stated_seen"


def refuse_unseen(
    form: Any,  # Any: a form that keeps the mark
    change: Callable[[], object],
    *,
    about: Q,
) -> None:
    """Raise ``ValidationError`` if statements differ then that the person did not see.

    The form carries their mark in ``stated_seen``, so that saving again changes the row.
    """
    consequences = consequences_of(change, about=about)
    is_stated = consequences.statements or consequences.has_hidden
    if not is_stated or form.data.get(SEEN) == consequences.mark:
        return
    form.stated_seen = consequences.mark
    raise forms.ValidationError(
        _(
            "Nothing was saved yet. These statements would say something else than the "
            "portal: %(statements)s. Save again to change it all the same."
        )
        % {"statements": _in_words(consequences)}
    )


def _in_words(consequences: Consequences) -> str:
    parts = [
        f"{change.label} {change.name}: {' '.join(change.texts)}".rstrip(": .")
        for change in consequences.named
    ]
    if consequences.has_hidden:
        parts.append(_("some that you may not see"))
    return "; ".join(parts)
