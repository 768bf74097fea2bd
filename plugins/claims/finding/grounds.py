"""What a comparison reads once for all rows, and where policies and shares apply."""

from __future__ import annotations

from typing import Final

from base.common.territories import TERRITORIES
from base.common.zones import office_day
from catalogue.models import Recording
from catalogue.owners import ledger, tis
from catalogue.owners.choices import Right, ShareKind
from catalogue.owners.records import rights_records
from catalogue.owners.shares import chosen_of, shares_of
from plugins.claims.choices import OWN_DETAILS, Meaning, ValueColumn
from plugins.claims.finding.facts import ReportFacts
from plugins.claims.models import PlatformClaim, ReportedValue
from review.coverage import LicencesInForce

EVERYWHERE: Final = "EVERYWHERE"


class Grounds:
    """What a comparison reads once for all rows, and ``facts`` of reports by keys."""

    def __init__(self, facts: ReportFacts | None = None) -> None:
        self.facts = facts or ReportFacts()
        self.licences = LicencesInForce()
        values = ReportedValue.objects.exclude(meaning=Meaning.UNEXPLAINED)
        self.meanings = {
            (ValueColumn(column), value): Meaning(meaning)
            for column, value, meaning in values.values_list("column", "value", "meaning")
        }
        self.claims_days = self.facts.claims_days
        self.youtubes = self.facts.youtubes
        self._ours: dict[int, frozenset[str] | None] = {}
        self._outside: dict[tuple[int, int, bool], str] = {}

    def meaning_of(self, claim: PlatformClaim) -> Meaning | None:
        """Return what a claim's status detail means, if it is known."""
        if claim.account_id not in self.youtubes:
            return OWN_DETAILS.get(claim.status_detail)
        return self.meanings.get((ValueColumn.STATUS_DETAIL, claim.status_detail))

    def outside_shares(self, recording: Recording, claim: PlatformClaim) -> str:
        """Return where a policy monetises or blocks though we own nothing there.

        Empty if it does so nowhere, or if our shares are unknown.
        """
        if claim.terms is None:
            return ""
        is_ours = claim.account_id not in self.youtubes
        key = (recording.pk, claim.terms.pk, is_ours)
        if key not in self._outside:
            if recording.pk not in self._ours:
                self._ours[recording.pk] = our_countries(recording)
            ours = self._ours[recording.pk]
            acting = countries_of(claim.terms.monetises, is_ours=is_ours)
            acting |= countries_of(claim.terms.blocks, is_ours=is_ours)
            outside = frozenset() if ours is None else acting - ours
            self._outside[key] = tis.described(outside) if outside else ""
        return self._outside[key]


def countries_of(cell: str, *, is_ours: bool) -> frozenset[str]:
    """Return the countries of a policy's cell.

    Cells of our own table hold codes between bars. Of YouTube's only ``EVERYWHERE`` is
    publicly known; others are left alone.
    """
    if cell.strip() == EVERYWHERE:
        return TERRITORIES
    return frozenset(cell.split("|")) - {""} if is_ours else frozenset()


def our_countries(recording: Recording) -> frozenset[str] | None:
    """Return where we own a part of the master right; None if no owner is known."""
    held_shares: list[ledger.Held] = []
    for record in rights_records(recording):
        shares = shares_of(record).filter(right=Right.MASTER, kind=ShareKind.OWNERSHIP)
        held_shares += ledger.held(list(shares), day=office_day(), chosen=chosen_of(record))
    if not held_shares:
        return None
    ours = [held.countries for held in held_shares if held.share.party.is_ours]
    return frozenset[str]().union(*ours)
