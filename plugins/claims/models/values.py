"""Values of reports that people explain, and values that an import replaced."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from base.accounts.columns import person_field
from plugins.claims.choices import Meaning, Platform, ValueColumn
from plugins.claims.models.account import PlatformAccount


class ReportedValue(models.Model):
    """A value that reports contain in a column, and what a person says that it means."""

    platform = models.CharField(max_length=16, choices=Platform.choices)
    column = models.CharField(
        max_length=40, choices=ValueColumn.choices, default=ValueColumn.STATUS_DETAIL
    )
    value = models.CharField(max_length=100)
    meaning = models.CharField(
        max_length=16, choices=Meaning.choices, blank=True, default=Meaning.UNEXPLAINED
    )
    explained_by = person_field()

    # Words of a platform, for everybody.
    objects = models.Manager["ReportedValue"]()

    class Meta:
        ordering = ["platform", "column", "value"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["platform", "column", "value"], name="reported_value_once"
            )
        ]

    def __str__(self) -> str:
        return self.value


class PriorValues(models.Model):
    """What an import changed, as it was before: compressed JSON of some rows.

    Only those of an account's newest import are kept.
    """

    account = models.ForeignKey(PlatformAccount, on_delete=models.CASCADE, related_name="+")
    import_key = models.BigIntegerField()
    model = models.CharField(max_length=40)
    data = models.BinaryField()

    # A note of the worker, shown nowhere.
    objects = models.Manager["PriorValues"]()

    class Meta:
        verbose_name_plural = "prior values"
        indexes: ClassVar = [models.Index(fields=["import_key", "id"], name="prior_values_import")]

    def __str__(self) -> str:
        return f"{self.model} before import {self.import_key}"
