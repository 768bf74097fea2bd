"""Columns of models that name people."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from base.accounts.models import User


def person_field(
    **options: Any,  # Any: options of Django's column
) -> models.ForeignKey[User | None, User | None]:
    """Return a column that names a person; empty once the account is deleted."""
    return models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        **options,
    )
