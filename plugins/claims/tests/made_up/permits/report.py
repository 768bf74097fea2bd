"""A report that no platform has: permits instead of claims."""

from __future__ import annotations

from plugins.claims.choices import Platform, ReportKind
from plugins.claims.importing.reports import (
    Report,
    ReportedColumn,
    Values,
    count,
    identifier,
    register,
    text_of,
)
from scanning.sources.link_keys import link_key

_POLICIES = ("monetises", "tracks", "blocks")


def _finish(values: Values) -> None:
    values["link_key"] = values["video_id"] = link_key(values["address"])
    values["asset_id"] = f"isrc:{values['asset_isrc']}"
    values |= {"status": "ACTIVE", "status_detail": ""}
    for whose in ("claim", "asset"):
        values |= {f"{whose}_{cell}": "" for cell in _POLICIES}


PERMITS = register(
    Report(
        ReportKind.CLAIMS,
        frozenset({"permit", "track_link"}),
        (
            ReportedColumn("permit", "claim_id", identifier),
            ReportedColumn("track_link", "address", text_of(2000)),
            ReportedColumn("listens", "views", count),
            ReportedColumn("recording_code", "asset_isrc", text_of(40)),
        ),
        platforms=frozenset({Platform.SOUNDCLOUD}),
        finish=_finish,
    )
)
