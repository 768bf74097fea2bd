"""Stations, their streams, recorded and searched time, and gaps.

``run_ms`` counts from the first sample of a run, in which no sample is missing. Times
of the wall clock follow from the run's anchors.
"""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, PresentManager, ReachManager
from base.common.charsets import CHARSETS
from base.common.reading import read_date
from base.common.uid import uid_field
from catalogue.models import Recording
from plugins.monitoring.streams.choices import (
    AirplayState,
    AlarmKind,
    CommercialModel,
    GapCause,
    RunEdge,
    StationType,
    StreamEvent,
    StreamState,
)
from plugins.moving.models import EngineTrial
from scanning.choices import DeliveryStatus
from scanning.models import Container, Scan, ScannedFile, Segment


class Station(models.Model):
    """A broadcaster's channel; streams and declarations name it."""

    uid = uid_field("st")
    SETTINGS = (
        *("name", "place", "territory", "time_zone", "type", "call_sign"),
        *("custom_id", "commercial_model", "soundexchange_category"),
    )
    """The columns that people set: the page and the audit trail follow them."""

    name = models.CharField(_("name"), max_length=200, unique=True)
    call_sign = models.CharField(_("call sign"), max_length=40, blank=True, default="")
    place = models.CharField(_("place"), max_length=200, blank=True, default="")
    territory = models.CharField(_("territory"), max_length=2, blank=True, default="")
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default="UTC",
        help_text=_("The days of its streams begin at midnight in this zone."),
    )
    custom_id = models.CharField(
        _("custom ID"), max_length=200, blank=True, default="", db_index=True
    )
    type = models.CharField(
        _("type"), max_length=16, choices=StationType.choices, default=StationType.FM
    )
    commercial_model = models.CharField(
        _("commercial model"),
        max_length=40,
        choices=CommercialModel.choices,
        blank=True,
        default="",
    )
    soundexchange_category = models.CharField(
        _("SoundExchange category"), max_length=1, blank=True, default=""
    )
    banned = models.ManyToManyField(
        Recording,
        blank=True,
        related_name="banned_by",
        verbose_name=_("recordings that must not be played"),
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        verbose_name = _("station")
        verbose_name_plural = _("stations")

    def __str__(self) -> str:
        return self.name


class Stream(models.Model):
    """One address, with others to try in order, that a recorder listens to.

    The audio of the last ``keep_hours`` is kept as a ring. Without ``title_charset``, the
    encoding of each title that the server sends is guessed. Minutes of an alarm are
    empty if it is off.
    """

    SETTINGS = (
        *("name", "urls", "title_charset", "keep_hours"),
        *("silent_minutes", "away_minutes", "unmatched_minutes"),
        *("quiet_from", "quiet_until", "alarm_emails", "alarm_url"),
    )
    """The columns that people set: the page and the audit trail follow them."""

    uid = uid_field("s")
    station = models.ForeignKey(Station, on_delete=models.PROTECT, related_name="streams")
    container = models.ForeignKey(
        Container, on_delete=models.PROTECT, related_name="streams", limit_choices_to=PRESENT
    )
    name = models.CharField(_("name"), max_length=200)
    urls = models.JSONField(
        _("addresses"),
        default=list,
        help_text=_("One per line: Icecast, SHOUTcast or HLS. The next is tried if one fails."),
    )
    enabled = models.BooleanField(_("listening"), default=True)
    keep_hours = models.PositiveIntegerField(
        _("hours of audio kept"),
        default=24,
        validators=[MinValueValidator(1), MaxValueValidator(90 * 24)],
        help_text=_("At most 2,160, which is 90 days."),
    )
    title_charset = models.CharField(
        _("Text of the titles"),
        max_length=20,
        choices=CHARSETS,
        blank=True,
        default="",
        help_text=_("Choose an encoding if titles show wrong letters."),
    )
    silent_minutes = models.PositiveIntegerField(
        _("alarm after minutes of silence"),
        null=True,
        blank=True,
        default=2,
        help_text=_("Leave empty for no such alarm."),
    )
    away_minutes = models.PositiveIntegerField(
        _("alarm after minutes away"),
        null=True,
        blank=True,
        default=5,
        help_text=_("Leave empty for no such alarm."),
    )
    unmatched_minutes = models.PositiveIntegerField(
        _("alarm after minutes without a match"),
        null=True,
        blank=True,
        help_text=_("Leave empty for no such alarm."),
    )
    quiet_from = models.TimeField(
        _("no email from"), null=True, blank=True, help_text=_("In the station's local time.")
    )
    quiet_until = models.TimeField(_("no email until"), null=True, blank=True)
    alarm_emails = models.JSONField(
        _("email addresses"),
        default=list,
        blank=True,
        help_text=_("One per line. Each gets an email when an alarm begins."),
    )
    alarm_url = models.URLField(
        _("webhook"),
        max_length=2000,
        blank=True,
        default="",
        help_text=_("Alarms are posted to this address, signed."),
    )
    # Each address is sent what the person who set it may see.
    emails_set_by = person_field(editable=False)
    url_set_by = person_field(editable=False)
    user_defined = models.JSONField(default=dict, blank=True)
    trials = models.ManyToManyField(
        EngineTrial,
        blank=True,
        editable=False,
        related_name="streams",
        db_table="reports_enginetrial_streams",
    )
    # A recorder restarts when this number changes.
    revision = models.PositiveIntegerField(default=0, editable=False)

    state = models.CharField(
        max_length=20, choices=StreamState.choices, default=StreamState.WAITING
    )
    cause = models.CharField(max_length=500, blank=True, default="")
    state_at = models.DateTimeField(_("in this state since"), null=True, blank=True)
    current_url = models.CharField(max_length=2000, blank=True, default="")
    heard_until = models.DateTimeField(null=True, blank=True)
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="container")
    objects = PresentManager["Stream"]()

    class Meta:
        ordering = ["name", "id"]
        verbose_name = _("stream")
        verbose_name_plural = _("streams")

    def __str__(self) -> str:
        return self.name

    @property
    def url(self) -> str:
        """Return the address of the stream's page."""
        return reverse("portal:stream_day", args=[self.uid])


class StreamRun(models.Model):
    """Samples of a stream without a break; None as its end while it goes on.

    ``folder`` holds the run's landmarks, relative to the recorders' folder.
    """

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="runs")
    uid = uid_field("sr")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    heard_until = models.DateTimeField(null=True, blank=True)
    duration_ms = models.PositiveBigIntegerField(default=0)
    codec = models.CharField(max_length=40, blank=True, default="")
    sample_rate = models.PositiveIntegerField(default=0)
    channels = models.PositiveSmallIntegerField(default=0)
    byte_offset = models.PositiveBigIntegerField(default=0)
    start_cause = models.CharField(max_length=20, choices=RunEdge.choices)
    end_cause = models.CharField(max_length=20, choices=RunEdge.choices, blank=True, default="")

    reach = Path(containers="stream__container")
    objects = ReachManager["StreamRun"]()

    class Meta:
        ordering = ["starts_at", "id"]
        verbose_name = _("run of a stream")
        verbose_name_plural = _("runs of streams")
        indexes = [models.Index(fields=["stream", "starts_at"], name="run_of_stream")]

    def __str__(self) -> str:
        return f"{self.stream}, {read_date(self.starts_at, 'full')}"


class ClockAnchor(models.Model):
    """Wall time of one sample of a run, one a minute; linear between two."""

    run = models.ForeignKey(StreamRun, on_delete=models.CASCADE, related_name="anchors")
    run_ms = models.PositiveBigIntegerField()
    at = models.DateTimeField()

    reach = Path(containers="run__stream__container")
    objects = ReachManager["ClockAnchor"]()

    class Meta:
        ordering = ["run_ms"]
        verbose_name = _("clock anchor of a stream")
        verbose_name_plural = _("clock anchors of streams")
        constraints = [models.UniqueConstraint(fields=["run", "run_ms"], name="anchor_once")]

    def __str__(self) -> str:
        return f"{self.run_ms} ms at {read_date(self.at, 'full')}"


class StreamHour(models.Model):
    """A window of a stream that is scanned and reviewed as a file.

    It is about an hour long and ends where no play crosses its end. ``pieces`` says
    which times of which runs lie where in the file. ``before`` and ``after`` hold the
    landmarks of the two minutes around, which a scan hears too. Without any sound there
    is no file.
    """

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="hours")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    scanned_file = models.OneToOneField(
        ScannedFile, on_delete=models.PROTECT, null=True, blank=True, related_name="stream_hour"
    )
    pieces = models.JSONField(default=list, blank=True, editable=False)
    before = models.FileField(max_length=200, blank=True, default="", editable=False)
    after = models.FileField(max_length=200, blank=True, default="", editable=False)
    # The newest scan around whose matches audio was copied from the ring.
    copied_for = models.ForeignKey(
        Scan, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    reach = Path(containers="stream__container")
    objects = ReachManager["StreamHour"]()

    class Meta:
        ordering = ["starts_at"]
        verbose_name = _("hour of a stream")
        verbose_name_plural = _("hours of streams")
        constraints = [
            models.UniqueConstraint(fields=["stream", "starts_at"], name="stream_hour_once"),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="stream_hour_has_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.stream}, {read_date(self.starts_at, 'moment')}"


class StreamGap(models.Model):
    """A time of a stream that was not searched; rows are only added."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="gaps")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    cause = models.CharField(max_length=16, choices=GapCause.choices)
    is_exact = models.BooleanField(default=False)

    reach = Path(containers="stream__container")
    objects = ReachManager["StreamGap"]()

    class Meta:
        ordering = ["starts_at", "id"]
        verbose_name = _("gap of a stream")
        verbose_name_plural = _("gaps of streams")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="stream_gap_has_length"
            )
        ]
        indexes = [models.Index(fields=["stream", "starts_at"], name="gap_of_stream")]

    def __str__(self) -> str:
        return f"{self.get_cause_display()}, {read_date(self.starts_at, 'full')}"


class StreamTitle(models.Model):
    """A title that the server sent: advice for people, never evidence."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="titles")
    at = models.DateTimeField()
    text = models.CharField(max_length=500)

    reach = Path(containers="stream__container")
    objects = ReachManager["StreamTitle"]()

    class Meta:
        ordering = ["at", "id"]
        verbose_name = _("title of a stream")
        verbose_name_plural = _("titles of streams")
        indexes = [models.Index(fields=["stream", "at"], name="title_of_stream")]

    def __str__(self) -> str:
        return self.text


class Airplay(models.Model):
    """One play of a recording, as heard live; the settled hour confirms or withdraws it.

    ``offset_ms`` is the run's time at which the recording's first sample would have
    played: one alignment, whatever windows contain the play; the newest while it is
    heard live, the first once its hour is settled.
    """

    uid = uid_field("ap")
    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="airplays")
    run = models.ForeignKey(StreamRun, on_delete=models.CASCADE, related_name="airplays")
    # Protected: evidence must not vanish with a recording.
    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="airplays")
    state = models.CharField(
        max_length=16, choices=AirplayState.choices, default=AirplayState.PLAYING
    )
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    start_ms = models.PositiveBigIntegerField()
    end_ms = models.PositiveBigIntegerField()
    offset_ms = models.BigIntegerField()
    tempo_ratio = models.FloatField(default=1.0)
    pitch_cents = models.FloatField(default=0.0)
    score = models.FloatField()
    reported_at = models.DateTimeField(auto_now_add=True)
    segment = models.OneToOneField(
        Segment, on_delete=models.SET_NULL, null=True, blank=True, related_name="airplay"
    )

    reach = Path(containers="stream__container", buckets="recording__bucket")
    objects = ReachManager["Airplay"]()

    class Meta:
        ordering = ["starts_at", "id"]
        verbose_name = _("play on a stream")
        verbose_name_plural = _("plays on streams")
        indexes = [
            models.Index(fields=["stream", "starts_at"], name="airplay_of_stream"),
            models.Index(
                fields=["stream"], condition=Q(state=AirplayState.PLAYING), name="airplay_open"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.recording}, {read_date(self.starts_at, 'full')}"


class StreamAlarm(models.Model):
    """One incident; a second alarm of its kind waits until it has ended."""

    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="alarms")
    kind = models.CharField(max_length=16, choices=AlarmKind.choices)
    airplay = models.ForeignKey(
        Airplay, on_delete=models.CASCADE, null=True, blank=True, related_name="alarms"
    )
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)

    reach = Path(containers="stream__container")
    objects = ReachManager["StreamAlarm"]()

    class Meta:
        ordering = ["-began_at", "-id"]
        verbose_name = _("alarm of a stream")
        verbose_name_plural = _("alarms of streams")
        constraints = [
            models.UniqueConstraint(
                fields=["stream", "kind"],
                condition=Q(ended_at__isnull=True, airplay__isnull=True),
                name="alarm_open_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {read_date(self.began_at, 'full')}"


class StreamNotice(models.Model):
    """An event or an alarm on its way to a webhook or to people.

    Every attempt sends the same body. ``url`` is empty for email, ``emails`` for a
    webhook. ``owner`` set the address and must be able to see the stream and
    ``airplay``, if it is about a play. Notices to the container's own addresses, which
    only admins set, have no owner.
    """

    uid = uid_field("sn")
    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="notices")
    airplay = models.ForeignKey(
        Airplay, on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    owner = person_field()
    event = models.CharField(_("event"), max_length=40, choices=StreamEvent.choices)
    url = models.URLField(max_length=2000, blank=True, default="")
    emails = models.JSONField(default=list, blank=True)
    subject = models.CharField(max_length=300, blank=True, default="")
    body = models.TextField()
    status = models.CharField(
        max_length=16, choices=DeliveryStatus.choices, default=DeliveryStatus.WAITING
    )
    message = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(containers="stream__container")
    objects = ReachManager["StreamNotice"]()

    class Meta:
        ordering = ["-id"]
        verbose_name = _("notice of a stream")
        verbose_name_plural = _("notices of streams")
        indexes = [models.Index(fields=["stream", "-id"], name="notice_of_stream")]

    def __str__(self) -> str:
        return f"{self.get_event_display()} ({self.uid})"


class StreamCallbacks(models.Model):
    """Where the plays and the states of a container's streams are posted."""

    container = models.OneToOneField(
        Container, on_delete=models.CASCADE, related_name="stream_callbacks"
    )
    result_url = models.URLField(max_length=2000, blank=True, default="")
    state_url = models.URLField(max_length=2000, blank=True, default="")

    reach = Path(containers="container")
    objects = ReachManager["StreamCallbacks"]()

    class Meta:
        db_table = "acrapi_streamcallbacks"
        verbose_name = "addresses for streams"
        verbose_name_plural = "addresses for streams"

    def __str__(self) -> str:
        return str(self.container)
