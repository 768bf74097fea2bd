"""A project: a key pair that identifies short clips against some buckets."""

from __future__ import annotations

import secrets
from functools import partial

from django.conf import settings
from django.db import models

from catalogue.models import Bucket
from common.uid import new_uid


def new_access_key() -> str:
    """Return the public half of a key pair."""
    return secrets.token_hex(16)


def new_access_secret() -> str:
    """Return the half that signs; the protocol needs it in the clear."""
    return secrets.token_urlsafe(30)


class Project(models.Model):
    """Which buckets a client with this key pair identifies clips in."""

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "p"), editable=False
    )
    name = models.CharField(max_length=200)
    buckets = models.ManyToManyField(Bucket, blank=True, related_name="projects")
    access_key = models.CharField(
        max_length=64, unique=True, default=new_access_key, editable=False
    )
    access_secret = models.CharField(
        max_length=64, default=new_access_secret, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
