"""Reads packs for lists, pages and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import Q
from django.urls import reverse

from accounts.reach import hidden_keys, working_for
from audit.models import Event
from audit.standing import Standing, StandingStatement, StatementKind
from evidence import signing
from evidence.models import EvidencePack, PackStatus
from review import coverage, rule_names
from review.models import Licence, Match, Policy
from review.selectors import events_of
from review.services.transitions import ASSIGN, LOCK_EVENTS, NOTE
from review.standing import by_case, matches_on

# Lock events, notes and assignments decide nothing.
_LOOKS = (*LOCK_EVENTS, NOTE, ASSIGN)
_OF_OTHERS = (
    *("recording.changed", "recording.moved"),
    *("file.details_changed", "file.moved", "file.aired_changed"),
)


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

    The ready pack ``is_stale`` if a new one would state other facts. ``stale_since`` is
    the time of the first event after it about the match, its recording or its file; other
    changes, such as those of licences, have none here.
    """

    newest: EvidencePack
    ready: EvidencePack | None
    is_stale: bool = False
    stale_since: datetime | None = None

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
    found = EvidencePack.objects.filter(match=match).order_by("-pk")
    return list(found.select_related("match", "requested_by"))


def evidence_of(match: Match) -> MatchPacks | None:
    """Return the evidence of one match, or None without packs."""
    return evidence_of_many([match.pk]).get(match.pk)


def evidence_of_many(matches: Iterable[int]) -> Mapping[int, MatchPacks]:
    """Return the evidence of matches by primary key, with a fixed number of queries.

    Matches without packs are missing, and cancelled packs do not count.
    """
    packs: dict[int, list[EvidencePack]] = {}
    rows = EvidencePack.objects.filter(match__in=list(matches)).exclude(
        status=PackStatus.CANCELLED
    )
    for pack in rows.select_related(
        "match__recording__merged_into", "match__scanned_file"
    ).order_by("-pk"):
        packs.setdefault(pack.match_id, []).append(pack)
    ready = {
        key: next(
            (pack for pack in match_packs if pack.status == PackStatus.READY), None
        )
        for key, match_packs in packs.items()
    }
    stale = _stale(pack for pack in ready.values() if pack is not None)
    return {
        key: MatchPacks(match_packs[0], ready[key], key in stale, stale.get(key))
        for key, match_packs in packs.items()
    }


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
        considered = {each.pk for each in coverage.ever_for(match.recording)}
    events = events_of(match)
    return (
        not considered.isdisjoint(hidden_keys(Licence))
        or match.licence_id in hidden_keys(Licence)
        or match.policy_id in hidden_keys(Policy)
        or any(rule_names.names_hidden_rule(event) for event in events)
    )


def _stale(ready: Iterable[EvidencePack]) -> dict[int, datetime | None]:
    """Return by match since when its pack is stale, as far as an event tells."""
    packs = list(ready)
    if not packs:
        return {}
    # Imported late: it reads all columns of reports, and this package adds some.
    from evidence.digests import digests

    now = digests(pack.match_id for pack in packs)
    stale = [pack for pack in packs if pack.facts_sha256 != now[pack.match_id]]
    since = _first_events(stale)
    return {pack.match_id: since.get(pack.match_id) for pack in stale}


def _first_events(packs: Iterable[EvidencePack]) -> dict[int, datetime]:
    """Return by match the first event after its pack that may have changed facts."""
    about: dict[str, list[EvidencePack]] = {}
    for pack in packs:
        match = pack.match
        for case in (
            match.case,
            f"recording:{match.recording.uid}",
            f"recording:{match.recording.stands_for_it.uid}",
            f"file:{match.scanned_file.uid}",
        ):
            about.setdefault(case, []).append(pack)
    events = Event.objects.filter(
        Q(case__startswith="match:") & ~Q(action__in=_LOOKS) | Q(action__in=_OF_OTHERS),
        case__in=about,
    )
    found: dict[int, datetime] = {}
    for case, sequence, at in events.order_by("pk").values_list(
        "case", "sequence", "at"
    ):
        for pack in about[case]:
            is_later = (
                sequence > pack.as_of
                if case == pack.match.case
                else at > pack.created_at
            )
            if is_later:
                found.setdefault(pack.match_id, at)
    return found


def stated_on(cases: Sequence[str]) -> Standing:
    """Return the ready packs about matches of files and recordings, by case."""
    grounds = matches_on(cases)
    packs = EvidencePack.objects.filter(match__in=grounds, status=PackStatus.READY)
    return by_case(
        grounds,
        (
            (
                pack.match_id,
                StandingStatement(
                    StatementKind.EVIDENCE,
                    pack.uid,
                    str(pack),
                    reverse("portal:evidence", args=[pack.match.uid]),
                ),
            )
            for pack in packs.select_related(
                "match__recording", "match__scanned_file"
            ).order_by("pk")
        ),
    )
