"""What platforms report of our assets: what they know, recognise and attribute to others."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from base.accounts.reach import Path, ReachManager
from catalogue.models import Recording
from plugins.claims.choices import LinkedBy
from plugins.claims.models.account import Reported


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
        Recording, on_delete=models.PROTECT, null=True, blank=True, related_name="platform_assets"
    )
    linked_by = models.CharField(
        max_length=16, choices=LinkedBy.choices, blank=True, default=LinkedBy.NOTHING
    )

    reach = Path(buckets="recording__bucket")
    objects = ReachManager["PlatformAsset"]()

    class Meta:
        ordering = ["title", "id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "asset_id"], name="platform_asset_once")
        ]
        indexes: ClassVar = [
            models.Index(fields=["account", "linked_by", "title"], name="platform_asset_linked"),
            models.Index(
                fields=["account", "id"],
                condition=~models.Q(constituents=""),
                name="platform_asset_merged",
            ),
            *(
                models.Index(
                    fields=[name], condition=~models.Q(**{name: ""}), name=f"platform_asset_{short}"
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
    def may_be_sound(self) -> bool:
        """Return whether it can be heard, as far as reports say it."""
        return self.asset_type in ("", "SOUND_RECORDING")

    @property
    def part_ids(self) -> list[str]:
        """Return the ids of the assets that were merged into it."""
        return [part_id.strip() for part_id in self.constituents.split("|") if part_id.strip()]


class ReferenceFile(Reported):
    """A file with which the platform recognises an asset."""

    reference_id = models.CharField(max_length=64)
    asset = models.ForeignKey(
        PlatformAsset, on_delete=models.CASCADE, related_name="reference_files"
    )
    status = models.CharField(max_length=60, blank=True, default="")
    status_detail = models.CharField(max_length=100, blank=True, default="")
    length_seconds = models.PositiveIntegerField(null=True, blank=True)
    excluded_pct = models.DecimalField(max_digits=5, decimal_places=2, null=True, blank=True)
    exclusions = models.CharField(max_length=1000, blank=True, default="")

    reach = Path(buckets="asset__recording__bucket")
    objects = ReachManager["ReferenceFile"]()

    class Meta:
        ordering = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["account", "reference_id"], name="reference_file_once")
        ]

    def __str__(self) -> str:
        return self.reference_id


class AssetConflict(Reported):
    """An asset of which others own more than the rest, as a report of conflicts has it.

    ``asset_key`` is the platform's id of the asset. Lists stay as they are reported.
    """

    asset_key = models.CharField(max_length=64)
    asset = models.ForeignKey(PlatformAsset, on_delete=models.CASCADE, related_name="conflicts")
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
            models.UniqueConstraint(fields=["account", "asset_key"], name="asset_conflict_once")
        ]

    def __str__(self) -> str:
        return self.asset_key
