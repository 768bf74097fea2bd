"""The container: a named way of scanning."""

from __future__ import annotations

import secrets
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from catalogue.models import Bucket
from scanning.choices import AudioType, EngineChoice


def new_callback_secret() -> str:
    """Return the part of a callback address that nobody can guess."""
    return secrets.token_urlsafe(24)


def whole_file_policy() -> dict[str, object]:
    """Return the policy that scans every second of a file."""
    return {"type": "traverse", "interval": 0, "rec_length": 10}


class Container(models.Model):
    """Which buckets are searched, by which engine, how, and who is told.

    Container ids are never reused: clients of the wire protocol keep them.
    """

    name = models.CharField(max_length=200)
    engine = models.CharField(
        max_length=16, choices=EngineChoice.choices, default=EngineChoice.EMBEDDED
    )
    buckets = models.ManyToManyField(Bucket, blank=True, related_name="containers")
    audio_type = models.CharField(
        max_length=16, choices=AudioType.choices, default=AudioType.LINE_IN
    )
    policy = models.JSONField(default=whole_file_policy, blank=True)
    score_floor = models.DecimalField(
        max_digits=4,
        decimal_places=1,
        default=Decimal("50.0"),
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="Matches below this score are kept but suppressed.",
    )
    region = models.CharField(max_length=32, blank=True, default="eu-west-1")
    callback_secret = models.CharField(
        max_length=64, unique=True, default=new_callback_secret, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
