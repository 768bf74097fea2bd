"""Admin screens of platform claims; the portal's pages hold their actions."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from plugins.claims.models import (
    AssetConflict,
    ClaimFile,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
    PlatformVideo,
    ReferenceFile,
    ReportedValue,
)
from plugins.claims.pages.lists import FILES
from web.portal.admin.base import RoleAdmin, Row, all_field_names

_DAYS = ("claims_day", "assets_day", "references_day", "conflicts_day", "videos_day")
_VIDEO_WORDS = ("privacy_status", "other_owners", "another_owner", "effective_policy")
_CLAIM_WORDS = ("status", "status_detail", "origin", "claim_type", "content_type")


class _ReportedAdmin(RoleAdmin[Row]):
    """A screen of what a platform reports; ``own_words`` are columns in its words."""

    own_words: Sequence[str] = ()

    @admin.display(description=_("As reported"))
    def as_reported(self, row: Row) -> SafeString:
        """Return the platform's own words as codes."""
        words = (str(getattr(row, name)) for name in self.own_words)
        return format_html("<code>{}</code>", ", ".join(filter(None, words)))


@admin.register(PlatformAccount)
class PlatformAccountAdmin(RoleAdmin[PlatformAccount]):
    """Accounts in platforms' rights systems."""

    list_display = ["name", "platform", *_DAYS]
    search_fields = ["name", "=uid"]
    readonly_fields = all_field_names(PlatformAccount, but=["id"])


@admin.register(PlatformAsset)
class PlatformAssetAdmin(_ReportedAdmin[PlatformAsset]):
    """Assets as platforms report them."""

    own_words = ("asset_id", "asset_type")
    list_display = ["__str__", "as_reported", "recording", "linked_by"]
    list_filter = ["linked_by"]
    search_fields = ["title", "=asset_id", "=custom_id"]
    readonly_fields = (
        *all_field_names(PlatformAsset, but=["id", "row_hash", "asset_type"]),
        "as_reported",
    )


@admin.register(ReferenceFile)
class ReferenceFileAdmin(_ReportedAdmin[ReferenceFile]):
    """Reference files as platforms report them."""

    own_words = ("status", "status_detail")
    list_display = ["reference_id", "asset", "as_reported", "excluded_pct"]
    search_fields = ["=reference_id"]
    readonly_fields = (
        *all_field_names(ReferenceFile, but=["id", "row_hash", "status", "status_detail"]),
        "as_reported",
    )


@admin.register(AssetConflict)
class AssetConflictAdmin(_ReportedAdmin[AssetConflict]):
    """Conflicts about the ownership of assets as platforms report them."""

    own_words = ("asset_key", "owner_isrc", "countries")
    list_display = ["asset", "owner", "as_reported"]
    search_fields = ["=asset_key", "owner"]
    readonly_fields = (
        *all_field_names(
            AssetConflict, but=["id", "row_hash", "asset_key", "owner_isrc", "countries"]
        ),
        "as_reported",
    )


@admin.register(PlatformVideo)
class PlatformVideoAdmin(_ReportedAdmin[PlatformVideo]):
    """Videos of our own channels as platforms report them."""

    own_words = _VIDEO_WORDS
    list_display = ["__str__", "video_id", "asset", "as_reported", "views"]
    search_fields = ["title", "=video_id"]
    readonly_fields = (
        *all_field_names(PlatformVideo, but=["id", "row_hash", "link_key", *_VIDEO_WORDS]),
        "as_reported",
    )


@admin.register(PlatformClaim)
class PlatformClaimAdmin(_ReportedAdmin[PlatformClaim]):
    """Claims as platforms report them."""

    own_words = _CLAIM_WORDS
    list_display = ["__str__", "claim_id", "asset", "as_reported", "views"]
    list_filter = ["status"]
    search_fields = ["title", "=claim_id", "=video_id"]
    readonly_fields = (
        *all_field_names(PlatformClaim, but=["id", "row_hash", "link_key", *_CLAIM_WORDS]),
        "as_reported",
    )


@admin.register(ReportedValue)
class ReportedValueAdmin(_ReportedAdmin[ReportedValue]):
    """Values of reports, and what people say that they mean."""

    own_words = ("value",)
    list_display = ["as_reported", "column", "platform", "meaning", "explained_by"]
    list_filter = ["column", "meaning"]
    search_fields = ["value"]
    readonly_fields = ("as_reported", *all_field_names(ReportedValue, but=["id", "value"]))


@admin.register(ClaimFile)
class ClaimFileAdmin(RoleAdmin[ClaimFile]):
    """Files for platforms; the portal's pages make them."""

    list_display = [*FILES.admin_columns, "made_by", "sent_at"]
    list_filter = ["kind", "state"]
    search_fields = ["=uid"]
    readonly_fields = all_field_names(ClaimFile, but=["id", "file"])

    def get_queryset(self, request: HttpRequest) -> QuerySet[ClaimFile]:
        """Add the figures of the list."""
        return FILES.whole()


@admin.register(Discrepancy)
class DiscrepancyAdmin(RoleAdmin[Discrepancy]):
    """Differences between platforms and the portal."""

    list_display = ["__str__", "kind", "state", "is_weak", "due_on", "opened_at"]
    list_filter = ["kind", "state"]
    list_select_related = [*("claim", "asset", "video", "match__recording", "recording")]
    search_fields = ["=uid"]
    readonly_fields = all_field_names(Discrepancy, but=["id", "key", "basis", "evidence"])
