"""Sources of open data, what they suggest for empty fields, and rules that accept it."""

from __future__ import annotations

from typing import Final

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.reach import PRESENT, Path, ReachManager
from base.common.uid import uid_field
from catalogue.models import Bucket, Recording, RecordingStatus
from plugins.filling.choices import FillField, HoldReason, SourceState, SuggestionState

# Ids of ten artists; PostgreSQL indexes no more than 2,700 bytes.
VALUE_LENGTH: Final = 700


class EnrichmentSource(models.Model):
    """A file of open data, or the customer's own list, whose licence somebody accepted.

    ``path`` is the file on this machine. Its index lies in the folder of indexes, named
    after the source's ``uid``, and may be made again from the file.
    """

    uid = uid_field("es")
    kind = models.CharField(max_length=32)
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=1000, blank=True, default="")
    upload = models.FileField(max_length=200, blank=True, default="", editable=False)
    licence = models.CharField(max_length=200)
    accepted_by = person_field()
    accepted_at = models.DateTimeField()
    sha256 = models.CharField("SHA-256", max_length=64, blank=True, default="")
    data_date = models.CharField(max_length=40, blank=True, default="")
    schema = models.CharField(max_length=40, blank=True, default="")
    rows = models.BigIntegerField(default=0)
    state = models.CharField(
        max_length=16, choices=SourceState.choices, default=SourceState.WAITING
    )
    cause = models.CharField(max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)

    objects = models.Manager["EnrichmentSource"]()

    class Meta:
        verbose_name = _("source of open data")
        verbose_name_plural = _("sources of open data")
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class FillingRule(models.Model):
    """Accepts suggestions of one bucket by itself, from a confidence on.

    Never below the field's safe mark, and never one that is decided one by one.
    """

    uid = uid_field("fr")
    bucket = models.ForeignKey(
        Bucket, on_delete=models.CASCADE, related_name="+", limit_choices_to=PRESENT
    )
    field = models.CharField(max_length=16, choices=FillField.choices)
    least_confidence = models.DecimalField(
        _("least confidence"),
        max_digits=5,
        decimal_places=4,
        default=1,
        validators=[MinValueValidator(0), MaxValueValidator(1)],
    )
    is_on = models.BooleanField(_("on"), default=True)
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(buckets="bucket")
    objects = ReachManager["FillingRule"]()

    class Meta:
        verbose_name = _("filling rule")
        verbose_name_plural = _("filling rules")
        ordering = ["bucket__name", "field", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["bucket", "field"],
                name="filling_rule_one_per_field",
                violation_error_message=_("There is a rule for this field of the bucket already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} – {self.bucket}"


class Suggestion(models.Model):
    """A value for an empty field of a recording, with its grounds.

    ``evidence`` has an entry for each source that says so: its id there, title, artists,
    length and step. ``ground`` is a digest of those ids: a rejected value is suggested
    again only on another ground. ``act`` names what one person or rule accepted at once.
    """

    uid = uid_field("sg")
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="suggestions")
    field = models.CharField(max_length=16, choices=FillField.choices)
    value = models.CharField(max_length=VALUE_LENGTH)
    sources = models.ManyToManyField(EnrichmentSource, related_name="suggestions")
    evidence = models.JSONField(default=list)
    ground = models.CharField(max_length=32)
    confidence = models.DecimalField(max_digits=5, decimal_places=4)
    hold = models.CharField(max_length=16, choices=HoldReason.choices, blank=True, default="")
    state = models.CharField(
        max_length=16, choices=SuggestionState.choices, default=SuggestionState.OPEN
    )
    act = models.CharField(max_length=32, blank=True, default="")
    before = models.CharField(max_length=VALUE_LENGTH, blank=True, default="")
    # An index below begins with this column.
    decided_by = person_field(db_index=False)
    rule = models.ForeignKey(
        FillingRule, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    reach = Path(
        buckets="recording__bucket", hidden=lambda buckets: _of_codes_out_of_sight(buckets)
    )
    objects = ReachManager["Suggestion"]()

    class Meta:
        verbose_name = _("suggestion")
        verbose_name_plural = _("suggestions")
        ordering = ["-confidence", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "field", "value"],
                condition=Q(state=SuggestionState.OPEN),
                name="suggestion_one_open",
            )
        ]
        indexes = [
            models.Index(fields=["state", "confidence", "id"], name="suggestion_list"),
            models.Index(fields=["state", "field", "confidence", "id"], name="suggestion_field"),
            models.Index(fields=["act", "decided_at", "id"], name="suggestion_act"),
            models.Index(
                fields=["decided_at", "act", "id"],
                condition=Q(decided_at__isnull=False),
                name="suggestion_decided",
            ),
            models.Index(fields=["decided_by", "decided_at", "id"], name="suggestion_decider"),
            models.Index(fields=["recording", "state"], name="suggestion_recording"),
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} {self.value}"


def _of_codes_out_of_sight(buckets: frozenset[int]) -> QuerySet[Suggestion, int]:
    """Return the keys of suggested ISRCs that recordings outside these buckets have too.

    They wait for a decision of their own, which would tell that such recordings exist;
    unless a recording in sight is reason enough.
    """
    code, recording = OuterRef("value"), OuterRef("recording")
    having = Recording.objects.filter(Q(isrc_normalised=code) | Q(own_isrc=code))
    having = having.exclude(status__in=[RecordingStatus.RETIRED, RecordingStatus.STUB]).exclude(
        pk=recording
    )
    codes = Suggestion.objects.filter(state=SuggestionState.OPEN, field=FillField.ISRC)
    alike = codes.filter(value=code).exclude(recording=recording)
    is_seen = Exists(having.filter(bucket__in=buckets)) | Exists(
        alike.filter(recording__bucket__in=buckets)
    )
    is_shared = Q(hold=HoldReason.TAKEN_HERE) | Exists(having) | Exists(alike)
    rows = codes.filter(is_shared, ~is_seen, recording__bucket__in=buckets)
    return rows.values_list("pk", flat=True)


class SafeMark(models.Model):
    """What known values showed about one field: the model, and the mark if there is one.

    ``mark`` is the least confidence whose values are right in 99.5 % of all cases.
    """

    field = models.CharField(max_length=16, choices=FillField.choices, unique=True)
    mark = models.DecimalField(max_digits=5, decimal_places=4, null=True, blank=True)
    known = models.PositiveIntegerField(default=0)
    right = models.PositiveIntegerField(default=0)
    above = models.PositiveIntegerField(default=0)
    errors = models.PositiveIntegerField(default=0)
    model = models.JSONField(default=dict)
    measured_at = models.DateTimeField()

    objects = models.Manager["SafeMark"]()

    class Meta:
        verbose_name = _("safe mark")
        verbose_name_plural = _("safe marks")
        ordering = ["field"]

    def __str__(self) -> str:
        return f"{self.get_field_display()}: {self.mark or '–'}"


class KnownDifference(models.Model):
    """Another value that sources have for a field that a recording has filled.

    Found while the safe mark was measured. ``evidence`` is as in a suggestion. Once it
    ``is_also_right``, such a find counts as right.
    """

    uid = uid_field("kd")
    recording = models.ForeignKey(
        Recording, on_delete=models.CASCADE, related_name="known_differences"
    )
    field = models.CharField(max_length=16, choices=FillField.choices)
    known = models.CharField(max_length=VALUE_LENGTH)
    found = models.CharField(max_length=VALUE_LENGTH)
    evidence = models.JSONField(default=list)
    is_also_right = models.BooleanField(_("also right"), default=False)
    judged_by = person_field()
    judged_at = models.DateTimeField(null=True, blank=True)

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["KnownDifference"]()

    class Meta:
        verbose_name = _("difference from a known value")
        verbose_name_plural = _("differences from known values")
        ordering = ["field", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["recording", "field", "known", "found"], name="known_difference_once"
            )
        ]
        indexes = [
            models.Index(fields=["is_also_right", "field", "id"], name="known_difference_list")
        ]

    def __str__(self) -> str:
        return f"{self.get_field_display()} {self.found}"
