"""What platforms report of our claims, and how it differs from the portal."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.reach import Path, ReachManager
from catalogue.models import Recording
from common.uid import new_uid
from platforms.choices import (
    DiscrepancyKind,
    DiscrepancyState,
    FileKind,
    FileState,
    LinkedBy,
    Meaning,
    Platform,
    ReportKind,
    RowAnswer,
    ValueColumn,
)
from review.models import Match
from scanning.models import ScannedFile


class PlatformAccount(models.Model):
    """An account in a platform's rights system, whose reports people import.

    The days are those of the newest imported report of each kind. A full comparison is
    due while ``compared`` is less than ``wanted``.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "pa"), editable=False
    )
    platform = models.CharField(
        max_length=16, choices=Platform.choices, default=Platform.YOUTUBE
    )
    name = models.CharField(max_length=200)
    claims_day = models.DateField(_("day of the claims report"), null=True, blank=True)
    assets_day = models.DateField(_("day of the assets report"), null=True, blank=True)
    references_day = models.DateField(
        _("day of the references report"), null=True, blank=True
    )
    conflicts_day = models.DateField(
        _("day of the asset conflicts report"), null=True, blank=True
    )
    videos_day = models.DateField(_("day of the videos report"), null=True, blank=True)
    wanted = models.PositiveIntegerField(default=0, editable=False)
    compared = models.PositiveIntegerField(default=0, editable=False)
    compared_at = models.DateTimeField(null=True, blank=True, editable=False)

    # A name for everybody; what belongs to it is limited by itself.
    objects = models.Manager["PlatformAccount"]()

    class Meta:
        ordering = ["name"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["platform", "name"], name="platform_account_once"
            )
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

    account = models.ForeignKey(
        PlatformAccount, on_delete=models.CASCADE, related_name="+"
    )
    row_hash = models.CharField(max_length=32, blank=True, default="", editable=False)
    gone_on = models.DateField(_("no longer reported since"), null=True, blank=True)
    first_import = models.BigIntegerField(default=0, editable=False)

    class Meta:
        abstract = True


class PlatformAsset(Reported):
    """What a platform calls an asset: a work or recording that claims are made for.

    The columns ``claimed_*`` and the title come from reports of claims, the others from
    reports of assets; an asset that only claims name has no ``row_hash``. The ids in
    ``constituents`` are those of assets that the platform merged into this one; the
    comparison keeps ``whole``, the asset into which this one was merged.
    """

    asset_id = models.CharField(max_length=64)
    title = models.CharField(max_length=500, blank=True, default="")
    claimed_custom_id = models.CharField(max_length=200, blank=True, default="")
    claimed_isrc = models.CharField(max_length=40, blank=True, default="")
    claimed_iswc = models.CharField(max_length=40, blank=True, default="")
    custom_id = models.CharField(max_length=200, blank=True, default="")
    asset_type = models.CharField(max_length=60, blank=True, default="")
    your_isrc = models.CharField(max_length=40, blank=True, default="")
    display_isrc = models.CharField(max_length=40, blank=True, default="")
    other_isrc = models.CharField(max_length=200, blank=True, default="")
    match_policy = models.CharField(max_length=200, blank=True, default="")
    ownership = models.CharField(max_length=1000, blank=True, default="")
    conflicting_owner = models.CharField(max_length=500, blank=True, default="")
    conflicting_countries = models.CharField(max_length=1000, blank=True, default="")
    active_references = models.PositiveIntegerField(default=0)
    constituents = models.CharField(max_length=4000, blank=True, default="")
    whole = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="parts",
    )
    recording = models.ForeignKey(
        Recording,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="platform_assets",
    )
    linked_by = models.CharField(
        max_length=16, choices=LinkedBy.choices, blank=True, default=LinkedBy.NOTHING
    )

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["PlatformAsset"]()

    class Meta:
        ordering = ["title", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "asset_id"], name="platform_asset_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["account", "linked_by", "title"], name="platform_asset_linked"
            ),
            models.Index(
                fields=["account", "id"],
                condition=~models.Q(constituents=""),
                name="platform_asset_merged",
            ),
            *(
                models.Index(
                    fields=[name],
                    condition=~models.Q(**{name: ""}),
                    name=f"platform_asset_{short}",
                )
                for name, short in (
                    ("claimed_custom_id", "c_cid"),
                    ("custom_id", "cid"),
                    ("your_isrc", "yisrc"),
                    ("display_isrc", "disrc"),
                    ("claimed_isrc", "c_isrc"),
                    ("claimed_iswc", "c_iswc"),
                )
            ),
        ]

    def __str__(self) -> str:
        return self.title or self.asset_id

    @property
    def is_composition(self) -> bool:
        """Return whether it is a work, not a recording, as far as reports say it."""
        if self.asset_type:
            return self.asset_type.upper().endswith("COMPOSITION")
        is_recording = self.your_isrc or self.display_isrc or self.claimed_isrc
        return bool(self.claimed_iswc) and not is_recording

    @property
    def part_ids(self) -> list[str]:
        """Return the ids of the assets that were merged into it."""
        return [each.strip() for each in self.constituents.split("|") if each.strip()]


class ReferenceFile(Reported):
    """A file with which the platform recognises an asset."""

    reference_id = models.CharField(max_length=64)
    asset = models.ForeignKey(
        PlatformAsset, on_delete=models.CASCADE, related_name="reference_files"
    )
    status = models.CharField(max_length=60, blank=True, default="")
    status_detail = models.CharField(max_length=100, blank=True, default="")
    length_seconds = models.PositiveIntegerField(null=True, blank=True)
    excluded_pct = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True
    )
    exclusions = models.CharField(max_length=1000, blank=True, default="")

    reach = Path(buckets="asset__recording__bucket")
    objects = ReachManager["ReferenceFile"]()

    class Meta:
        ordering = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "reference_id"], name="reference_file_once"
            )
        ]

    def __str__(self) -> str:
        return self.reference_id


class AssetConflict(Reported):
    """An asset of which others own more than the rest, as a report of conflicts has it.

    ``asset_key`` is the platform's id of the asset. Lists stay as they are reported.
    """

    asset_key = models.CharField(max_length=64)
    asset = models.ForeignKey(
        PlatformAsset, on_delete=models.CASCADE, related_name="conflicts"
    )
    owner = models.CharField(max_length=500, blank=True, default="")
    owner_isrc = models.CharField(max_length=200, blank=True, default="")
    countries = models.CharField(max_length=1000, blank=True, default="")
    # The format of this time is not documented.
    ownership_updated = models.CharField(max_length=60, blank=True, default="")

    reach = Path(buckets="asset__recording__bucket")
    objects = ReachManager["AssetConflict"]()

    class Meta:
        ordering = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "asset_key"], name="asset_conflict_once"
            )
        ]

    def __str__(self) -> str:
        return self.asset_key


class PlatformVideo(Reported):
    """A video of our own channels, and whether others claim it.

    ``asset`` is the first of its assets. ``other_owners`` and ``another_owner`` are the
    columns of newer and older reports. The comparison keeps ``scanned_file``.
    """

    video_id = models.CharField(max_length=64)
    link_key = models.CharField(max_length=64, editable=False)
    asset = models.ForeignKey(
        PlatformAsset,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="videos",
    )
    claim_ids = models.CharField(max_length=1000, blank=True, default="")
    channel_id = models.CharField(max_length=64, blank=True, default="")
    title = models.CharField(max_length=500, blank=True, default="")
    views = models.BigIntegerField(default=0)
    privacy_status = models.CharField(max_length=60, blank=True, default="")
    effective_policy = models.CharField(max_length=500, blank=True, default="")
    other_owners = models.CharField(max_length=1000, blank=True, default="")
    another_owner = models.CharField(max_length=100, blank=True, default="")
    scanned_file = models.ForeignKey(
        ScannedFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="platform_videos",
    )

    reach = Path(
        containers="scanned_file__container", buckets="asset__recording__bucket"
    )
    objects = ReachManager["PlatformVideo"]()

    class Meta:
        ordering = ["-views", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "video_id"], name="platform_video_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["link_key"], name="platform_video_link"),
        ]

    def __str__(self) -> str:
        return self.title or self.video_id

    @property
    def url(self) -> str:
        """Return the address of the video."""
        return video_address(self.video_id)


class PolicyTerms(models.Model):
    """Where a policy monetises, tracks and blocks, word for word; claims share it."""

    digest = models.CharField(max_length=32, unique=True)
    monetises = models.TextField(blank=True, default="")
    tracks = models.TextField(blank=True, default="")
    blocks = models.TextField(blank=True, default="")

    # Seen with its claims.
    objects = models.Manager["PolicyTerms"]()

    def __str__(self) -> str:
        return self.digest


class PlatformClaim(Reported):
    """A claim of an asset on a video, as the newest report has it.

    On other platforms than YouTube, ``video_id`` is the ``link_key`` of ``address``.
    ``detail_since`` is the day of the first report with the present status detail,
    ``detail_after`` that of the last report before it that had another one or no claim;
    empty if none is known. ``disputed_on`` is the true day, if a person entered it.
    ``scanned_file`` is the newest file of the video; the comparison keeps it.
    """

    claim_id = models.CharField(max_length=64)
    asset = models.ForeignKey(
        PlatformAsset, on_delete=models.CASCADE, related_name="claims"
    )
    video_id = models.CharField(max_length=64)
    link_key = models.CharField(max_length=64, editable=False)
    reference_id = models.CharField(max_length=64, blank=True, default="")
    channel_id = models.CharField(max_length=64, blank=True, default="")
    channel = models.CharField(max_length=300, blank=True, default="")
    title = models.CharField(max_length=500, blank=True, default="")
    status = models.CharField(max_length=40)
    status_detail = models.CharField(max_length=100, blank=True, default="")
    origin = models.CharField(max_length=100, blank=True, default="")
    claim_type = models.CharField(max_length=40, blank=True, default="")
    content_type = models.CharField(max_length=60, blank=True, default="")
    views = models.BigIntegerField(default=0)
    # Their unit is not documented, so they stay text.
    matching_duration = models.CharField(max_length=30, blank=True, default="")
    longest_match = models.CharField(max_length=30, blank=True, default="")
    video_seconds = models.PositiveIntegerField(null=True, blank=True)
    terms = models.ForeignKey(
        PolicyTerms, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    claimed_on = models.DateField(null=True, blank=True)
    uploaded_on = models.DateField(null=True, blank=True)
    first_report = models.DateField()
    detail_since = models.DateField()
    detail_after = models.DateField(null=True, blank=True)
    disputed_on = models.DateField(
        _("day of the dispute"), null=True, blank=True, editable=False
    )
    # Only the portal's own table has these.
    address = models.CharField(max_length=2000, blank=True, default="")
    dispute_reported_on = models.DateField(
        _("reported day of the dispute"), null=True, blank=True
    )
    other_claimant = models.CharField(max_length=200, blank=True, default="")
    scanned_file = models.ForeignKey(
        ScannedFile,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="platform_claims",
    )

    reach = Path(
        containers="scanned_file__container", buckets="asset__recording__bucket"
    )
    objects = ReachManager["PlatformClaim"]()

    class Meta:
        ordering = ["-views", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["account", "claim_id"], name="platform_claim_once"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["claim_id"], name="platform_claim_id"),
            models.Index(fields=["link_key"], name="platform_claim_link"),
        ]

    def __str__(self) -> str:
        return self.title or self.video_id

    @property
    def video_url(self) -> str:
        """Return the address of the video."""
        return self.address or video_address(self.video_id)


class ReportedValue(models.Model):
    """A value that reports contain in a column, and what a person says that it means."""

    platform = models.CharField(max_length=16, choices=Platform.choices)
    column = models.CharField(
        max_length=40, choices=ValueColumn.choices, default=ValueColumn.STATUS_DETAIL
    )
    value = models.CharField(max_length=100)
    meaning = models.CharField(
        max_length=16, choices=Meaning.choices, blank=True, default=Meaning.UNEXPLAINED
    )
    explained_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )

    # Words of a platform, for everybody.
    objects = models.Manager["ReportedValue"]()

    class Meta:
        ordering = ["platform", "column", "value"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["platform", "column", "value"], name="reported_value_once"
            )
        ]

    def __str__(self) -> str:
        return self.value


class PriorValues(models.Model):
    """What an import changed, as it was before: compressed JSON of some rows.

    Only those of an account's newest import are kept.
    """

    account = models.ForeignKey(
        PlatformAccount, on_delete=models.CASCADE, related_name="+"
    )
    import_key = models.BigIntegerField()
    model = models.CharField(max_length=40)
    data = models.BinaryField()

    # A note of the worker, shown nowhere.
    objects = models.Manager["PriorValues"]()

    class Meta:
        verbose_name_plural = "prior values"
        indexes: ClassVar = [
            models.Index(fields=["import_key", "id"], name="prior_values_import")
        ]

    def __str__(self) -> str:
        return f"{self.model} before import {self.import_key}"


class Discrepancy(models.Model):
    """A difference between a platform and the portal; it opens and goes by itself.

    ``key`` names list and subject. ``basis`` is the digest of ``evidence``: a dismissed
    difference opens again when it changes. ``is_weak`` marks what the portal only
    supposes; ``due_on`` is never later than the true day.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "pd"), editable=False
    )
    kind = models.CharField(max_length=16, choices=DiscrepancyKind.choices)
    key = models.CharField(max_length=40, unique=True)
    state = models.CharField(
        max_length=12, choices=DiscrepancyState.choices, default=DiscrepancyState.OPEN
    )
    account = models.ForeignKey(
        PlatformAccount,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    claim = models.ForeignKey(
        PlatformClaim,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    asset = models.ForeignKey(
        PlatformAsset,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    video = models.ForeignKey(
        PlatformVideo,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    match = models.ForeignKey(
        Match,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    recording = models.ForeignKey(
        Recording,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    scanned_file = models.ForeignKey(
        ScannedFile,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="discrepancies",
    )
    evidence = models.JSONField(default=dict)
    basis = models.CharField(max_length=32)
    is_weak = models.BooleanField(default=False)
    views = models.BigIntegerField(default=0)
    due_on = models.DateField(null=True, blank=True)
    note = models.CharField(max_length=500, blank=True, default="")
    dismissed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    dismissed_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(auto_now_add=True)
    revision = models.PositiveIntegerField(default=1, editable=False)

    reach = Path(containers="scanned_file__container", buckets="recording__bucket")
    objects = ReachManager["Discrepancy"]()

    class Meta:
        verbose_name_plural = "discrepancies"
        ordering = ["-views", "id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(claim__isnull=False)
                | models.Q(asset__isnull=False)
                | models.Q(video__isnull=False)
                | models.Q(match__isnull=False)
                | models.Q(recording__isnull=False),
                name="discrepancy_about_something",
            )
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["kind", "state", "-views", "id"], name="discrepancy_list"
            ),
            models.Index(
                fields=["kind", "state", "due_on", "id"], name="discrepancy_due"
            ),
        ]

    def __str__(self) -> str:
        return str(
            self.claim or self.asset or self.video or self.match or self.recording
        )

    @property
    def case(self) -> str:
        """Return the case of its own in the audit trail."""
        return f"discrepancy:{self.uid}"


class ClaimFile(models.Model):
    """A file or work list that a person takes to a platform.

    Sending frees nothing: its entries wait for the report that confirms them. A
    withdrawn file frees them at once, and the platform's refusal of a row its entry.
    """

    uid = models.CharField(
        max_length=32, unique=True, default=partial(new_uid, "pf"), editable=False
    )
    kind = models.CharField(max_length=20, choices=FileKind.choices)
    state = models.CharField(
        max_length=12, choices=FileState.choices, default=FileState.DRAFT
    )
    file = models.FileField(max_length=200)
    row_count = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True, blank=True)

    # Its rows can be about several containers and buckets.
    reach = Path(owner="made_by")
    objects = ReachManager["ClaimFile"]()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.created_at:%Y-%m-%d}"

    @property
    def case(self) -> str:
        """Return the case of its own in the audit trail."""
        return f"claim_file:{self.uid}"


class FileRows(models.Manager["ClaimFileRow"]):
    """Rows of files; seen with their file."""

    def living(self) -> models.QuerySet[ClaimFileRow]:
        """Return rows that keep their entry out of other files."""
        rows = self.exclude(file__state=FileState.WITHDRAWN)
        return rows.exclude(answer=RowAnswer.ERRORS)


class ClaimFileRow(models.Model):
    """An entry in a file, and the number of its row; several can share one.

    ``answer`` and ``answer_text`` are the platform's; a refused row frees its entry.
    """

    file = models.ForeignKey(ClaimFile, on_delete=models.CASCADE, related_name="rows")
    discrepancy = models.ForeignKey(
        Discrepancy, on_delete=models.CASCADE, related_name="file_rows"
    )
    number = models.PositiveIntegerField()
    answer = models.CharField(
        max_length=12, choices=RowAnswer.choices, blank=True, default=RowAnswer.NONE
    )
    answer_text = models.CharField(max_length=500, blank=True, default="")

    objects = FileRows()

    class Meta:
        ordering = ["number", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["file", "discrepancy"], name="claim_file_row_once"
            )
        ]

    def __str__(self) -> str:
        return f"row {self.number} of {self.file_id}"


class GroundChange(models.Model):
    """Something that lists stand on has changed; the next comparison follows it.

    Written in the transaction of the change, so that none is lost. ``subject`` is the
    key of a file or recording.
    """

    class Ground(models.TextChoices):
        """What has changed."""

        FILE = "file"
        RECORDING = "recording"

    ground = models.CharField(max_length=12, choices=Ground.choices)
    subject = models.BigIntegerField()

    # A note of the worker, shown nowhere.
    objects = models.Manager["GroundChange"]()

    def __str__(self) -> str:
        return f"{self.ground} {self.subject}"


def video_address(video_id: str) -> str:
    """Return the address of a video."""
    return f"https://www.youtube.com/watch?v={video_id}"


def day_column(kind: ReportKind) -> str:
    """Return the account's column with the day of the newest report of a kind."""
    return f"{kind}_day"
