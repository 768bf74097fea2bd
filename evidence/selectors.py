"""Reads packs for lists, pages and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.reach import hidden_keys, working_for
from audit.models import Event
from evidence.models import EvidencePack, PackStatus
from review import coverage, rule_names
from review.models import Licence, Match, Policy
from review.services.transitions import ASSIGN, LOCK_EVENTS, NOTE

# Lock events, notes and assignments decide nothing.
_LOOKS = (*LOCK_EVENTS, NOTE, ASSIGN)
_OF_RECORDINGS = ("recording.changed", "recording.moved")


class EvidenceStatus(StrEnum):
    """The state of a match's evidence, as in reports."""

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
class MatchPacks:
    """The newest pack of a match, and the newest ready pack.

    ``stale_since`` is the time of the first decision or change of the recording after the
    ready pack.
    """

    newest: EvidencePack
    ready: EvidencePack | None
    stale_since: datetime | None = None

    @property
    def status(self) -> EvidenceStatus:
        """Return the state of the newest pack; a ready pack may be stale."""
        status = _STATUS[PackStatus(self.newest.status)]
        if status == EvidenceStatus.READY and self.stale_since is not None:
            return EvidenceStatus.STALE
        return status

    @property
    def sha256(self) -> str:
        """Return the hash of the newest ready pack, or an empty string."""
        return self.ready.sha256 if self.ready is not None else ""


def packs_of(match: Match) -> list[EvidencePack]:
    """Return all packs of the match, newest first."""
    found = EvidencePack.objects.filter(match=match).order_by("-pk")
    return list(found.select_related("match", "requested_by"))


def evidence_of(match: Match) -> MatchPacks | None:
    """Return the evidence of one match, or None without packs."""
    return evidence_of_many([match.pk]).get(match.pk)


def evidence_of_many(matches: Iterable[int]) -> Mapping[int, MatchPacks]:
    """Return the evidence of matches by primary key, with three queries.

    Matches without packs are missing, and cancelled packs do not count.
    """
    packs: dict[int, list[EvidencePack]] = {}
    rows = EvidencePack.objects.filter(match__in=list(matches)).exclude(
        status=PackStatus.CANCELLED
    )
    for pack in rows.select_related("match__recording").order_by("-pk"):
        packs.setdefault(pack.match_id, []).append(pack)
    ready = {
        key: next(
            (pack for pack in match_packs if pack.status == PackStatus.READY), None
        )
        for key, match_packs in packs.items()
    }
    changed = _changed_since(pack for pack in ready.values() if pack is not None)
    return {
        key: MatchPacks(match_packs[0], ready[key], changed.get(key))
        for key, match_packs in packs.items()
    }


def names_hidden_rules(match: Match) -> bool:
    """Return whether packs of a match may name a rule that the viewer may not see.

    A pack is sealed, so it cannot leave out a licence or policy for some readers.
    """
    if not (hidden_keys(Licence) or hidden_keys(Policy)):
        return False
    # A pack also names licences that were withdrawn since.
    with working_for(None):
        considered = {each.pk for each in coverage.ever_for(match.recording)}
    events = Event.objects.filter(case=match.case)
    return (
        not considered.isdisjoint(hidden_keys(Licence))
        or match.licence_id in hidden_keys(Licence)
        or match.policy_id in hidden_keys(Policy)
        or any(rule_names.names_hidden_rule(event) for event in events)
    )


def _changed_since(ready: Iterable[EvidencePack]) -> dict[int, datetime]:
    """Return by match the first decision after its pack."""
    packs = list(ready)
    by_case = {pack.match.case: pack for pack in packs}
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
    for key, at in _recordings_changed_since(packs).items():
        changed[key] = min(at, changed.get(key, at))
    return changed


def _recordings_changed_since(packs: Sequence[EvidencePack]) -> dict[int, datetime]:
    """Return by match the first change of its recording's facts after its pack."""
    by_case: dict[str, list[EvidencePack]] = {}
    for pack in packs:
        by_case.setdefault(f"recording:{pack.match.recording.uid}", []).append(pack)
    events = Event.objects.filter(case__in=by_case, action__in=_OF_RECORDINGS)
    changed: dict[int, datetime] = {}
    for case, at in events.order_by("at").values_list("case", "at"):
        for pack in by_case[case]:
            if at > pack.created_at:
                changed.setdefault(pack.match_id, at)
    return changed
