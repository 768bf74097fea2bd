"""The import of results that another program found."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import models

from accounts.reach import Path, ReachManager
from common.leases import Leased
from common.uid import new_uid
from scanning.models import Container


class ResultImportStatus(models.TextChoices):
    """How far an import is."""

    CHECKING = "checking", "Being checked"
    CHECKED = "checked", "Checked; nothing is written yet"
    IMPORTING = "importing", "Being imported"
    DONE = "done", "Imported"
    REFUSED = "refused", "Cannot be read"


class ResultImport(Leased):
    """A file of results that somebody brought: what checking it said, what came.

    ``summary`` is what ``reports.foreign.importing.Summary`` holds.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "ri"), editable=False
    )
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="result_imports"
    )
    file = models.FileField(max_length=200)
    file_name = models.CharField(max_length=500)
    status = models.CharField(
        max_length=16,
        choices=ResultImportStatus.choices,
        default=ResultImportStatus.CHECKING,
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

    reach = Path(containers="container")
    objects = ReachManager["ResultImport"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.file_name} into {self.container}"
