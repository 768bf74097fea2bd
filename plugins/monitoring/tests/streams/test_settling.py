"""Hours are scanned as files: no play is counted twice, and none is lost."""

from __future__ import annotations

import csv
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile

from base.common.storage import keep_file, read_bytes
from base.jobs.errors import WaitsUntil
from benchmarks.sound import drifting
from catalogue import following, index_store
from catalogue.models import Recording
from catalogue.services import add_recording
from plugins.monitoring.in_operations import stream_findings
from plugins.monitoring.streams import claims, selectors
from plugins.monitoring.streams import services as stream_services
from plugins.monitoring.streams.choices import AirplayState, GapCause, StreamState
from plugins.monitoring.streams.models import Airplay, StreamGap, StreamHour
from plugins.monitoring.tests.streams.radio import NOON, Radio, programme, seconds, song
from recognition.fingerprints import file_format as fingerprint
from recognition.fingerprints.builder import extract
from recognition.search.match import scan as scan_whole
from recognition.types import Fingerprint
from reports import services
from reports.files import file_content
from reports.layouts import Layout
from review.edits import Edit
from review.models import Match
from scanning.choices import EngineChoice, FileStatus, ScanStatus, SourceType
from scanning.engines.embedded import by_recording
from scanning.errors import IntakeRefused
from scanning.models import CloudAccount, Container, Scan, ScannedFile
from scanning.services.retro import request_search
from scanning.services.scans import request_scan
from tests.audio import tune, wav_bytes
from tests.fixtures import Worker
from tests.recognition.synthesis import RATE, join, music

pytestmark = pytest.mark.django_db(transaction=True)

UNKNOWN = 900
# Song 1 at 20 s, song 2 across the cut at 120 s, song 3 across 240 s, song 4 at 270 s.
DAY = (
    (UNKNOWN, 20),
    (1, 25),
    (UNKNOWN + 1, 60),
    (2, 25),
    (UNKNOWN + 2, 98),
    (3, 25),
    (UNKNOWN + 3, 17),
    (4, 25),
    (UNKNOWN + 4, 20),
)


def whole_scan(radio: Radio, *parts: tuple[int, float]) -> list[tuple[str, int, int]]:
    """Return title, begin and end in ms of each play, by one scan of everything."""
    titles = {song.pk: song.title for song in radio.songs}
    buckets = [radio.songs[0].bucket_id]
    with following.searched_index() as (index, _):
        result = scan_whole(
            programme(*parts),
            index=index,
            buckets=buckets,
            references=index_store.references_of(buckets, index),
        )
    plays = [
        (segment.start_ms, segment.end_ms, titles[detection.recording_id])
        for detection in by_recording(result.segments)
        for segment in detection.segments
    ]
    return [(title, start, end) for start, end, title in sorted(plays)]


def test_plays_across_cuts_are_those_of_one_scan(radio: Radio, run_worker: Worker) -> None:
    radio.run("run-1", programme(*DAY))

    made = radio.settle(NOON + timedelta(hours=1))
    # A play before whose hour the one before is not known waits for it.
    assert made[0].scanned_file is not None
    assert made[1].scanned_file is not None
    around = claims.surroundings_of(made[1].scanned_file)
    assert around is not None
    with pytest.raises(WaitsUntil):
        around.widen(programme(*DAY))
    run_worker()

    expected = whole_scan(radio, *DAY)
    plays = list(Airplay.objects.order_by("starts_at"))
    assert len(expected) == 4
    assert [play.recording.title for play in plays] == [title for title, *_ in expected]
    for play, (_, start_ms, end_ms) in zip(plays, expected, strict=True):
        assert play.state == AirplayState.SETTLED
        assert abs(play.start_ms - start_ms) <= 20
        assert abs(play.end_ms - end_ms) <= 20
        assert abs((play.starts_at - NOON) / timedelta(milliseconds=1) - start_ms) <= 70
    assert Match.objects.count() == 4
    hours = StreamHour.objects.all()
    assert [hour.starts_at for hour in hours][1:] == [hour.ends_at for hour in hours][:-1]

    # A rescan of an hour claims what it claimed.
    before = radio.log()
    for hour in made:
        assert hour.scanned_file is not None
        request_scan(scanned_file=hour.scanned_file, user=None)
    run_worker()
    assert radio.log() == before
    assert Match.objects.count() == 4


def drifting_on_air(radio: Radio, first: float, last: float) -> Fingerprint:
    """Add a recording, and return what is heard: it drifts from 40 to 130 s."""
    tune = music(24, 110)
    add_recording(
        bucket=radio.songs[0].bucket,
        details=Recording(title="Tape"),
        fingerprint=extract(tune),
        user=radio.user,
    )
    tape = drifting(tune, first, last, 90 * RATE)
    return extract(join(music(UNKNOWN, 40), tape, music(UNKNOWN + 1, 35)))


def test_a_play_whose_tempo_drifts_is_one_live_and_in_its_hour(
    radio: Radio, run_worker: Worker
) -> None:
    heard = drifting_on_air(radio, 0.97, 1.03)
    run_worker()

    # It is heard once its tempo is nearly the recording's, and then followed.
    radio.live("run-1", heard)
    live = Airplay.objects.get()
    assert live.start_ms > 45_000
    assert live.end_ms == pytest.approx(130_000, abs=1000)

    radio.end("run-1", NOON + timedelta(seconds=165), heard.duration_ms)
    radio.settle(NOON + timedelta(hours=1))
    run_worker()
    play = Airplay.objects.get()
    assert (play.pk, play.state) == (live.pk, AirplayState.SETTLED)
    assert play.start_ms == pytest.approx(40_000, abs=1000)


def test_a_play_whose_tempo_drifts_is_one_across_hours(radio: Radio, run_worker: Worker) -> None:
    radio.run("run-1", drifting_on_air(radio, 0.92, 0.86))
    first, _second = radio.settle(NOON + timedelta(hours=1))
    run_worker()

    play = Airplay.objects.get()
    assert play.start_ms == pytest.approx(40_000, abs=1000)
    assert play.end_ms == pytest.approx(130_000, abs=1000)
    match = Match.objects.get()
    assert (match.scanned_file, match.edit) == (first.scanned_file, Edit.DRIFTING)
    assert match.matched_ms == pytest.approx(90_000, abs=2000)


def test_an_hour_is_a_file_of_its_landmarks(radio: Radio, run_worker: Worker) -> None:
    radio.run("run-1", programme((UNKNOWN, 40), (1, 25), (UNKNOWN + 1, 40)))

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    file = ScannedFile.objects.get()
    match = Match.objects.get()
    assert file.source_type == SourceType.STREAM
    assert file.status == FileStatus.READY
    assert file.name == "Radio One, 128 kbit/s 2026-11-23 13:00–13:02"
    assert file.programme == "Radio One"
    assert file.published_at == NOON
    assert match.first_start_ms == pytest.approx(40_000, abs=1500)
    segment = Airplay.objects.get().segment
    assert segment is not None
    assert segment.detection.scan.scanned_file == file
    report = services.build_report(layout=Layout(), user="system")
    (row,) = csv.DictReader(b"".join(file_content(report)).decode().splitlines())
    assert (row["station"], row["aired_at"]) == ("Radio One", "2026-11-23T12:00:40Z")

    # One whose landmarks cannot be read is not searched as silence.
    file.take_audio(keep_file(ContentFile(wav_bytes(tune(9, 3))), "files/kept.wav"))
    file.fingerprint = keep_file(ContentFile(b"other"), "scans/other.acrfp").name
    file.save()
    request_scan(scanned_file=file, user=radio.user)
    run_worker()
    file.refresh_from_db()
    assert file.status == FileStatus.ERROR
    assert "cannot be searched again" in file.message
    assert Match.objects.count() == 1


def test_gaps_are_not_scanned_and_what_nobody_listed_becomes_one(
    radio: Radio, run_worker: Worker
) -> None:
    end = radio.run("run-1", programme((UNKNOWN, 20), (1, 25), (UNKNOWN + 1, 5)))
    radio.gap(end, end + timedelta(seconds=10))
    again = end + timedelta(seconds=15)
    radio.run("run-2", programme((2, 25), (UNKNOWN + 2, 70)), at=again)

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    first = StreamHour.objects.first()
    assert first is not None
    assert first.scanned_file is not None
    scan = first.scanned_file.scans.get()
    missing = [
        (unmatched["start_ms"], unmatched["end_ms"])
        for unmatched in scan.unmatched
        if unmatched["kind"] == "not_scanned"
    ]
    assert missing == [pytest.approx((50_000, 65_000), abs=64)]
    gaps = list(StreamGap.objects.values_list("cause", "starts_at", "ends_at"))
    # The last one goes on until the hour ends: the stream is to be heard.
    assert gaps[:-1] == [
        (GapCause.CONNECTION, end, end + timedelta(seconds=10)),
        (GapCause.RECORDER, end + timedelta(seconds=10), again),
    ]
    covered = selectors.coverage(radio.stream, NOON, again + timedelta(seconds=95))
    assert covered.unaccounted_ms == 0
    assert covered.gap_ms == 15_000
    assert [title for title, *_ in radio.log()] == ["Song 1", "Song 2"]
    assert "15 s of the stream were not searched" in first.scanned_file.message


def test_a_recorder_on_another_machine_leaves_no_second_out(
    radio: Radio, run_worker: Worker
) -> None:
    radio.run("run-1", programme((UNKNOWN, 100)))
    radio.settle(NOON + timedelta(minutes=30))
    # Nobody tells of the time between: the machine that knew is gone.
    again = NOON + timedelta(hours=1)
    end = radio.run("run-2", programme((UNKNOWN + 1, 100)), at=again)
    radio.settle(NOON + timedelta(hours=2))

    covered = selectors.coverage(radio.stream, NOON, end)
    assert covered.unaccounted_ms == 0
    assert covered.searched_ms == 200_000


def test_the_doctor_lists_seconds_that_nobody_accounts_for(
    radio: Radio, run_worker: Worker
) -> None:
    radio.run("run-1", programme((UNKNOWN, 100)))
    radio.settle(NOON + timedelta(hours=1))
    assert list(stream_findings()) == []
    StreamGap.objects.all().delete()

    (finding,) = stream_findings()
    assert finding.mend is not None
    finding.mend()

    assert list(stream_findings()) == []


def test_a_sound_that_the_catalogue_has_twice_is_one_play(radio: Radio, run_worker: Worker) -> None:
    """As it is one match: the same second is not two plays of two names."""
    copy = add_recording(
        bucket=radio.songs[0].bucket,
        details=Recording(title="Another name"),
        fingerprint=song(1),
        user=radio.user,
    )
    run_worker()
    Recording.objects.filter(pk=copy.pk).update(same_sound_as=radio.songs[0])
    radio.run("run-1", programme((UNKNOWN, 40), (1, 25), (UNKNOWN + 1, 40)))

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    play = Airplay.objects.exclude(state=AirplayState.WITHDRAWN).get()
    assert play.state == AirplayState.SETTLED
    assert play.recording_id == Match.objects.get().recording_id
    assert Scan.objects.get().detections.count() == 2


def test_no_hour_is_sent_to_a_cloud(radio: Radio, run_worker: Worker) -> None:
    account = CloudAccount.objects.create(name="Cloud", region="eu-west-1")
    for number, engine in enumerate(
        (EngineChoice.ACRCLOUD, EngineChoice.BOTH, EngineChoice.EMBEDDED_THEN_ACRCLOUD)
    ):
        Container.objects.filter(pk=radio.container.pk).update(
            engine=engine, cloud_account=account, cloud_container_id=7
        )
        at = NOON + timedelta(hours=number)
        radio.run(f"run-{number}", programme((UNKNOWN, 100)), at=at)
        hours = {hour.starts_at: hour for hour in radio.settle(at + timedelta(hours=1))}
        file = hours[at].scanned_file
        assert file is not None
        run_worker()
        request_scan(scanned_file=file, user=radio.user)
        run_worker()

        with pytest.raises(IntakeRefused, match="which ACRCloud cannot scan"):
            request_scan(scanned_file=file, user=radio.user, engine=EngineChoice.ACRCLOUD)

        file.refresh_from_db()
        assert file.status == FileStatus.NO_MATCH, engine
        assert set(Scan.objects.values_list("engine", "status")) == {
            (EngineChoice.EMBEDDED, ScanStatus.SUCCEEDED)
        }


def test_a_retro_search_finds_a_new_recording_across_hours_once(
    radio: Radio, run_worker: Worker
) -> None:
    late = 77
    # The hours meet at 120 s, within the play of the recording that nobody knows yet.
    radio.run("run-1", programme((UNKNOWN, 105), (late, 25), (UNKNOWN + 1, 40), (1, 25)))
    radio.settle(NOON + timedelta(hours=1))
    run_worker()
    lengths = dict(ScannedFile.objects.values_list("pk", "length_ms"))
    added = add_recording(
        bucket=radio.songs[0].bucket,
        details=Recording(title="New song"),
        fingerprint=song(late),
        user=radio.user,
    )
    run_worker()
    added.refresh_from_db()

    request_search(recordings=[added], user=radio.user)
    run_worker()

    assert [(title, state, round(start)) for title, state, start, _ in radio.log()] == [
        ("New song", AirplayState.SETTLED, 105),
        ("Song 1", AirplayState.SETTLED, 170),
    ]
    match = Match.objects.get(recording=added)
    assert match.matched_ms == pytest.approx(25_000, abs=1500)
    play = Airplay.objects.get(recording=added)
    assert (play.ends_at - play.starts_at).total_seconds() == pytest.approx(25, abs=1)
    first, second = ScannedFile.objects.order_by("published_at")
    assert match.scanned_file == first
    assert first.length_ms == pytest.approx(130_000, abs=1000)
    assert second.length_ms == lengths[second.pk]


def test_a_pause_is_a_gap_once_it_ends(radio: Radio) -> None:
    end = radio.run("run-1", programme((UNKNOWN, 20)))

    stream_services.pause_stream(stream=radio.stream, user=radio.user)
    assert radio.stream.state == StreamState.PAUSED
    stream_services.resume_stream(stream=radio.stream, user=radio.user)

    gap = StreamGap.objects.get()
    assert (gap.starts_at, gap.cause) == (end, GapCause.PAUSED)
    # A recorder that says the same in its own words adds nothing.
    radio.gap(end, gap.ends_at, GapCause.RECORDER)
    assert StreamGap.objects.count() == 1


def test_a_gap_before_an_hour_is_part_of_what_lies_around_it(
    radio: Radio, run_worker: Worker
) -> None:
    """Song 1 breaks off 15 s before the hour begins; what follows is another song."""
    first = radio.run("run-1", programme((UNKNOWN, 85), (1, 20)))
    again = first + timedelta(seconds=15)
    radio.gap(first, again, GapCause.RECORDER)
    radio.run("run-2", programme((2, 25), (UNKNOWN + 1, 60)), at=again)

    radio.settle(NOON + timedelta(hours=1))
    run_worker()

    hour = StreamHour.objects.order_by("starts_at")[1]
    around = fingerprint.from_bytes(read_bytes(hour.before))
    gap_ms = (hour.starts_at - first) / timedelta(milliseconds=1)
    assert gap_ms == pytest.approx(15_000, abs=100)
    assert around.dense is not None
    assert around.duration_ms == 32_000
    assert around.dense.frames.max() * 16 <= 32_000 - gap_ms + 100
    assert seconds(radio.log()) == [("Song 1", 85), ("Song 2", 120)]
