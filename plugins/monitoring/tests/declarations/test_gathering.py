"""What a declaration says, and what it leaves out."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from base.accounts.roles import Role
from catalogue.owners.models import Party, Work
from plugins.monitoring.broadcasts.models import Audience, Broadcast, Revenue
from plugins.monitoring.declarations.checking import check
from plugins.monitoring.declarations.facts import DeclarationFacts
from plugins.monitoring.declarations.gathering import gather
from plugins.monitoring.declarations.left_out import LeftOut, LeftOutRow
from plugins.monitoring.declarations.recordings import recording_facts
from plugins.monitoring.declarations.services import declare_now
from plugins.monitoring.pages.declarations.gaps import linked
from plugins.monitoring.streams.models import ClockAnchor, Station
from plugins.monitoring.tests.declarations.making import (
    NOVEMBER,
    a_broadcast,
    a_draft,
    a_file,
    a_match,
    a_profile,
    a_station,
    a_user,
    utc,
)
from plugins.monitoring.tests.declarations.readers.soundexchange import parse
from plugins.monitoring.tests.factories.streams import (
    StreamFactory,
    StreamGapFactory,
    StreamHourFactory,
    StreamRunFactory,
)
from reports.cue_entries import enter
from reports.models import EntryKind
from review.choices import MatchState, RejectCode
from review.models import Match
from review.programmes.models import Episode
from scanning.models import Scan
from tests.factories.catalogue import RecordingFactory
from tests.factories.owners import contradict, make_rights, own, record_of
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def gathered(
    *stations: Station, days: tuple[date, date] = NOVEMBER, **profile: object
) -> tuple[DeclarationFacts, list[LeftOutRow]]:
    left_out_rows: list[LeftOutRow] = []
    draft = a_draft(a_profile(*stations, **profile), days)
    return gather(draft, left_out=left_out_rows.append).facts, left_out_rows


def test_a_broadcast_tells_when_its_plays_were() -> None:
    station = a_station(name="Harbour FM")
    file = a_file(programme="Morning")
    Episode.objects.create(scanned_file=file, series="Pier Stories", season="2")
    match = a_match(file, (124_000, 169_000, 0, 45_000))
    broadcast = a_broadcast(file, station, utc(2026, 11, 3, 6), showing="first_run")
    facts, _ = gathered(station)
    (play,) = facts.plays
    assert play.uid == f"{broadcast.uid}-{match.uid}-1"
    assert play.starts_at.isoformat() == "2026-11-03T07:02:04+01:00"
    assert play.broadcast_starts_at.isoformat() == "2026-11-03T07:00:00+01:00"
    assert (play.start_ms, play.end_ms, play.played_ms) == (124_000, 169_000, 45_000)
    assert (play.use, play.origin) == ("Background", "PreexistingMusic")
    assert (play.episode.programme, play.episode.series) == ("Morning", "Pier Stories")
    assert play.showing == "first_run"
    assert [station.name for station in facts.stations] == ["Harbour FM"]
    assert facts.recordings[0].writers[0].name == "Anna Muster"


def test_days_are_those_of_the_station_in_which_plays_begin() -> None:
    station, file = a_station(), a_file()
    a_match(file, (0, 20_000, 0, 20_000))
    row = a_broadcast(file, station, utc(2026, 11, 1))
    for at, is_inside in (
        # Midnight in Zurich is 23:00 UTC the day before.
        ((2026, 10, 31, 22, 59, 59), False),
        ((2026, 10, 31, 23, 0, 0), True),
        ((2026, 11, 30, 22, 59, 59), True),
        ((2026, 11, 30, 23, 0, 0), False),
    ):
        Broadcast.objects.filter(pk=row.pk).update(starts_at=utc(*at))
        facts, _ = gathered(station)
        assert bool(facts.plays) is is_inside, at

    late = a_file()
    a_match(late, (1_790_000, 1_820_000, 0, 30_000), (1_900_000, 1_930_000, 0, 30_000))
    # Half an hour before the end of November.
    a_broadcast(late, station, utc(2026, 11, 30, 22, 30))
    facts, _ = gathered(station)
    assert [play.starts_at.isoformat() for play in facts.plays] == ["2026-11-30T23:59:50+01:00"]
    december, _ = gathered(station, days=(date(2026, 12, 1), date(2026, 12, 1)))
    assert [
        play.starts_at.isoformat() for play in december.plays if play.file == str(late.uid)
    ] == ["2026-12-01T00:01:40+01:00"]


def test_clock_changes() -> None:
    for begin, day, times in [
        # The clock skips from 02:00 to 03:00.
        (
            (2026, 3, 29, 0, 30),
            date(2026, 3, 29),
            ["2026-03-29T01:30:00+01:00", "2026-03-29T03:10:00+02:00"],
        ),
        # The hour from 02:00 comes twice.
        (
            (2026, 10, 25, 0, 30),
            date(2026, 10, 25),
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00"],
        ),
    ]:
        station, file = a_station(), a_file()
        a_match(file, (0, 20_000, 0, 20_000), (2_400_000, 2_420_000, 0, 20_000))
        a_broadcast(file, station, utc(*begin))
        facts, _ = gathered(station, days=(day, day))
        assert [play.starts_at.isoformat() for play in facts.plays] == times, day


def test_hours_of_streams_go_by_the_clock_of_their_run() -> None:
    station = a_station()
    stream = StreamFactory.create(station=station)
    begin = utc(2026, 11, 3, 6)
    run = StreamRunFactory.create(stream=stream, starts_at=begin)
    for minute in range(61):
        # A recorder's clock that loses a second in a minute.
        ClockAnchor.objects.create(
            run=run, run_ms=minute * 60_000, at=begin + timedelta(seconds=61 * minute)
        )
    file = a_file()
    a_match(file, (600_000, 620_000, 0, 20_000))
    piece = {"run": run.uid, "start_ms": 0, "end_ms": 3_600_000, "at_ms": 0}
    StreamHourFactory.create(
        stream=stream,
        starts_at=begin,
        ends_at=begin + timedelta(hours=1),
        scanned_file=file,
        pieces=[piece],
    )
    facts, _ = gathered(station)
    (play,) = facts.plays
    assert play.starts_at.isoformat() == "2026-11-03T07:10:10+01:00"
    assert play.broadcast == str(file.uid)


def test_a_simulcast_of_music_is_reported_by_the_listeners_of_its_hours(client: Client) -> None:
    station = a_station(name="Harbour FM", soundexchange_category="B")
    stream = StreamFactory.create(station=station)
    begin = utc(2026, 11, 3, 6)
    run = StreamRunFactory.create(stream=stream, starts_at=begin)
    ClockAnchor.objects.create(run=run, run_ms=0, at=begin)
    file = a_file()
    # The second play begins in the next hour of the clock.
    late = (3_610_000, 3_640_000, 60_000, 90_000)
    a_match(
        file,
        (600_000, 620_000, 0, 20_000),
        late,
        recording=RecordingFactory.create(
            isrc="QZAA02600001", isrc_normalised="QZAA02600001", artists=["The Ferrymen"]
        ),
    )
    StreamHourFactory.create(
        stream=stream,
        starts_at=begin,
        ends_at=begin + timedelta(minutes=62),
        scanned_file=file,
        pieces=[{"run": run.uid, "start_ms": 0, "end_ms": 3_720_000, "at_ms": 0}],
    )
    profile = a_profile(station, format="soundexchange-bare", service="Harbour FM")

    checked = check(a_draft(profile))
    (gap,) = checked.gaps
    user = a_user()
    ((address, _gap),) = linked(checked.groups, user)[0].links
    assert (gap.subject, gap.plays) == ("audience", 2)
    assert address == f"/streams/stations/{station.uid}/hours/?day=2026-11-03"
    client.force_login(user)
    form = client.get(address).context["form"]
    sent = {"day": "2026-11-03", "seen": form["seen"].value()}
    client.post(address, sent | {"hour_7": "320", "hour_8": "92"})

    made = declare_now(a_draft(profile))
    content = b"".join(made.file.chunks())
    read = parse(content, made.file_name)
    (row,) = read.rows
    assert (row.category, row.performances) == ("B", 412)


def test_a_repeat_counts_again_and_two_sources_of_one_play_count_once() -> None:
    station, file, other_file = a_station(), a_file(), a_file()
    recording = RecordingFactory.create()
    a_match(file, (0, 20_000, 0, 20_000), (50_000, 80_000, 0, 30_000), recording=recording)
    longer = a_match(other_file, (0, 30_000, 0, 30_000), recording=recording)
    first = a_broadcast(file, station, utc(2026, 11, 3, 6), length_ms=40_000)
    # Only what was broadcast of a file counts.
    a_broadcast(file, station, utc(2026, 11, 4, 6), length_ms=60_000)
    # The same play of the first day, heard by something else.
    a_broadcast(other_file, station, utc(2026, 11, 3, 6, 0, 1))
    # The listeners of a broadcast go before those of the hour.
    repeat = file.broadcasts.exclude(pk=first.pk).get()
    Audience.objects.create(station=station, broadcast=repeat, listeners=7)
    for day in (3, 4):
        Audience.objects.create(station=station, hour=utc(2026, 11, day, 6), listeners=100 + day)

    facts, left_out_rows = gathered(station)

    assert next(play.match for play in facts.plays) == longer.uid
    assert [play.played_ms for play in facts.plays] == [30_000, 20_000, 10_000]
    assert [play.listeners for play in facts.plays] == [103, 7, 7]
    assert [row.why for row in left_out_rows] == [LeftOut.COUNTED]


def test_states_that_are_declared() -> None:
    station, matches = a_station(), {}
    for day, state in enumerate(MatchState.values, start=1):
        file = a_file()
        matches[state] = a_match(file, (0, 20_000, 0, 20_000), state=state).uid
        a_broadcast(file, station, utc(2026, 11, day, 6))

    facts, left_out_rows = gathered(station)

    assert {play.match for play in facts.plays} == {
        matches[state] for state in ("confirmed", "cleared", "upheld", "disputed")
    }
    assert {row.match for row in left_out_rows if row.why == LeftOut.UNDECIDED} == {
        matches[state] for state in ("pending", "in_review", "escalated")
    }


def test_what_is_left_out_is_listed() -> None:
    station, file, unheard = a_station(), a_file(), a_file()
    unheard.status = "error"
    unheard.save()
    match = a_match(file, (0, 20_000, 0, 20_000), state=MatchState.REJECTED)
    Match.objects.filter(pk=match.pk).update(decision_reason=RejectCode.PUBLIC_DOMAIN)
    a_match(file, (100_000, 120_000, 0, 20_000), state=MatchState.REJECTED)
    Scan.objects.update(
        unmatched=[
            {"start_ms": 200_000, "end_ms": 230_000, "kind": "no_match"},
            {"start_ms": 300_000, "end_ms": 330_000, "kind": "silence"},
            {"start_ms": 400_000, "end_ms": 430_000, "kind": "not_scanned"},
        ]
    )
    title = {"title": "Harbour Lights", "performers": ["Town Band"]}
    enter(
        file=file,
        user=a_user(),
        start_ms=500_000,
        end_ms=520_000,
        kind=EntryKind.MUSIC,
        details=title,
    )
    a_broadcast(file, station, utc(2026, 11, 3, 6))
    a_broadcast(unheard, station, utc(2026, 11, 4, 6))
    stream = StreamFactory.create(station=station)
    StreamGapFactory.create(
        stream=stream, starts_at=utc(2026, 11, 5), ends_at=utc(2026, 11, 5, 0, 2)
    )
    facts, left_out_rows = gathered(station)
    assert not facts.plays
    assert [(row.why, row.starts_at.isoformat()[8:19], row.length_ms) for row in left_out_rows] == [
        (LeftOut.PUBLIC_DOMAIN, "03T07:00:00", 20_000),
        (LeftOut.UNKNOWN, "03T07:01:40", 20_000),
        (LeftOut.UNKNOWN, "03T07:03:20", 30_000),
        (LeftOut.NOT_SCANNED, "03T07:06:40", 30_000),
        (LeftOut.ENTERED, "03T07:08:20", 20_000),
        (LeftOut.NOT_SCANNED, "04T07:00:00", 3_600_000),
        (LeftOut.GAP, "05T01:00:00", 120_000),
    ]


def test_figures_are_those_of_whole_months() -> None:
    station = a_station()
    for month, listeners in ((10, 100), (11, 300)):
        Audience.objects.create(
            station=station,
            month=date(2026, month, 1),
            listeners=listeners,
            performances=10,
            tuning_hours="5.50",
        )
        Revenue.objects.create(
            station=station,
            month=date(2026, month, 1),
            rights_type="PerformingRight",
            net_revenue="1000.25",
            currency="CHF",
        )
    both, _ = gathered(station, days=(date(2026, 10, 1), date(2026, 11, 30)))
    facts = both.stations[0]
    assert (facts.listeners, facts.performances) == (200, 20)
    assert facts.listener_hours == Decimal("11.00")
    assert (facts.net_revenue, facts.currency) == (Decimal("2000.50"), "CHF")
    broken, _ = gathered(station, days=(date(2026, 10, 1), date(2026, 11, 29)))
    assert broken.stations[0].performances is None
    longer, _ = gathered(station, days=(date(2026, 9, 1), date(2026, 11, 30)))
    assert longer.stations[0].net_revenue is None


def test_rights_go_before_the_recordings_own_fields() -> None:
    make_rights()
    recording = RecordingFactory.create(
        isrc="QZAA02600001", isrc_normalised="QZAA02600001", writers=["Somebody"]
    )
    facts = recording_facts([recording], day=date(2026, 11, 30), territories=[])
    fact = facts[recording.pk]
    assert [contributor.name for contributor in fact.writers] != ["Somebody"]
    assert fact.iswc
    assert fact.album


def test_our_share_is_that_of_the_stations_territories() -> None:
    recording = RecordingFactory.create(isrc_normalised="QZAA02600001")
    record = make_rights()
    record.shares.update(percent=60, included=["CH"])
    own(record, "Example Music", 40)
    Party.objects.filter(name="Harbour Lights").update(is_ours=True)

    def share(*territories: str, **entered: str) -> Decimal | None:
        recording.user_defined = entered
        facts = recording_facts([recording], day=date(2026, 11, 30), territories=territories)
        return facts[recording.pk].own_share

    assert share("CH") == 60
    assert share("CH", "DE") == share() == 0
    assert share("CH", owner_share_pct="55") == 55


def test_the_number_of_queries_does_not_grow() -> None:
    station = a_station()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            gathered(station)
        return len(captured)

    def add(number: int) -> None:
        for day in range(number):
            file = a_file()
            a_match(file, (0, 20_000, 0, 20_000))
            a_broadcast(file, station, utc(2026, 11, 1 + day, 6))

    add(1)
    few = queries()
    add(5)
    assert Broadcast.objects.count() == 6
    assert queries() == few


def test_a_check_names_what_makes_the_declaration_doubtful(signed_in: MakeClient) -> None:
    """Three programmes at once, two recordings in the same seconds, rival publishers."""
    station = a_station(name="Harbour FM", territory="GB")
    at = utc(2026, 11, 3, 6)
    rival, other_recording = (
        RecordingFactory.create(title=title, writers=["Anna Muster"]) for title in ("Ferry", "Pier")
    )
    work = Work.objects.create(title="Ferry")
    work.recordings.add(record_of(rival))
    contradict(work)
    both = a_file(name="Morning")
    a_match(both, (60_000, 90_000, 0, 30_000), recording=rival)
    a_match(both, (62_000, 90_000, 0, 28_000), recording=other_recording)
    for file, minutes in ((both, 0), (a_file(name="News"), 30), (a_file(), 60)):
        a_broadcast(file, station, at + timedelta(minutes=minutes))

    draft = a_draft(a_profile(station))
    doubts = [doubt.text for doubt in check(draft).gathered.doubts]

    assert len(doubts) == 4
    assert "Morning and News are on the air at once on Harbour FM" in doubts[0]
    assert "2026-11-03 07:30:00+01:00" in doubts[0]
    assert f"{rival} and {other_recording} are both declared for the same seconds" in doubts[2]
    assert f"The shares of {rival} are in conflict" in doubts[3]
    query = f"profile={draft.profile.uid}&begins=2026-11-01&ends=2026-11-30"
    client = signed_in(Role.MANAGER)
    address = reverse("portal:declaration_check")
    page = client.get(f"{address}?{query}").content.decode()
    assert "are on the air at once" in page
    made = declare_now(a_draft(a_profile(station, name="Other")))
    assert len(made.counts["doubts"]) == 4
