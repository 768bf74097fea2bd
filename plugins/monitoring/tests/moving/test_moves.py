"""Streams and their plays move in from an account."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from base.audit.models import Event
from catalogue.models import Bucket, Recording, RecordingStatus
from imports import services
from imports.models import ImportStatus
from plugins.monitoring.broadcasts.models import Broadcast
from plugins.monitoring.streams.models import Station, Stream
from plugins.moving.importing import account_reading
from plugins.moving.importing.callbacks import take_over_callback
from plugins.moving.importing.streams import parts_here
from plugins.moving.models import Moved, MovedKind, MovedOutcome, MoveIn
from plugins.moving.tests.account import TOKEN, bucket_file, play
from plugins.moving.tests.conftest import Moving, work_off
from plugins.moving.tests.test_moves import NOON, names_of_files, refused
from review.models import Match
from scanning.choices import EngineChoice, FileStatus
from scanning.models import CloudDeletion, Container, ScannedFile, Segment
from scanning.services.identification import create_project

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_everything_comes_once(moving: Moving) -> None:
    import_ = moving.look()

    # The check counts and writes nothing.
    there = import_.summary["there"]
    assert (there["bucket"], there["recording"], there["file"]) == (3, 3, 2)
    assert (there["container"], there["stream"]) == (1, 1)
    assert not Moved.objects.exists()
    assert not Container.objects.exists()

    assert services.start(import_=import_, user=moving.admin)
    work_off()

    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    names = {row.name: row for row in Bucket.objects.exclude(pk=23)}
    songs = list(names["Songs"].recordings.order_by("pk"))
    assert set(names) == {"Songs", "Idents"}
    assert [row.status for row in songs] == [RecordingStatus.STUB] * 2
    assert songs[0].acr_id == f"{1:032x}"
    assert songs[0].custom_id == "A-1"
    assert songs[0].artists == ["Anna Muster"]
    assert songs[0].isrc_normalised == "ZZX012600001"
    assert songs[0].user_defined["Artist"] == "Anna Muster"
    assert songs[0].duration_ms == 180_250
    uploads = Container.objects.get(name="Uploads")
    assert uploads.engine == EngineChoice.EMBEDDED
    assert uploads.callback_url == ""
    assert set(uploads.buckets.all()) == set(names.values())
    # The result stands on the row that the bucket's file became.
    match = Match.objects.get()
    assert match.recording == songs[0]
    file = match.scanned_file
    assert (file.container, file.status) == (uploads, FileStatus.READY)
    assert file.created_at == datetime(2025, 5, 6, 7, 8, 9, tzinfo=UTC)
    stream = Stream.objects.get()
    assert (stream.name, stream.enabled) == ("Harbour FM", False)
    assert stream.station.name == "Harbour FM"
    assert refused("move_live_bucket") == ["Radio"]
    assert refused("move_live_channel") == ["Channel 9"]
    assert import_.summary["counts"]["recording"] == {"new": 3}
    assert import_.summary["refused"] == 2

    # Callbacks are taken over when somebody asks.
    moved = Moved.objects.get(kind=MovedKind.CONTAINER, remote_id="77")
    take_over_callback(moved=moved, user=moving.admin)
    uploads.refresh_from_db()
    assert uploads.callback_url == "https://team.example/hook"
    assert moved.outcome == MovedOutcome.NEW


def test_plays_of_a_day_become_a_broadcast_file_once(moving: Moving) -> None:
    song = bucket_file(1, "Night Drive")
    moving.there.plays["s1", "20260503"] = [
        play("2026-05-02 23:59:30", song),
        play("2026-05-03 10:00:00", song),
    ]

    with time_machine.travel(NOON, tick=False):
        moving.move()

        file = ScannedFile.objects.get(name="Harbour FM 2026-05-03 (ACRCloud)")
        broadcast = Broadcast.objects.get(scanned_file=file)
        assert broadcast.station == Station.objects.get()
        assert broadcast.starts_at == datetime(2026, 5, 3, tzinfo=UTC)
        assert broadcast.length_ms == 24 * 3_600_000
        result = Segment.objects.filter(detection__scan__scanned_file=file)
        segments = result.order_by("position")
        assert [(segment.start_ms, segment.end_ms) for segment in segments] == [
            (0, 90_000),
            (36_000_000, 36_120_000),
        ]
        # 30 seconds of the first play lie before the day.
        assert [segment.reference_start_ms for segment in segments] == [40_000, 10_000]

        # A second move changes nothing.
        events = Event.objects.exclude(case__startswith="cloud_account").count()
        rows = list(Moved.objects.order_by("pk").values())
        import_ = moving.move()

    assert Event.objects.exclude(case__startswith="cloud_account").count() == events
    assert list(Moved.objects.order_by("pk").values()) == rows
    assert import_.summary["counts"]["recording"] == {"same": 3}
    assert import_.summary["counts"]["file"] == {"same": 2}


def test_plays_of_another_day_end_the_stream(moving: Moving) -> None:
    song = bucket_file(1, "Night Drive")
    today = [play("2026-05-04 10:00:00", song)]
    moving.there.plays |= {("s1", f"2026050{day}"): today for day in (1, 2, 3)}

    with time_machine.travel(NOON, tick=False):
        moving.move()

    assert not Broadcast.objects.exists()
    assert sum("results" in call for call in moving.there.calls) == 1
    assert len(refused("move_other_day")) == 1


def test_what_only_people_can_move_is_listed(
    moving: Moving, monkeypatch: pytest.MonkeyPatch
) -> None:
    there, today = moving.there.lists, datetime.now(tz=UTC).date()
    there["base-projects"] = [
        {"id": 3, "name": "Phones", "buckets": [8881, 9], "access_secret": TOKEN},
        {"name": "No id", "access_key": TOKEN},
    ]
    there["ucf-projects"] = [{"id": 6, "name": "Repeats", "type": "BM"}]
    there["ucf-projects/6/results"] = [
        {"id": 1, "status": 2, "num": 4, "metadata": {"title": "Spot"}},
        {"id": 2, "status": 0, "num": "7", "duration_ms": 27_400, "metadata": None},
        {"id": 3, "status": 10, "num": 1},
        {"id": 4, "status": -1, "num": 1},
    ]

    import_ = moving.move(since=today)

    assert (import_.summary["there"]["project"], import_.summary["there"]["unknown"]) == (2, 4)
    assert refused("move_keys") == ["Phones"]
    assert "for the buckets Songs, 9," in Moved.objects.get(name="Phones").text
    assert refused("move_unknown") == ["Spot", "2"]
    assert "Length 0:27, occurrences: 7." in Moved.objects.get(name="2").text
    events = [*Event.objects.values(), *MoveIn.objects.values(), *Moved.objects.values()]
    assert TOKEN not in str(events)

    create_project(name="Phones", buckets=[], user=moving.admin)
    monitored = parts_here()
    monkeypatch.setattr(
        account_reading, "parts_here", lambda: [part for part in monitored if part != "streams"]
    )
    again = moving.move(since=today)

    assert again.summary["counts"]["project"] == {"same": 1, "not_moved": 1}
    assert refused("move_keys") == []
    # Without monitoring, projects of unknown content are left out with a remark.
    assert refused("move_unknown") == ["Spot", "2", "Repeats"]
    assert again.summary["counts"]["unknown"] == {"not_moved": 1}


def test_an_undo_takes_back_what_nobody_used(moving: Moving) -> None:
    song = bucket_file(1, "Night Drive")
    moving.there.plays["s1", "20260503"] = [play("2026-05-03 10:00:00", song)]
    with time_machine.travel(NOON, tick=False):
        import_ = moving.move()
        names = names_of_files()
        assert services.check_undo(import_=import_, user=moving.admin)
        work_off()
        import_.refresh_from_db()
        dry = import_.summary["undo"]
        assert services.undo(import_=import_, user=moving.admin)
        work_off()
        import_.refresh_from_db()

        # Stations stay, and nothing else.
        assert [row["name"] for row in dry["stays"]] == ["Harbour FM"]
        assert import_.summary["undo"]["undone"] == dry["undone"]
        assert not Bucket.objects.present().filter(name__in=["Songs", "Idents"]).exists()
        assert not Container.objects.present().exists()
        assert not ScannedFile.objects.present().exists()
        assert not CloudDeletion.objects.exists()
        assert not Recording.objects.filter(status=RecordingStatus.STUB).exists()

        again = moving.move()

    assert again.summary["counts"]["recording"] == {"new": 3}
    # Deleted files keep the ids that they had there.
    assert again.summary["counts"]["file"] == {"new": 2}
    assert again.summary["counts"]["day"] == import_.summary["counts"]["day"]
    assert names_of_files() == names
    assert Station.objects.count() == 1
    assert Recording.objects.filter(status=RecordingStatus.STUB).count() == 3
