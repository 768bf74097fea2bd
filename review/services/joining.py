"""Makes matches of a file one when their recordings are; ``parting`` takes that back.

The match of the recording that stays survives; the ids of the others become aliases of
it. Everything here is set-based, because a merge may concern thousands of files, and
acts without access limits, because a merge concerns all matches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from django.db import models
from django.db.models import OuterRef, Q, Subquery

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.services import EventDraft, record_all
from base.common.batches import batched
from catalogue.models import Recording
from catalogue.selectors import excluded_intervals_of
from review import figures, intervals, match_events
from review.choices import MatchState, QueueReason, RejectCode
from review.models import Match, MatchAlias
from review.selectors import evidence_of
from review.services import evaluation, following, transitions
from review.services.following import Move
from scanning.models import Detection, Scan

Pair = tuple[Match, Match]
"""A match, and the one that survives."""

_AT_ONCE = 500
_DECISION = (*transitions.DECISION_COLUMNS, *("assignee_id", "priority", "version_choice"))
_BY_URGENCY = (
    MatchState.SUPPRESSED,
    MatchState.PENDING,
    MatchState.IN_REVIEW,
    MatchState.ESCALATED,
)
"""The states without a decision, the most urgent last."""
Row = dict[str, Any]  # Any: columns as JSON


@dataclass(frozen=True, slots=True)
class Joined:
    """What a merge did to matches: pairs that became one, and matches that were renamed."""

    pairs: int = 0
    renamed: int = 0


@working_for(None)
def follow_merge(
    *, merged: Sequence[Recording], stays: Recording, merge: str, user: User
) -> Joined:
    """Let the matches of merged recordings go on as matches of the one that stays."""
    survivors = {
        match.scanned_file_id: match
        for match in locked_matches().filter(recording=stays).order_by("pk")
    }
    pairs: list[Pair] = []
    renamed: list[Match] = []
    for match in locked_matches().filter(recording__in=merged).order_by("pk"):
        survivor = survivors.setdefault(match.scanned_file_id, match)
        if survivor is match:
            renamed.append(match)
        else:
            pairs.append((match, survivor))
    # First, because an undo gives back what nothing has changed since the join.
    for batch in batched(renamed, _AT_ONCE):
        _rename(batch, stays, merge, user)
    join(pairs, merge=merge, actor=user)
    return Joined(len(pairs), len(renamed))


def locked_matches() -> models.QuerySet[Match]:
    return Match.objects.select_for_update(of=("self",)).select_related(
        "recording", "scanned_file", "scan"
    )


def _rename(matches: Sequence[Match], stays: Recording, merge: str, user: User) -> None:
    """Let matches name the recording that stays, where the file has no other of it."""
    moved = following.follow(
        [Move(match.scanned_file_id, match.recording_id, stays.pk) for match in matches]
    )
    Match.objects.filter(pk__in=[match.pk for match in matches]).update(
        recording=stays, version=models.F("version") + 1, updated_at=datetime.now(tz=UTC)
    )
    entries = [
        EventDraft(
            case=match.case,
            action=match_events.NAMED_OTHERWISE,
            before={"recording": match.recording.uid},
            after={"recording": stays.uid, "merge": merge, "moved": moved[match.scanned_file_id]},
        )
        for match in matches
    ]
    record_all(entries, actor=user)
    for match in matches:
        match.recording = stays
        match.version += 1


def join(
    pairs: Sequence[Pair], *, actor: User | str, merge: str = "", scan: Scan | None = None
) -> None:
    """Let the second of each pair stand for the first.

    A ``scan`` that joins them replaces evidence and figures afterwards.
    """
    by_survivor: dict[int, list[Pair]] = defaultdict(list)
    for match, survivor in pairs:
        by_survivor[survivor.pk].append((match, survivor))
    # An event needs a case of its own, so each survivor takes one match at a time.
    for turn in zip_longest(*by_survivor.values()):
        for batch in batched(filter(None, turn), _AT_ONCE):
            _join(batch, actor, merge, scan)


def _join(pairs: Sequence[Pair], actor: User | str, merge: str, scan: Scan | None) -> None:
    former = [match.pk for match, _survivor in pairs]
    survivors = [survivor for _match, survivor in pairs]
    evidence = evidence_of([match for pair in pairs for match in pair])
    aliases = _make_aliases(pairs, merge, evidence)
    _point_to_survivors(former)
    before = {survivor.pk: transitions.snapshot(survivor) for survivor in survivors}
    links = Match.detections.through
    other_versions = Match.candidates.through
    added = []
    for match, survivor in pairs:
        _settle(match, survivor, evidence)
        rows = _uncovered(evidence[match.pk], evidence[survivor.pk])
        evidence[survivor.pk] += rows
        added += [links(match_id=survivor.pk, detection_id=row.pk) for row in rows]
    links.objects.filter(match__in=former).delete()
    links.objects.bulk_create(added)
    survivor_of = {match.pk: survivor.pk for match, survivor in pairs}
    other_versions.objects.bulk_create(
        [
            other_versions(match_id=survivor_of[key], detection_id=detection)
            for key, detections in _candidates(former).items()
            for detection in detections
        ],
        ignore_conflicts=True,
    )
    other_versions.objects.filter(match__in=former).delete()
    Match.objects.filter(pk__in=former).delete()
    if scan is None:
        measure(survivors, evidence)
    write(survivors)
    for alias in aliases:
        # An undo gives the survivor its former decision back only at this version.
        alias.kept["version"] = alias.match.version
    MatchAlias.objects.bulk_update(aliases, ["kept"], batch_size=200)
    _record(pairs, before, actor, {"merge": merge, "scan": scan.uid if scan else ""})
    transitions.matches_changed.send(sender=Match, matches=survivors, recounted=survivors)


def _make_aliases(
    pairs: Sequence[Pair], merge: str, evidence: dict[int, list[Detection]]
) -> list[MatchAlias]:
    moved = following.follow(
        [
            Move(match.scanned_file_id, match.recording_id, survivor.recording_id)
            for match, survivor in pairs
        ]
    )
    named_by = _named_by([match.pk for match, _survivor in pairs])
    candidates = _candidates(match.pk for pair in pairs for match in pair)
    return MatchAlias.objects.bulk_create(
        MatchAlias(
            uid=match.uid,
            former_key=match.pk,
            match=survivor,
            recording=match.recording,
            merge=merge,
            kept={
                "row": _columns(match),
                "evidence": [row.pk for row in evidence[match.pk]],
                "named_by": named_by[match.pk],
                "survivor": _columns(survivor),
                "survivor_evidence": [row.pk for row in evidence[survivor.pk]],
                "candidates": candidates[match.pk],
                "survivor_candidates": candidates[survivor.pk],
                "moved": moved[match.scanned_file_id],
            },
        )
        for match, survivor in pairs
    )


def _candidates(matches: Iterable[int]) -> dict[int, list[int]]:
    """Return the detections of other versions that matches may name, by match."""
    by_match: dict[int, list[int]] = {key: [] for key in matches}
    links = Match.candidates.through.objects.filter(match__in=list(by_match))
    for match, detection in links.order_by("pk").values_list("match", "detection"):
        by_match[match].append(detection)
    return by_match


def _pointers() -> list[type[models.Model]]:
    """Return the models whose rows name a match in their column ``match``."""
    relations = Match._meta.get_fields(include_hidden=True)
    return [
        relation.related_model
        for relation in relations
        if isinstance(relation, models.ManyToOneRel)
        and not relation.related_model._meta.auto_created
    ]


def _named_by(keys: Sequence[int]) -> dict[int, dict[str, list[int]]]:
    """Return, by match, the keys of the rows that name it, by model."""
    named: dict[int, dict[str, list[int]]] = {key: {} for key in keys}
    for model in _pointers():
        rows = model._base_manager.filter(match__in=keys).values_list("match", "pk")
        for match, pk in rows:
            named[match].setdefault(model._meta.label, []).append(pk)
    return named


def _point_to_survivors(former: Sequence[int]) -> None:
    survivor = MatchAlias.objects.filter(former_key=OuterRef("match"))
    for model in _pointers():
        model._base_manager.filter(match__in=former).update(
            match=Subquery(survivor.values("match")[:1])
        )


def _intervals(detections: Iterable[Detection]) -> list[intervals.Interval]:
    return [
        (segment.start_ms, segment.end_ms)
        for detection in detections
        for segment in detection.segments.all()
    ]


def _uncovered(detections: Sequence[Detection], covering: Sequence[Detection]) -> list[Detection]:
    """Return the evidence that says something the other's does not."""
    covered = _intervals(covering)
    return [
        detection
        for detection in detections
        if intervals.share_within(_intervals([detection]), covered)
        < evaluation.SAME_INTERVALS_SHARE
    ]


def _settle(match: Match, survivor: Match, evidence: dict[int, list[Detection]]) -> None:
    """Give the survivor the state and decision of both; writes nothing."""
    survivor.found_late = survivor.found_late and match.found_late
    survivor.created_at = min(survivor.created_at, match.created_at)
    survivor.lost = survivor.lost and match.lost
    first, second = _Side.of(survivor, evidence), _Side.of(match, evidence)
    if MatchState.DISPUTED in (first.state, second.state):
        _take(survivor, first if first.state == MatchState.DISPUTED else second)
    elif first.is_wrong_recording != second.is_wrong_recording:
        # The rejection was a choice between the two, which are one now.
        _take(survivor, second if first.is_wrong_recording else first)
    elif first.waits and second.waits:
        _take_waiting(survivor, first, second)
    elif first.state == second.state:
        earlier = min(first, second, key=lambda side: side.decided_at)
        _take(survivor, earlier)
    elif first.waits or second.waits:
        decided = second if first.waits else first
        _take(survivor, decided)
        if not decided.covers(first, second):
            _ask_again(survivor, QueueReason.RESCAN_CHANGED)
    else:
        _ask_again(survivor, QueueReason.DECIDED_BOTH_WAYS)
        # First in the queue.
        survivor.due_at = datetime.now(tz=UTC)


@dataclass(frozen=True, slots=True)
class _Side:
    match: Match
    state: MatchState
    seconds: Sequence[intervals.Interval]

    @classmethod
    def of(cls, match: Match, evidence: dict[int, list[Detection]]) -> _Side:
        seconds = intervals.union(_intervals(evidence[match.pk]))
        return cls(match, MatchState(match.state), seconds)

    @property
    def waits(self) -> bool:
        return self.state in _BY_URGENCY

    @property
    def is_wrong_recording(self) -> bool:
        return (
            self.state == MatchState.REJECTED
            and self.match.decision_reason == RejectCode.WRONG_RECORDING
        )

    @property
    def decided_at(self) -> datetime:
        return self.match.decided_at or datetime.max.replace(tzinfo=UTC)

    def covers(self, first: _Side, second: _Side) -> bool:
        together = intervals.union([*first.seconds, *second.seconds])
        share = intervals.share_within(together, self.seconds)
        return share >= evaluation.SAME_INTERVALS_SHARE


def _take(survivor: Match, side: _Side) -> None:
    for name in ("state", "locked_by_id", "locked_until", *_DECISION):
        setattr(survivor, name, getattr(side.match, name))


def _take_waiting(survivor: Match, first: _Side, second: _Side) -> None:
    """Keep the more urgent question of two, the earlier due date and both notes."""
    matches = (first.match, second.match)
    notes = dict.fromkeys(match.note for match in matches if match.note)
    due = min((match.due_at for match in matches if match.due_at), default=None)
    _take(survivor, max(first, second, key=lambda side: _BY_URGENCY.index(side.state)))
    survivor.note = "\n".join(notes)[: transitions.MAX_NOTE_CHARS]
    survivor.due_at = due


def _ask_again(survivor: Match, reason: QueueReason) -> None:
    survivor.state, survivor.queue_reason = MatchState.PENDING, reason
    survivor.locked_by, survivor.locked_until = None, None
    for name, value in (evaluation.UNTREATED | transitions.UNDECIDED).items():
        setattr(survivor, name, value)


def measure(survivors: Iterable[Match], evidence: dict[int, list[Detection]]) -> None:
    """Work the figures out again from the evidence of both."""
    recordings = {row.recording_id for rows in evidence.values() for row in rows}
    excluded = excluded_intervals_of(recordings)
    for survivor in survivors:
        rows = evidence[survivor.pk]
        measured = figures.work_out(
            detections=rows,
            segments=[segment for row in rows for segment in row.segments.all()],
            source_ms=survivor.scanned_file.length_ms,
            reference_ms=survivor.recording.duration_ms,
            excluded=excluded,
        )
        for name, value in asdict(measured).items():
            setattr(survivor, name, value)


def write(survivors: Iterable[Match]) -> None:
    now = datetime.now(tz=UTC)
    rows = list(survivors)
    for survivor in rows:
        survivor.version += 1
        survivor.updated_at = now
    names = [
        field.name
        for field in Match._meta.concrete_fields
        if field.name not in ("id", "uid", "scanned_file", "recording", "scan")
    ]
    Match.objects.bulk_update(rows, names, batch_size=200)


def _record(
    pairs: Sequence[Pair], before: dict[int, Row], actor: User | str, details: dict[str, str]
) -> None:
    record_all(
        [
            EventDraft(
                case=match.case,
                action=match_events.JOINED_INTO,
                before=transitions.snapshot(match),
                after={"match": survivor.uid, **details},
            )
            for match, survivor in pairs
        ],
        actor=actor,
    )
    record_all(
        [
            EventDraft(
                case=survivor.case,
                action=match_events.JOINED,
                before=before[survivor.pk],
                after={
                    **transitions.snapshot(survivor),
                    "match": match.uid,
                    "joined": transitions.snapshot(match),
                    **details,
                },
            )
            for match, survivor in pairs
        ],
        actor=actor,
    )


def _columns(match: Match) -> Row:
    """Return a row's columns as JSON; Django's encoder would lose microseconds."""
    return {
        field.attname: _as_json(getattr(match, field.attname))
        for field in Match._meta.concrete_fields
    }


def _as_json(value: Any) -> Any:  # Any: a column
    if isinstance(value, datetime):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def erase_person(*, person: User, pseudonym: str) -> None:
    """Replace a person's name in the rows that the undo of a merge would restore."""
    decided = Q(kept__row__decided_by_id=person.pk)
    decided |= Q(kept__survivor__decided_by_id=person.pk)
    for alias in MatchAlias.objects.filter(decided):
        for row in (alias.kept["row"], alias.kept["survivor"]):
            if row["decided_by_id"] == person.pk:
                row["decided_by_name"] = pseudonym
        alias.save(update_fields=["kept"])
