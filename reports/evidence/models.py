"""Evidence packs: sealed ZIP files about one match."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from base.jobs.selectors import progress_of
from review.models import Match
from statements.models import Statement


class PackStatus(models.TextChoices):
    """The state of a pack; a ready pack never changes."""

    QUEUED = "queued", _("Queued")
    BUILDING = "building", _("Building")
    READY = "ready", _("Ready")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


ACTIVE_PACK_STATUSES = (PackStatus.QUEUED, PackStatus.BUILDING)


class EvidencePack(models.Model):
    """One file with all facts about a match as of one event in its chain.

    ``as_of`` is the number of that event. ``statement`` has the facts when the pack was
    built, and how they differ from today's. ``key_id`` names the key that signed the
    manifest.
    """

    uid = uid_field("e")
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="evidence_packs")
    status = models.CharField(max_length=16, choices=PackStatus.choices, default=PackStatus.QUEUED)
    with_reference_clips = models.BooleanField(default=True)
    as_of = models.PositiveIntegerField(default=0)
    file = models.FileField(max_length=200, blank=True, default="")
    size_bytes = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    statement = models.OneToOneField(
        Statement, on_delete=models.PROTECT, null=True, blank=True, related_name="evidence_pack"
    )
    key_id = models.CharField(max_length=64, blank=True, default="")
    message = models.CharField(max_length=500, blank=True, default="")
    requested_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="match__scanned_file__container", buckets="match__recording__bucket")
    objects = ReachManager["EvidencePack"]()

    class Meta:
        app_label = "reports"  # The table and its permissions have this name.
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(status="ready")
                | ~models.Q(sha256="") & ~models.Q(file="") & models.Q(statement__isnull=False),
                name="evidence_ready_is_sealed",
            )
        ]

    def __str__(self) -> str:
        return str(self.match)

    @property
    def case(self) -> str:
        """Return the pack's case in the audit trail."""
        return f"evidence:{self.uid}"

    @property
    def is_active(self) -> bool:
        """Tell whether the pack waits or is being built."""
        return self.status in ACTIVE_PACK_STATUSES

    @property
    def progress(self) -> int:
        """Return how far the pack is, in percent."""
        if self.status == PackStatus.BUILDING:
            return progress_of("evidence", self.pk)
        return 100 if self.status == PackStatus.READY else 0

    @property
    def file_name(self) -> str:
        """Return the name of the downloaded pack."""
        return f"evidence-{self.match.uid}-{self.as_of}.zip"
