"""Rows that know when they changed last, however they were written.

Programs follow lists by this time, so no way to change a row may forget it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar

from django.db import models

from base.accounts.reach import ReachManager

Row = TypeVar("Row", bound=models.Model)


class DatedQuerySet(models.QuerySet[Row]):
    """Sets the time of change in updates, too, where Django would not."""

    def update(self, **columns: Any) -> int:  # Any: Django's own signature
        """Update the rows; a caller may state the time itself."""
        columns.setdefault("updated_at", datetime.now(tz=UTC))
        return super().update(**columns)


class DatedManager(ReachManager[Row]):
    """Leaves out rows that the viewer may not see; updates set the time of change."""

    _queryset_class = DatedQuerySet


class Dated(models.Model):
    """A row with the time of its last change.

    Its managers are ``DatedManager``; only updates through ``_base_manager`` must set the
    time themselves.
    """

    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own signature
        """Save the row; one that saves only some columns saves the time of change, too."""
        columns: Iterable[str] | None = kwargs.get("update_fields")
        if columns is not None:
            kwargs["update_fields"] = {*columns, "updated_at"} if columns else columns
        super().save(*args, **kwargs)
