"""Declarations of matches that a merge of recordings joined, and parted again."""

from __future__ import annotations

import pytest

from base.accounts.roles import Role
from catalogue.models import Recording
from plugins.monitoring.declarations import services
from plugins.monitoring.declarations.content_files import facts_in
from plugins.monitoring.declarations.models import Declaration
from plugins.monitoring.declarations.statement import statement_of
from plugins.monitoring.tests.declarations.making import (
    a_broadcast,
    a_draft,
    a_profile,
    a_station,
    utc,
)
from review.choices import MatchState
from review.models import Match, MatchAlias
from review.programmes.models import MusicUse
from scanning.choices import FileStatus
from scanning.models import ScannedFile
from statements.following import differences_of
from tests.dedup.test_joined_matches import ELSEWHERE, SPAN, merge, two_matches, undo
from tests.factories.accounts import make_user

pytestmark = pytest.mark.django_db


def ids(made: Declaration) -> list[str]:
    return [play.uid for play in facts_in(made.facts).plays]


def differences(made: Declaration) -> list[str]:
    statement = statement_of(made)
    assert statement is not None
    (differences,) = differences_of([statement]).values()
    return [difference.text for difference in differences]


def test_plays_keep_their_ids_when_their_matches_are_joined() -> None:
    survivor, former = two_matches(SPAN, ELSEWHERE)
    manager, file = make_user(Role.MANAGER), survivor.scanned_file
    Recording.objects.update(title="Blue", artists=["Anna"], writers=["Anna Muster"])
    Match.objects.update(state=MatchState.CONFIRMED)
    ScannedFile.objects.update(length_ms=3_600_000, status=FileStatus.READY)
    for match in (survivor, former):
        MusicUse.objects.create(
            scanned_file=file, recording=match.recording, use="Background", origin="preexisting"
        )
    station = a_station()
    row = a_broadcast(file, station, utc(2026, 11, 3, 6))
    profile = a_profile(station)
    made = services.declare_now(a_draft(profile))
    declared = [f"{row.uid}-{survivor.uid}-1", f"{row.uid}-{former.uid}-1"]
    assert ids(made) == declared

    action = merge(survivor.recording, former.recording, manager)
    assert MatchAlias.objects.get().uid == former.uid
    joined = differences(made)
    correction = services.declare_now(a_draft(profile, replaces=made))
    undo(action, manager)

    # Both plays stand where they were declared; only the recording is described otherwise.
    assert all("Custom ID" in text for text in joined)
    assert ids(correction) == declared
    assert differences(made) == []
