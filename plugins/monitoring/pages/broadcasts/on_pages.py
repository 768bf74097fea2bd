"""What broadcasts add to the pages of files."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy, ngettext_lazy

from base.accounts.models import User
from base.accounts.roles import Action
from plugins.monitoring.broadcasts.arrivals import SubmittedBroadcast
from plugins.monitoring.broadcasts.selectors import broadcasts_of
from plugins.monitoring.pages.broadcasts.fields import BroadcastFields
from scanning.models import ScannedFile
from web.portal.shared.arrivals import ArrivalFields
from web.portal.shared.cards import Card
from web.portal.shared.file_verbs import FileVerb, always

_MOST_SHOWN = 5


class BroadcastManyForm(ArrivalFields, BroadcastFields):
    """A broadcast that files have in common, such as the parts of one programme."""


def _add_broadcast(file: ScannedFile, user: User, form: forms.Form) -> None:
    for submitted in form.cleaned_data["arrival"].sayings:
        if isinstance(submitted, SubmittedBroadcast):
            submitted.add(scanned_file=file, user=user)


ADD_BROADCAST = FileVerb(
    gettext_lazy("Add a broadcast"),
    ngettext_lazy(
        "%(shown)s file with a new broadcast", "%(shown)s files with a new broadcast", "count"
    ),
    Action.UPLOAD,
    BroadcastManyForm,
    always,
    _add_broadcast,
)


def _broadcasts(file: ScannedFile, _user: User) -> dict[str, object]:
    broadcasts = list(broadcasts_of(file)[: _MOST_SHOWN + 1])
    return {
        "file": file,
        "broadcasts": broadcasts[:_MOST_SHOWN],
        "has_more": len(broadcasts) > _MOST_SHOWN,
    }


CARDS = (
    Card("file", "portal/broadcasts/_card.html", _broadcasts),
    Card("files.bulk", "portal/broadcasts/_bulk.html"),
    Card("keys.files", "portal/broadcasts/_keys.html"),
)
