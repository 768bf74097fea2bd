"""Results of another program, as a kind of import."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from imports.kinds import OF_FILE, ImportKind, register
from imports.models import ResultImport
from imports.results.importer import ResultSummary


class ResultsForm(forms.Form):
    """A file of results."""

    file = forms.FileField(
        label=_("Results (CSV or JSON)"),
        help_text=_("A CSV of ACRCloud's file scan tool, or a JSON dump of its File Scanning API."),
    )


RESULTS = register(
    ImportKind(
        key="results",
        name="result_import",
        model=ResultImport,
        work="imports.results.importer.run",
        event="results.import",
        action=Action.UPLOAD,
        labels=(
            _("Check of a file of results"),
            _("Import of results"),
            _("Check of an undo of results"),
            _("Undo of an import of results"),
        ),
        related=("container",),
        form=ResultsForm,
        uploads={"file": ("file", "result-imports/{}")},
        columns=("container",),
        summary=ResultSummary,
        address="files/import",
        parent="portal:file_list",
        parent_title=_("Files"),
        buttons=("portal:file_list",),
        title=_("Import results"),
        lead=_(
            "Results that ACRCloud found elsewhere become files, scans and matches here. "
            "The file is checked first; nothing is imported until you confirm."
        ),
        start_label=_("Import these files"),
        words=OF_FILE,
        undoers={
            "file.submitted": "imports.results.undoing.delete_file",
            "results.imported": "imports.results.undoing.keep_scan",
        },
    )
)
