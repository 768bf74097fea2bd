"""Admin screens of platform claims; the portal's pages hold their actions."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
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
from web.portal.admin.base import RoleAdmin, Row, all_field_names, register_records

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


# Accounts in platforms' rights systems.
register_records(
    PlatformAccount,
    list_display=["name", "platform", *_DAYS],
    search_fields=["name", "=uid"],
)


# Assets as platforms report them.
register_records(
    PlatformAsset,
    screen=_ReportedAdmin,
    own_words=("asset_id", "asset_type"),
    list_display=["__str__", "as_reported", "recording", "linked_by"],
    list_filter=["linked_by"],
    search_fields=["title", "=asset_id", "=custom_id"],
    readonly_fields=(
        *all_field_names(PlatformAsset, but=["id", "row_hash", "asset_type"]),
        "as_reported",
    ),
)


# Reference files as platforms report them.
register_records(
    ReferenceFile,
    screen=_ReportedAdmin,
    own_words=("status", "status_detail"),
    list_display=["reference_id", "asset", "as_reported", "excluded_pct"],
    search_fields=["=reference_id"],
    readonly_fields=(
        *all_field_names(ReferenceFile, but=["id", "row_hash", "status", "status_detail"]),
        "as_reported",
    ),
)


# Conflicts about the ownership of assets as platforms report them.
register_records(
    AssetConflict,
    screen=_ReportedAdmin,
    own_words=("asset_key", "owner_isrc", "countries"),
    list_display=["asset", "owner", "as_reported"],
    search_fields=["=asset_key", "owner"],
    readonly_fields=(
        *all_field_names(
            AssetConflict, but=["id", "row_hash", "asset_key", "owner_isrc", "countries"]
        ),
        "as_reported",
    ),
)


# Videos of our own channels as platforms report them.
register_records(
    PlatformVideo,
    screen=_ReportedAdmin,
    own_words=_VIDEO_WORDS,
    list_display=["__str__", "video_id", "asset", "as_reported", "views"],
    search_fields=["title", "=video_id"],
    readonly_fields=(
        *all_field_names(PlatformVideo, but=["id", "row_hash", "link_key", *_VIDEO_WORDS]),
        "as_reported",
    ),
)


# Claims as platforms report them.
register_records(
    PlatformClaim,
    screen=_ReportedAdmin,
    own_words=_CLAIM_WORDS,
    list_display=["__str__", "claim_id", "asset", "as_reported", "views"],
    list_filter=["status"],
    search_fields=["title", "=claim_id", "=video_id"],
    readonly_fields=(
        *all_field_names(PlatformClaim, but=["id", "row_hash", "link_key", *_CLAIM_WORDS]),
        "as_reported",
    ),
)


# Values of reports, and what people say that they mean.
register_records(
    ReportedValue,
    screen=_ReportedAdmin,
    own_words=("value",),
    list_display=["as_reported", "column", "platform", "meaning", "explained_by"],
    list_filter=["column", "meaning"],
    search_fields=["value"],
    readonly_fields=("as_reported", *all_field_names(ReportedValue, but=["id", "value"])),
)


# Files for platforms; the portal's pages make them.
register_records(
    ClaimFile,
    rows=lambda: FILES.select_for({}),
    list_display=[*FILES.admin_columns, "made_by", "sent_at"],
    list_filter=["kind", "state"],
    search_fields=["=uid"],
    hidden=["file"],
)


# Differences between platforms and the portal.
register_records(
    Discrepancy,
    list_display=["__str__", "kind", "state", "is_weak", "due_on", "opened_at"],
    list_filter=["kind", "state"],
    list_select_related=[*("claim", "asset", "video", "match__recording", "recording")],
    search_fields=["=uid"],
    hidden=["key", "basis", "evidence"],
)
