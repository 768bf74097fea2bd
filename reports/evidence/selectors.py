"""What lists, pages and reports read about packs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from audit.models import Event
from reports.models import EvidencePack, PackStatus
from review.models import Match
from review.services.transitions import ASSIGN, NOTE

# These events tell who held the match or noted something; they decide nothing.
_LOOKS = ("take", "release", "lock_ended", NOTE, ASSIGN)


class EvidenceStatus(StrEnum):
    """How the evidence of a match stands, as reports name it."""

    NONE = "none"
    QUEUED = "queued"
    READY = "ready"
    STALE = "stale"
    FAILED = "failed"


_STATUS = {
    PackStatus.QUEUED: EvidenceStatus.QUEUED,
    PackStatus.BUILDING: EvidenceStatus.QUEUED,
    PackStatus.READY: EvidenceStatus.READY,
    PackStatus.FAILED: EvidenceStatus.FAILED,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The newest pack of a match, and the newest that is ready.

    ``stale_since`` is when the first decision after the ready one came.
    """

    newest: EvidencePack
    ready: EvidencePack | None
    stale_since: datetime | None = None

    @property
    def status(self) -> EvidenceStatus:
        """Return the state of the newest pack; a ready one may be stale."""
        status = _STATUS[PackStatus(self.newest.status)]
        if status == EvidenceStatus.READY and self.stale_since is not None:
            return EvidenceStatus.STALE
        return status

    @property
    def sha256(self) -> str:
        """Return the hash of the newest pack that can be had; empty for none."""
        return self.ready.sha256 if self.ready is not None else ""


def packs_of(match: Match) -> list[EvidencePack]:
    """Return every pack of the match, newest first."""
    found = EvidencePack.objects.filter(match=match).order_by("-pk")
    return list(found.select_related("match", "requested_by"))


def evidence_of(match: Match) -> Evidence | None:
    """Return how the evidence of one match stands; None where there is none."""
    return evidence_of_many([match.pk]).get(match.pk)


def evidence_of_many(matches: Iterable[int]) -> Mapping[int, Evidence]:
    """Return how the evidence of matches stands, by key, with two queries.

    Matches without a pack are left out, and cancelled packs do not count.
    """
    packs: dict[int, list[EvidencePack]] = {}
    rows = EvidencePack.objects.filter(match__in=list(matches)).exclude(
        status=PackStatus.CANCELLED
    )
    for pack in rows.select_related("match").order_by("-pk"):
        packs.setdefault(pack.match_id, []).append(pack)
    ready = {
        key: next((one for one in found if one.status == PackStatus.READY), None)
        for key, found in packs.items()
    }
    changed = _changed_since(pack for pack in ready.values() if pack is not None)
    return {
        key: Evidence(found[0], ready[key], changed.get(key))
        for key, found in packs.items()
    }


def _changed_since(ready: Iterable[EvidencePack]) -> dict[int, datetime]:
    """Return by match when it was first decided on after its pack."""
    by_case = {pack.match.case: pack for pack in ready}
    if not by_case:
        return {}
    events = (
        Event.objects.filter(case__in=by_case)
        .exclude(action__in=_LOOKS)
        .order_by("sequence")
    )
    changed: dict[int, datetime] = {}
    for case, sequence, at in events.values_list("case", "sequence", "at"):
        pack = by_case[case]
        if sequence > pack.as_of:
            changed.setdefault(pack.match_id, at)
    return changed
