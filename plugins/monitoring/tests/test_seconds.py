"""A file with unknown sound and a broadcast: the same seconds as in the core's places."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.monitoring.declarations.gathering import gather
from plugins.monitoring.declarations.left_out import LeftOut, LeftOutRow
from plugins.monitoring.tests.declarations.making import (
    NOVEMBER,
    a_broadcast,
    a_draft,
    a_profile,
    a_station,
    utc,
)
from plugins.monitoring.tests.factories.unknown import KeptFileFactory, OccurrenceFactory, make_item
from plugins.monitoring.unknown.actions import split_item, undo
from plugins.monitoring.unknown.models import KeptState, UnknownItem
from reports.cue_sheets import cue_sheet, listed_cues
from reports.cue_statement import issue_version
from review.models import Match
from review.timeline import Kind
from statements.choices import StatementState
from tests.factories.accounts import make_user
from tests.reports.test_seconds import (
    EXCLUDED_MS,
    beside_the_claim,
    claim,
    modules_that_add,
    rows_of,
    scan,
)
from tests.seconds import differing_seconds, places_of

__all__ = ["claim", "scan"]  # fixtures

pytestmark = pytest.mark.django_db


@pytest.fixture
def item(claim: Match) -> UnknownItem:
    """Return unknown sound beside the claim, and a suppressed match."""
    beside_the_claim(claim)
    item = make_item(plays=1)
    kept_file = KeptFileFactory.create(scanned_file=claim.scanned_file, state=KeptState.COMPARED)
    OccurrenceFactory.create(item=item, file=kept_file, start_ms=5_000, end_ms=35_000)
    return item


def test_a_declaration_states_the_seconds_of_the_claim(
    claim: Match, item: UnknownItem, manager: User
) -> None:
    station = a_station()
    a_broadcast(claim.scanned_file, station, utc(2026, 11, 3, 6))

    left_out_rows: list[LeftOutRow] = []
    plays = gather(a_draft(a_profile(station), NOVEMBER), left_out=left_out_rows.append)

    play = next(play for play in plays.facts.plays if play.start_ms == 47_064)
    assert {play.played_ms, *places_of(claim).values()} == {13_300}
    assert play.end_ms == 60_364
    lengths = [
        left_out_row.length_ms
        for left_out_row in left_out_rows
        if left_out_row.why == LeftOut.EXCLUDED
    ]
    assert sum(lengths) == EXCLUDED_MS
    assert list(differing_seconds(claim.scanned_file)) == []


def test_a_cue_sheet_has_no_hole(claim: Match, item: UnknownItem, client: Client) -> None:
    sheet = cue_sheet(file=claim.scanned_file)

    assert [
        (row["time_in"][3:], row["duration"][3:], row["status"], row["item_id"])
        for row in rows_of(sheet)
    ] == [
        ("00:05.000", "00:30.000", "unknown", item.uid),
        ("00:47.064", "00:13.300", "confirmed", ""),
        ("01:00.364", "00:05.763", "excluded", ""),
        ("01:40.000", "00:24.037", "excluded", ""),
        ("03:20.000", "00:20.000", "suppressed", ""),
        ("05:00.000", "00:30.000", "not_scanned", ""),
        ("09:00.000", "01:00.000", "not_decoded", ""),
    ]
    assert sheet.timeline.length_ms == 600_000
    assert sheet.timeline.ms(*Kind) == 600_000
    assert Kind.ITEM in {piece.kind for piece in sheet.timeline.pieces}
    client.force_login(make_user(Role.REVIEWER))
    page = client.get(f"/files/{claim.scanned_file.uid}/cue-sheet/").content.decode()
    assert reverse("portal:unknown_item", args=[item.uid]) in page


def test_nothing_else_counts_seconds() -> None:
    assert modules_that_add("plugins/monitoring/") == {
        # The length of one declared play, of one comparison of sounds.
        "plugins/monitoring/declarations/changes.py",
        "plugins/monitoring/declarations/gathering.py",
        "plugins/monitoring/unknown/comparing.py",
        # They keep what an engine says about intervals.
        "plugins/monitoring/unknown/planning.py",
        # Which seconds of streams are kept, and which gaps are one.
        "plugins/monitoring/streams/audio.py",
        "plugins/monitoring/streams/selectors.py",
    }


def test_an_approved_sheet_is_compared_when_people_split_its_unknown_sound(
    claim: Match, item: UnknownItem, manager: User
) -> None:
    sheet = issue_version(
        sheet=listed_cues(claim.scanned_file), user=manager, state=StatementState.APPROVED
    )

    def differences() -> list[str]:
        while run_next(Pool.WORK):
            pass
        sheet.refresh_from_db()
        return [difference["text"] for difference in sheet.differs_in]

    assert differences() == []
    split_item(item=item, user=manager, version=item.version, at_ms=12_000)
    assert [text.rpartition(" ")[2] for text in differences()] == ["00:00:30”.", "new."]
    undo(item=item, user=manager)
    assert differences() == []
