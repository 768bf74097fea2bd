"""Schedules of broadcasts and tables of audiences, as a kind of import."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from base.accounts.roles import Action
from imports.fields import EncodingField
from imports.kinds import ImportKind, SampleFile, register
from imports.samples import Sample
from plugins.monitoring.broadcasts.importing import rows
from plugins.monitoring.broadcasts.importing.importer import BroadcastSummary
from plugins.monitoring.broadcasts.importing.rows import AUDIENCE_COLUMNS, SCHEDULE_COLUMNS
from plugins.monitoring.broadcasts.models import BroadcastImport

_UNDOING = "plugins.monitoring.broadcasts.importing.undoing"
_SCHEDULE = Sample(
    SCHEDULE_COLUMNS,
    (
        {
            "file_name": "pier-stories-5.wav",
            "station": "Example FM",
            "starts_at": "2026-11-03 07:00",
            "length": "0:30:00",
            "showing": "first",
            "series": "Pier Stories",
            "season": "2",
            "episode": "5",
            "episode_title": "Fog",
        },
        {
            "file_name": "pier-stories-5.wav",
            "station": "Example FM",
            "starts_at": "2026-11-04 22:30",
            "length": "0:30:00",
            "showing": "repeat",
        },
    ),
)
_AUDIENCE = Sample(
    AUDIENCE_COLUMNS,
    (
        {"station": "Example FM", "month": "2026-11", "tuning_hours": "120500.5"},
        {"station": "Example FM", "hour": "2026-11-03 07:00", "listeners": "1480"},
        {
            "station": "Example FM",
            "starts_at": "2026-11-03 07:00",
            "listeners": "1510",
            "performances": "22650",
        },
    ),
)


class BroadcastsForm(forms.Form):
    """A schedule of broadcasts, or a table of audiences."""

    file = forms.FileField(
        label=_("Table (CSV or XLSX)"),
        help_text=_("A schedule or a table of audiences; the columns show which."),
    )
    encoding = EncodingField()


def _context(broadcast_import: BroadcastImport) -> dict[str, Any]:  # Any: values for a template
    table = broadcast_import.summary.get("table")
    name = _("Schedule") if table == rows.SCHEDULE else _("Audiences")
    return {"facts": [(_("Table"), name)]}


BROADCASTS = register(
    ImportKind(
        key="broadcasts",
        name="broadcast_import",
        model=BroadcastImport,
        work="plugins.monitoring.broadcasts.importing.importer.run",
        event="broadcasts.import",
        action=Action.UPLOAD,
        labels=(
            _("Check of a table of broadcasts"),
            _("Import of broadcasts"),
            _("Check of an undo of broadcasts"),
            _("Undo of an import of broadcasts"),
        ),
        form=BroadcastsForm,
        uploads={"file": ("file", "broadcast-imports/{}")},
        columns=("encoding",),
        summary=BroadcastSummary,
        address="broadcasts/import",
        parent="portal:station_list",
        parent_title=_("Stations"),
        buttons=("portal:station_list",),
        title=_("Import broadcasts"),
        lead=_(
            "When files were broadcast, which episodes they are, and how many people "
            "listened. The table is checked first; nothing is imported until you "
            "confirm."
        ),
        help={"schedule": SCHEDULE_COLUMNS, "audience": AUDIENCE_COLUMNS},
        samples=(
            SampleFile("sample-schedule", "schedule", _SCHEDULE, {"csv": _("Sample schedule")}),
            SampleFile("sample-audience", "audience", _AUDIENCE, {"csv": _("Sample audiences")}),
        ),
        context=_context,
        undoers={
            "file.broadcast_added": f"{_UNDOING}.delete_broadcast",
            "file.broadcast_changed": f"{_UNDOING}.restore_broadcast",
            "file.episode_changed": f"{_UNDOING}.restore_episode",
            "file.audience_changed": f"{_UNDOING}.restore_audience",
            "station.audience_changed": f"{_UNDOING}.restore_figures",
        },
    )
)
