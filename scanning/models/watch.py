"""Watches: feeds, playlists and channels that are checked on a schedule."""

from __future__ import annotations

from datetime import timedelta

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, ReachManager
from base.common.reading import read_date
from base.common.uid import uid_field
from scanning.choices import WatchInterval, WatchItemState
from scanning.models.container import Container
from scanning.models.scanned_file import ScannedFile


class Watch(models.Model):
    """A watched source with its interval and the state of the last check.

    ``title_words`` is a comma-separated filter: an item is wanted if its title contains
    one of them. ``failures`` counts failed checks since the last successful one.
    """

    uid = uid_field("w")
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="watches", limit_choices_to=PRESENT
    )
    url = models.URLField(max_length=2000)
    # Recognises the same source in another spelling.
    link_key = models.CharField(max_length=64, editable=False)
    title = models.CharField(max_length=500, blank=True, default="")
    every_hours = models.PositiveSmallIntegerField(
        _("How often"), choices=WatchInterval.choices, default=WatchInterval.DAY
    )
    items_per_check = models.PositiveSmallIntegerField(
        _("Maximum new items per check"),
        default=20,
        validators=[MinValueValidator(1), MaxValueValidator(200)],
        help_text=_("Further items wait for the next check."),
    )
    title_words = models.CharField(
        _("Only titles with one of these words"),
        max_length=500,
        blank=True,
        default="",
        help_text=_("Separated by commas; leave empty for every item."),
    )
    enabled = models.BooleanField(default=True)
    last_check_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    last_error = models.CharField(max_length=1000, blank=True, default="")
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="container")
    objects = ReachManager["Watch"]()

    class Meta:
        ordering = ["title", "id"]
        verbose_name_plural = "watches"
        constraints = [
            models.UniqueConstraint(
                fields=["container", "link_key"], name="watch_once_per_container"
            )
        ]

    def __str__(self) -> str:
        return self.title or self.url

    @property
    def interval(self) -> timedelta:
        """Return the usual time between two checks."""
        return timedelta(hours=self.every_hours)

    @property
    def words(self) -> list[str]:
        """Return the words of the title filter, in lower case."""
        words = [word.strip().lower() for word in self.title_words.split(",")]
        return [word for word in words if word]


class WatchItem(models.Model):
    """One item that the source listed.

    ``position`` is its place in the last listing that held it, newest first;
    ``probed_at`` is when its own link was last checked.
    """

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="items")
    link_key = models.CharField(max_length=64)
    url = models.URLField(max_length=2000)
    title = models.CharField(max_length=500)
    account = models.CharField(max_length=300, blank=True, default="")
    published_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=WatchItemState.choices)
    message = models.CharField(max_length=500, blank=True, default="")
    scanned_file = models.ForeignKey(
        ScannedFile, on_delete=models.PROTECT, null=True, blank=True, related_name="watch_items"
    )
    position = models.PositiveIntegerField(default=0)
    is_listed = models.BooleanField(default=True)
    probed_at = models.DateTimeField(null=True, blank=True)
    first_seen_at = models.DateTimeField()

    reach = Path(containers="watch__container")
    objects = ReachManager["WatchItem"]()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["watch", "link_key"], name="watch_item_once")
        ]

    def __str__(self) -> str:
        return self.title or self.url


class WatchCheck(models.Model):
    """One check of the source with its counts."""

    watch = models.ForeignKey(Watch, on_delete=models.CASCADE, related_name="checks")
    at = models.DateTimeField("time")
    listed = models.PositiveIntegerField(default=0)
    new = models.PositiveIntegerField(default=0)
    scanned = models.PositiveIntegerField(default=0)
    seen_before = models.PositiveIntegerField(default=0)
    waiting = models.PositiveIntegerField(default=0)
    gone = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=1000, blank=True, default="")

    reach = Path(containers="watch__container")
    objects = ReachManager["WatchCheck"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.watch}, {read_date(self.at, 'moment')}"
