"""The account whose reports people import, and what rows of all reports share."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.common.uid import uid_field
from plugins.claims.choices import Platform, ReportKind


class PlatformAccount(models.Model):
    """An account in a platform's rights system, whose reports people import.

    The days are those of the newest imported report of each kind. A full comparison is
    due while ``compared`` is less than ``wanted``.
    """

    uid = uid_field("pa")
    platform = models.CharField(max_length=16, choices=Platform.choices, default=Platform.YOUTUBE)
    name = models.CharField(max_length=200)
    claims_day = models.DateField(_("day of the claims report"), null=True, blank=True)
    assets_day = models.DateField(_("day of the assets report"), null=True, blank=True)
    references_day = models.DateField(_("day of the references report"), null=True, blank=True)
    conflicts_day = models.DateField(_("day of the asset conflicts report"), null=True, blank=True)
    videos_day = models.DateField(_("day of the videos report"), null=True, blank=True)
    wanted = models.PositiveIntegerField(default=0, editable=False)
    compared = models.PositiveIntegerField(default=0, editable=False)
    compared_at = models.DateTimeField(null=True, blank=True, editable=False)

    # A name for everybody; what belongs to it is limited by itself.
    objects = models.Manager["PlatformAccount"]()

    class Meta:
        ordering = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["platform", "name"], name="platform_account_once")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def case(self) -> str:
        """Return the account's case in the audit trail."""
        return f"platform_account:{self.uid}"


class Reported(models.Model):
    """A row of a report; ``row_hash`` tells whether a later report says the same.

    ``gone_on`` is the day of the first report without it. ``first_import`` is the key of
    the import that added it, whose undo deletes it again.
    """

    account = models.ForeignKey(PlatformAccount, on_delete=models.CASCADE, related_name="+")
    row_hash = models.CharField(max_length=32, blank=True, default="", editable=False)
    gone_on = models.DateField(_("no longer reported since"), null=True, blank=True)
    first_import = models.BigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


def day_column(kind: ReportKind) -> str:
    """Return the account's column with the day of the newest report of a kind."""
    return f"{kind}_day"
