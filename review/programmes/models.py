"""What files are as programmes, and how they use recordings."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from catalogue.models import Recording
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.values import StatedRow
from scanning.models import ScannedFile


class Episode(StatedRow):
    """What a file is as a programme; ``ScannedFile.programme`` stays free text."""

    VALUES = (
        *("series", "also_known_as", "season", "number", "title"),
        *("production_company", "isan"),
    )

    scanned_file = models.OneToOneField(
        ScannedFile, on_delete=models.CASCADE, related_name="episode"
    )
    series = models.CharField(_("series or film"), max_length=300, blank=True)
    also_known_as = models.CharField(_("also known as"), max_length=300, blank=True)
    season = models.CharField(_("season"), max_length=40, blank=True)
    number = models.CharField(_("episode number"), max_length=40, blank=True)
    title = models.CharField(_("episode title"), max_length=300, blank=True)
    production_company = models.CharField(_("production company"), max_length=300, blank=True)
    isan = models.CharField("ISAN", max_length=40, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["Episode"]()

    class Meta:
        # The tables are older than this package.
        db_table = "broadcasts_episode"
        verbose_name = _("episode")

    def __str__(self) -> str:
        return self.title or self.series or str(self.scanned_file)


class MusicUse(StatedRow):
    """How a file uses a recording, as a reviewer says; it outlives rescans."""

    VALUES = (
        *("use", "origin", "own_recording", "live"),
        *("recorded_on", "recorded_in", "published_in"),
    )

    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.CASCADE, related_name="music_uses"
    )
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="music_uses")
    use = models.CharField(_("use"), max_length=40, choices=CueUse.choices, blank=True)
    origin = models.CharField(_("origin"), max_length=40, choices=MusicOrigin.choices, blank=True)
    own_recording = models.BooleanField(_("own recording"), null=True, blank=True)
    live = models.BooleanField(_("live recording"), null=True, blank=True)
    recorded_on = models.DateField(_("recorded on"), null=True, blank=True)
    recorded_in = models.CharField(_("recorded in"), max_length=2, blank=True)
    published_in = models.CharField(_("published in"), max_length=2, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    reach = Path(containers="scanned_file__container", buckets="recording__bucket")
    objects = ReachManager["MusicUse"]()

    class Meta:
        db_table = "broadcasts_musicuse"
        ordering = ["id"]
        verbose_name = _("use of music")
        verbose_name_plural = _("uses of music")
        constraints = [
            models.UniqueConstraint(fields=["scanned_file", "recording"], name="music_use_once")
        ]

    def __str__(self) -> str:
        return f"{self.recording} ({self.get_use_display() or '?'})"
