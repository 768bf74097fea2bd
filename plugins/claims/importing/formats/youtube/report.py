"""Reports of YouTube's Content Manager.

The columns are those of the Reporting API's system-managed reports (claims a3, assets
a3, asset conflicts a3, references a2, videos a4) and their earlier versions, which lack some.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from plugins.claims.choices import Platform, ReportKind, ValueColumn
from plugins.claims.finding.owners import NO, YES
from plugins.claims.importing.reports import (
    Report,
    ReportedColumn,
    Values,
    count,
    day,
    first,
    identifier,
    iswc,
    items,
    percent,
    register,
    seconds,
    text_of,
)
from scanning.sources.link_keys import video_key

_UNREAD: Final = frozenset(
    {
        # Read by nobody here; ``uploader`` names a person and is not stored.
        *("uploader", "reference_video_id", "claim_policy_id", "asset_policy_id"),
        *("engaged_views", "video_matching_length", "asset_labels", "tms", "director"),
        *("studio", "season", "episode_number", "episode_title", "release_date"),
        *("hfa_song_code", "grid", "artist", "album", "record_label", "upc"),
        *("writers", "is_shorts_eligible", "active_claims"),
        *("inactive_reference_id", "approx_daily_views", "metadata_origination"),
        *("is_merged", "date_created", "reference_type", "source_of_fingerprint"),
        *("asset_metadata_type", "asset_owners", "provider"),
        *("approx_daily_engaged_views", "sr_approx_daily_engaged_views"),
        *("conflicting_owner_asset_title", "conflicting_owner_artist"),
        *("engaged_views_in_conflict", "lifetime_views_in_conflict"),
        *("lifetime_engaged_views_in_conflict", "ownership_origination"),
        *("other_ownership_last_updated", "other_ownership_origination"),
        *("claimed_by_this_owner", "claim_origin", "time_published", "time_uploaded"),
        *("video_length", "video_url", "upload_source", "content_type", "category"),
    }
)


def _finish(values: Values) -> None:
    if "video_id" in values:
        values["link_key"] = video_key(values["video_id"])


_Report: Final = partial(
    Report, platforms=frozenset({Platform.YOUTUBE}), finish=_finish, unread=_UNREAD
)
CLAIMS: Final = _Report(
    ReportKind.CLAIMS,
    frozenset({"claim_id", "video_id", "asset_id", "claim_status"}),
    (
        ReportedColumn("claim_id", "claim_id", identifier),
        ReportedColumn("video_id", "video_id", identifier),
        ReportedColumn("asset_id", "asset_id", identifier),
        ReportedColumn("claim_status", "status", text_of(40)),
        ReportedColumn("claim_status_detail", "status_detail"),
        ReportedColumn("claim_origin", "origin"),
        ReportedColumn("claim_type", "claim_type", text_of(40)),
        ReportedColumn("content_type", "content_type", text_of(60)),
        ReportedColumn("reference_id", "reference_id", text_of(64)),
        ReportedColumn("channel_id", "channel_id", text_of(64)),
        ReportedColumn("channel_display_name", "channel", text_of(300)),
        ReportedColumn("video_title", "title", text_of(500)),
        ReportedColumn("views", "views", count),
        ReportedColumn("matching_duration", "matching_duration", text_of(30)),
        ReportedColumn("longest_match", "longest_match", text_of(30)),
        ReportedColumn("video_duration_sec", "video_seconds", seconds),
        ReportedColumn("claim_created_date", "claimed_on", day),
        ReportedColumn("video_upload_date", "uploaded_on", day),
        ReportedColumn("claim_policy_monetize", "claim_monetises", text_of(2000)),
        ReportedColumn("claim_policy_track", "claim_tracks", text_of(2000)),
        ReportedColumn("claim_policy_block", "claim_blocks", text_of(2000)),
        ReportedColumn("asset_policy_monetize", "asset_monetises", text_of(2000)),
        ReportedColumn("asset_policy_track", "asset_tracks", text_of(2000)),
        ReportedColumn("asset_policy_block", "asset_blocks", text_of(2000)),
        ReportedColumn("asset_title", "asset_title", text_of(500)),
        ReportedColumn("custom_id", "asset_custom_id", text_of(200)),
        ReportedColumn("isrc", "asset_isrc", text_of(40)),
        ReportedColumn("iswc", "asset_iswc", iswc),
    ),
    explained=ValueColumn.STATUS_DETAIL,
)
ASSETS: Final = _Report(
    ReportKind.ASSETS,
    frozenset({"asset_id", "asset_type"}),
    (
        ReportedColumn("asset_id", "asset_id", identifier),
        ReportedColumn("asset_type", "asset_type", text_of(60)),
        ReportedColumn("custom_id", "custom_id", text_of(200)),
        ReportedColumn("your_isrc", "your_isrc", text_of(40)),
        ReportedColumn("display_isrc", "display_isrc", text_of(40)),
        ReportedColumn("other_isrc", "other_isrc", text_of(200)),
        ReportedColumn("match_policy", "match_policy", text_of(200)),
        ReportedColumn("ownership", "ownership", text_of(1000)),
        ReportedColumn("conflicting_owner", "conflicting_owner", text_of(500)),
        ReportedColumn("conflicting_country_code", "conflicting_countries", text_of(1000)),
        ReportedColumn("active_reference_id", "active_references", items),
        ReportedColumn("constituent_asset_id", "constituents", text_of(4000)),
    ),
)
REFERENCES: Final = _Report(
    ReportKind.REFERENCES,
    frozenset({"reference_id", "asset_id", "status"}),
    (
        ReportedColumn("reference_id", "reference_id", identifier),
        ReportedColumn("asset_id", "asset_id", identifier),
        ReportedColumn("status", "status", text_of(60)),
        ReportedColumn("status_detail", "status_detail"),
        ReportedColumn("length_sec", "length_seconds", seconds),
        ReportedColumn("excluded_perc", "excluded_pct", percent),
        ReportedColumn("exclusions", "exclusions", text_of(1000)),
        ReportedColumn("asset_title", "asset_title", text_of(500)),
        ReportedColumn("asset_custom_id", "asset_custom_id", text_of(200)),
    ),
)
CONFLICTS: Final = _Report(
    ReportKind.CONFLICTS,
    frozenset({"asset_id", "conflicting_owner", "ownership_last_updated"}),
    (
        ReportedColumn("asset_id", "asset_key", identifier),
        ReportedColumn("asset_id", "asset_id", identifier),
        ReportedColumn("conflicting_owner", "owner", text_of(500)),
        ReportedColumn("conflicting_owner_isrc", "owner_isrc", text_of(200)),
        ReportedColumn("conflicting_country_code", "countries", text_of(1000)),
        ReportedColumn("ownership_last_updated", "ownership_updated", text_of(60)),
        ReportedColumn("custom_id", "asset_custom_id", text_of(200)),
    ),
)
VIDEOS: Final = _Report(
    ReportKind.VIDEOS,
    frozenset({"video_id"}),
    (
        ReportedColumn("video_id", "video_id", identifier),
        # The names of claimants are kept, whether or not they are ever explained.
        ReportedColumn("other_owners_claiming", "other_owners", text_of(1000)),
        ReportedColumn("claimed_by_another_owner", "another_owner"),
        ReportedColumn("channel_id", "channel_id", text_of(64)),
        ReportedColumn("video_title", "title", text_of(500)),
        ReportedColumn("views", "views", count),
        ReportedColumn("video_privacy_status", "privacy_status", text_of(60)),
        ReportedColumn("effective_policy", "effective_policy", text_of(500)),
        ReportedColumn("claim_id", "claim_ids", text_of(1000)),
        ReportedColumn("asset_id", "asset_id", first),
        ReportedColumn("custom_id", "asset_custom_id", text_of(200)),
        ReportedColumn("isrc", "asset_isrc", text_of(40)),
    ),
    one_of=frozenset({"other_owners_claiming", "claimed_by_another_owner"}),
    explained=ValueColumn.ANOTHER_OWNER,
    documented=frozenset({YES, NO}),
)
# The first that fits counts: some have all the columns that others need.
for _report in (CLAIMS, REFERENCES, CONFLICTS, ASSETS, VIDEOS):
    register(_report)
