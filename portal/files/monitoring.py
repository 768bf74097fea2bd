"""Broadcasts on the pages of files."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.models import User
from accounts.roles import Action
from monitoring.broadcasts.arrivals import SaidBroadcast
from monitoring.broadcasts.selectors import broadcasts_of
from portal.files.many import VERBS, FileVerb, always
from portal.shared.arrivals import ArrivalFields
from portal.shared.broadcast_fields import BroadcastFields
from scanning.models import ScannedFile

BROADCASTS_SHOWN = 5


class BroadcastManyForm(ArrivalFields, BroadcastFields):
    """A broadcast that files have in common, such as the parts of one programme."""


def _add_broadcast(file: ScannedFile, user: User, form: forms.Form) -> None:
    for saying in form.cleaned_data["arrival"].sayings:
        if isinstance(saying, SaidBroadcast):
            saying.add(scanned_file=file, user=user)


VERBS["broadcast"] = FileVerb(
    gettext_lazy("Add a broadcast"),
    ngettext_lazy(
        "%(shown)s file with a new broadcast",
        "%(shown)s files with a new broadcast",
        "count",
    ),
    Action.UPLOAD,
    BroadcastManyForm,
    always,
    _add_broadcast,
)


def context_of(file: ScannedFile) -> dict[str, object]:
    """Return the broadcasts for the page of a file."""
    broadcasts = list(broadcasts_of(file)[: BROADCASTS_SHOWN + 1])
    return {
        "broadcasts": broadcasts[:BROADCASTS_SHOWN],
        "more_broadcasts": len(broadcasts) > BROADCASTS_SHOWN,
    }
