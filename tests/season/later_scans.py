"""Matches over later scans and merges: their ids, their decisions, and undo.

The id of a match that was joined with another one leads to that one. A decision can be
undone or reopened after a rescan, and no rescan decides it again by a licence.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import QuerySet

from base.accounts.reach import working_for
from base.accounts.roles import Action
from catalogue.models import IntakeRule, Recording, RecordingStatus
from dedup.models import ActionState, ActionVerb, DedupAction, DedupGroup
from review.choices import WAITING_STATES, MatchState, QueueReason, RejectCode
from review.models import Match, MatchAlias
from scanning.models import ScannedFile
from statements.choices import StatementState
from statements.models import StatementFact
from tests.season import grounds, readers
from tests.season.invariants import Broken, check
from tests.season.people import Person

Work = Callable[[], None]

_REOPENED_FROM = (MatchState.CLEARED, MatchState.REJECTED, MatchState.RELEASED)


def handle(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Open a former match, take a decision back after a rescan, or merge twice."""
    kind = rng.random()
    if kind < 0.3:
        _open_former(person, manager, rng, work)
    elif kind < 0.7:
        _reopen(person, manager, rng, work)
    elif kind < 0.85:
        _merge_and_undo(manager, rng, work)
    else:
        _merge_twice(manager, rng, work)


def _open_former(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Open the id of a match that was joined with another one, and try to decide it."""
    aliases = list(MatchAlias._base_manager.select_related("match").order_by("pk"))
    if not aliases:
        _merge_twice(manager, rng, work)
        return
    alias = rng.choice(aliases)
    match = alias.match
    with readers.english(person):
        answer = person.open(f"/m/{alias.uid}")
    if answer.status == 404:
        # Others may not see it.
        return
    check(answer.status == 200, f"{alias.case} answers {answer.status}")
    check(match.uid in answer.url, f"{alias.case} leads to {answer.url}")
    before = _state_of(match)
    person.fill_in(f"/m/{alias.uid}/decide", verb="confirm", version=match.version)
    state = _state_of(match)
    # Opening a page may take or end a review lock.
    check(
        before == state or {before, state} <= set(WAITING_STATES),
        f"{alias.case} was decided, and {match.case} is {state}",
    )


def _reopen(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Reopen a decision after a rescan with the same result. Then scan again."""
    decided = _matches().filter(state__in=_REOPENED_FROM, scanned_file__deleted_at=None, lost=False)
    match = rng.choice(list(decided)) if decided else _reject_one(manager, rng)
    if match is None:
        return
    match = _after_rescan(match, manager, work)
    before = match.state
    if before not in _REOPENED_FROM:
        return
    # Its page may have signed the person in again, so that reopening is not lost.
    person.open(f"/m/{match.uid}")
    _decide(person, match, "reopen")
    match.refresh_from_db()
    with working_for(person.user):
        may = Match.objects.filter(pk=match.pk).exists()
    if not may or not person.user.has_perm(Action.APPROVE):
        check(match.state == before, f"{person.name} reopened {match.case}")
        return
    # Reopening leads back to the match's page, which may take the review lock.
    check(
        match.state in WAITING_STATES and match.queue_reason == QueueReason.REOPENED,
        f"{match.case} was {before}, and {match.state} after {person.name} reopened it",
    )
    alive = _after_rescan(match, manager, work)
    check(
        alive.pk != match.pk or alive.state != MatchState.CLEARED,
        f"a rescan cleared {match.case}, which {person.name} had reopened",
    )


def _after_rescan(match: Match, manager: Person, work: Work) -> Match:
    """Scan the file of a match again; return the match to which its id leads now.

    Meanwhile a merge that somebody began may have joined it with another one.
    """
    rescan(manager, match.scanned_file, work)
    alive = match_of_id(match.uid)
    if alive is None:
        raise Broken(f"{match.case} is gone after a rescan")
    return alive


def _reject_one(manager: Person, rng: random.Random) -> Match | None:
    waiting = _matches().filter(state=MatchState.PENDING, scanned_file__deleted_at=None, lost=False)
    if not waiting:
        return None
    match = rng.choice(list(waiting))
    _decide(manager, match, "reject", code=RejectCode.NOISE.value)
    return match


def _merge_twice(manager: Person, rng: random.Random, work: Work) -> None:
    """Merge the recording of a claim into a copy, and this into another one.

    After each merge the file is scanned again, so that the claim goes on.
    """
    match = _some_claim(rng)
    if match is None:
        return
    for _ in range(2):
        if not _merge_into_copy(manager, match.recording, rng, work):
            return
        rescan(manager, match.scanned_file, work)
        joined = match_of_id(match.uid)
        check(joined is not None, f"{match.case} is gone after a merge")
        match = joined or match


def _merge_and_undo(manager: Person, rng: random.Random, work: Work) -> None:
    """Merge the recording of a claim into a copy and undo it: all is as it was."""
    match = _some_claim(rng)
    if match is None:
        return
    merged = _merge_into_copy(manager, match.recording, rng, work)
    if not merged:
        return
    action = DedupAction.objects.filter(state=ActionState.DONE).latest("pk")
    before = _kept_rows(action)
    manager.fill_in_and_agree(f"/duplicates/done/{action.uid}/", verb="undo", knows="on")
    action.refresh_from_db()
    if action.state != ActionState.UNDONE:
        return
    for uid, identity in before.items():
        there = match_of_id(uid)
        now = there and _identity(there)
        check(now == identity, f"m {uid} was {identity} before a merge, and is {now}")


def _kept_rows(action: DedupAction) -> dict[str, tuple[object, ...]]:
    """Return what matches were before a merge, by their ids."""
    aliases = MatchAlias._base_manager.filter(merge=action.uid)
    return {
        alias.uid: (
            alias.kept["row"]["scanned_file_id"],
            alias.kept["row"]["recording_id"],
            alias.kept["row"]["created_at"],
            sorted(alias.kept["evidence"]),
        )
        for alias in aliases
    }


def _identity(match: Match) -> tuple[object, ...]:
    return (
        match.scanned_file_id,
        match.recording_id,
        match.created_at.isoformat(),
        sorted(match.detections.values_list("pk", flat=True)),
    )


def _merge_into_copy(manager: Person, recording: Recording, rng: random.Random, work: Work) -> bool:
    """Add a copy of a recording and merge the recording into it."""
    copy = add_copy(manager, recording, rng, work)
    if copy is None:
        return False
    group = DedupGroup.objects.filter(members__recording=copy).first()
    if group is None:
        return False
    members = {member.recording.uid for member in group.members.all()} - {copy.uid}
    if recording.uid not in members:
        return False
    grounds.act_on(manager, group, ActionVerb.MERGE, [copy.uid, *sorted(members)])
    return True


def _some_claim(rng: random.Random) -> Match | None:
    """Return a claim that a statement names, or any of a recording with sound."""
    facts = StatementFact.objects.exclude(statement__state=StatementState.WITHDRAWN)
    named = set(facts.values_list("match", flat=True))
    claims = _matches().filter(
        state__in=(MatchState.CONFIRMED, MatchState.UPHELD),
        scanned_file__deleted_at=None,
        recording__status=RecordingStatus.READY,
    )
    matches = [match for match in claims if match.uid in named] or list(claims)
    return rng.choice(matches) if matches else None


def add_copy(
    manager: Person, recording: Recording, rng: random.Random, work: Work, **options: str
) -> Recording | None:
    """Add the sound of a recording again, as another recording."""
    if not recording.audio:
        return None
    with recording.audio.open("rb") as sound:
        content = sound.read()
    title = f"{recording.title} again {rng.randrange(1000)}"
    manager.fill_in(
        "/catalogue/recordings/new/",
        bucket=recording.bucket_id,
        title=title[:100],
        **options,
        audio=SimpleUploadedFile("copy.wav", content),
        if_there=IntakeRule.IGNORE.value,
    )
    work()
    return Recording._base_manager.filter(title=title[:100], status=RecordingStatus.READY).first()


def rescan(manager: Person, file: ScannedFile, work: Work) -> None:
    """Scan a file again."""
    manager.fill_in(f"/files/{file.uid}/rescan/")
    work()


def _decide(person: Person, match: Match, verb: str, **options: str) -> None:
    match.refresh_from_db()
    person.fill_in(
        f"/m/{match.uid}/decide", verb=verb, version=match.version, note="Look again.", **options
    )


def match_of_id(uid: str) -> Match | None:
    """Return the match to which an id leads, over merges too."""
    alias = MatchAlias._base_manager.filter(uid=uid).first()
    if alias is not None:
        return _matches().get(pk=alias.match_id)
    return _matches().filter(uid=uid).first()


def _matches() -> QuerySet[Match]:
    return Match._base_manager.select_related("recording", "scanned_file").order_by("pk")


def _state_of(match: Match) -> str:
    match.refresh_from_db()
    return match.state
