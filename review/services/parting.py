"""Parts matches again that a merge of recordings joined or renamed.

As ``joining`` it is set-based and acts without access limits.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from django.apps import apps

from base.accounts.models import User
from base.accounts.reach import working_for
from base.audit.models import Event
from base.audit.services import EventDraft, record, record_all
from catalogue.models import Recording
from review import match_events
from review.choices import MatchState
from review.models import Match, MatchAlias
from review.selectors import evidence_of
from review.services import following, transitions
from review.services.following import Move
from review.services.joining import Row, locked_matches, measure, write
from review.timeline.figures import refresh as refresh_figures
from scanning.errors import IntakeRefused
from scanning.models import Detection, ScannedFile
from scanning.services.scans import request_scan


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
    measure(changed, evidence_of(changed))
    write(changed)


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
                after=now[key] | {"merge": merge, "came_back": before[key] is None},
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
    for match in locked_matches().filter(uid__in=events).order_by("pk"):
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
            after={"recording": recording.uid, "undone": merge},
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
    measure([match], evidence)
    match.scan_id = last.scan_id
    match.save()
    return True


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
