"""Sheets of licences, as a kind of import."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from base.common.reading import read_number
from imports.fields import EncodingField
from imports.kinds import ImportKind, SampleFile, register
from imports.licences.importer import LicenceSummary
from imports.licences.sheet import COLUMNS
from imports.models import LicenceImport
from imports.samples import Sample

_UNDOING = "imports.licences.undoing"
_SAMPLE = Sample(
    COLUMNS,
    (
        {
            "holder": "Example Broadcasting",
            "scope": "label",
            "labels": "Example Records",
            "use_kind": "programme",
            "use_values": "Pier Stories|Harbour News",
            "territories": "GB|IE",
            "valid_from": "2026-01-01",
            "valid_until": "2027-12-31",
            "max_seconds": "30",
            "edited_uses": "within",
            "max_speed_pct": "5",
            "on_expiry": "keep",
            "note": "Contract 2026-17",
        },
        {
            "holder": "B. Sample",
            "scope": "all",
            "use_kind": "account",
            "use_values": "@bsample",
            "on_expiry": "reopen",
        },
    ),
)


class LicencesForm(forms.Form):
    """A sheet of licences."""

    file = forms.FileField(
        label=_("Table (CSV or XLSX)"),
        help_text=_("The sheet from the list of licences, with what you changed and added."),
    )
    encoding = EncodingField()


def _context(import_: LicenceImport) -> dict[str, Any]:  # Any: values for a template
    reopened = read_number(import_.summary.get("reopened", 0))
    return {"facts": [(_("Matches that wait again"), reopened)]}


LICENCES = register(
    ImportKind(
        key="licences",
        name="licence_import",
        model=LicenceImport,
        work="imports.licences.importer.run",
        event="licences.import",
        action=Action.APPROVE,
        labels=(
            _("Check of a sheet of licences"),
            _("Import of licences"),
            _("Check of an undo of licences"),
            _("Undo of an import of licences"),
        ),
        form=LicencesForm,
        uploads={"file": ("file", "licence-imports/{}")},
        columns=("encoding",),
        summary=LicenceSummary,
        address="licences/import",
        parent="portal:licence_list",
        parent_title=_("Licences and own accounts"),
        buttons=("portal:licence_list",),
        title=_("Import licences"),
        lead=_(
            "Adds and changes licences from a sheet. New ones are drafts until somebody applies "
            "them. The sheet is checked first; nothing is imported until you confirm."
        ),
        help={"columns": COLUMNS},
        samples=(SampleFile("sample", "licences", _SAMPLE, {"csv": _("Sample of licences")}),),
        context=_context,
        undoers={
            "licence.created": f"{_UNDOING}.withdraw_new",
            "licence.changed": f"{_UNDOING}.restore_terms",
        },
    )
)
