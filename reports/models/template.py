"""Report templates: filters, columns and a format under a name."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.db import models

from common.uid import new_uid
from reports.models.run import ReportOptions


class ReportTemplate(ReportOptions):
    """A saved report; everybody sees it and may run it."""

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "q"), editable=False
    )
    name = models.CharField(max_length=200, unique=True)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="created by",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
