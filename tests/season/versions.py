"""Versions that fit equally: people switch and answer, and no rule does it for them."""

from __future__ import annotations

import random

from django.db.models import QuerySet

from base.accounts.roles import Action
from catalogue.models import Recording
from review.choices import WAITING_STATES, Verb
from review.models import Match, VersionAnswer
from review.services.evaluation import is_of_rules
from review.versions import standing_among
from tests.season.invariants import check
from tests.season.later_scans import Work, add_copy, rescan
from tests.season.people import Person


def handle(person: Person, manager: Person, rng: random.Random, work: Work) -> None:
    """Add another version of what is heard, switch a match, or answer for a pair."""
    asking = list(_matches().filter(state__in=WAITING_STATES))
    kind = rng.random()
    if not asking or kind < 0.3:
        _add_version(manager, rng, work)
    elif kind < 0.65:
        _switch(person, rng.choice(asking), rng)
    else:
        _answer(person, rng.choice(asking), rng)
    versions_hold()


def versions_hold() -> None:
    """Check that rules decided nothing that is open, and that matches follow answers."""
    for match in _matches():
        check(
            not (match.has_open_versions and is_of_rules(match)),
            f"a rule decided {match.case}, of which nobody chose a version",
        )


def _add_version(manager: Person, rng: random.Random, work: Work) -> None:
    heard = Match._base_manager.filter(scanned_file__deleted_at=None).exclude(recording__audio="")
    match = rng.choice(list(heard.select_related("recording", "scanned_file")))
    version = add_copy(
        manager, match.recording, rng, work, version_title=f"Edit {rng.randrange(9)}"
    )
    if version is not None:
        rescan(manager, match.scanned_file, work)


def _switch(person: Person, match: Match, rng: random.Random) -> None:
    other_recording = _other_version(match, rng)
    if other_recording is None:
        return
    person.fill_in(
        f"/m/{match.uid}/decide",
        verb=Verb.CHOOSE,
        version=match.version,
        recording=other_recording.uid,
    )
    former, uid = match.recording, match.uid
    match = _matches().get(uid=uid)
    check(
        match.recording in (former, other_recording),
        f"{match.case} names {match.recording} after a switch to {other_recording}",
    )
    if match.recording == other_recording and rng.random() < 0.5:
        person.fill_in(f"/m/{uid}/decide", verb=Verb.UNDO, version=match.version)


def _answer(person: Person, match: Match, rng: random.Random) -> None:
    other_recording = _other_version(match, rng)
    if other_recording is None:
        return
    stands = rng.choice([match.recording, other_recording, None])
    person.fill_in(
        f"/m/{match.uid}/versions/",
        candidate=other_recording.uid,
        stands=stands.uid if stands else "",
    )
    keys = sorted((match.recording.pk, other_recording.pk))
    answer = VersionAnswer._base_manager.filter(one=keys[0], other=keys[1]).first()
    if person.user.has_perm(Action.DECIDE) and answer and stands:
        for waiting in _matches().filter(state__in=WAITING_STATES, recording__in=keys):
            check(
                answer.stands_id == waiting.recording_id
                or waiting.version_choice == "chosen"
                or bool(waiting.proposed)
                or other_recording not in standing_among(waiting.candidates.all()),
                f"{waiting.case} does not follow the answer",
            )


def _other_version(match: Match, rng: random.Random) -> Recording | None:
    recordings = standing_among(match.candidates.all(), beside=match.recording)
    return (
        rng.choice(sorted(recordings, key=lambda recording: recording.pk)) if recordings else None
    )


def _matches() -> QuerySet[Match]:
    rows = Match._base_manager.filter(candidates__isnull=False).distinct()
    return rows.select_related("recording", "scanned_file").order_by("pk")
