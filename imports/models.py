"""Imports and their states."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.models import User
from base.accounts.reach import PRESENT, Path, ReachManager
from base.audit.models import Event
from base.common.uid import uid_field
from catalogue.models import Bucket
from imports.errors import ImportRefused
from scanning.models import Container


class ImportStatus(models.TextChoices):
    """The state of an import."""

    CHECKING = "checking", _("Checking")
    CHECKED = "checked", _("Checked; nothing imported yet")
    IMPORTING = "importing", _("Importing")
    DONE = "done", _("Imported")
    REFUSED = "refused", _("Unreadable")
    UNMAPPED = "unmapped", _("Columns to choose")
    UNDO_CHECKING = "undo_checking", _("Checking what can be undone")
    UNDO_CHECKED = "undo_checked", _("Imported; undo was checked")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")


MAPPABLE_STATUSES = (ImportStatus.CHECKED, ImportStatus.UNMAPPED)
"""While an import has one of these, people may change the mapping of its columns."""
OPEN_STATUSES = (
    ImportStatus.CHECKING,
    ImportStatus.IMPORTING,
    ImportStatus.UNDO_CHECKING,
    ImportStatus.UNDOING,
)


UNDO_CHECKABLE = (ImportStatus.DONE, ImportStatus.REFUSED, ImportStatus.UNDO_CHECKED)
"""What was imported can be undone, also of an import that was stopped."""


class MappingOrigin(models.TextChoices):
    """Where the mapping of an import's columns comes from."""

    GUESSED = "guessed", _("Guessed from the names")
    REPEATED = "repeated", _("As in the last import with these columns")
    CHOSEN = "chosen", _("Chosen")


class Import(models.Model):
    """A file that is checked first, and imported after a person confirms it.

    ``summary`` is the result of the check, then of the import. Repeating an import is
    safe, because entries imported before count as unchanged; an interrupted import
    continues that way.
    """

    place_field: ClassVar[str]
    """The column that says where the entries go."""
    concerns_everything: ClassVar[bool] = False
    """People with access limits may do nothing with it."""
    uid: models.CharField[str, str]

    file = models.FileField(max_length=200)
    file_name = models.CharField(max_length=500)
    status = models.CharField(
        max_length=16, choices=ImportStatus.choices, default=ImportStatus.CHECKING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    summary = models.JSONField(default=dict, blank=True)
    made_by = person_field(verbose_name=_("created by"))
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True
        ordering = ["-id"]

    def __str__(self) -> str:
        into = f" into {self.place}" if self.place_field else ""
        return f"{self.file_name}{into}"

    def starter(self) -> User:
        """Return who started the import; raise ``ImportRefused`` if they are gone."""
        if self.made_by is None:
            raise ImportRefused(
                gettext(
                    "The account of the person who started this import was deleted. Start again."
                )
            )
        return self.made_by

    @property
    def place(self) -> Bucket | Container:
        """Return where the entries go."""
        place: Bucket | Container = getattr(self, self.place_field)
        return place

    @property
    def case(self) -> str:
        """Return the case of the audit trail that tells of the import."""
        return f"{self.place_field}:{self.place.pk}"

    @property
    def status_label(self) -> str:
        """Return the status as pages show it."""
        return str(self.get_status_display())

    @property
    def is_open(self) -> bool:
        """Return whether a worker has it or will."""
        return self.status in OPEN_STATUSES


class MappedImport(Import):
    """An import of a table whose columns a person may map to ours.

    ``columns`` holds the mapping of ``imports.mapping``, which the check stores and the
    import uses; each change by a person increases ``mapping_version``. ``rules`` has the
    line of the header, and those of ``imports.reading_rules``. Equal headers have one
    ``header_key``, and the next import with the same ``mapped_for`` repeats the mapping.
    """

    mapped_for: ClassVar[str]
    outcome_columns: ClassVar[tuple[str, ...]] = ()
    """Text columns of its own that a check fills, beside ``message``."""

    columns = models.JSONField(default=list, blank=True)
    columns_from = models.CharField(
        max_length=16,
        choices=MappingOrigin.choices,
        default=MappingOrigin.GUESSED,
        verbose_name=_("source of the mapping"),
    )
    rules = models.JSONField(default=dict, blank=True)
    mapping_version = models.PositiveIntegerField(default=0)
    header_key = models.CharField(max_length=64, blank=True, default="")

    class Meta(Import.Meta):
        abstract = True

    @property
    def is_mappable(self) -> bool:
        """Return whether people may change the mapping of the columns."""
        return bool(self.columns) and self.status in MAPPABLE_STATUSES


class CatalogueImport(MappedImport):
    """A table of recordings, with their audio in a ZIP.

    ``summary`` holds the fields of ``imports.recordings.summary.ImportSummary``;
    ``bad_rows`` is the table of refused rows with reasons. ``waiting`` imports rows
    without audio, too.
    """

    place_field = "bucket"
    mapped_for = "bucket"
    outcome_columns = ("bad_rows",)

    uid = uid_field("i")
    bucket = models.ForeignKey(
        Bucket, on_delete=models.CASCADE, related_name="imports", limit_choices_to=PRESENT
    )
    audio = models.FileField(max_length=200, blank=True, default="")
    encoding = models.CharField(max_length=20, blank=True, default="")
    keep_unknown = models.BooleanField(default=False)
    waiting = models.BooleanField(default=False)
    bad_rows = models.FileField(max_length=200, blank=True, default="")

    reach = Path(buckets="bucket")
    objects = ReachManager["CatalogueImport"]()

    class Meta(MappedImport.Meta):
        db_table = "catalogue_catalogueimport"
        abstract = False
        indexes: ClassVar = [
            models.Index(fields=["bucket", "header_key", "-id"], name="import_same_header")
        ]


class AudioImport(Import):
    """A ZIP with the audio of recordings that wait for it.

    ``table`` names the file of each recording, where names and tags do not. ``summary``
    holds the fields of ``imports.audio.importer.AudioSummary``.
    """

    place_field = "bucket"

    uid = uid_field("ai")
    bucket = models.ForeignKey(
        Bucket, on_delete=models.CASCADE, related_name="audio_imports", limit_choices_to=PRESENT
    )
    table = models.FileField(max_length=200, blank=True, default="")

    reach = Path(buckets="bucket")
    objects = ReachManager["AudioImport"]()


class ResultImport(Import):
    """A file of results of another program.

    ``summary`` holds the fields of ``imports.results.importer.ResultSummary``.
    """

    place_field = "container"

    uid = uid_field("ri")
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="result_imports", limit_choices_to=PRESENT
    )

    reach = Path(containers="container")
    objects = ReachManager["ResultImport"]()

    class Meta(Import.Meta):
        db_table = "reports_resultimport"


class StepState(models.TextChoices):
    """Whether a step of an import was taken back."""

    DONE = "done", _("Imported")
    UNDONE = "undone", _("Undone")
    KEPT = "kept", _("Kept")


class LicenceImport(Import):
    """A sheet of licences.

    ``summary`` holds the fields of ``imports.licences.importer.LicenceSummary``.
    """

    place_field = ""
    concerns_everything = True

    uid = uid_field("li")
    encoding = models.CharField(max_length=20, blank=True, default="")

    # Licences act on all matches.
    reach = Path(owner="made_by")
    objects = ReachManager["LicenceImport"]()

    class Meta(Import.Meta):
        abstract = False

    @property
    def case(self) -> str:
        """Return the case of its own; licences have others."""
        return f"licence_import:{self.uid}"


class ImportStep(models.Model):
    """One event of an import that its undo takes back, the last one first.

    ``import_uid`` is that of an import of any kind, or of a command. ``why`` says what
    stays, and why.
    """

    import_uid = models.CharField(max_length=32)
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="import_step")
    state = models.CharField(max_length=8, choices=StepState.choices, default=StepState.DONE)
    why = models.CharField(max_length=500, blank=True, default="")

    # Seen with its import.
    objects = models.Manager["ImportStep"]()

    class Meta:
        ordering = ["-id"]
        indexes: ClassVar = [
            models.Index(fields=["import_uid", "state", "-id"], name="import_step_next")
        ]

    def __str__(self) -> str:
        return f"{self.event.action} {self.event.case}"
