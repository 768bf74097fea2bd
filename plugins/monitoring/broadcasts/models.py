"""Broadcasts of files, audiences and revenue of stations."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from base.common.reading import read_date
from base.common.uid import uid_field
from imports.models import Import
from plugins.monitoring.broadcasts.choices import RightsType, Showing
from plugins.monitoring.streams.models import Station
from review.programmes.values import StatedRow
from scanning.models import ScannedFile


class Broadcast(StatedRow):
    """One broadcast of a file by a station; hours of streams need none.

    ``time_zone`` is the station's at that time. Without ``length_ms``, the whole file was
    broadcast.
    """

    VALUES = ("starts_at", "length_ms", "showing")

    uid = uid_field("bc")
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.CASCADE, related_name="broadcasts"
    )
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="broadcasts")
    starts_at = models.DateTimeField(_("begins at"))
    time_zone = models.CharField(_("time zone"), max_length=64)
    length_ms = models.PositiveBigIntegerField(null=True, blank=True)
    showing = models.CharField(
        _("first broadcast or repeat"), max_length=16, choices=Showing.choices, blank=True
    )
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["Broadcast"]()

    class Meta:
        ordering = ["starts_at", "id"]
        verbose_name = _("broadcast")
        verbose_name_plural = _("broadcasts")
        constraints = [
            models.UniqueConstraint(
                fields=["scanned_file", "station", "starts_at"], name="broadcast_once"
            )
        ]
        indexes = [models.Index(fields=["station", "starts_at"], name="broadcast_of_station")]

    def __str__(self) -> str:
        return f"{self.station}, {read_date(self.starts_at, 'moment')}"


def _one_of(*names: str) -> Q:
    """Return the condition that just one of these columns has a value."""
    condition = Q()
    for name in names:
        condition |= Q(**{f"{column}__isnull": column != name for column in names})
    return condition


class Audience(StatedRow):
    """How many people heard a broadcast, or a station in a month or an hour.

    ``month`` is its first day, ``hour`` the moment in which an hour of the station's clock
    begins; an hour has ``listeners`` only. These are the average number at one time.
    ``tuning_hours`` are the hours that all listeners together listened. None is not known,
    and zero is nobody.
    """

    VALUES = ("listeners", "performances", "tuning_hours")

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="audiences")
    broadcast = models.OneToOneField(
        Broadcast, on_delete=models.CASCADE, null=True, blank=True, related_name="audience"
    )
    month = models.DateField(_("month"), null=True, blank=True)
    hour = models.DateTimeField(_("hour"), null=True, blank=True)
    listeners = models.PositiveBigIntegerField(
        _("listeners"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(10**12)],
        help_text=_("The average number at one time."),
    )
    performances = models.PositiveBigIntegerField(
        _("performances"),
        null=True,
        blank=True,
        validators=[MaxValueValidator(10**15)],
        help_text=_("Each play, counted once per listener."),
    )
    tuning_hours = models.DecimalField(
        _("hours of listening"),
        max_digits=16,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
        help_text=_("All listeners together."),
    )
    updated_at = models.DateTimeField(auto_now=True)

    # Figures of a station belong to no container.
    objects = models.Manager["Audience"]()

    class Meta:
        ordering = ["station", "month", "hour", "id"]
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")
        constraints = [
            models.UniqueConstraint(
                fields=["station", "month"],
                condition=Q(month__isnull=False),
                name="audience_of_month_once",
            ),
            models.UniqueConstraint(
                fields=["station", "hour"],
                condition=Q(hour__isnull=False),
                name="audience_of_hour_once",
            ),
            models.CheckConstraint(
                condition=_one_of("broadcast", "month", "hour"), name="audience_of_one"
            ),
        ]

    def __str__(self) -> str:
        if self.broadcast:
            return str(self.broadcast)
        when = read_date(self.hour, "moment") if self.hour else f"{self.month:%Y-%m}"
        return f"{self.station}, {when}"


class Revenue(StatedRow):
    """What a station earned in a month, for declarations that ask; managers see it."""

    VALUES = ("net_revenue", "currency")

    station = models.ForeignKey(Station, on_delete=models.CASCADE, related_name="revenues")
    month = models.DateField(_("month"))
    rights_type = models.CharField(_("rights"), max_length=40, choices=RightsType.choices)
    net_revenue = models.DecimalField(
        _("net revenue"),
        max_digits=16,
        decimal_places=2,
        validators=[MinValueValidator(0)],
        help_text=_("Leave empty if not known."),
    )
    currency = models.CharField(
        _("currency"), max_length=3, help_text=_("Three letters, such as CHF.")
    )
    updated_at = models.DateTimeField(auto_now=True)

    # Figures of a station belong to no container.
    objects = models.Manager["Revenue"]()

    class Meta:
        ordering = ["station", "month", "id"]
        verbose_name = _("revenue")
        verbose_name_plural = _("revenues")
        constraints = [
            models.UniqueConstraint(fields=["station", "month", "rights_type"], name="revenue_once")
        ]

    def __str__(self) -> str:
        return f"{self.station}, {self.month:%Y-%m}: {self.net_revenue} {self.currency}"


class BroadcastImport(Import):
    """A schedule of broadcasts, or a table of audiences.

    ``summary`` holds the fields of ``importing.importer.BroadcastSummary``.
    """

    place_field = ""

    uid = uid_field("bi")
    encoding = models.CharField(max_length=20, blank=True, default="")

    # Rows of one table can be about files of several containers.
    reach = Path(owner="made_by")
    objects = ReachManager["BroadcastImport"]()

    class Meta(Import.Meta):
        db_table = "imports_broadcastimport"

    @property
    def case(self) -> str:
        """Return the case of its own; files and stations have others."""
        return f"broadcast_import:{self.uid}"
