"""Tables of recordings, as a kind of import."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from dedup.jobs import duty_of_intake
from imports.fields import EncodingField
from imports.kinds import ImportKind, SampleFile, register
from imports.models import CatalogueImport
from imports.recordings.rows import CLEAR, COLUMNS
from imports.recordings.summary import ImportSummary
from imports.recordings.targets import RECORDING_TARGETS
from imports.samples import Sample

_UNDOING = "imports.recordings.undoing"
_SAMPLE = Sample(
    COLUMNS,
    (
        {
            "custom_id": "LIB-1",
            "title": "Night Drive",
            "artists": "A. Example|B. Sample",
            "audio": "night-drive.wav",
            "isrc": "ZZX012600001",
            "upc": "2000000000015",
            "iswc": "T-900.000.042-0",
            "version_title": "Instrumental",
            "album": "City Nights",
            "label": "Example Records",
            "release_date": "2026-06-28",
            "writers": "A. Example",
            "publishers": "Example Publishing",
            "duration_ms": "183000",
            "owner_share_pct": "50",
            "territories": "GB|DE",
            "tags": "night|driving",
            "notes": "The audio is a file in the ZIP.",
            "exclude": "00:00:00.000-00:00:02.500",
        },
        {
            "custom_id": "LIB-2",
            "title": "Morning Walk",
            "artists": "B. Sample",
            "audio": "https://files.example/morning-walk.mp3",
            "isrc": "ZZX012600002",
            "release_date": "2026",
            "territories": "WW",
            "notes": "The audio is a link. Empty cells are allowed.",
        },
    ),
)


class TableForm(forms.Form):
    """A table of recordings, and the audio files that its rows name."""

    table = forms.FileField(label=_("Table (CSV or XLSX)"))
    archive = forms.FileField(
        required=False,
        label=_("Audio files (ZIP)"),
        help_text=_("Not needed if the rows contain links."),
    )
    encoding = EncodingField()
    keep_unknown = forms.BooleanField(
        required=False,
        label=_("Keep columns with other names as data"),
        help_text=_("After the check you can choose for each column."),
    )
    waiting = forms.BooleanField(
        required=False,
        label=_("Add rows without audio as recordings that wait for it"),
        help_text=_("Give them their audio later, in their bucket."),
    )


RECORDINGS = register(
    ImportKind(
        key="recordings",
        name="catalogue_import",
        model=CatalogueImport,
        work="imports.recordings.work.run",
        event="bucket.import",
        file_label="table",
        action=Action.EDIT_CATALOGUE,
        labels=(
            _("Check of a table of recordings"),
            _("Import of recordings"),
            _("Check of an undo of recordings"),
            _("Undo of an import of recordings"),
        ),
        related=("bucket",),
        scheduling={"duty": duty_of_intake},
        form=TableForm,
        uploads={
            "table": ("file", "imports/{}/table"),
            "archive": ("audio", "imports/{}/audio.zip"),
        },
        columns=(
            *("bucket", "encoding", "keep_unknown", "waiting"),
            *("columns", "columns_from", "mapping_version"),
        ),
        summary=ImportSummary,
        address="catalogue/import",
        parent="portal:catalogue",
        parent_title=_("Catalogue"),
        buttons=("portal:catalogue",),
        title=_("Import recordings"),
        lead=_(
            "The table is checked first; nothing is imported until you confirm. A row "
            "whose id is in the bucket updates that recording."
        ),
        help={"columns": COLUMNS, "clear": CLEAR},
        samples=(
            SampleFile(
                *("sample", "recordings", _SAMPLE),
                {"csv": _("Download a sample table"), "xlsx": _("Sample as XLSX")},
            ),
        ),
        targets=lambda _import: RECORDING_TARGETS,
        undoers={
            "recording.added": f"{_UNDOING}.retire",
            "recording.changed": f"{_UNDOING}.restore_columns",
            "recording.audio_replaced": f"{_UNDOING}.keep_audio",
            "exclusion.added": f"{_UNDOING}.remove_exclusion",
        },
    )
)
