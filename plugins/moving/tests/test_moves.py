"""Moves of accounts: everything comes once, twice changes nothing, faults are named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client

from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.changes import delete_bucket, update_recording
from catalogue.models import Bucket, BucketType, Recording, RecordingStatus
from dedup.models import TrackId
from dedup.track_ids import tracks_by_recording
from imports import services
from imports.models import ImportStatus, ImportStep, StepState
from plugins.moving.importing import account_reading, reader
from plugins.moving.importing.buckets import BucketMover
from plugins.moving.models import Moved, MoveIn
from plugins.moving.tests.account import (
    TOKEN,
    Json,
    bucket,
    bucket_file,
    dedup_file,
    json_answer,
    scanned_file,
)
from plugins.moving.tests.conftest import Moving, work_off
from review.models import Match
from scanning.models import CloudAccount, Container, ScannedFile
from tests.factories.accounts import make_user
from tests.factories.catalogue import RecordingFactory

# Slow: two portals, and a server that answers as the vendor does.
pytestmark = [pytest.mark.django_db, pytest.mark.slow]

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def refused(code: str) -> list[str]:
    rows = Moved.objects.filter(code=code).order_by("pk")
    return list(rows.values_list("name", flat=True))


def test_what_cannot_come_as_it_is_there_is_reported(moving: Moving) -> None:
    mine = Bucket.objects.create(name="Songs")
    Recording.objects.create(bucket=mine, title="Mine", acr_id=f"{2:032x}")
    moving.there.lists["buckets/8881/files"] += [
        bucket_file(9, "Copy", audio_id="A-1"),
        # Forms that nobody documented.
        bucket_file(5, "No id", acr_id=None),
        {"id": 6},
        bucket_file(7, "Odd", user_defined="[]", duration=None, audio_id=12),
    ]

    moving.move()

    assert Bucket.objects.filter(name="Songs (ACRCloud 8881)").exists()
    assert refused("move_elsewhere") == ["Blue Lantern"]
    assert Recording.objects.get(title="Copy").custom_id == ""
    assert refused("move_name_taken") == ["Copy"]
    assert refused("move_form") == ["No id", ""]
    assert Recording.objects.get(title="Odd").custom_id == "12"


def test_a_recording_that_results_named_becomes_the_moved_one(moving: Moving) -> None:
    there = moving.there.lists
    songs, there["buckets"] = there["buckets"], []
    moving.move()
    named = Recording.objects.get()
    there["buckets"] = songs

    moving.move()

    named.refresh_from_db()
    assert named.bucket.name == "Songs"
    assert named.custom_id == "A-1"
    assert Recording.objects.filter(acr_id=named.acr_id).count() == 1


def test_dedup_files_become_recordings_with_their_ids(moving: Moving) -> None:
    there = moving.there.lists
    there["buckets"].append(bucket(8884, "Delivery", type="DedupFile"))
    rows = there["buckets/8884/dedup-files"] = [
        dedup_file(12, "T-3", "T-1"),
        dedup_file(11, "T-1", "T-2"),
        dedup_file(1, "T-4"),
    ]
    import_ = moving.move(since=datetime.now(tz=UTC).date())

    delivery = Bucket.objects.get(name="Delivery")
    assert delivery.bucket_type == BucketType.DEDUP_FILE
    tracks = delivery.recordings.order_by("-acr_id")
    assert [row.acr_id for row in tracks] == [f"{number:032x}" for number in (12, 11)]
    assert [row.custom_id for row in tracks] == ["T-3", "T-2"]
    assert {row.status for row in tracks} == {RecordingStatus.STUB}
    assert list(tracks_by_recording(tracks).values()) == [["T-3", "T-1"], ["T-2"]]
    assert import_.summary["there"]["track"] == 3
    assert import_.summary["counts"]["track"] == {"new": 2, "not_moved": 1}
    # Nobody documents the files of such a bucket: that there are none is no fault.
    assert import_.summary["faults"] == []
    assert refused("move_name_taken") == ["T-1"]
    assert refused("move_elsewhere") == ["T-4"]

    rows[1]["dup_files"].append("T-5")
    again = moving.move(since=datetime.now(tz=UTC).date())

    assert again.summary["counts"]["track"] == {"same": 1, "changed": 1, "not_moved": 1}
    assert tracks_by_recording(tracks)[tracks[1].pk] == ["T-2", "T-5"]

    for move in (again, import_):
        assert services.check_undo(import_=move, user=moving.admin)
        work_off()
        assert services.undo(import_=move, user=moving.admin)
        work_off()
    assert not TrackId.objects.exists()
    delivery.refresh_from_db()
    assert delivery.deleted_at is not None


def test_a_dedup_bucket_whose_files_are_refused_is_named(moving: Moving) -> None:
    moving.there.lists["buckets"].append(bucket(8884, "Delivery", type="DedupFile"))
    moving.there.lists["buckets/8884/dedup-files"] = []
    moving.there.refused["buckets/8884/files"] = json_answer({"message": "Not for you."}, 400)

    looked = moving.look()
    moved = moving.move()

    assert [fault["what"] for fault in looked.summary["faults"]] == ["Delivery"]
    messages = [fault["message"] for fault in moved.summary["faults"]]
    assert len(messages) == 2
    assert all("Not for you." in message for message in messages)
    assert moved.summary["counts"]["recording"] == {"new": 3}


def test_changes_there_are_followed_unless_ours_changed(moving: Moving) -> None:
    moving.move()
    files = moving.there.lists["buckets/8881/files"]
    recording = Recording.objects.get(title="Blue Lantern")
    update_recording(recording=recording, columns={"title": "Mine"}, user=moving.admin)
    files[0]["title"], files[1]["title"] = "Night Drive II", "Theirs"
    moving.there.lists["fs-containers/77/files"][1] |= scanned_file(2, files[0])

    import_ = moving.move()

    titles = Recording.objects.filter(bucket__name="Songs").order_by("pk")
    assert list(titles.values_list("title", flat=True)) == ["Night Drive II", "Mine"]
    assert import_.summary["counts"]["recording"] == {"changed": 1, "same": 2}
    assert refused("move_changed") == ["Theirs"]
    assert import_.summary["counts"]["file"]["changed"] == 1
    assert Match.objects.count() == 2


@pytest.mark.parametrize("tells_total", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_rows_that_move_between_pages_are_not_lost(moving: Moving, tells_total: bool) -> None:
    there = moving.there
    files = there.lists["fs-containers/77/files"]
    files[:] = [scanned_file(number, None) for number in range(1, 50)]
    there.most_per_page, there.tells_total = 10, tells_total
    passes: list[int] = []

    def shift(path: str, page: int) -> None:
        # A file arrives while the list is read, newest first.
        if path.endswith("77/files") and page == 3 and len(passes) < 2:
            passes.append(page)
            files.insert(0, scanned_file(100 + len(passes), None))

    there.before = shift

    import_ = moving.move()

    assert ScannedFile.objects.count() == len(files)
    assert import_.summary["counts"]["file"]["new"] == len(files)


def test_a_limit_makes_everything_wait_and_broken_answers_are_asked_for_again(
    moving: Moving,
) -> None:
    import_ = moving.look()
    moving.there.faults = [
        json_answer({"message": "Too Many Requests"}, 429, **{"Retry-After": "60"})
    ]
    services.start(import_=import_, user=moving.admin)
    work_off()
    moving.account.refresh_from_db()
    assert moving.account.paused_until is not None

    moving.there.faults = [json_answer({}, 500), json_answer("{", 200)]
    for minutes in (2, 4, 6):
        with time_machine.travel(datetime.now(tz=UTC) + timedelta(minutes=minutes)):
            work_off()

    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    moving.account.refresh_from_db()
    assert moving.account.paused_until is None


def test_a_wrong_token_is_said_and_appears_nowhere(moving: Moving) -> None:
    moving.there.faults = [json_answer({"message": "Unauthenticated."}, 401)]

    import_ = moving.look()

    assert import_.status == ImportStatus.REFUSED
    assert "token" in import_.message
    assert moving.there.tokens == {f"Bearer {TOKEN}"}
    events = [*Event.objects.values(), *MoveIn.objects.values(), *Moved.objects.values()]
    assert TOKEN not in str(events)


def test_a_killed_move_repeats_one_page(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    moving.there.lists["buckets/8881/files"] = [
        bucket_file(1000 + number, f"Song {number}") for number in range(1, 251)
    ]
    # A slow machine ends a transaction before it has all of its rows.
    monkeypatch.setattr(account_reading, "_SECONDS_AT_ONCE", 1_000.0)
    import_ = moving.look()
    move = BucketMover.recording
    killed: list[Json] = []

    def kill_once(mover: BucketMover, row: Json, parent: str) -> bool:
        if row["title"] == "Song 150" and not killed:
            killed.append(row)
            raise MemoryError
        return move(mover, row, parent)

    monkeypatch.setattr(BucketMover, "recording", kill_once)
    moving.there.calls.clear()
    services.start(import_=import_, user=moving.admin)
    work_off()
    held = Recording.objects.filter(bucket__name="Songs").count()
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(hours=1)):
        work_off()

    import_.refresh_from_db()
    pages = [call for call in moving.there.calls if "8881/files" in call]
    assert (held, import_.status) == (100, ImportStatus.DONE)
    assert ["page=1&" in call for call in pages] == [True, False, False, False]
    assert import_.summary["counts"]["recording"] == {"new": 251}
    assert Event.objects.filter(action="recording.added").count() == 251


def names_of_files() -> list[str]:
    return sorted(ScannedFile.objects.present().values_list("name", flat=True))


def test_a_bucket_that_was_deleted_here_stays_away(moving: Moving) -> None:
    moving.move()
    moving.there.lists["buckets"].append(bucket(8899, "New"))
    moving.there.lists["buckets/8899/files"] = []
    delete_bucket(bucket=Bucket.objects.get(name="Idents"), user=moving.admin)

    moving.move()

    present = Bucket.objects.present().exclude(pk=23).values_list("name", flat=True)
    assert set(present) == {"Songs", "New"}


def test_an_answer_of_sixty_thousand_rows_is_left_out_and_the_rest_moves(moving: Moving) -> None:
    import_ = moving.look()
    rows = [bucket_file(10_000 + number, f"Song {number}") for number in range(60_000)]
    flood = json_answer({"data": rows, "meta": {"total": 60_000, "last_page": 600}})
    moving.there.refused["buckets/8881/files"] = flood

    assert services.start(import_=import_, user=moving.admin)
    work_off()

    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    (fault,) = [row for row in import_.summary["faults"] if row["what"] == "bucket:8881"]
    assert "60\u202f000 rows" in fault["message"] or "60,000 rows" in fault["message"]
    assert not Recording.objects.filter(bucket__name="Songs").exists()
    assert Recording.objects.filter(bucket__name="Idents").count() == 1
    assert ScannedFile.objects.count() == 2


@pytest.mark.soak
def test_rows_of_a_page_are_written_in_pieces_that_a_killed_worker_keeps(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that ignores ``per_page`` sends a thousand rows at once."""
    rows = [bucket_file(1000 + n, f"Song {n}") for n in range(1, 301)]
    moving.there.refused["buckets/8881/files"] = json_answer(
        {"data": rows, "meta": {"total": 300, "last_page": 1}}
    )
    import_ = moving.look()
    move, in_turn, longest = BucketMover.recording, [0], [0]

    def kill_once(mover: BucketMover, row: Json, parent: str) -> bool:
        if row["title"] == "Song 250" and not in_turn[0] < 0:
            in_turn[0] = -1000
            raise MemoryError
        in_turn[0] += 1
        longest[0] = max(longest[0], in_turn[0])
        return move(mover, row, parent)

    def pause(_seconds: float) -> None:
        in_turn[0] = min(in_turn[0], 0)

    monkeypatch.setattr(BucketMover, "recording", kill_once)
    monkeypatch.setattr(account_reading, "sleep", pause)
    services.start(import_=import_, user=moving.admin)
    work_off()
    held = Recording.objects.filter(bucket__name="Songs").count()
    with time_machine.travel(datetime.now(tz=UTC) + timedelta(hours=1)):
        work_off()

    import_.refresh_from_db()
    assert 150 <= held < 250
    assert longest[0] <= 50
    assert import_.status == ImportStatus.DONE
    assert import_.summary["counts"]["recording"] == {"new": 301}
    assert Event.objects.filter(action="recording.added").count() == 301


@pytest.mark.soak
def test_a_move_without_end_stops_after_a_stated_time_and_may_go_on(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ACRPORTAL_MOVE_HOURS", 2)
    endless = [bucket_file(5000 + n, f"Song {n}") for n in range(1, 301)]
    moving.there.lists["buckets/8881/files"] = endless
    import_ = moving.look()
    with time_machine.travel(NOON) as clock:

        def later(path: str, _page: int) -> None:
            if path == "buckets/8881/files":
                clock.shift(timedelta(hours=1))

        moving.there.before = later
        services.start(import_=import_, user=moving.admin)
        work_off()
        import_.refresh_from_db()
        stopped, count = import_.status, Recording.objects.count()
        cause = import_.message
        moving.there.before = lambda _path, _page: None
        assert services.try_again(import_=import_, user=moving.admin)
        work_off()

    import_.refresh_from_db()
    assert (stopped, cause.partition(".")[0]) == (
        ImportStatus.REFUSED,
        "It took longer than 2 hours",
    )
    assert 200 <= count < 300
    assert import_.status == ImportStatus.DONE
    assert Recording.objects.filter(bucket__name="Songs").count() == 300


def test_a_dry_run_with_a_new_account_stores_nothing(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = StringIO()
    call = ["move_in", "Elsewhere", "--dry-run", "--token-stdin"]
    call += ["--base-url", moving.account.base_url, "--username"]
    before = Event.objects.count()

    monkeypatch.setattr("sys.stdin", StringIO(f"{TOKEN}\n"))
    moving.there.faults = [json_answer({"message": "Too Many Requests"}, 429)]
    monkeypatch.setattr(reader, "_FIRST_WAIT", timedelta(0))
    call_command(*call, moving.admin.username, stdout=out)

    assert "Dry run: nothing was written." in out.getvalue()
    assert list(CloudAccount.objects.values_list("name", flat=True)) == ["Console"]
    assert Event.objects.count() == before
    assert not MoveIn.objects.exists()

    # Who may not move an account in makes none either.
    monkeypatch.setattr("sys.stdin", StringIO(f"{TOKEN}\n"))
    call.remove("--dry-run")
    with pytest.raises(CommandError, match="Only admins"):
        call_command(*call, make_user(Role.MANAGER).username)
    assert CloudAccount.objects.count() == 1


def test_recordings_that_wait_are_those_of_the_account(moving: Moving, client: Client) -> None:
    RecordingFactory.create_batch(3, status=RecordingStatus.STUB)
    import_ = moving.move()
    client.force_login(moving.admin)

    page = client.get(f"/catalogue/move-in/{import_.uid}/").content.decode()

    assert "3 recordings wait for their audio." in page
    assert Recording.objects.filter(status=RecordingStatus.STUB).count() == 6


def test_a_managers_undo_of_a_move_is_refused_before_its_first_step(moving: Moving) -> None:
    import_, manager = moving.move(), make_user(Role.MANAGER)
    files, before = names_of_files(), Event.objects.count()

    with pytest.raises(CommandError, match="Only admins"):
        call_command("undo_import", import_.uid, "--username", manager.username)
    with pytest.raises(PermissionDenied):
        services.check_undo(import_=import_, user=manager)

    assert names_of_files() == files
    assert Event.objects.count() == before
    assert not ImportStep.objects.exclude(state=StepState.DONE).exists()


def test_an_undo_whose_asker_lost_the_role_meanwhile_changes_nothing(moving: Moving) -> None:
    import_ = moving.move()
    assert services.check_undo(import_=import_, user=moving.admin)
    work_off()
    assert services.undo(import_=import_, user=moving.admin)
    moving.admin.groups.set([Group.objects.get(name=Role.MANAGER)])

    work_off()

    assert not ImportStep.objects.exclude(state=StepState.DONE).exists()
    assert Container.objects.present().exists()
    import_.refresh_from_db()
    assert "Only admins" in import_.message
