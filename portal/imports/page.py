"""The forms of all kinds of imports, and what their pages say and where they lead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from django import forms
from django.db.models import Model, QuerySet
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.reach import why_limited
from accounts.roles import Action
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket
from common.charsets import CHARSETS
from common.reading import read_clock
from common.zones import office_day
from imports import selectors, services
from imports.audio.importer import AudioSummary
from imports.audio.pairing import Rule
from imports.broadcasts.importer import BroadcastSummary
from imports.broadcasts.rows import AUDIENCE_COLUMNS, SCHEDULE_COLUMNS
from imports.models import (
    AudioImport,
    BroadcastImport,
    CatalogueImport,
    ClaimsImport,
    Import,
    ImportStatus,
    MovedKind,
    MovedOutcome,
    MoveIn,
    MoveParts,
    ResultImport,
    RightsImport,
)
from imports.moving.summary import MoveSummary
from imports.moving.walk import seconds_of
from imports.platforms.importer import ClaimsSummary
from imports.platforms.youtube import day_in_name
from imports.recordings.rows import CLEAR, COLUMNS
from imports.recordings.summary import ImportSummary
from imports.results.importer import ResultSummary
from imports.rights.importer import RECORD_KINDS, RightsSummary
from imports.rights.table import COLUMNS as SHARE_COLUMNS
from platforms.services import find_account
from portal.imports.columns import MappingForm, mapping_context
from portal.shared.fields import SearchSelect
from portal.shared.filters import DayInput
from rights.models import Party, Release, RightsRecording, Work
from scanning.models import CloudAccount, Container


class TableForm(forms.Form):
    """A table of recordings, and the audio files that its rows name."""

    bucket = forms.ModelChoiceField(
        Bucket.objects.present().exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID),
        empty_label=None,
        widget=SearchSelect,
        label=_("Bucket"),
    )
    table = forms.FileField(label=_("Table (CSV or XLSX)"))
    archive = forms.FileField(
        required=False,
        label=_("Audio files (ZIP)"),
        help_text=_("Not needed if the rows contain links."),
    )
    encoding = forms.ChoiceField(
        label=_("Text of the CSV file"),
        choices=list(CHARSETS.items()),
    )
    keep_unknown = forms.BooleanField(
        required=False,
        label=_("Keep columns with other names as data"),
        help_text=_("After the check you can choose for each column."),
    )

    def keep(self, user: User) -> CatalogueImport:
        """Store the upload and submit its check."""
        return services.keep_table(user=user, **self.cleaned_data)


class ResultsForm(forms.Form):
    """A file of results, and the container for its files."""

    container = forms.ModelChoiceField(
        Container.objects.present(),
        empty_label=None,
        widget=SearchSelect,
        label=_("Container"),
    )
    file = forms.FileField(
        label=_("Results (CSV or JSON)"),
        help_text=_(
            "A CSV of ACRCloud's file scan tool, or a JSON dump of its File Scanning API."
        ),
    )

    def keep(self, user: User) -> ResultImport:
        """Store the upload and submit its check."""
        return services.keep_results(user=user, **self.cleaned_data)


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
    encoding = forms.ChoiceField(
        label=_("Text of the CSV file"),
        choices=list(CHARSETS.items()),
    )

    def keep(self, user: User) -> RightsImport:
        """Store the upload and submit its check."""
        return services.keep_rights(user=user, **self.cleaned_data)


class BroadcastsForm(forms.Form):
    """A schedule of broadcasts, or a table of audiences."""

    file = forms.FileField(
        label=_("Table (CSV or XLSX)"),
        help_text=_("A schedule or a table of audiences; the columns show which."),
    )
    encoding = forms.ChoiceField(
        label=_("Text of the CSV file"),
        choices=list(CHARSETS.items()),
    )

    def keep(self, user: User) -> BroadcastImport:
        """Store the upload and submit its check."""
        return services.keep_broadcasts(user=user, **self.cleaned_data)


class AudioForm(forms.Form):
    """A ZIP with the audio of waiting recordings, and perhaps a table of its files."""

    bucket = forms.ModelChoiceField(
        Bucket.objects.present().exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID),
        empty_label=None,
        widget=SearchSelect,
        label=_("Bucket"),
    )
    archive = forms.FileField(label=_("Audio files (ZIP)"))
    table = forms.FileField(
        required=False,
        label=_("Table of the files (CSV or XLSX)"),
        help_text=_("Only needed where names and tags do not say what a file is."),
    )

    def keep(self, user: User) -> AudioImport:
        """Store the upload and have its files paired."""
        return services.keep_audio(user=user, **self.cleaned_data)


class MoveForm(forms.Form):
    """An account, and what of it moves in."""

    account = forms.ModelChoiceField(
        CloudAccount.objects.all(),
        empty_label=None,
        label=_("Account"),
        help_text=_("Accounts and their tokens are entered in the administration."),
    )
    since = forms.DateField(
        label=_("Plays since"),
        initial=lambda: office_day() - timedelta(days=30),
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=_("ACRCloud keeps the plays of streams for a few weeks."),
    )
    parts = forms.MultipleChoiceField(
        choices=MoveParts.choices,
        initial=MoveParts.values,
        widget=forms.CheckboxSelectMultiple,
        label=_("What moves in"),
    )

    def clean_since(self) -> date:
        """Refuse more days than anybody keeps, each of which is a call."""
        since: date = self.cleaned_data["since"]
        if (office_day() - since).days > _MOST_DAYS:
            raise forms.ValidationError(
                gettext("Choose a day of the last %(days)d days.")
                % {"days": _MOST_DAYS}
            )
        return since

    def keep(self, user: User) -> MoveIn:
        """Have the account looked at."""
        return services.look_at_account(user=user, **self.cleaned_data)


# A year, which costs three minutes for each stream.
_MOST_DAYS = 366


class ClaimsForm(forms.Form):
    """A platform's report, the account whose it is, and its day."""

    file = forms.FileField(
        label=_("Report (CSV or .csv.gz)"),
        help_text=_("As downloaded from YouTube's Studio or its Reporting API."),
    )
    account = forms.CharField(
        max_length=200,
        label=_("Account"),
        help_text=_("Its name in Studio. A new name makes a new account."),
    )
    report_day = forms.DateField(
        required=False,
        label=_("Day of the report"),
        help_text=_("Leave it empty if the file's name contains the day."),
        widget=DayInput,
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Take the day from the file's name if nobody entered it."""
        cleaned = super().clean() or {}
        file = cleaned.get("file")
        if file is not None and not cleaned.get("report_day"):
            cleaned["report_day"] = day_in_name(file.name or "")
            if cleaned["report_day"] is None and "report_day" not in self.errors:
                text = _("The file's name contains no day. Enter that of the report.")
                self.add_error("report_day", text)
        return cleaned

    def keep(self, user: User) -> ClaimsImport:
        """Store the upload and submit its check."""
        return services.keep_claims(
            file=self.cleaned_data["file"],
            account=find_account(name=self.cleaned_data["account"], user=user),
            report_day=self.cleaned_data["report_day"],
            user=user,
        )


ImportForm = (
    TableForm
    | ResultsForm
    | RightsForm
    | BroadcastsForm
    | AudioForm
    | MoveForm
    | ClaimsForm
)


@dataclass(frozen=True, slots=True)
class CountedKind:
    """How many records of a kind an import made, changed or left as they were."""

    label: str | Promise
    created: int
    changed: int
    unchanged: int


_KIND_LABELS = {
    "work": _("Works"),
    "party": _("Parties"),
    "rights_recording": _("Recordings"),
    "release": _("Releases"),
}
_KIND_LABEL = {
    "work": _("Work"),
    "party": _("Party"),
    "rights_recording": _("Recording"),
    "release": _("Release"),
}


_MODELS: Mapping[str, type[Model]] = {
    "work": Work,
    "party": Party,
    "rights_recording": RightsRecording,
    "release": Release,
}
# What an import notes beside the fields of a record.
_BESIDE = {
    "number": _("Number"),
    "recordings": _("Recordings"),
    "share": _("Shares"),
    "track": _("Tracks"),
}


def _named_change(change: Mapping[str, Any]) -> dict[str, Any]:  # Any: JSON
    """Return a new or changed record with labels for its kind and its values."""
    kind = change["kind"]
    values = [
        (_field_label(_MODELS[kind], name), _field_text(name, value))
        for name, value in change["after"].items()
    ]
    return {**change, "label": _KIND_LABEL[kind], "values": values}


def _field_label(model: type[Model], name: str) -> str:
    if name in _BESIDE:
        return str(_BESIDE[name])
    labels = {each.name: str(each.verbose_name) for each in model._meta.fields}
    return capfirst(labels.get(name, name).removesuffix(" (ms)"))


def _field_text(name: str, value: str) -> str:
    is_length = name.endswith("_ms") and value.isdecimal()
    return read_clock(int(value)) if is_length else value


def _counted_kinds(summary: Mapping[str, Any]) -> list[CountedKind]:  # Any: JSON
    counts = [summary.get(name, {}) for name in ("created", "changed", "unchanged")]
    return [
        CountedKind(_KIND_LABELS[kind], *(each.get(kind, 0) for each in counts))
        for kind in RECORD_KINDS
    ]


@dataclass(frozen=True, slots=True)
class ImportPage:
    """The pages of one kind of import.

    ``name`` begins their templates; ``start``, ``detail`` and ``form_url`` are names of
    addresses, as is ``parent`` of the page above.
    """

    name: str
    model: type[Import]
    form: type[ImportForm]
    summary: type[
        ImportSummary
        | ResultSummary
        | RightsSummary
        | BroadcastSummary
        | AudioSummary
        | MoveSummary
        | ClaimsSummary
    ]
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
    samples: tuple[tuple[str, str | Promise], ...] = ()
    """Addresses of sample files, with the texts of their links."""

    def rows(self) -> QuerySet[Import]:
        """Return the imports that the viewer may see, with where they go."""
        place = self.model.place_field
        rows = self.model._default_manager.all()
        return rows.select_related(place) if place else rows

    @property
    def undo(self) -> str:
        """Return the name of the address that undoes an import."""
        return self.start.replace("_start", "_undo")

    def refusal(self, user: User) -> str:
        """Return why access limits keep a person from such imports; else empty."""
        return why_limited(user) if self.model.concerns_everything else ""

    def of_form(self, form: ImportForm, user: User) -> dict[str, Any]:
        """Return the context of the page with the form. Any: values for a template."""
        return {
            "page": self,
            "form": form,
            "refusal": self.refusal(user),
            "imports": self.rows()[:10],
            **self.help,
        }

    def of_import(
        self, one: Import, user: User, form: MappingForm | None = None
    ) -> dict[str, Any]:
        """Return the context of one import's page. Any: values for a template.

        ``form`` is a mapping that was refused.
        """
        more: dict[str, Any] = {}
        if isinstance(one, CatalogueImport):
            more = mapping_context(one, form)
            more["place_url"] = reverse("portal:bucket_detail", args=[one.place.pk])
        elif isinstance(one, AudioImport):
            more["place_url"] = reverse("portal:bucket_detail", args=[one.place.pk])
            more["pairs"] = [
                {**pair, "rule": _RULES[pair["rule"]]}
                for pair in one.summary.get("pairs", [])
            ]
        elif isinstance(one, ResultImport):
            files = reverse("portal:file_list")
            more["place_url"] = f"{files}?container={one.place.pk}"
        elif isinstance(one, RightsImport) and one.summary:
            more["kinds"] = _counted_kinds(one.summary)
            more["changes"] = list(map(_named_change, one.summary["changes"]))
        elif isinstance(one, MoveIn):
            more = _move_context(one)
        refusal: str | Promise = self.refusal(user)
        return {
            **more,
            "page": self,
            "import": one,
            "refusal": refusal or (_NOTHING_FITS if _nothing_fits(one) else ""),
            # Counters that are newer than this import default to zero.
            "can_undo": not refusal and services.can_be_undone(one),
            "undo": one.summary.get("undo"),
            "summary": one.summary and {**asdict(self.summary()), **one.summary},
        }


@dataclass(frozen=True, slots=True)
class CountedMoves:
    """How many objects of a kind there are, and what became of them in this move."""

    label: str
    there: int | None
    new: int
    same: int
    changed: int
    not_moved: int


_SHOWN_MOVED = 100
_RULES = {
    Rule.TABLE: _("Table or SHA-256"),
    Rule.CUSTOM_ID: _("Custom ID"),
    Rule.ISRC: "ISRC",
    Rule.NAME: _("Name and length"),
    Rule.TAGS: _("Tags and length"),
}


def _move_context(one: MoveIn) -> dict[str, Any]:  # Any: values for a template
    there = one.summary.get("there", {})
    counts = one.summary.get("counts", {})
    rows = selectors.not_moved(one)
    is_stopped = one.status == ImportStatus.REFUSED and bool(one.summary)
    return {
        "kinds": [
            CountedMoves(
                str(kind.label),
                there.get(kind),
                *(counts.get(kind, {}).get(outcome, 0) for outcome in MovedOutcome),
            )
            for kind in MovedKind
            if kind in there or kind in counts
        ],
        "minutes": max(1, round(seconds_of(one.summary.get("calls", 0)) / 60)),
        "codes": selectors.not_moved_by_code(one),
        "moved": rows[:_SHOWN_MOVED],
        "moved_count": rows.count(),
        "waiting_count": selectors.waiting_recordings().count(),
        "callbacks": selectors.callbacks_to_take_over(one),
        "can_pause": one.status == ImportStatus.IMPORTING,
        "can_go_on": is_stopped,
    }


_NOTHING_FITS = _(
    "Nothing in this file can be imported. Correct the faults below, then check the "
    "file again."
)
# Counters of all kinds of imports; those of rights count by kind of record.
_GOOD = (
    *("added", "updated", "rescanned", "created", "changed", "unchanged"),
    *("paired", "there"),
)


def _nothing_fits(one: Import) -> bool:
    """Return whether a checked import has faults only."""
    if not one.summary or not one.summary.get("refused"):
        return False
    good = [one.summary.get(name, 0) for name in _GOOD]
    return not any(
        any(each.values()) if isinstance(each, dict) else each for each in good
    )


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
    start_label=_("Import the rows without faults"),
    unreadable=_("This table cannot be read"),
    another=_("Choose another table"),
    not_waiting=_("This table is not waiting to be imported."),
    help={"columns": COLUMNS, "clear": CLEAR},
    samples=(
        ("portal:import_sample_recordings_csv", _("Download a sample table")),
        ("portal:import_sample_recordings_xlsx", _("Sample as XLSX")),
    ),
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
RIGHTS = ImportPage(
    "rights",
    RightsImport,
    RightsForm,
    RightsSummary,
    Action.EDIT_CATALOGUE,
    form_url="portal:rights_import",
    detail="portal:rights_import_detail",
    start="portal:rights_import_start",
    parent="portal:work_list",
    parent_title=_("Works"),
    title=_("Import rights"),
    lead=_(
        "Works, shares and releases from a publisher, label or society. The file is "
        "checked first; nothing is imported until you confirm."
    ),
    check=_("Check the file"),
    start_label=_("Import the records without faults"),
    unreadable=_("This file cannot be read"),
    another=_("Choose another file"),
    not_waiting=_("This file is not waiting to be imported."),
    help={"columns": SHARE_COLUMNS},
    samples=(
        ("portal:import_sample_rights_csv", _("Download a sample table")),
        ("portal:import_sample_rights_xlsx", _("Sample as XLSX")),
    ),
)
BROADCASTS = ImportPage(
    "broadcasts",
    BroadcastImport,
    BroadcastsForm,
    BroadcastSummary,
    Action.UPLOAD,
    form_url="portal:broadcast_import",
    detail="portal:broadcast_import_detail",
    start="portal:broadcast_import_start",
    parent="portal:station_list",
    parent_title=_("Stations"),
    title=_("Import broadcasts"),
    lead=_(
        "When files were broadcast, which episodes they are, and how many people "
        "listened. The table is checked first; nothing is imported until you "
        "confirm."
    ),
    check=_("Check the table"),
    start_label=_("Import the rows without faults"),
    unreadable=_("This table cannot be read"),
    another=_("Choose another table"),
    not_waiting=_("This table is not waiting to be imported."),
    help={"schedule": SCHEDULE_COLUMNS, "audience": AUDIENCE_COLUMNS},
    samples=(
        ("portal:import_sample_schedule_csv", _("Sample schedule")),
        ("portal:import_sample_audience_csv", _("Sample audiences")),
    ),
)
AUDIO = ImportPage(
    "audio",
    AudioImport,
    AudioForm,
    AudioSummary,
    Action.EDIT_CATALOGUE,
    form_url="portal:audio_import",
    detail="portal:audio_import_detail",
    start="portal:audio_import_start",
    parent="portal:catalogue",
    parent_title=_("Catalogue"),
    title=_("Add audio"),
    lead=_(
        "Gives recordings that wait for it their audio. The files are paired first; no "
        "recording gets its audio until you confirm."
    ),
    check=_("Pair the files"),
    start_label=_("Give them their audio"),
    unreadable=_("This file cannot be read"),
    another=_("Choose another file"),
    not_waiting=_("This file is not waiting to be imported."),
)
MOVES = ImportPage(
    "moves",
    MoveIn,
    MoveForm,
    MoveSummary,
    Action.CONFIGURE,
    form_url="portal:move_in",
    detail="portal:move_in_detail",
    start="portal:move_in_start",
    parent="portal:catalogue",
    parent_title=_("Catalogue"),
    title=_("Move in"),
    lead=_(
        "Moves an account of ACRCloud, or of another portal, into this one. First it is "
        "only counted; nothing moves until you confirm, and nothing changes there."
    ),
    check=_("Look at the account"),
    start_label=_("Move everything in"),
    unreadable=_("The move stopped"),
    another=_("Choose another account"),
    not_waiting=_("This move is not waiting to begin."),
)
CLAIMS = ImportPage(
    "claims",
    ClaimsImport,
    ClaimsForm,
    ClaimsSummary,
    Action.EDIT_CATALOGUE,
    form_url="portal:claims_import",
    detail="portal:claims_import_detail",
    start="portal:claims_import_start",
    parent="portal:claims",
    parent_title=_("Platform claims"),
    title=_("Import a platform's report"),
    lead=_(
        "Claims, assets and reference files as a platform reports them. The report is "
        "checked first; nothing is imported until you confirm."
    ),
    check=_("Check the report"),
    start_label=_("Import the rows without faults"),
    unreadable=_("This report cannot be read"),
    another=_("Choose another report"),
    not_waiting=_("This report is not waiting to be imported."),
)
