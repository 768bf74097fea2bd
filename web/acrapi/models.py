"""Models of the protocol: staged uploads and repeated calls."""

from __future__ import annotations

import secrets

from django.db import models

from base.accounts.models import ApiToken, User
from base.accounts.reach import Path, ReachManager
from scanning.models import Container


def new_upload_uid() -> str:
    """Return the unguessable part of an upload URL."""
    return secrets.token_urlsafe(18)


class StagedUpload(models.Model):
    """A file sent to a presigned URL, waiting to be submitted."""

    uid = models.CharField(max_length=32, unique=True, default=new_upload_uid)
    key = models.CharField(max_length=700, unique=True)
    container = models.ForeignKey(Container, on_delete=models.CASCADE)
    owner = models.ForeignKey(User, on_delete=models.CASCADE)
    file_name = models.CharField(max_length=500)
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    uploaded_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="container")
    objects = ReachManager["StagedUpload"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.key


class RepeatableCall(models.Model):
    """A call with an Idempotency-Key, with its response once there is one.

    ``request_digest`` tells a repetition from another request with the same key.
    """

    token = models.ForeignKey(ApiToken, on_delete=models.CASCADE)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    answer = models.JSONField("response", null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "idempotent request"
        constraints = [models.UniqueConstraint(fields=["token", "key"], name="call_key_once")]
        indexes = [models.Index(fields=["created_at"], name="call_age")]

    def __str__(self) -> str:
        return self.key
