"""Recordings that share sound: links, groups, loops, and actions on them."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from base.accounts.columns import person_field
from base.accounts.reach import Path, ReachManager
from base.common.reading import read_interval
from base.common.uid import uid_field
from catalogue.models import Bucket, Recording


class DuplicateKind(models.TextChoices):
    """How two recordings relate, the surest kind first."""

    EXACT_FILE = "exact_file", _("Same file")
    SAME_AUDIO = "same_audio", _("Same audio")
    SAME_RECORDING = "same_recording", _("Same recording")
    OVERLAP = "overlap", _("Overlap")
    SHARED_LOOP = "shared_loop", _("Shared loop")


GROUPING_KINDS = (DuplicateKind.EXACT_FILE, DuplicateKind.SAME_AUDIO)
"""The kinds that make recordings one; nothing else may chain them together."""


class PairLink(models.Model):
    """Two recordings that share sound; ``one`` has the lower key.

    ``runs`` are the aligned intervals, each ``[start, end, other start, other end,
    tempo, cents, score]`` in milliseconds of ``one`` and ``other``. A pair kept apart
    is not proposed again while the audio of both is unchanged.
    """

    uid = uid_field("p")
    one = models.ForeignKey(
        Recording, on_delete=models.CASCADE, verbose_name=_("first recording"), related_name="+"
    )
    other = models.ForeignKey(
        Recording, on_delete=models.CASCADE, verbose_name=_("second recording"), related_name="+"
    )
    kind = models.CharField(max_length=16, choices=DuplicateKind.choices, blank=True, default="")
    altered = models.BooleanField(default=False)
    runs = models.JSONField(default=list, blank=True)
    coverage_one = models.FloatField(_("shared part of the first recording"), default=0)
    coverage_other = models.FloatField(_("shared part of the second recording"), default=0)
    tempo_ratio = models.FloatField(default=1)
    pitch_cents = models.FloatField(_("pitch (cents)"), default=0)
    confidence = models.FloatField(default=1)
    engine_version = models.CharField(max_length=40, blank=True, default="")
    audio_one = models.CharField(
        _("audio of the first recording"), max_length=64, blank=True, default=""
    )
    audio_other = models.CharField(
        _("audio of the second recording"), max_length=64, blank=True, default=""
    )
    kept_at = models.DateTimeField(null=True, blank=True)
    kept_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(buckets="one__bucket", other_buckets="other__bucket")
    objects = ReachManager["PairLink"]()

    class Meta:
        verbose_name = _("duplicate link")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["one", "other"], name="dedup_one_link_per_pair"),
            models.CheckConstraint(condition=Q(one__lt=F("other")), name="dedup_pair_in_order"),
        ]
        indexes = [models.Index(fields=["kind", "kept_at"], name="dedup_link_kind")]

    def __str__(self) -> str:
        return f"{self.one} – {self.other}"


class GroupKind(models.TextChoices):
    """What holds a group together."""

    SAME_SOUND = "same_sound", _("Same sound")
    FAMILY = "family", _("Version family")


class DedupGroup(models.Model):
    """Recordings that are one sound, one of them canonical; or versions of one.

    ``version`` rises with every change, so that nobody acts on an outdated view.
    """

    uid = uid_field("g")
    kind = models.CharField(max_length=16, choices=GroupKind.choices, default=GroupKind.SAME_SOUND)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("duplicate group")
        ordering = ["-updated_at", "-id"]

    def __str__(self) -> str:
        return self.uid


class DedupMember(models.Model):
    """One recording's place in a group, and the link that brought it there.

    ``linked_to`` is the recording it was compared with; empty for the first member.
    Without the link of a ``bridge`` the group would fall apart. ``pinned`` marks a
    canonical recording that a person chose.
    """

    group = models.ForeignKey(DedupGroup, on_delete=models.CASCADE, related_name="members")
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="dedup_members")
    kind = models.CharField(max_length=16, choices=DuplicateKind.choices, blank=True, default="")
    linked_to = models.ForeignKey(
        Recording, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    canonical = models.BooleanField(default=False)
    bridge = models.BooleanField(default=False)
    pinned = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["DedupMember"]()

    class Meta:
        verbose_name = _("duplicate group member")
        ordering = ["-canonical", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["group"],
                condition=models.Q(canonical=True),
                name="dedup_one_canonical_per_group",
            ),
            models.UniqueConstraint(fields=["group", "recording"], name="dedup_once_in_a_group"),
        ]

    def __str__(self) -> str:
        return f"{self.recording} in {self.group}"


class LoopState(models.TextChoices):
    """The decision about a shared loop."""

    OPEN = "open", pgettext_lazy("state", "Open")
    EXCLUDED = "excluded", _("Excluded")
    KEPT = "kept", _("Kept")


class SharedLoop(models.Model):
    """A short interval that many recordings share, or that one repeats."""

    uid = uid_field("l")
    length_ms = models.PositiveIntegerField()
    state = models.CharField(max_length=16, choices=LoopState.choices, default=LoopState.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.uid


class LoopPlace(models.Model):
    """Where a recording has the shared interval."""

    loop = models.ForeignKey(SharedLoop, on_delete=models.CASCADE, related_name="places")
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="+")
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["LoopPlace"]()

    class Meta:
        verbose_name = _("shared loop interval")
        ordering = ["recording_id", "start_ms"]

    def __str__(self) -> str:
        interval = read_interval(self.start_ms, self.end_ms, digits=1)
        return f"{self.recording_id}, {interval}"


class CheckedRecording(models.Model):
    """Marks a recording as compared with its bucket: with which audio, by which engine."""

    recording = models.OneToOneField(
        Recording, on_delete=models.CASCADE, related_name="dedup_check"
    )
    audio = models.CharField(max_length=64, blank=True, default="")
    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE, related_name="+")
    engine_version = models.CharField(max_length=40)
    at = models.DateTimeField("time", auto_now=True)

    def __str__(self) -> str:
        return f"{self.recording_id} at {self.at}"


class RunStatus(models.TextChoices):
    """The progress of a check of the catalogue."""

    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("Running")
    DONE = "done", _("Done")
    CANCELLED = "cancelled", _("Cancelled")
    FAILED = "failed", _("Failed")


class CatalogueCheck(models.Model):
    """One check of all buckets: its progress and counts.

    Its counts cover every bucket, so people with access limits see only their own
    checks.
    """

    uid = uid_field("k")
    status = models.CharField(max_length=16, choices=RunStatus.choices, default=RunStatus.WAITING)
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    pairs = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)
    message = models.CharField(max_length=500, blank=True, default="")
    requested_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    reach = Path(owner="requested_by")
    objects = ReachManager["CatalogueCheck"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.uid} {self.status}"


class ActionVerb(models.TextChoices):
    """What a person does about duplicates; also the name of the event."""

    CANONICAL = "canonical", _("Choose the canonical recording")
    MERGE = "merge", _("Merge")
    KEEP = "keep", _("Keep apart")
    SPLIT = "split", _("Split")
    RETIRE = "retire", _("Retire")


class ActionState(models.TextChoices):
    """Whether an action is proposed, done, or undone."""

    PROPOSED = "proposed", _("Proposed")
    DONE = "done", _("Done")
    REFUSED = "refused", _("Refused")
    UNDONE = "undone", _("Undone")


class DedupAction(models.Model):
    """One action on duplicates, with the data needed to undo it.

    ``asked`` holds the arguments, by uid; ``before`` and ``after`` hold the changed
    rows.
    """

    uid = uid_field("d")
    verb = models.CharField(max_length=16, choices=ActionVerb.choices)
    state = models.CharField(max_length=16, choices=ActionState.choices, default=ActionState.DONE)
    title = models.CharField(max_length=500)
    group_uid = models.CharField(max_length=32, db_index=True)
    asked = models.JSONField("arguments", default=dict)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    note = models.CharField(max_length=1000, blank=True, default="")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("created by"),
    )
    made_at = models.DateTimeField(_("created at"), auto_now_add=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    settled_at = models.DateTimeField(_("decided at"), null=True, blank=True)

    # Its title and rows may describe recordings that are gone, so only its author sees
    # it.
    reach = Path(owner="made_by")
    objects = ReachManager["DedupAction"]()

    class Meta:
        verbose_name = _("duplicate decision")
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_verb_display()}: {self.title}"

    @property
    def done_at(self) -> datetime:
        """Return when the action took effect; for a proposal, when it was accepted."""
        return self.settled_at or self.made_at


class TrackId(models.Model):
    """The id by which a caller of dedup-files knows a recording.

    Several ids of one recording are duplicates in terms of the protocol.
    """

    bucket = models.ForeignKey(Bucket, on_delete=models.CASCADE)
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="track_ids")
    track_id = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(buckets="bucket")
    objects = ReachManager["TrackId"]()

    class Meta:
        # The table is older than its place in this package.
        db_table = "acrapi_trackid"
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["bucket", "track_id"], name="track_id_once_in_bucket")
        ]

    def __str__(self) -> str:
        return self.track_id
