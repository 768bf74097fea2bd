"""Rows of a desk for the tests of access."""

from __future__ import annotations

from datetime import UTC, datetime

from plugins.filling.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from tests.security.world import Desk


def suggestion(desk: Desk) -> Suggestion:
    return desk.row(
        Suggestion,
        recording=desk.recording,
        field="iswc",
        value="T0345246801",
        ground="-",
        confidence=1,
    )


def known_difference(desk: Desk) -> KnownDifference:
    return desk.row(
        KnownDifference, recording=desk.recording, field="label", known="Pier", found="Pier Records"
    )


def filling_rule(desk: Desk) -> FillingRule:
    return desk.row(FillingRule, bucket=desk.bucket, field="iswc")


def open_data_source() -> EnrichmentSource:
    return EnrichmentSource.objects.create(
        kind="table",
        name="A list",
        path="/nowhere/list.csv",
        licence="Your own",
        accepted_at=datetime.now(tz=UTC),
    )


def safe_mark() -> SafeMark:
    return SafeMark.objects.get_or_create(
        field="isrc", defaults={"measured_at": datetime.now(tz=UTC)}
    )[0]
