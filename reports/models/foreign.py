"""Imports of results from other programs."""

from __future__ import annotations

from functools import partial

from django.db import models

from accounts.reach import PRESENT, Path, ReachManager
from common.checked_imports import CheckedImport
from common.uid import new_uid
from scanning.models import Container


class ResultImport(CheckedImport):
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

    def __str__(self) -> str:
        return f"{self.file_name} into {self.container}"
