"""Looks up which codes of a message the records already have."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from catalogue.identifiers import BadIdentifier, check_isrc, check_iswc
from catalogue.owners.models import RightsRecording, Share, Work, WorkNumber
from plugins.rights.claims import RightsMessage


@dataclass(slots=True)
class ExistingRecords:
    """What the records have of a message's codes, found with one query for each kind."""

    recordings: dict[str, RightsRecording] = field(default_factory=dict)
    numbers: set[str] = field(default_factory=set)
    iswcs: set[str] = field(default_factory=set)
    moved: dict[str, list[Share]] = field(default_factory=dict)
    """Living shares by number that a person took along into another work."""

    @classmethod
    def of(cls, message: RightsMessage, claimant: str) -> ExistingRecords:
        """Look up the codes of a message."""
        isrcs = {check_isrc(claim.isrc).normalised for claim in message.recordings}
        iswcs = {_bare_iswc(claim.iswc) for claim in message.works}
        numbers = WorkNumber.objects.filter(
            claimant=claimant,
            number__in={claim.submitter_id.strip()[:100] for claim in message.works},
        )
        works_by_number = dict(numbers.values_list("number", "work"))
        rows = RightsRecording.objects.filter(isrc__in=isrcs - {""})
        works = Work.objects.filter(iswc__in=iswcs - {""})
        return cls(
            {row.isrc: row for row in rows},
            set(works_by_number),
            set(works.values_list("iswc", flat=True)),
            _find_moved_shares(works_by_number, claimant),
        )

    def may_have(self, *, number: str, iswc: str) -> bool:
        """Tell whether a work with this number, ISWC or neither may be known."""
        is_known = number in self.numbers or iswc in self.iswcs or not (number or iswc)
        if iswc:
            self.iswcs.add(iswc)
        return is_known


def _find_moved_shares(works: Mapping[str, int], claimant: str) -> dict[str, list[Share]]:
    """Return living shares that stand in another work than the one of their number."""
    moved: dict[str, list[Share]] = defaultdict(list)
    shares = Share.objects.filter(
        claimant=claimant, number__in=works, work__isnull=False, withdrawn_at__isnull=True
    )
    places = shares.values_list("pk", "number", "work")
    away = [pk for pk, number, work in places if works[number] != work]
    for share in Share.objects.filter(pk__in=away).select_related("work"):
        moved[share.number].append(share)
    return moved


def _bare_iswc(code: str) -> str:
    """Return an ISWC as it is stored; empty for a wrong one, which is refused later."""
    try:
        return check_iswc(code)
    except BadIdentifier:
        return ""
