"""Repeated unknown sound: the files compared, the items found, where they occur."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from base.accounts.reach import Path, ReachManager
from base.common.reading import read_interval
from base.common.uid import uid_field
from catalogue.models import Recording, new_acr_id
from scanning.models import Container, ScannedFile


class UnknownPolicy(models.Model):
    """Whether the unmatched sound of a container's files is compared, and what counts.

    A container without a row follows the defaults. ``days_kept`` counts from the file's
    arrival; None keeps its sound as long as the file.
    """

    container = models.OneToOneField(
        Container, on_delete=models.CASCADE, related_name="unknown_policy"
    )
    is_on = models.BooleanField(_("find repeated unknown sound"), default=True)
    least_seconds = models.PositiveIntegerField(
        _("shortest item in seconds"), default=5, validators=[MinValueValidator(5)]
    )
    least_count = models.PositiveIntegerField(
        _("fewest occurrences"), default=2, validators=[MinValueValidator(2)]
    )
    days_kept = models.PositiveIntegerField(
        _("days to compare a file"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text=_("Leave empty to compare it as long as it is here."),
    )

    reach = Path(containers="container")
    objects = ReachManager["UnknownPolicy"]()

    class Meta:
        verbose_name = _("policy for unknown sound")
        verbose_name_plural = _("policies for unknown sound")

    def __str__(self) -> str:
        return str(self.container)


class KeptState(models.TextChoices):
    """How far a file's unmatched sound is compared with that of the others."""

    WAITING = "waiting", _("Waiting")
    COMPARING = "comparing", _("Comparing")
    COMPARED = "compared", _("Compared")
    FAILED = "failed", _("Failed")
    CANCELLED = "cancelled", _("Cancelled")


class KeptFile(models.Model):
    """A scanned file whose unmatched sound is compared with that of later files.

    The primary key is its number in the join index and is never used again. ``scan_id``
    is the newest scan whose result it took into account, ``unmatched`` the intervals
    ``[start, end]`` in milliseconds in which nothing matched then, no settled item
    either, and that are not speech alone; ``unmatched_ms`` is their length. ``basis`` is
    the digest of what it was compared by. ``revision`` rises over all files with every change of its
    entry, so that each machine's index can follow.
    """

    scanned_file = models.OneToOneField(
        ScannedFile, on_delete=models.CASCADE, related_name="kept_sound"
    )
    state = models.CharField(max_length=16, choices=KeptState.choices, default=KeptState.WAITING)
    message = models.CharField(max_length=500, blank=True, default="")
    scan_id = models.BigIntegerField(null=True, blank=True)
    unmatched = models.JSONField(default=list, blank=True)
    unmatched_ms = models.PositiveBigIntegerField(default=0)
    fingerprint_name = models.CharField(max_length=200, blank=True, default="")
    basis = models.CharField(max_length=64, blank=True, default="")
    revision = models.PositiveBigIntegerField(null=True, blank=True, unique=True)
    compared_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["KeptFile"]()

    class Meta:
        verbose_name = _("compared file")
        ordering = ["id"]
        indexes = [models.Index(fields=["state"], name="kept_file_state")]

    def __str__(self) -> str:
        return str(self.scanned_file)


class SharedRun(models.Model):
    """Sound that a kept file shares with an earlier one, or with itself.

    It holds ``recognition.recurring.join.SharedSound``; pages never show it.
    """

    file = models.ForeignKey(KeptFile, on_delete=models.CASCADE, related_name="runs")
    start_ms = models.PositiveBigIntegerField()
    end_ms = models.PositiveBigIntegerField()
    other = models.ForeignKey(KeptFile, on_delete=models.CASCADE, related_name="later_runs")
    other_start_ms = models.PositiveBigIntegerField()
    other_end_ms = models.PositiveBigIntegerField()
    pitch_cents = models.FloatField()
    bits = models.FloatField()
    aligned = models.PositiveIntegerField()
    absent = models.PositiveIntegerField()

    reach = Path(containers="file__scanned_file__container")
    objects = ReachManager["SharedRun"]()

    class Meta:
        verbose_name = _("shared interval")
        ordering = ["id"]

    def __str__(self) -> str:
        interval = read_interval(self.start_ms, self.end_ms, digits=1)
        return f"{self.file_id} {interval} of {self.other_id}"


class ItemState(models.TextChoices):
    """What people, or later results, have made of an unknown item."""

    UNIDENTIFIED = "unidentified", _("Unknown")
    NAMED = "named", _("Named")
    IGNORED = "ignored", _("Ignored")
    MERGED = "merged", _("Merged")
    CLOSED = "closed", _("No longer repeated")


class IgnoreReason(models.TextChoices):
    """Why an item is ignored for ever."""

    JINGLE = "jingle", _("Jingle")
    BED = "bed", _("Music bed")
    AD = "ad", _("Advertisement")
    EFFECT = "effect", _("Sound effect")
    OTHER = "other", _("Other")


class UnknownItem(models.Model):
    """Sound that returns and matches nothing in the catalogue.

    Its best copy is the interval ``best_start_ms`` to ``best_end_ms`` of ``best_file``;
    ``best_item_start_ms`` is where it begins in the item. ``landmarks`` are the
    reference landmarks of that copy, as a fingerprint file, which outlive it: by them
    items are found in later files. The extent of an item that is ``settled`` never
    changes: people named, ignored, split or merged it.

    ``music_pct`` is how much of the best copy is music, alone or under speech; None if
    that was not judged. Items with little music are not offered as unknown music.
    ``plays`` counts the occurrences, ``first_at`` and ``last_at`` are when the first and
    last file with one arrived, and ``weight_ms`` is plays × length, by which lists are
    ordered. People with access limits see figures of what they may see instead.
    ``searched_to`` is the last kept file in which earlier occurrences were searched,
    None once they were searched in all.
    ``version`` rises with every change, so that nobody acts on an outdated view.
    """

    uid = uid_field("u")
    acr_id = models.CharField(max_length=32, unique=True, default=new_acr_id, editable=False)
    state = models.CharField(
        max_length=16, choices=ItemState.choices, default=ItemState.UNIDENTIFIED
    )
    label = models.CharField(max_length=200, blank=True, default="")
    ignored_as = models.CharField(
        max_length=16, choices=IgnoreReason.choices, blank=True, default=""
    )
    recording = models.ForeignKey(
        Recording, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # Undoing a name retires its recording; its matches no longer count.
    taken_back = models.ManyToManyField(Recording, blank=True, related_name="+")
    merged_into = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="parts"
    )
    is_watched = models.BooleanField(default=False)
    settled = models.BooleanField(default=False)
    length_ms = models.PositiveIntegerField()
    best_file = models.ForeignKey(
        KeptFile, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    best_start_ms = models.PositiveBigIntegerField(default=0)
    best_end_ms = models.PositiveBigIntegerField(default=0)
    best_item_start_ms = models.PositiveIntegerField(default=0)
    landmarks = models.BinaryField(default=b"", editable=False)
    music_pct = models.PositiveSmallIntegerField(
        _("music in percent"), null=True, blank=True, editable=False
    )
    plays = models.PositiveIntegerField(default=0)
    weight_ms = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField(null=True, blank=True)
    last_at = models.DateTimeField(null=True, blank=True)
    searched_to = models.PositiveBigIntegerField(null=True, blank=True, default=0)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Who may see one of its occurrences; see ``selectors.items_in_reach``.
    objects = models.Manager["UnknownItem"]()

    class Meta:
        verbose_name = _("unknown item")
        ordering = ["-weight_ms", "id"]
        indexes = [
            models.Index(fields=["state", "-weight_ms", "id"], name="item_by_weight"),
            models.Index(fields=["state", "-last_at", "id"], name="item_by_last"),
        ]

    def __str__(self) -> str:
        # The label of a named item is the title of a recording that access limits may hide.
        return self.uid if self.recording_id else self.label or self.uid


class Occurrence(models.Model):
    """Where an item sounds in a file, in milliseconds of the file and of the item.

    ``tempo_ratio`` is how fast it plays the best copy, ``pitch_cents`` how much higher
    it sounds, ``score`` 0–100.
    """

    item = models.ForeignKey(UnknownItem, on_delete=models.CASCADE, related_name="occurrences")
    file = models.ForeignKey(KeptFile, on_delete=models.CASCADE, related_name="occurrences")
    start_ms = models.PositiveBigIntegerField()
    end_ms = models.PositiveBigIntegerField()
    item_start_ms = models.PositiveIntegerField()
    item_end_ms = models.PositiveIntegerField()
    tempo_ratio = models.FloatField(default=1)
    pitch_cents = models.FloatField(default=0)
    bits = models.FloatField()
    score = models.FloatField()

    reach = Path(containers="file__scanned_file__container")
    objects = ReachManager["Occurrence"]()

    class Meta:
        verbose_name = _("occurrence")
        ordering = ["file", "start_ms", "id"]
        constraints = [
            models.UniqueConstraint(fields=["item", "file", "start_ms"], name="occurrence_once"),
            models.CheckConstraint(
                condition=Q(start_ms__lt=F("end_ms")), name="occurrence_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} in {self.file}"


class ContainerPlays(models.Model):
    """How often an item was heard in the files of one container.

    ``plugins.monitoring.unknown.figures`` counts it, so that people with access limits see figures of
    their containers without a look at every occurrence.
    """

    item = models.ForeignKey(UnknownItem, on_delete=models.CASCADE, related_name="by_container")
    container = models.ForeignKey(Container, on_delete=models.CASCADE, related_name="unknown_plays")
    plays = models.PositiveIntegerField()
    files = models.PositiveIntegerField()
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    reach = Path(containers="container")
    objects = ReachManager["ContainerPlays"]()

    class Meta:
        verbose_name = _("plays of an item in a container")
        verbose_name_plural = _("plays of items in containers")
        constraints = [
            models.UniqueConstraint(fields=["item", "container"], name="plays_once_per_container")
        ]

    def __str__(self) -> str:
        return f"{self.item}: {self.plays} in {self.container}"
