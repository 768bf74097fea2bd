"""Imports and their states."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import models

from accounts.reach import PRESENT, Path, ReachManager
from catalogue.models import Bucket
from common.leases import Leased
from common.uid import new_uid
from scanning.models import Container


class ImportStatus(models.TextChoices):
    """The state of an import."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked; nothing is written yet"
    IMPORTING = "importing", "Being imported"
    DONE = "done", "Imported"
    REFUSED = "refused", "Cannot be read"


OPEN_STATUSES = (ImportStatus.CHECKING, ImportStatus.IMPORTING)


class Import(Leased):
    """A file that is checked first, and imported after a person confirms it.

    ``summary`` is the result of the check, then of the import. Repeating an import is
    safe, because entries imported before count as unchanged; an interrupted import
    continues that way.
    """

    status = models.CharField(
        max_length=16, choices=ImportStatus.choices, default=ImportStatus.CHECKING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    summary = models.JSONField(default=dict, blank=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        ordering = ["-id"]


class CatalogueImport(Import):
    """A table of recordings that somebody uploaded, and the results of its import.

    ``summary`` holds the counts and the first faults, warnings and changes;
    ``bad_rows`` is the table of refused rows with reasons.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "i"), editable=False
    )
    bucket = models.ForeignKey(
        Bucket,
        on_delete=models.CASCADE,
        related_name="imports",
        limit_choices_to=PRESENT,
    )
    table = models.FileField(max_length=200)
    table_name = models.CharField(max_length=500)
    audio = models.FileField(max_length=200, blank=True, default="")
    encoding = models.CharField(max_length=20, default="utf-8")
    keep_unknown = models.BooleanField(default=False)
    bad_rows = models.FileField(max_length=200, blank=True, default="")

    reach = Path(buckets="bucket")
    objects = ReachManager["CatalogueImport"]()

    class Meta(Import.Meta):
        db_table = "catalogue_catalogueimport"

    def __str__(self) -> str:
        return f"{self.table_name} into {self.bucket}"


class ResultImport(Import):
    """A file of results with the outcome of its check and import.

    ``summary`` holds the fields of ``reports.foreign.importing.ResultSummary``.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "ri"), editable=False
    )
    container = models.ForeignKey(
        Container,
        on_delete=models.PROTECT,
        related_name="result_imports",
        limit_choices_to=PRESENT,
    )
    file = models.FileField(max_length=200)
    file_name = models.CharField(max_length=500)

    reach = Path(containers="container")
    objects = ReachManager["ResultImport"]()

    class Meta(Import.Meta):
        db_table = "reports_resultimport"

    def __str__(self) -> str:
        return f"{self.file_name} into {self.container}"
