"""Reads packs for lists, pages and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from base.accounts.reach import hidden_keys, working_for
from reports.evidence import signing
from reports.evidence.models import EvidencePack, PackStatus
from review import coverage, rule_names
from review.models import Licence, Match, Policy
from review.selectors import events_of
from statements.choices import StatementState
from statements.following import differences_of
from statements.models import Statement


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

    The ready pack ``is_stale`` if the last check found that a new one would state other
    facts; its statement says since when, and which. ``current_packs`` looks at once.
    """

    newest: EvidencePack
    ready: EvidencePack | None

    @property
    def statement(self) -> Statement | None:
        """Return the statement of the newest ready pack."""
        return self.ready.statement if self.ready is not None else None

    @property
    def is_stale(self) -> bool:
        """Return whether the newest ready pack differs from today."""
        statement = self.statement
        return statement is not None and (
            # The pack of a match that it was joined with may have replaced it.
            statement.state == StatementState.REPLACED or statement.differs_since is not None
        )

    @property
    def status(self) -> EvidenceStatus:
        """Return the state of the newest pack; a ready pack may be stale."""
        status = _STATUS[PackStatus(self.newest.status)]
        if status == EvidenceStatus.READY and self.is_stale:
            return EvidenceStatus.STALE
        return status

    @property
    def sha256(self) -> str:
        """Return the hash of the newest ready pack, or an empty string."""
        return self.ready.sha256 if self.ready is not None else ""


def packs_of(match: Match) -> list[EvidencePack]:
    """Return all packs of the match, newest first."""
    packs = EvidencePack.objects.filter(match=match).order_by("-pk")
    return list(packs.select_related("match", "requested_by", "statement"))


def evidence_of(match: Match) -> MatchPacks | None:
    """Return the evidence of one match, or None without packs."""
    return evidence_of_many([match.pk]).get(match.pk)


def evidence_of_many(matches: Iterable[int]) -> Mapping[int, MatchPacks]:
    """Return the evidence of matches by primary key, with a fixed number of queries.

    Matches without packs are missing, and cancelled packs do not count.
    """
    packs: dict[int, list[EvidencePack]] = {}
    rows = EvidencePack.objects.filter(match__in=list(matches)).exclude(status=PackStatus.CANCELLED)
    for pack in rows.select_related("match", "statement").order_by("-pk"):
        packs.setdefault(pack.match_id, []).append(pack)
    return {
        key: MatchPacks(
            match_packs[0],
            next((pack for pack in match_packs if pack.status == PackStatus.READY), None),
        )
        for key, match_packs in packs.items()
    }


def current_packs(matches: Iterable[int]) -> dict[int, EvidencePack]:
    """Return the ready pack of each match that states what a new one would, as of now."""
    ready = [packs.ready for packs in evidence_of_many(matches).values() if packs.ready is not None]
    differences = differences_of([pack.statement for pack in ready if pack.statement is not None])
    differing = {key for key, changes in differences.items() if changes}
    return {pack.match_id: pack for pack in ready if pack.statement_id not in differing}


def can_be_signed() -> bool:
    """Return whether this machine or another one has a key to sign packs with."""
    try:
        signing.require_some_key()
    except signing.KeyUnusable:
        return False
    return True


def names_hidden_rules(match: Match) -> bool:
    """Return whether packs of a match may name a rule that the viewer may not see.

    A pack is sealed, so it cannot leave out a licence or policy for some readers.
    """
    if not (hidden_keys(Licence) or hidden_keys(Policy)):
        return False
    # A pack also names licences that were withdrawn since.
    with working_for(None):
        considered = {licence.pk for licence in coverage.ever_for(match.recording)}
    events = events_of(match)
    return (
        not considered.isdisjoint(hidden_keys(Licence))
        or match.licence_id in hidden_keys(Licence)
        or match.policy_id in hidden_keys(Policy)
        or any(rule_names.names_hidden_rule(event) for event in events)
    )
