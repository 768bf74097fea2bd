"""Searches the records of rights, and reads what sources claim and what contradicts.

All within what the viewer may see; see ``catalogue.owners.selectors``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from base.accounts.reach import sees_every_bucket
from catalogue.models import Recording
from catalogue.owners.choices import ConflictKind, ConflictState, Right, ShareKind
from catalogue.owners.models import (
    Conflict,
    Party,
    Release,
    RightsRecording,
    Share,
    Statement,
    Work,
)
from catalogue.owners.records import Record, column_of
from catalogue.owners.selectors import (
    conflicts_in_reach,
    parties_in_reach,
    recordings_in_reach,
    releases_in_reach,
    works_in_reach,
)
from catalogue.owners.shares import shares_of
from catalogue.owners.texts import folded

_RIGHTS = list(Right)


def matches_on(records: QuerySet[Any]) -> Q:
    """Return the condition of matches whose rights depend on records of one model.

    Any: works, parties, releases or recordings.
    """
    paths = {
        Work: Q(works__in=records),
        Party: Q(shares__party__in=records) | Q(works__shares__party__in=records),
        Release: Q(releases__in=records),
        RightsRecording: Q(pk__in=records),
    }
    sounds = RightsRecording._base_manager.filter(paths[records.model])
    isrcs = sounds.exclude(isrc="").values("isrc")
    own = Q(rights_record__in=sounds) | Q(isrc_normalised__in=isrcs) | Q(own_isrc__in=isrcs)
    recordings = Recording._base_manager.filter(own)
    staying = recordings.filter(merged_into__isnull=False).values("merged_into")
    return Q(recording__in=recordings.values("pk")) | Q(recording__in=staying)


def search_works(text: str) -> QuerySet[Work]:
    """Return the works with a text in a title, or with a code, number or writer."""
    rows = works_in_reach().filter(merged_into=None)
    if not text:
        return rows
    key, code = folded(text), text.replace("-", "").replace(".", "").upper()
    says = Q(iswc=code) | Q(uid=text)
    says |= Q(pk__in=Work.objects.filter(numbers__number=text).values("pk"))
    if key:
        says |= Q(title_key__contains=key)
        titled = Work.objects.filter(titles__text__icontains=text)
        written = Work.objects.filter(shares__party__name_key__contains=key)
        says |= Q(pk__in=titled.values("pk")) | Q(pk__in=written.values("pk"))
    return rows.filter(says)


def search_parties(text: str) -> QuerySet[Party]:
    """Return the parties with a text in the name, or with a code."""
    rows = parties_in_reach().filter(merged_into=None)
    if not text:
        return rows
    key, code = folded(text), text.replace("-", "").replace(" ", "").upper()
    says = Q(ipi_name=code.zfill(11)) | Q(isni=code) | Q(dpid=code) | Q(uid=text)
    if key:
        says |= Q(name_key__contains=key)
    return rows.filter(says)


def search_releases(text: str) -> QuerySet[Release]:
    """Return the releases with a text in title or label, or with a code."""
    rows = releases_in_reach()
    if not text:
        return rows
    key, code = folded(text), text.replace("-", "").replace(" ", "").upper()
    says = Q(upc=code) | Q(grid=code) | Q(uid=text) | Q(label__icontains=text)
    says |= Q(catalogue_number__iexact=text)
    if key:
        says |= Q(title_key__contains=key)
    return rows.filter(says)


def search_recordings(text: str) -> QuerySet[RightsRecording]:
    """Return the recordings with rights with a text in the title, or with an ISRC."""
    rows = recordings_in_reach()
    if not text:
        return rows
    return rows.filter(
        Q(title__icontains=text) | Q(isrc=text.replace("-", "").upper()) | Q(uid=text)
    )


def claims_of(record: Work | RightsRecording) -> list[Share]:
    """Return all claimed shares of a record, by right and kind, sources together."""
    return sorted(
        shares_of(record),
        key=lambda share: (
            share.kind != ShareKind.OWNERSHIP,
            _RIGHTS.index(Right(share.right)),
            share.claimant,
            share.pk,
        ),
    )


def shares_of_party(party: Party) -> QuerySet[Share]:
    """Return a party's shares that the viewer may see."""
    rows = Share.objects.filter(party=party, withdrawn_at__isnull=True, work__merged_into=None)
    if not sees_every_bucket():
        rows = rows.filter(
            Q(work__in=works_in_reach().values("pk"))
            | Q(recording__in=recordings_in_reach().values("pk"))
        )
    return rows.select_related("work", "recording").order_by("pk")


def conflicts_under(isrcs: Iterable[str]) -> QuerySet[Conflict]:
    """Return the open conflicts that a recording comes under with one of these ISRCs.

    Within the viewer's reach.
    """
    records = RightsRecording.objects.filter(isrc__in=list(isrcs)).exclude(isrc="")
    return (
        conflicts_in_reach()
        .filter(state=ConflictState.OPEN)
        .filter(
            Q(recording__in=records)
            | Q(work__in=Work.objects.filter(recordings__in=records, merged_into=None))
            | Q(release__in=Release.objects.filter(recordings__in=records))
        )
        .order_by("pk")
    )


def open_conflicts(record: Record) -> Sequence[Conflict]:
    """Return the open conflicts of a record."""
    rows = Conflict.objects.filter(**{column_of(record): record}, state=ConflictState.OPEN)
    return list(rows)


def statements_of(record: Record) -> QuerySet[Statement]:
    """Return what sources say of a record beside shares."""
    return Statement.objects.filter(**{column_of(record): record})


def values_of(conflict: Conflict) -> list[dict[str, Any]]:  # Any: JSON
    """Return the values that contradict, without those of recordings out of sight."""
    values = conflict.evidence.get("values", [])
    named = [claim["recording"] for claim in values if "recording" in claim]
    seen = set(Recording.objects.filter(uid__in=named).values_list("uid", flat=True))
    return [claim for claim in values if "recording" not in claim or claim["recording"] in seen]


def choice_by(conflict: Conflict, source: str) -> str | None:
    """Return the choice that believes a source; None if it says nothing of this."""
    if conflict.kind == ConflictKind.OVERLAP:
        return source if source in sources_of(conflict) else None
    values = conflict.evidence.get("values", [])
    choices = (claim["value"] for claim in values if claim.get("claimant") == source)
    return next(choices, None)


def choosable_sources(conflicts: Iterable[Conflict]) -> list[str]:
    """Return the sources by which at least one of these conflicts can be settled."""
    sources: set[str] = set()
    for conflict in conflicts:
        if conflict.kind == ConflictKind.OVERLAP:
            sources.update(sources_of(conflict))
        values = conflict.evidence.get("values", [])
        sources.update(claim["claimant"] for claim in values if "claimant" in claim)
    return sorted(sources)


def sources_of(conflict: Conflict) -> list[str]:
    """Return the sources whose shares contradict, "" for a person."""
    return sorted(
        {
            claim["claimant"]
            for cell in conflict.evidence.get("cells", [])
            for claim in cell.get("claims", [])
        }
    )
