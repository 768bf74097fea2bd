"""Makes matches of a file one when their recordings are, and takes that back.

The match of the recording that stays survives; the ids of the others become aliases of
it. Everything here is set-based, because a merge may concern thousands of files, and
acts without access limits, because a merge concerns all matches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from typing import Any

from django.apps import apps
from django.db import models
from django.db.models import OuterRef, Q, Subquery

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.models import Event
from base.audit.services import EventDraft, record, record_all
from base.common.batches import batched
from catalogue.models import Recording
from catalogue.selectors import excluded_intervals_of
from review import figures, intervals, match_events
from review.choices import MatchState, QueueReason, RejectCode
from review.models import Match, MatchAlias
from review.selectors import evidence_of
from review.services import evaluation, following, transitions
from review.services.following import Move
from review.timeline.figures import refresh as refresh_figures
from scanning.errors import IntakeRefused
from scanning.models import Detection, Scan, ScannedFile
from scanning.services.scans import request_scan

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
        match.scanned_file_id: match for match in _locked().filter(recording=stays).order_by("pk")
    }
    pairs: list[Pair] = []
    renamed: list[Match] = []
    for match in _locked().filter(recording__in=merged).order_by("pk"):
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


def _locked() -> models.QuerySet[Match]:
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
        _measure(survivors, evidence)
    _write(survivors)
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


def _measure(survivors: Iterable[Match], evidence: dict[int, list[Detection]]) -> None:
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


def _write(survivors: Iterable[Match]) -> None:
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


@working_for(None)
def take_back(*, merge: str, user: User) -> int:
    """Restore the matches that a merge joined or renamed; return how many.

    What was decided of the survivor since stays with it, and the evidence of a later
    scan. It gets its former decision back only if nothing has changed it since. Files
    that were scanned since are scanned again, because that scan knew one recording.
    """
    aliases = list(
        MatchAlias.objects.filter(merge=merge)
        .select_related("match__recording", "match__scanned_file", "recording")
        .order_by("pk")
    )
    _restore_rows([alias.kept["row"] for alias in aliases])
    _link(
        {alias.former_key: (alias.kept["evidence"], alias.kept["candidates"]) for alias in aliases}
    )
    for alias in aliases:
        match = alias.match
        for label, keys in alias.kept["named_by"].items():
            rows = apps.get_model(label)._base_manager.filter(pk__in=keys, match=match)
            rows.update(match=alias.former_key)
        move = Move(match.scanned_file_id, alias.recording_id, match.recording_id)
        following.return_to(move, alias.kept["moved"])
    survivors = {alias.match_id: alias.match for alias in aliases}
    scanned_since = {
        alias.match.scanned_file_id: alias.match.scanned_file
        for alias in aliases
        if alias.match.scan_id != alias.kept["survivor"]["scan_id"]
    }
    before = {match.pk: transitions.snapshot(match) for match in survivors.values()} | {
        alias.former_key: None for alias in aliases
    }
    _give_back(aliases)
    MatchAlias.objects.filter(pk__in=[alias.pk for alias in aliases]).delete()
    _record_parted(before, merge, user)
    refresh_figures(match.scanned_file_id for match in survivors.values())
    renamed = _name_back(merge, user, scanned_since)
    for file in scanned_since.values():
        # Without its audio the next scan, whenever that is, says what it holds.
        with suppress(IntakeRefused):
            request_scan(scanned_file=file, user=user)
    return len(aliases) + renamed


def _restore_rows(rows: Sequence[Row]) -> None:
    people = _people()
    matches = [_built(row, people) for row in rows]
    created = {match.pk: match.created_at for match in matches}
    Match.objects.bulk_create(matches)
    for match in matches:
        # ``auto_now_add`` has written the present moment.
        match.created_at = created[match.pk]
    Match.objects.bulk_update(matches, ["created_at"], batch_size=200)


_PEOPLE = ("decided_by_id", "assignee_id", "proposed_by_id", "locked_by_id")


def _people() -> set[int]:
    return set(User.objects.values_list("pk", flat=True))


def _give_back(aliases: Sequence[MatchAlias]) -> None:
    """Part survivors from what was joined with them, unless a scan came between.

    They get all former columns back if nothing changed them since, else their evidence.
    """
    people = _people()
    first: dict[int, MatchAlias] = {}
    unchanged = set()
    for alias in aliases:
        # Of several joins, the first shows the survivor as it was before all.
        first.setdefault(alias.match_id, alias)
        if alias.match.version == alias.kept["version"]:
            unchanged.add(alias.match_id)
    restored, changed = [], []
    links = {}
    for key, alias in first.items():
        current, former = alias.match, _built(alias.kept["survivor"], people)
        if current.scan_id != former.scan_id:
            continue
        links[key] = (alias.kept["survivor_evidence"], alias.kept["survivor_candidates"])
        if key not in unchanged:
            current.created_at = former.created_at
            current.found_late = former.found_late
            changed.append(current)
            continue
        former.version = current.version + 1
        former.updated_at = datetime.now(tz=UTC)
        former.locked_by, former.locked_until = None, None
        if former.state == MatchState.IN_REVIEW:
            former.state = MatchState.PENDING
        restored.append(former)
    _link(links)
    names = [field.name for field in Match._meta.concrete_fields if not field.primary_key]
    Match.objects.bulk_update(restored, names, batch_size=200)
    _measure(changed, evidence_of(changed))
    _write(changed)


def _link(links: Mapping[int, tuple[Iterable[int], Iterable[int]]]) -> None:
    """Give matches, by key, exactly this evidence and these candidates."""
    throughs = (Match.detections.through, Match.candidates.through)
    for place, through in enumerate(throughs):
        through._base_manager.filter(match__in=list(links)).delete()
        through._base_manager.bulk_create(
            through(match_id=key, detection_id=detection)
            for key, both in links.items()
            for detection in both[place]
        )


def _record_parted(before: Mapping[int, Row | None], merge: str, user: User) -> None:
    """Record what matches are now; ``before`` has the snapshots of those that stayed."""
    matches = Match.objects.in_bulk(before)
    now = {key: transitions.snapshot(match) for key, match in matches.items()}
    record_all(
        [
            EventDraft(
                case=match.case,
                action=match_events.PARTED,
                before=before[key] or now[key],
                after=now[key] | {"merge": merge},
            )
            for key, match in matches.items()
        ],
        actor=user,
    )


def _name_back(merge: str, user: User, scanned_since: dict[int, ScannedFile]) -> int:
    """Let renamed matches name their own recording again; add files scanned since."""
    events = {
        event.case.removeprefix("match:"): event
        for event in Event.objects.filter(action=match_events.NAMED_OTHERWISE, after__merge=merge)
    }
    recordings = Recording.objects.in_bulk(
        {event.before["recording"] for event in events.values()}, field_name="uid"
    )
    renamed = 0
    for match in _locked().filter(uid__in=events).order_by("pk"):
        event = events[match.uid]
        recording = recordings[event.before["recording"]]
        if not match.detections.filter(recording=recording).exists():
            scanned_since[match.scanned_file_id] = match.scanned_file
            if not _give_evidence_back(match, recording):
                continue
        move = Move(match.scanned_file_id, recording.pk, match.recording_id)
        following.return_to(move, event.after["moved"])
        Match.objects.filter(pk=match.pk).update(
            recording=recording, version=match.version + 1, updated_at=datetime.now(tz=UTC)
        )
        record(
            case=match.case,
            action=match_events.NAMED_OTHERWISE,
            actor=user,
            before={"recording": match.recording.uid},
            after={"recording": recording.uid},
        )
        renamed += 1
    return renamed


def _give_evidence_back(match: Match, recording: Recording) -> bool:
    """Give a match what the last scan found that knew its recording; tell if one did."""
    detections = Detection.objects.filter(
        scan__scanned_file=match.scanned_file_id, recording=recording
    )
    last = detections.order_by("-scan").first()
    if last is None:
        return False
    evidence = {match.pk: list(detections.filter(scan=last.scan_id))}
    _link({match.pk: ([row.pk for row in evidence[match.pk]], ())})
    _measure([match], evidence)
    match.scan_id = last.scan_id
    match.save()
    return True


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


def _built(row: Row, people: Container[int]) -> Match:
    """Return a match with these columns; ``people`` are the accounts that still exist."""
    values = {
        field.attname: field.to_python(row[field.attname])
        if not field.is_relation
        else row[field.attname]
        for field in Match._meta.concrete_fields
    }
    for column in _PEOPLE:
        if values[column] not in people:
            values[column] = None
    return Match(**values)


def erase_person(*, person: User, pseudonym: str) -> None:
    """Replace a person's name in the rows that the undo of a merge would restore."""
    decided = Q(kept__row__decided_by_id=person.pk)
    decided |= Q(kept__survivor__decided_by_id=person.pk)
    for alias in MatchAlias.objects.filter(decided):
        for row in (alias.kept["row"], alias.kept["survivor"]):
            if row["decided_by_id"] == person.pk:
                row["decided_by_name"] = pseudonym
        alias.save(update_fields=["kept"])
