"""Matches that later scans replaced: their pages, their decisions, and merges between.

A replaced match names the live one and offers no decision. A manager may reopen a
decision that carried over, and no rescan decides it again by a licence. A notice follows
its claim over scans and merges.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db.models import QuerySet

from accounts.reach import working_for
from accounts.roles import Action
from catalogue.models import IntakeRule, Recording, RecordingStatus
from dedup.models import ActionVerb, DedupGroup
from notices.models import NoticeItem, NoticeState
from review.choices import WAITING_STATES, MatchState, QueueReason, RejectCode
from review.models import Match
from review.services.transitions import last_event
from scanning.models import ScannedFile
from tests.season import grounds, readers
from tests.season.invariants import check
from tests.season.people import Person

Work = Callable[[], None]

_REOPENED_FROM = (MatchState.CLEARED, MatchState.REJECTED, MatchState.RELEASED)
_FOUND = "found"


def handle(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Look at a replaced match, reopen a carried decision, or merge its recording twice."""
    kind = rng.random()
    if kind < 0.45:
        _look(person, manager, rng, work)
    elif kind < 0.85:
        _reopen(person, manager, rng, work)
    else:
        _merge_twice(manager, rng, work)


def _look(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Open a match that a later scan replaced, and try to decide it."""
    replaced = list(_matches().filter(state=MatchState.SUPERSEDED))
    if not replaced:
        _some_carried(manager, rng, work)
        return
    match = rng.choice(replaced)
    with readers.english(person):
        answer = person.open(f"/m/{match.uid}")
    if answer.status != 200:
        # Others may not see it.
        return
    live, page = match.superseded_by, person.tabs[0]
    offered = [form for form in page.forms if _decides(match, form.path)]
    check(not offered, f"{match.case} was replaced, and its page offers {offered}")
    if live is not None:
        check(live.review_url in page.links, f"{match.case} leads not to {live.case}")
        check(
            live.superseded_by is None,
            f"{match.case} leads to {live.case}, not further",
        )
    _decide(person, match, "confirm")
    state = _state_of(match)
    check(state == MatchState.SUPERSEDED, f"{match.case} was replaced, and is {state}")


def _decides(match: Match, path: str) -> bool:
    return bool(re.match(rf"/m/{match.uid}/(decide|dispute|exclude)", path))


def _reopen(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Reopen a decision that carried over; it cannot be undone. Then scan again."""
    match = _some_carried(manager, rng, work)
    if match is None:
        return
    before = match.state
    _decide(person, match, "undo", agreed="yes")
    check(_state_of(match) == before, f"{match.case} was carried over, and undone")
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
    _rescan(manager, match.scanned_file, work)
    match.refresh_from_db()
    live = match.superseded_by or match
    check(
        live.state != MatchState.CLEARED,
        f"a rescan cleared {live.case}, which {person.name} had reopened",
    )


def _some_carried(manager: Person, rng: random.Random, work: Work) -> Match | None:
    """Return a decision that a rescan carried over; rescan for it if there is none."""
    decided = _matches().filter(
        state__in=_REOPENED_FROM, scanned_file__deleted_at=None, lost=False
    )
    carried = [match for match in decided if _is_carried(match)]
    if carried:
        return rng.choice(carried)
    match = rng.choice(list(decided)) if decided else _reject_one(manager, rng)
    if match is None:
        return None
    _rescan(manager, match.scanned_file, work)
    match.refresh_from_db()
    live: Match | None = match.superseded_by
    return live if live is not None and live.state in _REOPENED_FROM else None


def _reject_one(manager: Person, rng: random.Random) -> Match | None:
    waiting = _matches().filter(
        state=MatchState.PENDING, scanned_file__deleted_at=None, lost=False
    )
    if not waiting:
        return None
    match = rng.choice(list(waiting))
    _decide(manager, match, "reject", code=RejectCode.NOISE.value)
    return match


def _is_carried(match: Match) -> bool:
    event = last_event(match)
    return event is not None and event.action == _FOUND and "follows" in event.after


def _merge_twice(manager: Person, rng: random.Random, work: Work) -> None:
    """Merge the recording of a claim into a copy, and this into another one.

    After each merge the file is scanned again, so that the claim goes on.
    """
    match = _some_claim(rng)
    if match is None:
        return
    for _ in range(2):
        copy = _add_copy(manager, match.recording, rng, work)
        if copy is None:
            return
        group = DedupGroup.objects.filter(members__recording=copy).first()
        if group is None:
            return
        members = {each.recording.uid for each in group.members.all()} - {copy.uid}
        if match.recording.uid not in members:
            return
        grounds.act_on(manager, group, ActionVerb.MERGE, [copy.uid, *sorted(members)])
        _rescan(manager, match.scanned_file, work)
        match.refresh_from_db()
        match = match.superseded_by or match


def _some_claim(rng: random.Random) -> Match | None:
    """Return a claim that a standing notice names, or any of a recording with sound."""
    items = NoticeItem._base_manager.exclude(notice__state=NoticeState.WITHDRAWN)
    named = [item.match.superseded_by or item.match for item in items.order_by("pk")]
    claims = _matches().filter(
        state__in=(MatchState.CONFIRMED, MatchState.UPHELD),
        scanned_file__deleted_at=None,
        recording__status=RecordingStatus.READY,
    )
    found = [match for match in claims if match in named] or list(claims)
    return rng.choice(found) if found else None


def _add_copy(
    manager: Person, recording: Recording, rng: random.Random, work: Work
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
        audio=SimpleUploadedFile("copy.wav", content),
        if_there=IntakeRule.IGNORE.value,
    )
    work()
    return Recording._base_manager.filter(
        title=title[:100], status=RecordingStatus.READY
    ).first()


def _rescan(manager: Person, file: ScannedFile, work: Work) -> None:
    manager.fill_in(f"/files/{file.uid}/rescan/")
    work()


def _decide(person: Person, match: Match, verb: str, **more: str) -> None:
    match.refresh_from_db()
    person.fill_in(
        f"/m/{match.uid}/decide",
        verb=verb,
        version=match.version,
        note="Look again.",
        **more,
    )


def _matches() -> QuerySet[Match]:
    return Match._base_manager.select_related(
        "recording", "scanned_file", "superseded_by"
    ).order_by("pk")


def _state_of(match: Match) -> str:
    match.refresh_from_db()
    return match.state
