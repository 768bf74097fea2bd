"""What the pages of both kinds of imports say and where they lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.roles import Action
from imports.models import CatalogueImport, Import, ResultImport
from imports.recordings.rows import CLEAR, COLUMNS
from imports.recordings.summary import ImportSummary
from imports.results.importer import ResultSummary
from portal.imports.forms import ResultsForm, TableForm

_SAMPLE = (
    "custom_id,title,artists,audio,isrc,label\r\n"
    "LIB-1,Night Drive,A. Example|B. Sample,night-drive.wav,ZZX012600001,Example\r\n"
)


@dataclass(frozen=True, slots=True)
class ImportPage:
    """The pages of one kind of import.

    ``name`` begins their templates; ``start``, ``detail`` and ``form_url`` are names of
    addresses, as is ``parent`` of the page above.
    """

    name: str
    model: type[Import]
    form: type[TableForm | ResultsForm]
    summary: type[ImportSummary | ResultSummary]
    action: Action
    form_url: str
    detail: str
    start: str
    parent: str
    parent_title: str | Promise
    title: str | Promise
    lead: str | Promise
    check: str | Promise
    start_label: str | Promise
    unreadable: str | Promise
    another: str | Promise
    not_waiting: str | Promise
    help: Mapping[str, object] = field(default_factory=dict)
    """What the template with the explanations needs."""

    def of_form(self, form: TableForm | ResultsForm) -> dict[str, Any]:
        """Return the context of the page with the form. Any: values for a template."""
        rows = self.model._default_manager.select_related(self.model.place_field)
        return {"page": self, "form": form, "imports": rows[:10], **self.help}

    def of_import(self, one: Import) -> dict[str, Any]:
        """Return the context of one import's page. Any: values for a template."""
        place = one.place.pk
        return {
            "page": self,
            "import": one,
            # Counters that are newer than this import default to zero.
            "summary": one.summary and {**asdict(self.summary()), **one.summary},
            "place_url": reverse("portal:bucket_detail", args=[place])
            if isinstance(one, CatalogueImport)
            else f"{reverse('portal:file_list')}?container={place}",
        }


RECORDINGS = ImportPage(
    "recordings",
    CatalogueImport,
    TableForm,
    ImportSummary,
    Action.EDIT_CATALOGUE,
    form_url="portal:catalogue_import",
    detail="portal:import_detail",
    start="portal:import_start",
    parent="portal:catalogue",
    parent_title=_("Catalogue"),
    title=_("Import recordings"),
    lead=_(
        "The table is checked first; nothing is imported until you confirm. A row whose "
        "id is in the bucket updates that recording."
    ),
    check=_("Check the table"),
    start_label=_("Import the good rows"),
    unreadable=_("This table cannot be read"),
    another=_("Choose another table"),
    not_waiting=_("This table is not waiting to be imported."),
    help={"columns": COLUMNS, "clear": CLEAR, "sample": _SAMPLE},
)
RESULTS = ImportPage(
    "results",
    ResultImport,
    ResultsForm,
    ResultSummary,
    Action.UPLOAD,
    form_url="portal:result_import",
    detail="portal:result_import_detail",
    start="portal:result_import_start",
    parent="portal:file_list",
    parent_title=_("Files"),
    title=_("Import results"),
    lead=_(
        "Results that ACRCloud found elsewhere become files, scans and matches here. "
        "The file is checked first; nothing is imported until you confirm."
    ),
    check=_("Check the file"),
    start_label=_("Import these files"),
    unreadable=_("This file cannot be read"),
    another=_("Choose another file"),
    not_waiting=_("This file is not waiting to be imported."),
)
