"""Ids that matches had before they became one."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from catalogue.models import Recording
from review.models.match import Match


class MatchAlias(models.Model):
    """An id that leads to the match with which its own was joined.

    ``kept`` has the former row, its evidence and the keys of the rows that named it, so
    that the undo of a merge restores them. ``merge`` is the uid of that merge; empty if
    a scan joined them.
    """

    uid = models.CharField(max_length=32, unique=True)
    former_key = models.BigIntegerField(unique=True)
    match = models.ForeignKey(Match, on_delete=models.PROTECT, related_name="aliases")
    recording = models.ForeignKey(
        Recording,
        on_delete=models.PROTECT,
        related_name="+",
        help_text=_("The recording that the former match named."),
    )
    merge = models.CharField(max_length=32, blank=True, default="", db_index=True)
    kept = models.JSONField(default=dict)
    joined_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="match__scanned_file__container", buckets="match__recording__bucket")
    objects = ReachManager["MatchAlias"]()

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "match aliases"

    def __str__(self) -> str:
        return self.uid

    @property
    def case(self) -> str:
        """Return the former match's case in the audit trail."""
        return f"match:{self.uid}"
