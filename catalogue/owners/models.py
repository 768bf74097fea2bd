"""Works, parties, shares and releases, what sources say of them, and contradictions.

Rights know recordings by their ISRC, also those without sound here: a
``RightsRecording`` stands for every catalogue recording with its ISRC, in any bucket.
"""

from __future__ import annotations

from typing import TypeVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from base.accounts.columns import person_field
from base.accounts.dated import Dated, DatedQuerySet
from base.common.uid import uid_field
from catalogue.models import Recording
from catalogue.owners.choices import (
    ConflictKind,
    ConflictState,
    Right,
    ShareKind,
    StatedField,
    TitleKind,
)
from catalogue.owners.texts import folded

Row = TypeVar("Row", bound=models.Model)


def _one_of(*names: str) -> Q:
    """Return the condition that exactly one of these foreign keys is set."""
    return Q(
        *(Q(**{f"{column}__isnull": column != name for column in names}) for name in names),
        _connector=Q.OR,
    )


def _key_of_one(model: type[Row], related_name: str) -> models.ForeignKey[Row | None, Row | None]:
    """Return one of several foreign keys of which only one is set; see ``_one_of``."""
    return models.ForeignKey(
        model, on_delete=models.CASCADE, null=True, blank=True, related_name=related_name
    )


class Party(models.Model):
    """A person or company with shares; ``is_ours`` marks those whose shares are ours.

    ``name`` is a company's name or a person's last name. ``name_key`` is the whole name
    as ``texts.folded`` makes it. A merged party leads to the one in ``merged_into``.
    ``revision`` rises with every change, so that nobody acts on an outdated view.
    """

    uid = uid_field("pt")
    name = models.CharField(max_length=300)
    first_name = models.CharField(max_length=200, blank=True, default="")
    name_key = models.CharField(max_length=500, blank=True, editable=False)
    ipi_name = models.CharField(_("IPI name number"), max_length=11, blank=True, default="")
    ipi_base = models.CharField(_("IPI base number"), max_length=13, blank=True, default="")
    isni = models.CharField("ISNI", max_length=16, blank=True, default="")
    ipn = models.CharField("IPN", max_length=8, blank=True, default="")
    dpid = models.CharField("DPID", max_length=40, blank=True, default="")
    society = models.CharField(max_length=3, blank=True, default="")
    is_ours = models.BooleanField(_("our party"), default=False)
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="aliases",
    )
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = models.Manager["Party"]()

    class Meta:
        verbose_name = _("party")
        verbose_name_plural = _("parties")
        ordering = ["name_key", "id"]
        indexes = [
            models.Index(fields=["name_key", "id"], name="party_name"),
            models.Index(fields=["ipi_name"], name="party_ipi_name"),
            models.Index(fields=["isni"], name="party_isni"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.name}".strip()

    def save(self, *args: object, **kwargs: object) -> None:
        """Save with the name made comparable."""
        self.name_key = folded(str(self))
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's own

    @property
    def stands_for_it(self) -> Party:
        """The party that this one was merged into, or itself."""
        party = self
        while party.merged_into is not None:
            party = party.merged_into
        return party


class RightsRecording(models.Model):
    """A recording as rights know it: by its ISRC, or the one catalogue recording.

    ``recording`` is set only if that has no ISRC. ``match_key`` finds one without
    either again: a digest of who names it, title, artists and length.
    """

    uid = uid_field("rr")
    isrc = models.CharField("ISRC", max_length=12, blank=True, default="")
    recording = models.OneToOneField(
        Recording, on_delete=models.CASCADE, null=True, blank=True, related_name="rights_record"
    )
    match_key = models.CharField(max_length=64, blank=True, default="", editable=False)
    title = models.CharField(max_length=500, blank=True, default="")
    version_title = models.CharField(max_length=500, blank=True, default="")
    artists = models.JSONField(default=list, blank=True)
    duration_ms = models.PositiveBigIntegerField(null=True, blank=True)
    label = models.CharField(max_length=300, blank=True, default="")
    p_line = models.CharField(_("℗ line"), max_length=500, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = models.Manager["RightsRecording"]()

    class Meta:
        verbose_name = _("recording with rights")
        verbose_name_plural = _("recordings with rights")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["isrc"], condition=~Q(isrc=""), name="rights_isrc_once"
            ),
            models.UniqueConstraint(
                fields=["match_key"], condition=~Q(match_key=""), name="rights_match_key_once"
            ),
        ]

    def __str__(self) -> str:
        name = self.title or self.isrc or self.uid
        return f"{name} – {', '.join(self.artists)}" if self.artists else name


class Work(models.Model):
    """A musical work. A merged one leads to the work in ``merged_into``.

    ``version`` is CWR's: ORI for an original, MOD for a modified version. ``revision``
    rises with every change, so that nobody acts on an outdated view.
    """

    uid = uid_field("wk")
    title = models.CharField(max_length=500)
    title_key = models.CharField(max_length=500, blank=True, editable=False)
    iswc = models.CharField("ISWC", max_length=11, blank=True, default="")
    category = models.CharField(max_length=40, blank=True, default="")
    version = models.CharField(max_length=40, blank=True, default="")
    recordings = models.ManyToManyField(RightsRecording, blank=True, related_name="works")
    # Imports do not bring back what a person took out or along into another work.
    kept_off = models.ManyToManyField(RightsRecording, blank=True, editable=False, related_name="+")
    merged_into = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="aliases",
    )
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Who may see one of its recordings; see ``selectors.works_in_reach``.
    objects = models.Manager["Work"]()

    class Meta:
        verbose_name = _("work")
        ordering = ["title_key", "id"]
        indexes = [
            models.Index(fields=["title_key", "id"], name="work_title"),
            models.Index(fields=["iswc"], name="work_iswc"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: object, **kwargs: object) -> None:
        """Save with the title made comparable."""
        self.title_key = folded(self.title)
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's own

    @property
    def stands_for_it(self) -> Work:
        """The work that this one was merged into, or itself."""
        work = self
        while work.merged_into is not None:
            work = work.merged_into
        return work


class WorkNumber(models.Model):
    """The number that a sender gives a work; "" as claimant is our own."""

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="numbers")
    claimant = models.CharField(max_length=200, blank=True, default="")
    number = models.CharField(max_length=100)

    objects = models.Manager["WorkNumber"]()

    class Meta:
        verbose_name = _("number of a work")
        verbose_name_plural = _("numbers of works")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["claimant", "number"], name="work_number_once")
        ]

    def __str__(self) -> str:
        return f"{self.claimant} {self.number}".strip()


class Release(models.Model):
    """A release with its tracks in order."""

    uid = uid_field("rl")
    title = models.CharField(max_length=500)
    title_key = models.CharField(max_length=500, blank=True, editable=False)
    artists = models.JSONField(default=list, blank=True)
    upc = models.CharField("UPC", max_length=13, blank=True, default="")
    grid = models.CharField("GRid", max_length=18, blank=True, default="")
    catalogue_number = models.CharField(max_length=100, blank=True, default="")
    label = models.CharField(max_length=300, blank=True, default="")
    label_code = models.CharField(max_length=8, blank=True, default="")
    p_line = models.CharField(_("℗ line"), max_length=500, blank=True, default="")
    c_line = models.CharField(_("© line"), max_length=500, blank=True, default="")
    released = models.DateField(null=True, blank=True)
    recordings = models.ManyToManyField(RightsRecording, through="Track", related_name="releases")
    # As of a work.
    kept_off = models.ManyToManyField(RightsRecording, blank=True, editable=False, related_name="+")
    revision = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Who may see one of its recordings; see ``selectors.releases_in_reach``.
    objects = models.Manager["Release"]()

    class Meta:
        verbose_name = _("release")
        ordering = ["title_key", "id"]
        indexes = [
            models.Index(fields=["title_key", "id"], name="release_title"),
            models.Index(fields=["upc"], name="release_upc"),
            models.Index(fields=["grid"], name="release_grid"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: object, **kwargs: object) -> None:
        """Save with the title made comparable."""
        self.title_key = folded(self.title)
        super().save(*args, **kwargs)  # type: ignore[arg-type]  # Django's own


class Track(models.Model):
    """A recording on a release; positions count from 1."""

    release = models.ForeignKey(Release, on_delete=models.CASCADE, related_name="tracks")
    recording = models.ForeignKey(RightsRecording, on_delete=models.CASCADE, related_name="tracks")
    position = models.PositiveIntegerField()

    objects = models.Manager["Track"]()

    class Meta:
        verbose_name = _("track")
        ordering = ["release", "position", "id"]
        constraints = [models.UniqueConstraint(fields=["release", "recording"], name="track_once")]

    def __str__(self) -> str:
        return f"{self.position}. {self.recording}"


class OtherTitle(models.Model):
    """A further title of a work, recording or release; claimant "" is a person."""

    work = _key_of_one(Work, "titles")
    recording = _key_of_one(RightsRecording, "titles")
    release = _key_of_one(Release, "titles")
    text = models.CharField(max_length=500)
    kind = models.CharField(max_length=2, choices=TitleKind.choices, default=TitleKind.ALTERNATIVE)
    language = models.CharField(max_length=8, blank=True, default="")
    claimant = models.CharField(max_length=200, blank=True, default="")

    objects = models.Manager["OtherTitle"]()

    class Meta:
        verbose_name = _("further title")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=_one_of("work", "recording", "release"), name="title_of_one_record"
            )
        ]

    def __str__(self) -> str:
        return self.text


class Share(Dated):
    """A share of a party in a work or a recording, as a source claims it.

    ``claimant`` is who says so: the sender of a message, "" for a person here.
    ``source`` is the import that brought it and ``line`` its line in the file.
    ``percent`` None is a share of unknown size. Territories are codes of ``tis``; none
    included is the world. ``number`` is that of the sender's work, because works of two
    numbers may be one here. A share that a later message or a person replaced has
    ``withdrawn_at``; if a person did, ``withdrawn_by`` keeps imports from bringing it
    back.
    """

    uid = uid_field("sh")
    work = _key_of_one(Work, "shares")
    recording = _key_of_one(RightsRecording, "shares")
    party = models.ForeignKey(Party, on_delete=models.PROTECT, related_name="shares")
    role = models.CharField(max_length=40, blank=True, default="")
    right = models.CharField(max_length=2, choices=Right.choices)
    kind = models.CharField(max_length=3, choices=ShareKind.choices, default=ShareKind.OWNERSHIP)
    percent = models.DecimalField(
        max_digits=7,
        decimal_places=4,
        null=True,
        blank=True,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
    )
    included = models.JSONField(default=list, blank=True)
    excluded = models.JSONField(default=list, blank=True)
    valid_from = models.DateField(null=True, blank=True)
    valid_until = models.DateField(null=True, blank=True)
    controlled_by = models.ForeignKey(
        Party, on_delete=models.PROTECT, null=True, blank=True, related_name="controlled_shares"
    )
    agreement = models.CharField(max_length=60, blank=True, default="")
    claimant = models.CharField(max_length=200, blank=True, default="")
    number = models.CharField(max_length=100, blank=True, default="")
    source = models.CharField(max_length=200, blank=True, default="")
    line = models.PositiveIntegerField(null=True, blank=True)
    created_by = person_field()
    created_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = person_field()

    # Seen with its work or recording.
    objects = DatedQuerySet["Share"].as_manager()

    class Meta:
        verbose_name = _("share")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=_one_of("work", "recording"), name="share_of_one_record"
            ),
            models.CheckConstraint(
                condition=Q(percent__isnull=True) | Q(percent__gte=0, percent__lte=100),
                name="share_in_percent",
            ),
            models.CheckConstraint(
                condition=Q(valid_from__isnull=True)
                | Q(valid_until__isnull=True)
                | Q(valid_from__lte=F("valid_until")),
                name="share_ends_after_it_begins",
            ),
        ]
        indexes = [
            models.Index(fields=["work", "withdrawn_at"], name="share_work"),
            models.Index(fields=["recording", "withdrawn_at"], name="share_recording"),
            models.Index(fields=["valid_until"], name="share_until"),
            models.Index(fields=["updated_at"], name="share_changed"),
            # Shares that a person moved are found again by their number.
            models.Index(
                fields=["claimant", "number"], condition=~Q(number=""), name="share_number"
            ),
        ]

    def __str__(self) -> str:
        size = "?" if self.percent is None else f"{self.percent.normalize():f}"
        return f"{self.party} {self.right} {size} %"


class Statement(models.Model):
    """What a source says of a record beside shares: title, duration, ISWC, UPC.

    Records keep the first value; statements keep each source's last, so that
    contradictions show. ``number`` is as in ``Share``.
    """

    work = _key_of_one(Work, "statements")
    recording = _key_of_one(RightsRecording, "statements")
    release = _key_of_one(Release, "statements")
    field = models.CharField(max_length=8, choices=StatedField.choices)
    value = models.CharField(max_length=1100)
    claimant = models.CharField(max_length=200, blank=True, default="")
    number = models.CharField(max_length=100, blank=True, default="")
    source = models.CharField(max_length=200, blank=True, default="")
    line = models.PositiveIntegerField(null=True, blank=True)
    at = models.DateTimeField(auto_now=True)

    objects = models.Manager["Statement"]()

    class Meta:
        verbose_name = _("statement")
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=_one_of("work", "recording", "release"), name="statement_of_one_record"
            )
        ]

    def __str__(self) -> str:
        return f"{self.claimant}: {self.field} {self.value}"


class Conflict(models.Model):
    """A contradiction; it opens and goes by itself, and a person may settle it.

    ``evidence`` holds what contradicts, ``basis`` its digest: a settled conflict opens
    again when that changes. ``chosen`` is the claimant that a person believed; with
    ``has_choice`` unset, nobody is preferred.
    """

    uid = uid_field("cf")
    kind = models.CharField(max_length=8, choices=ConflictKind.choices)
    state = models.CharField(
        max_length=8, choices=ConflictState.choices, default=ConflictState.OPEN
    )
    work = _key_of_one(Work, "conflicts")
    recording = _key_of_one(RightsRecording, "conflicts")
    release = _key_of_one(Release, "conflicts")
    right = models.CharField(max_length=2, choices=Right.choices, blank=True, default="")
    share_kind = models.CharField(max_length=3, choices=ShareKind.choices, blank=True, default="")
    evidence = models.JSONField(default=dict)
    basis = models.CharField(max_length=64)
    has_choice = models.BooleanField(default=False)
    chosen = models.CharField(max_length=1100, blank=True, default="")
    note = models.CharField(max_length=500, blank=True, default="")
    settled_by = person_field()
    settled_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1, editable=False)

    # Seen with its work, recording or release.
    objects = models.Manager["Conflict"]()

    class Meta:
        verbose_name = _("conflict of rights")
        verbose_name_plural = _("conflicts of rights")
        ordering = ["-opened_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=_one_of("work", "recording", "release"), name="conflict_of_one_record"
            )
        ]
        indexes = [
            models.Index(fields=["state", "-opened_at", "-id"], name="rights_conflict_state")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.subject}"

    @property
    def subject(self) -> Work | RightsRecording | Release:
        """The record that it is about."""
        record = self.work or self.recording or self.release
        if record is None:
            raise LookupError("a conflict without a record")
        return record
