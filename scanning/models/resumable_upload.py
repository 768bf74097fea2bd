"""Uploads that arrive in pieces, so that they can go on after an interruption."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from base.accounts.reach import PRESENT, Path, ReachManager
from scanning.models.container import Container
from scanning.models.scanned_file import ScannedFile


class ResumableUpload(models.Model):
    """A file whose first ``offset_bytes`` have arrived.

    Its pieces become a scanned file once all bytes are there and the person asks for it.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    container = models.ForeignKey(
        Container, limit_choices_to=PRESENT, on_delete=models.CASCADE, related_name="+"
    )
    name = models.CharField(max_length=500)
    size_bytes = models.PositiveBigIntegerField()
    offset_bytes = models.PositiveBigIntegerField(default=0)
    # Of the whole file; empty until somebody has asked for it to be finished.
    sha256 = models.CharField(max_length=64, blank=True, editable=False)
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Abandoned uploads are deleted by the time of their last piece.
    touched_at = models.DateTimeField(auto_now_add=True, db_index=True)

    reach = Path(containers="container", owner="user")
    objects = ReachManager["ResumableUpload"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class UploadPiece(models.Model):
    """Some bytes of an upload, stored as a file of their own.

    Separate files suit every storage: object storage cannot append.
    """

    upload = models.ForeignKey(ResumableUpload, on_delete=models.CASCADE, related_name="pieces")
    offset_bytes = models.PositiveBigIntegerField()
    file = models.FileField(max_length=200)

    class Meta:
        ordering = ["offset_bytes"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "offset_bytes"], name="upload_piece_offset")
        ]

    def __str__(self) -> str:
        return f"{self.upload} from byte {self.offset_bytes:,}"
