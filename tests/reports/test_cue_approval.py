"""Entries of a cue sheet, and its way from draft to approval by two people."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Iterable
from typing import cast

import pytest
from django.test import Client

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.changes import retire_recordings, update_recording
from catalogue.models import Recording
from reports import cue_approval, cue_edits
from reports.cue_approval import SheetStep, take_step
from reports.cue_arrangement import CuePlace
from reports.cue_entries import NO_DETAILS, Details, SheetRefused, enter, remove
from reports.cue_sheet_files import FORMATS, written
from reports.cue_sheets import CueSheet, cue_sheet
from reports.cue_statement import LineChange, SheetDifference, approved_version, compared
from reports.models import CueEntry, EntryKind, SheetApproval, SheetState
from review.choices import MatchState, Verb
from review.decisions.decide import decide_one
from review.decisions.verbs import Decision
from review.models import Match
from review.programmes.choices import CueUse, MusicOrigin
from review.programmes.models import MusicUse
from review.services import licences
from review.services.folding import fold_scan
from scanning.models import RetroSearch, ScannedFile
from scanning.services.filing import delete_files
from statements.models import Statement
from statements.selectors import acts_on, differing
from tests.dedup.test_joined_matches import merge, two_matches
from tests.factories.accounts import make_limited, make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ScanFactory, make_detection
from tests.fixtures import MakeClient, do_all_work
from tests.reports.test_cue_sheets import interval, intervals, programme, sheet_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def file() -> ScannedFile:
    """A programme with two recordings, and 40 seconds without a match."""
    scan = programme(interval(200, 240))
    ScannedFile.objects.filter(pk=scan.scanned_file_id).update(length_ms=600_000)
    scan.scanned_file.refresh_from_db()
    return scan.scanned_file


@pytest.fixture
def reviewer() -> User:
    return make_user(Role.REVIEWER, username="ana")


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mira")


def put(
    file: ScannedFile,
    user: User,
    start: int,
    end: int,
    kind: EntryKind,
    details: Details = NO_DETAILS,
) -> CueEntry:
    """Enter what somebody hears between two seconds."""
    return enter(
        file=file, user=user, start_ms=start * 1000, end_ms=end * 1000, kind=kind, details=details
    )


def differences(approval: SheetApproval, sheet: CueSheet) -> list[SheetDifference]:
    """Return what differs from the version that was approved last."""
    version = approved_version(str(approval.scanned_file.uid))
    assert version is not None
    return compared(version, sheet)


def confirm_all(file: ScannedFile, user: User) -> None:
    for match in file.matches.all():
        decide_one(
            match=match, user=user, version=match.version, decision=Decision(verb=Verb.CONFIRM)
        )


def test_what_people_hear_takes_the_place_of_unknown_sound(
    file: ScannedFile, reviewer: User
) -> None:
    before = intervals(cue_sheet(file=file))
    details = {"title": "=Jingle", "writers": ["A. Writer"], "use": "Background"}

    put(file, reviewer, 205, 220, EntryKind.MUSIC, details)
    silent = put(file, reviewer, 220, 240, EntryKind.NO_MUSIC)

    sheet = cue_sheet(file=file)
    assert intervals(sheet) == [
        *before[:2],
        (200, 205, "unknown"),
        (205, 220, "entered"),
        *before[3:],
    ]
    assert sheet.unknown == 1
    table = written(sheet, "csv").decode("utf-8-sig")
    assert "'=Jingle" in table
    assert "A. Writer" in table

    remove(entry=silent, user=reviewer)

    assert (220, 240, "unknown") in intervals(cue_sheet(file=file))
    assert Event.objects.filter(case=f"file:{file.uid}").count() == 3


def test_the_same_entry_twice_is_one_and_impossible_ones_are_refused(
    file: ScannedFile, reviewer: User
) -> None:
    for start, end, details, code in (
        (9, 9, {"title": "A"}, "bad_interval"),
        (0, 601, {"title": "A"}, "bad_interval"),
        (0, 9, {}, "title_missing"),
        (0, 9, {"title": "A", "isrc": "GB-1"}, "bad_isrc"),
    ):
        with pytest.raises(SheetRefused) as refused:
            put(file, reviewer, start, end, EntryKind.MUSIC, details)
        assert refused.value.code == code

    for _ in range(2):
        put(file, reviewer, 200, 240, EntryKind.UNKNOWN)
    assert CueEntry.objects.count() == 1
    assert Event.objects.filter(action="cue_sheet.entered").count() == 1


def test_two_people_approve_a_sheet_and_a_later_find_shows(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    with pytest.raises(SheetRefused, match="2 matches"):
        take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=1)
    confirm_all(file, reviewer)

    take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=1)
    with pytest.raises(SheetRefused, match="manager"):
        take_step(file=file, user=reviewer, step=SheetStep.APPROVE, version=1)
    with pytest.raises(SheetRefused, match="what should change"):
        take_step(file=file, user=manager, step=SheetStep.RETURN, version=1)
    take_step(file=file, user=manager, step=SheetStep.RETURN, version=1, note="Name 3:20.")
    put(file, reviewer, 200, 240, EntryKind.MUSIC, {"title": "Jingle"})
    take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=1)
    approval = take_step(file=file, user=manager, step=SheetStep.APPROVE, version=1)

    assert approval.state == SheetState.APPROVED
    assert not cue_approval.has_changed(approval)
    assert differences(approval, cue_sheet(file=file)) == []

    with pytest.raises(SheetRefused, match="approved"):
        remove(entry=CueEntry.objects.get(), user=reviewer)
    recording = Recording.objects.get(title="Under the talk")
    Recording.objects.filter(pk=recording.pk).update(label="Harbour Records")
    changed = differences(approval, cue_sheet(file=file))
    assert [(line.change, line.then, line.now) for line in changed] == [
        (LineChange.REWORDED, recording.label, "Harbour Records"),
    ]
    Recording.objects.filter(pk=recording.pk).update(title="Late find")

    assert cue_approval.has_changed(approval)
    changed = differences(approval, cue_sheet(file=file))
    assert [(line.title, line.then, line.now) for line in changed] == [
        ("Under the talk", "Under the talk", "Late find · Harbour Records"),
    ]
    corrected = take_step(file=file, user=reviewer, step=SheetStep.CORRECT, version=1)
    assert (corrected.state, corrected.version) == (SheetState.DRAFT, 2)
    with pytest.raises(SheetRefused, match="changed"):
        take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=1)


def approved(file: ScannedFile, reviewer: User, manager: User) -> SheetApproval:
    confirm_all(file, reviewer)
    take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=1)
    return take_step(file=file, user=manager, step=SheetStep.APPROVE, version=1)


def test_a_licence_for_many_is_told_by_the_match_that_the_sheet_names(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    approved(file, reviewer, manager)
    do_all_work()
    named = file.matches.first()
    elsewhere = make_match(state=MatchState.CONFIRMED)
    assert named is not None
    chosen = [named, elsewhere]
    licence = make_licence(recordings=[match.recording for match in chosen], in_force=False)
    uids = [match.uid for match in chosen]
    licences.apply(licence=licence, user=manager, reach=licences.Reach.CHOSEN, chosen=uids)
    do_all_work()

    statement = Statement.objects.get()
    cause = differing([statement])[statement.pk].cause

    assert cause is not None
    assert cause.case == named.case


def rescan(file: ScannedFile, later_ms: int) -> CueSheet:
    """Scan a file again, with all music found later by this; return its sheet."""
    before = cue_sheet(file=file).timeline.matches
    again = ScanFactory.create(scanned_file=file, unmatched=file.scans.all()[0].unmatched)
    for match in before:
        spans = (
            (
                *(segment.start_ms + later_ms, segment.end_ms + later_ms),
                *(segment.reference_start_ms, segment.reference_end_ms),
            )
            for segment in match.segments
        )
        speech = match.segments[0].speech
        make_detection(*spans, scan=again, recording=match.recording, speech=speech)
    fold_scan(scan=again)
    sheet = cue_sheet(file=file)
    assert {match.scan for match in sheet.timeline.matches} == {again}
    return sheet


def test_a_rescan_that_finds_the_same_seconds_changes_no_approved_sheet(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    approval = approved(file, reviewer, manager)

    # Sheets are printed in whole seconds.
    for later_ms in (0, 1):
        sheet = rescan(file, later_ms)
        assert not cue_approval.has_changed(approval)
        assert differences(approval, sheet) == []

    sheet = rescan(file, 2000)
    changed = differences(approval, sheet)
    assert cue_approval.has_changed(approval)
    assert changed[0].text.endswith(
        "00:00:00 to 00:00:20, reads “00:00:02 · 00:00:22 · Pending”, "
        "not “00:00:00 · 00:00:20 · Confirmed”."
    )
    assert {line.change for line in changed} == {LineChange.REWORDED}


def test_unknown_music_that_a_late_find_names_is_one_line_that_reads_otherwise(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    approval = approved(file, reviewer, manager)
    late = ScanFactory.create(scanned_file=file, retro_search=RetroSearch.objects.create())
    detection = make_detection((202_000, 240_000, 0, 38_000), scan=late)
    fold_scan(scan=late)

    [line] = differences(approval, cue_sheet(file=file))

    assert line.change == LineChange.REWORDED
    assert line.text.startswith(
        f"“Unknown music”, 00:03:20 to 00:04:00, reads “{detection.recording.title} · "
    )
    assert line.text.endswith("not “00:03:20 · 00:00:40 · Unknown music”.")
    assert line.match == file.matches.get(recording=detection.recording).uid


def test_changes_since_the_approval_say_what_changed_in_words(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    match = file.matches.get(recording__title="Under the talk")
    recordings = Recording.objects.filter(pk=match.recording_id)
    recordings.update(user_defined={"owner_share_pct": "100"})
    approval = approved(file, reviewer, manager)
    recordings.update(user_defined={"owner_share_pct": "80"})
    Match.objects.filter(pk=match.pk).update(state=MatchState.CLEARED)
    MusicUse.objects.create(
        scanned_file=file, recording=match.recording, use=CueUse.THEME, origin=MusicOrigin.LIBRARY
    )

    changed = differences(approval, cue_sheet(file=file))

    assert [(line.then, line.now) for line in changed] == [
        ("100.00 % · Confirmed", "80.00 % · Cleared · Theme · Library music"),
    ]
    # Whoever looks at it changes nothing.
    for state in (MatchState.PENDING, MatchState.IN_REVIEW):
        Match.objects.filter(pk=match.pk).update(state=state)
        [line] = differences(approval, cue_sheet(file=file))
        assert line.now == "80.00 % · Pending · Theme · Library music"


def test_a_line_that_stands_elsewhere_since_the_approval_is_named(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    confirm_all(file, reviewer)
    opening, talk, sound = cue_sheet(file=file).cues[:3]
    cue_edits.move(file=file, user=reviewer, place=CuePlace.of(sound), by=-1)
    take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=1)
    approval = take_step(file=file, user=manager, step=SheetStep.APPROVE, version=1)
    assert differences(approval, cue_sheet(file=file)) == []

    # Without the cue that it follows, the sound goes back to its time.
    file.matches.filter(recording=opening.recording).delete()

    changed = differences(approval, cue_sheet(file=file))
    assert [(line.title, line.change) for line in changed] == [
        (opening.title, LineChange.GONE),
        (talk.title, LineChange.MOVED),
        (opening.title, LineChange.GONE),
    ]


def test_a_sheet_that_changed_after_it_was_submitted_is_not_approved(
    file: ScannedFile, manager: User
) -> None:
    other_user = make_user(Role.MANAGER, username="noa")
    confirm_all(file, manager)
    take_step(file=file, user=manager, step=SheetStep.SUBMIT, version=1)
    with pytest.raises(SheetRefused, match="another manager"):
        take_step(file=file, user=manager, step=SheetStep.APPROVE, version=1)
    Recording.objects.filter(title="Under the talk").update(title="Late find")

    with pytest.raises(SheetRefused) as refused:
        take_step(file=file, user=other_user, step=SheetStep.APPROVE, version=1)

    assert refused.value.code == "changed"
    take_step(file=file, user=manager, step=SheetStep.TAKE_BACK, version=1)
    assert cue_approval.approval_of(file).state == SheetState.DRAFT
    assert sheet_of(file.scans.get()).cues


def downloads(client: Client, file: ScannedFile, version: str = "") -> list[bytes]:
    """Return what a person gets in each format."""
    at = f"/files/{file.uid}/cue-sheet."
    if version:
        statement = Statement.objects.get(subject=file.uid, version=version)
        at = f"{statement.page_url}files/"
    answers = [client.get(f"{at}{form}") for form in FORMATS]
    return [b"".join(cast("Iterable[bytes]", answer)) for answer in answers]


def test_an_approved_sheet_keeps_its_bytes_whatever_becomes_of_its_music(
    reviewer: User, manager: User, signed_in: MakeClient
) -> None:
    first, second = two_matches((0, 30_000, 0, 30_000), (60_000, 90_000, 0, 30_000))
    file, title, merged = first.scanned_file, first.recording.title, second.recording.title
    client = signed_in(Role.MANAGER)
    approved(file, reviewer, manager)
    statement = Statement.objects.get()
    bytes_then = downloads(client, file)
    hashes = [hashlib.sha256(content).hexdigest() for content in bytes_then]
    assert hashes == list(statement.files.values_list("sha256", flat=True))
    assert b"Version 1, submitted by ana on" in unzipped(bytes_then[1])
    assert b"approved by mira on" in unzipped(bytes_then[1])

    for change, difference in (
        (lambda: fold_scan(scan=ScanFactory.create(scanned_file=file)), ""),
        (
            lambda: update_recording(
                recording=first.recording, columns={"title": "Renamed"}, user=manager
            ),
            f"“{title}”, 00:00:00 to 00:00:30, reads “Renamed”, not “{title}”.",
        ),
        (
            lambda: merge(first.recording, second.recording, manager),
            f"“{merged}”, 00:01:00 to 00:01:30, reads “Renamed”, not “{merged}”.",
        ),
        (lambda: retire_recordings(recordings=[first.recording], user=manager), "reads “Renamed"),
        (
            lambda: delete_files(files=[file], user=manager, reason="Wrong file"),
            "The file was deleted.",
        ),
    ):
        change()
        do_all_work()
        statement.refresh_from_db()
        assert downloads(client, file) == downloads(client, file, "1") == bytes_then
        message = " ".join(difference["text"] for difference in statement.differs_in)
        assert difference in message
        assert bool(statement.differs_since) == bool(difference)

    answer = client.get(f"/files/{file.uid}/cue-sheet/versions/1/", follow=True)
    page = answer.content.decode()
    assert title in page
    assert "The file was deleted." in page
    assert f"/files/{file.uid}/cue-sheet/" not in page
    exports = Event.objects.filter(case=f"file:{file.uid}", action="cue_sheet.exported")
    assert {event.after["sha256"] for event in exports} == {
        stored.sha256 for stored in statement.files.all()
    }


def test_a_corrected_sheet_has_a_version_of_its_own_beside_the_approved_one(
    file: ScannedFile, reviewer: User, manager: User, signed_in: MakeClient
) -> None:
    client = signed_in(Role.MANAGER)
    approved(file, reviewer, manager)
    first = downloads(client, file)
    draft = client.get(f"/files/{file.uid}/cue-sheet.xlsx?draft=1")
    assert b"Draft of version 2, not approved" in unzipped(draft.content)

    take_step(file=file, user=reviewer, step=SheetStep.CORRECT, version=1)
    put(file, reviewer, 200, 240, EntryKind.MUSIC, {"title": "Jingle"})
    assert downloads(client, file) == first
    take_step(file=file, user=reviewer, step=SheetStep.SUBMIT, version=2)
    assert downloads(client, file) == first
    take_step(file=file, user=manager, step=SheetStep.APPROVE, version=2)

    assert downloads(client, file) != first
    assert downloads(client, file, "1") == first
    assert b"Jingle" in downloads(client, file, "2")[0]
    states = Statement.objects.order_by("version").values_list("version", "state")
    assert list(states) == [(1, "replaced"), (2, "approved")]
    first_version, second_version = (
        {event.action.removeprefix("cue_sheet.") for event in acts_on(statement)}
        for statement in Statement.objects.order_by("version")
    )
    assert first_version == {"submitted", "approved", "exported"}
    assert second_version == {"exported", "correction_begun", "submitted", "approved"}


def test_nobody_gets_approved_lines_from_buckets_that_they_may_not_see(
    file: ScannedFile, reviewer: User, manager: User
) -> None:
    approved(file, reviewer, manager)
    seen, hidden = Recording.objects.order_by("title")
    limited = make_limited(Role.MANAGER, containers=[file.container_id], buckets=[seen.bucket_id])
    client = Client()
    client.force_login(limited)

    page = client.get(f"/files/{file.uid}/cue-sheet/").content.decode()
    assert hidden.title not in downloads(client, file)[0].decode()
    assert "Approved version 1" not in page
    assert hidden.title not in page
    assert client.get(f"/files/{file.uid}/cue-sheet/versions/1/").status_code == 404
    at = Statement.objects.get().page_url
    assert client.get(at).status_code == 404
    assert client.get(f"{at}files/csv").status_code == 404


def unzipped(content: bytes) -> bytes:
    """Return all parts of a workbook."""
    with zipfile.ZipFile(io.BytesIO(content)) as workbook:
        return b"".join(workbook.read(name) for name in workbook.namelist())
