"""A platform's answers to a file, as a kind of import."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.roles import Action
from imports.kinds import ImportKind, PageWords, register
from plugins.claims.choices import FileState
from plugins.claims.importing.answers.importer import AnswersSummary
from plugins.claims.models import AnswersImport, ClaimFile


class AnswersForm(forms.Form):
    """A status file or errors file, and the file that it is about."""

    file = forms.FileField(
        label=_("Status file or errors file (CSV)"),
        help_text=_("As downloaded from YouTube's Studio after the upload."),
    )
    claim_file = forms.ModelChoiceField(
        ClaimFile.objects.filter(state__in=[FileState.SENT, FileState.ANSWERED]),
        to_field_name="uid",
        empty_label=None,
        widget=forms.Select({"class": "control"}),
        label=_("File that was uploaded"),
        help_text=_("Files that were marked as sent."),
    )
    first_row = forms.ChoiceField(
        required=False,
        choices=[
            ("", _("Find out from the file")),
            ("1", _("The first entry is row 1")),
            ("2", _("The header is row 1")),
        ],
        widget=forms.Select({"class": "control"}),
        label=_("Row numbers"),
    )


def _prepare(_user: User, values: dict[str, Any]) -> dict[str, Any]:  # Any: a form's
    first = values.pop("first_row", "")
    return {**values, "first_row": int(first) if first else None}


ANSWERS = register(
    ImportKind(
        key="answers",
        name="claim_answers_import",
        model=AnswersImport,
        work="plugins.claims.importing.answers.importer.run",
        event="claims.answers_import",
        action=Action.EDIT_CATALOGUE,
        labels=(
            _("Check of a platform's answers"),
            _("Import of a platform's answers"),
            _("Check of an undo of a platform's answers"),
            _("Undo of an import of a platform's answers"),
        ),
        form=AnswersForm,
        uploads={"file": ("file", "claim-answers/{}")},
        prepare=_prepare,
        columns=("claim_file", "first_row"),
        summary=AnswersSummary,
        address="claims/answers",
        parent="portal:claim_files",
        parent_title=_("Files for the platform"),
        buttons=("portal:claim_files",),
        title=_("Import a status file"),
        lead=_(
            "Marks the rows of an uploaded file as successful or refused. Entries of "
            "refused rows fit into another file; the next report confirms the others."
        ),
        words=PageWords(
            _("Check the answers"),
            _("These answers cannot be read"),
            _("Choose another file"),
            _("These answers are not waiting to be imported."),
            _("The undo puts back what the rows of the file said before."),
        ),
        undoers={"claims.file_answered": "plugins.claims.importing.answers.importer.restore"},
    )
)
