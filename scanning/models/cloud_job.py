"""Work that is open between the portal and a cloud account."""

from __future__ import annotations

import zlib

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from scanning.models.cloud_account import CloudAccount
from scanning.models.scan import Scan


class SentAs(models.TextChoices):
    """The form in which a file reached the cloud."""

    NOTHING = "", _("Not sent yet")
    AUDIO = "audio", _("Audio")
    FINGERPRINT = "fingerprint", _("Fingerprint")
    AUDIO_URL = "audio_url", _("Link to a media file")
    PLATFORMS = "platforms", _("Platform link")
    RESCAN = "rescan", _("Rescan request")
    CALLED_BACK = "called_back", _("Rescanned in the cloud")


class AudioBecause(models.TextChoices):
    """Why audio was sent to an account that prefers fingerprints."""

    UNASKED = "", _("Nothing else was wanted")
    NOT_TAKEN = "not_taken", _("The other server takes no fingerprints of ours.")
    NOT_MADE = "not_made", _("The portal could not make a fingerprint of the file.")


class CloudJob(models.Model):
    """One scan in the cloud: sent, then polled until it has a result.

    The job ``cloud_scan`` of its scan says when the next step is due. ``raw`` is the
    compressed answer that held the result.
    """

    scan = models.OneToOneField(Scan, on_delete=models.PROTECT, related_name="cloud_job")
    account = models.ForeignKey(CloudAccount, on_delete=models.PROTECT, related_name="jobs")
    remote_container_id = models.PositiveBigIntegerField()
    remote_id = models.CharField(max_length=64, blank=True, default="")
    sent_as = models.CharField(
        max_length=16, choices=SentAs.choices, default=SentAs.NOTHING, blank=True
    )
    audio_because = models.CharField(
        _("why audio was sent"),
        max_length=16,
        choices=AudioBecause.choices,
        default=AudioBecause.UNASKED,
        blank=True,
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    # Summed per month for the container's limit.
    sent_ms = models.PositiveBigIntegerField(default=0)
    may_have_arrived = models.BooleanField(
        default=False,
        help_text=_("An attempt to send it began; the next one first checks if it arrived."),
    )
    checks = models.PositiveIntegerField(default=0)
    said = models.CharField(
        _("last error"), max_length=1000, blank=True, help_text=_("As the cloud reported it.")
    )
    raw = models.BinaryField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="scan__scanned_file__container")
    objects = ReachManager["CloudJob"]()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["account", "remote_id"], name="cloud_job_remote"),
            models.Index(fields=["sent_at"], name="cloud_job_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.scan.uid} at {self.account}"

    @property
    def raw_text(self) -> str:
        """Return the stored answer, decompressed."""
        if not self.raw:
            return ""
        return zlib.decompress(bytes(self.raw)).decode("utf-8", "replace")


class CloudDeletion(models.Model):
    """A file deleted here whose copy in the cloud must be deleted too.

    ``said`` is the last error of its job.
    """

    account = models.ForeignKey(CloudAccount, on_delete=models.PROTECT, related_name="deletions")
    remote_container_id = models.PositiveBigIntegerField()
    remote_id = models.CharField(max_length=64)
    done_at = models.DateTimeField(null=True, blank=True)
    said = models.CharField(_("last error"), max_length=1000, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "remote_id"],
                condition=models.Q(done_at__isnull=True),
                name="cloud_deletion_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.remote_id} at {self.account}"
