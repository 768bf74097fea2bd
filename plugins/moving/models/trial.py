"""Trials: two engines scan the same files for some weeks, and people judge blindly."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.uid import uid_field
from catalogue.models import Recording
from review.models import Match
from scanning.models import CloudAccount, Container, Scan, ScannedFile


class TrialState(models.TextChoices):
    """Whether a trial still compares."""

    RUNNING = "running", _("Running")
    ENDED = "ended", _("Ended")


class TrialKeeps(models.TextChoices):
    """The engines that scan on after a trial."""

    BOTH = "both", _("Both")
    OURS = "ours", _("This portal only")
    THEIRS = "theirs", _("ACRCloud only")


class TrialKind(models.TextChoices):
    """What the two engines say of one recording in one file."""

    BOTH = "both", _("Both found it")
    TIMES = "times", _("Both found it, at different times")
    ONLY_OURS = "only_ours", _("Only this portal found it")
    ONLY_THEIRS = "only_theirs", _("Only ACRCloud found it")
    OTHER_OURS = (
        "other_ours",
        _("This portal found it, ACRCloud another recording in the same place"),
    )
    OTHER_THEIRS = (
        "other_theirs",
        _("ACRCloud found it, this portal another recording in the same place"),
    )


class Judgement(models.TextChoices):
    """What a person heard who did not know which engine had found it."""

    HEARD = "heard", _("It is heard")
    WRONG = "wrong", _("It is not heard")


class EngineTrial(models.Model):
    """A time in which this portal and a cloud account scan the same files.

    ``sends_files`` is off if programs send the files to the account themselves;
    ``unpaired`` counts those there that are like none here, or like several. ``seed``
    decides which agreements are judged. ``their_buckets`` has, by container
    and by stream (``stream:1``), the ids of the account's buckets that are searched
    there. ``stream_days`` has what became of the days of each stream, by its key: the
    last one that was read (``until``), how many had no usable plays (``other_day``) and
    how many plays came while the stream was not heard here (``unheard``). ``known`` has
    the fields of ``plugins.moving.trials.selectors.Known`` at the last comparison. ``report`` is
    written once, when the trial ends.
    """

    uid = uid_field("et")
    account = models.ForeignKey(CloudAccount, on_delete=models.PROTECT, related_name="trials")
    containers = models.ManyToManyField(
        Container, related_name="trials", db_table="reports_enginetrial_containers"
    )
    sends_files = models.BooleanField(default=True)
    unpaired = models.PositiveIntegerField(default=0, editable=False)
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(help_text=_("Files that come later are not compared."))
    price_per_hour = models.DecimalField(
        _("price of an hour at ACRCloud"),
        max_digits=8,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(0)],
    )
    currency = models.CharField(max_length=3, blank=True, default="")
    seed = models.CharField(max_length=32, editable=False)
    their_buckets = models.JSONField(default=dict, blank=True, editable=False)
    stream_days = models.JSONField(default=dict, blank=True, editable=False)
    known = models.JSONField(default=dict, blank=True, editable=False)
    state = models.CharField(max_length=8, choices=TrialState.choices, default=TrialState.RUNNING)
    keeps = models.CharField(max_length=8, choices=TrialKeeps.choices, blank=True, default="")
    compared_at = models.DateTimeField(null=True, blank=True)
    report = models.TextField(blank=True, default="", editable=False)
    made_by = person_field()
    ended_at = models.DateTimeField(null=True, blank=True)

    # Accounts concern the whole portal; what is compared has limits of its own.
    objects = models.Manager["EngineTrial"]()

    class Meta:
        db_table = "reports_enginetrial"
        ordering = ["-begins_at", "-id"]

    def __str__(self) -> str:
        return f"{self.account} {self.begins_at:%Y-%m-%d}"

    @property
    def case(self) -> str:
        """Return the trial's case in the audit trail."""
        return f"trial:{self.uid}"

    @property
    def url(self) -> str:
        """Return the address of the trial's page."""
        return reverse("portal:trial", args=[self.uid])


class TrialFile(models.Model):
    """A file that both engines have scanned, or an hour of a stream that both heard.

    Of an hour, the account gives plays and no scan; nor is there one of ``their_file``,
    which programs sent to the account themselves. The counts are of finds that are not
    compared: recordings that only one of the two could find, those of ACRCloud's own
    catalogue, and those below the floor.
    """

    trial = models.ForeignKey(EngineTrial, on_delete=models.CASCADE, related_name="files")
    scanned_file = models.ForeignKey(ScannedFile, on_delete=models.PROTECT, related_name="+")
    our_scan = models.ForeignKey(Scan, on_delete=models.PROTECT, related_name="+")
    their_scan = models.ForeignKey(
        Scan, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    their_file = models.CharField(max_length=64, blank=True, default="")
    duration_ms = models.BigIntegerField()
    own_catalogue = models.PositiveIntegerField(default=0)
    not_in_both = models.PositiveIntegerField(default=0)
    below_floor = models.PositiveIntegerField(default=0)

    reach = Path(containers="scanned_file__container")
    objects = ReachManager["TrialFile"]()

    class Meta:
        db_table = "reports_trialfile"
        ordering = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["trial", "scanned_file"], name="trial_file_once")
        ]

    def __str__(self) -> str:
        return str(self.scanned_file)


class TrialRow(models.Model):
    """One recording in one file, as the two engines found it.

    The times of an engine that did not find it are empty. ``draw`` orders the rows by
    chance, in which people see them. ``sampled`` rows are judged; the others are
    agreements of which the sample speaks.
    """

    file = models.ForeignKey(TrialFile, on_delete=models.CASCADE, related_name="rows")
    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="+")
    match = models.ForeignKey(
        Match, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    kind = models.CharField(max_length=12, choices=TrialKind.choices)
    our_start_ms = models.BigIntegerField(null=True)
    our_end_ms = models.BigIntegerField(null=True)
    their_start_ms = models.BigIntegerField(null=True)
    their_end_ms = models.BigIntegerField(null=True)
    reference_start_ms = models.BigIntegerField()
    draw = models.PositiveIntegerField()
    sampled = models.BooleanField()
    judged = models.CharField(max_length=8, choices=Judgement.choices, blank=True, default="")
    judged_by = person_field()
    judged_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="file__scanned_file__container", buckets="recording__bucket")
    objects = ReachManager["TrialRow"]()

    class Meta:
        db_table = "reports_trialrow"
        ordering = ["draw", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["file", "recording"], name="trial_row_once")
        ]
        indexes: ClassVar = [models.Index(fields=["draw", "id"], name="trial_row_draw")]

    def __str__(self) -> str:
        return f"{self.recording} in {self.file}"

    @property
    def start_ms(self) -> int:
        """Return where the earlier of the two engines heard it begin."""
        starts = (self.our_start_ms, self.their_start_ms)
        return min(at for at in starts if at is not None)

    @property
    def end_ms(self) -> int:
        """Return where the later of the two engines heard it end."""
        ends = (self.our_end_ms, self.their_end_ms)
        return max(at for at in ends if at is not None)
