"""Rows of this capability for the browser's tests."""

from __future__ import annotations

from datetime import UTC, datetime

from django.urls import reverse

from base.accounts.models import User
from catalogue.artist_ids import store_artist_ids
from catalogue.models import Recording
from plugins.filling import deciding
from plugins.filling.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from tests.e2e.fill.every import MORE


def add_suggestions(user: User) -> list[str]:
    """Make a source, suggestions, a mark and a rule; return pages without a link."""
    now = datetime.now(tz=UTC)
    source = EnrichmentSource.objects.create(
        kind="musicbrainz",
        name="MusicBrainz, September",
        path="/srv/open-data/mbdump.tar.bz2",
        licence="CC0 1.0",
        accepted_by=user,
        accepted_at=now,
        state="ready",
        rows=33_600_000,
        data_date="2026-09-02",
        read_at=now,
    )
    SafeMark.objects.create(
        field="label", mark="0.9900", known=900, right=899, above=880, measured_at=now
    )
    SafeMark.objects.create(field="isrc", known=40, right=39, measured_at=now)
    recordings = Recording.objects.filter(duration_ms__gt=0, label="").order_by("pk")[:3]
    for number, recording in enumerate(recordings):
        for field, value, hold in (
            ("label", "Night Pier Records", ""),
            ("iswc", "T0345246801", "partial"),
        ):
            row = Suggestion.objects.create(
                recording=recording,
                field=field,
                value=value,
                ground=f"{number}",
                confidence="0.9981",
                hold=hold,
                evidence=[
                    {
                        "source": source.uid,
                        "name": source.name,
                        "kind": source.kind,
                        "id": "0e4b7a1c-0f62-4b4d-a3a8-5f3f3d6a9e11",
                        "title": f"{recording.title} Again",
                        "version": "",
                        "artists": ["A. Example", "B. Guest"],
                        "length_ms": recording.duration_ms + 700,
                        "step": 3,
                        "rivals": 0,
                    }
                ],
            )
            row.sources.add(source)
        store_artist_ids(recording, "1 ISNI 0000000081266409")
        KnownDifference.objects.create(
            recording=recording,
            field="label",
            known="Night Pier",
            found="Night Pier Records",
            evidence=row.evidence,
            is_also_right=bool(number),
        )
    bucket = Recording.objects.order_by("pk")[0].bucket
    FillingRule.objects.create(bucket=bucket, field="label", created_by=user)
    last = Suggestion.objects.filter(field="iswc").order_by("pk").last()
    if last is not None:
        deciding.reject(suggestion=last, user=user)
    return [
        f"{reverse('portal:suggestion_bulk')}?field=label",
        reverse("portal:open_data_delete", args=[source.uid]),
    ]


MORE.register({"suggestions": add_suggestions})
