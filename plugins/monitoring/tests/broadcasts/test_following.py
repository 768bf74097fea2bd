"""Licences and rights follow when and where a file is broadcast."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.monitoring.broadcasts import services
from plugins.monitoring.streams.services import change_station
from plugins.monitoring.tests.factories.broadcasts import NOVEMBER, make_broadcast
from plugins.monitoring.tests.factories.streams import StationFactory
from review import coverage
from review.choices import MatchState, OnExpiry
from review.models import Match
from review.subjects import Subject
from scanning.models import ScannedFile
from scanning.uses import FileAiring, UseSource, stored_airings, use_of
from tests.factories import deciding
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def fresh(match: Match) -> Match:
    return Match.objects.get(pk=match.pk)


def move(match: Match, *, days: int = 0, territory: str = "") -> None:
    """Let the only broadcast of a match's file be on another day or elsewhere."""
    row = match.scanned_file.broadcasts.get()
    station = StationFactory.create(territory=territory) if territory else row.station
    starts_at = row.starts_at + timedelta(days=days)
    services.change_broadcast(
        broadcast=row, station=station, values={"starts_at": starts_at}, user=None
    )


def test_a_waiting_match_is_cleared_where_its_broadcast_is_licensed(manager: User) -> None:
    match = make_match()
    make_licence(recordings=[match.recording], territories=["CH"], user=manager)

    make_broadcast(match.scanned_file, StationFactory.create(territory="DE"))
    assert fresh(match).state == MatchState.PENDING
    move(match, territory="CH")
    assert fresh(match).state == MatchState.CLEARED
    move(match, territory="FR")
    assert fresh(match).state == MatchState.PENDING

    # A station that moves takes its broadcasts along.
    station = match.scanned_file.broadcasts.get().station
    change_station(station=station, user=manager, territory="CH")
    while run_next(Pool.WORK):
        pass
    assert fresh(match).state == MatchState.CLEARED


def test_a_cleared_match_reopens_when_its_broadcast_leaves_the_licensed_days(manager: User) -> None:
    match = make_match()
    ScannedFile.objects.filter(pk=match.scanned_file_id).update(
        published_at=datetime(2026, 1, 1, tzinfo=UTC)
    )
    make_licence(
        recordings=[match.recording],
        user=manager,
        on_expiry=OnExpiry.KEEP,
        valid_from=date(2026, 11, 1),
        valid_until=date(2026, 11, 30),
    )

    make_broadcast(match.scanned_file)
    assert fresh(match).state == MatchState.CLEARED
    move(match, days=40)
    assert fresh(match).state == MatchState.PENDING
    services.delete_broadcast(broadcast=match.scanned_file.broadcasts.get(), user=manager)
    assert Subject.of(fresh(match)).used_on == date(2026, 1, 1)


def test_every_broadcast_must_be_licensed(manager: User) -> None:
    match = make_match()
    licence = make_licence(
        recordings=[match.recording], on_expiry=OnExpiry.KEEP, valid_until=date(2026, 11, 30)
    )
    make_broadcast(match.scanned_file)
    make_broadcast(match.scanned_file, starts_at=NOVEMBER + timedelta(days=40))

    check = coverage.check_terms(licence, fresh(match))

    assert check is not None
    assert check.cover == coverage.Cover.PARTIAL
    assert "13 Dec 2026" in check.why


def test_a_broadcast_whose_move_reopens_a_match_moves_after_a_question(
    manager: User, signed_in: MakeClient
) -> None:
    match = make_match()
    make_licence(recordings=[match.recording], territories=["CH"], user=manager)
    row = make_broadcast(match.scanned_file, StationFactory.create(territory="CH"))
    client, events = signed_in(Role.REVIEWER), Event.objects.count()
    page = reverse("portal:broadcast", args=[match.scanned_file.uid, row.uid])
    sent = {
        "station": StationFactory.create(territory="DE").uid,
        "starts_at": "2026-11-03T07:00",
        "seen": services.broadcast_state(row),
    }

    # Pages say where day and territory come from.
    file_page = reverse("portal:file_detail", args=[match.scanned_file.uid])
    for address in (match.review_url, file_page):
        assert "from the broadcast" in client.get(address).content.decode()
    answer = client.post(page, sent)

    assert "These statements change" in answer.content.decode()
    deletion = client.post(
        reverse("portal:broadcast_delete", args=[match.scanned_file.uid, row.uid]), sent
    )
    assert "These statements change" in deletion.content.decode()
    assert fresh(match).state == MatchState.CLEARED
    assert Event.objects.count() == events
    agreed = {**sent, "agreed": dict(answer.context["kept"])["agreed"]}
    assert client.post(page, agreed).status_code == 302
    assert fresh(match).state == MatchState.PENDING


def test_a_container_names_the_territory_of_its_files(manager: User, signed_in: MakeClient) -> None:
    match = make_match()
    container = match.scanned_file.container
    make_licence(recordings=[match.recording], territories=["CH"], user=manager)
    client = signed_in(Role.ADMIN)
    page = reverse("portal:container_edit", args=[container.pk])
    fields = client.get(page).context["form"].initial
    sent = {name: value for name, value in fields.items() if value is not None}
    sent["buckets"] = [match.recording.bucket_id]

    refused = client.post(page, {**sent, "territory": "UK"})
    assert "GB is meant" in refused.content.decode()
    client.post(page, {**sent, "territory": "ch"})
    while run_next(Pool.WORK):
        pass

    assert fresh(match).state == MatchState.CLEARED


def test_a_decision_of_a_person_stays_and_says_what_rules_would_say(manager: User) -> None:
    match = make_match()
    make_licence(recordings=[match.recording], territories=["CH"], user=manager)
    deciding.confirm(match=match, user=manager, version=match.version)

    make_broadcast(match.scanned_file, StationFactory.create(territory="CH"))

    assert fresh(match).state == MatchState.CONFIRMED
    event = Event.objects.get(case=match.case, action="ground_changed")
    assert (event.before["would_be"], event.after["would_be"]) == ("pending", "cleared")


def test_broadcasts_go_before_the_file_and_the_file_before_a_stream() -> None:
    file = ScannedFileFactory.create(container=ContainerFactory.create(territory="FR"))
    heard = FileAiring(date(2026, 11, 2), "CH", "Harbour FM", is_broadcast=False)
    entered = FileAiring(date(2026, 11, 4), "DE", "Pier Radio", is_broadcast=True)

    texts = []
    for airings, tags in (
        ([], ["territory:GB"]),
        ([heard], ["territory:GB"]),
        ([heard], []),
        ([replace(heard, territory="")], []),
        ([heard, entered], ["territory:GB"]),
    ):
        file.aired, file.tags = stored_airings(airings), tags
        use = use_of(file)
        texts.append((use.places, use.territory_source, use.day_source))

    assert texts == [
        ("United Kingdom", UseSource.FILE, UseSource.ARRIVAL),
        ("United Kingdom", UseSource.FILE, UseSource.STATION),
        ("Switzerland", UseSource.STATION, UseSource.STATION),
        ("France", UseSource.CONTAINER, UseSource.STATION),
        ("Germany", UseSource.BROADCAST, UseSource.BROADCAST),
    ]
