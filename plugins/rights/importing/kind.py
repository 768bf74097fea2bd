"""Messages and tables of rights, as a kind of import."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from imports.fields import EncodingField
from imports.kinds import OF_FILE, ImportKind, SampleFile, register
from imports.samples import Sample
from plugins.rights.importing.importer import RightsSummary
from plugins.rights.importing.outcome import outcome_context
from plugins.rights.importing.table import COLUMNS
from plugins.rights.models import RightsImport

_UNDOING = "plugins.rights.importing.undoing"
_SAMPLE = Sample(
    COLUMNS,
    (
        {
            "custom_id": "LIB-1",
            "title": "Night Drive",
            "isrc": "ZZX012600001",
            "iswc": "T-900.000.042-0",
            "work_id": "W-1",
            "work_title": "Night Drive",
            "party": "Ada Example",
            "role": "CA",
            "right": "performing",
            "share_pct": "50",
            "territories": "WW",
            "valid_from": "2026-01-01",
        },
        {
            "work_id": "W-1",
            "work_title": "Night Drive",
            "party": "Example Publishing",
            "role": "E",
            "right": "performing",
            "kind": "ownership",
            "share_pct": "50",
            "territories": "WW|-US",
            "valid_from": "2026-01-01",
        },
    ),
)


class RightsForm(forms.Form):
    """A message or a table of works, shares and releases."""

    file = forms.FileField(
        label=_("Message or table"),
        help_text=_("CWR 2.1 or 2.2, DDEX ERN 3.8 or 4.3, CSV or XLSX."),
    )
    sender = forms.CharField(
        required=False,
        max_length=200,
        label=_("Source of a table"),
        help_text=_(
            "Who supplied the table. A later table from the same source replaces "
            "its shares. Messages already name their sender."
        ),
    )
    encoding = EncodingField()


RIGHTS = register(
    ImportKind(
        key="rights",
        name="rights_import",
        model=RightsImport,
        work="plugins.rights.importing.importer.run",
        event="rights.import",
        action=Action.EDIT_CATALOGUE,
        labels=(
            _("Check of a file of rights"),
            _("Import of rights"),
            _("Check of an undo of rights"),
            _("Undo of an import of rights"),
        ),
        form=RightsForm,
        uploads={"file": ("file", "rights-imports/{}")},
        columns=("encoding", "sender"),
        summary=RightsSummary,
        address="rights/import",
        parent="portal:work_list",
        parent_title=_("Works"),
        buttons=("portal:work_list", "portal:catalogue"),
        title=_("Import rights"),
        lead=_(
            "Works, shares and releases from a publisher, label or society. The file is "
            "checked first; nothing is imported until you confirm."
        ),
        start_label=_("Import the records without faults"),
        words=OF_FILE,
        help={"columns": COLUMNS},
        samples=(
            SampleFile(
                *("sample", "rights", _SAMPLE),
                {"csv": _("Download a sample table"), "xlsx": _("Sample as XLSX")},
            ),
        ),
        context=outcome_context,
        undoers={
            "rights.imported": f"{_UNDOING}.remove_record",
            "rights.import_changed": f"{_UNDOING}.restore_record",
        },
        after_undo=f"{_UNDOING}.forget_statements",
    )
)
