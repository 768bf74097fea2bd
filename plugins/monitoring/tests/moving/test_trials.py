"""Streams in a trial: what the account heard on a day beside the hours heard here."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from django.urls import reverse
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.accounts.roles import Role
from catalogue.models import Recording
from plugins.monitoring.streams.models import Stream
from plugins.monitoring.streams.services import case_of
from plugins.monitoring.tests.factories.streams import DAY, StreamFactory, StreamHourFactory
from plugins.moving.models import EngineTrial, Moved, MovedKind, MovedOutcome, TrialKind, TrialRow
from plugins.moving.tests.account import Account, Json, play
from plugins.moving.tests.trials.conftest import Beside, work_off
from plugins.moving.trials import services
from plugins.moving.trials.selectors import compared_in
from scanning.models import CloudAccount
from scanning.services import cloud
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScanFactory, ScannedFileFactory, make_detection
from tests.fixtures import MakeClient
from tests.scanning.vendor import AnyPath

pytestmark = pytest.mark.django_db

MORNING = DAY + timedelta(hours=10)


@pytest.fixture
def there(httpserver: HTTPServer) -> Account:
    """Return an account with a project that searches the bucket 8881."""
    project = {"id": 5, "name": "Radio", "buckets": [{"id": 8881, "name": "Songs"}]}
    account = Account({"fs-containers": [], "bm-cs-projects": [project]})
    httpserver.expect_request(AnyPath()).respond_with_handler(account.answer)
    return account


@pytest.fixture
def beside(there: Account, httpserver: HTTPServer, admin: User) -> Beside:
    account = cloud.save_account(
        account=CloudAccount(name="Console", base_url=httpserver.url_for("/api")),
        token="the-token",
        user=admin,
    )
    with time_machine.travel(DAY, tick=False):
        return Beside(account, admin)


@pytest.fixture
def stream(beside: Beside) -> Stream:
    """Return a stream that came from the account."""
    stream = StreamFactory.create(container=beside.container, name="Harbour FM")
    Moved.objects.create(
        account=beside.account,
        kind=MovedKind.STREAM,
        remote_id="s1",
        parent="5",
        case=case_of(stream),
        theirs="-",
        outcome=MovedOutcome.NEW,
    )
    return stream


def hear(stream: Stream, beside: Beside, hits: dict[Recording, int]) -> None:
    """Make the hour from ten in which recordings began at these seconds."""
    file = ScannedFileFactory.create(
        container=stream.container, length_ms=3_600_000, name="Harbour FM 10:00"
    )
    StreamHourFactory.create(
        stream=stream, starts_at=MORNING, ends_at=MORNING + timedelta(hours=1), scanned_file=file
    )
    buckets = [{"id": beside.bucket.pk, "name": beside.bucket.name}]
    scan = ScanFactory.create(scanned_file=file, buckets=buckets)
    for recording, second in hits.items():
        start = 1000 * second
        make_detection((start, start + 120_000, 0, 120_000), scan=scan, recording=recording)


def at(second: int, recording: Recording) -> Json:
    """Return a play as the account tells it, so many seconds after ten."""
    moment = MORNING + timedelta(seconds=second)
    named = {"acr_id": recording.acr_id, "title": recording.title}
    return play(f"{moment:%Y-%m-%d %H:%M:%S}", named)


def test_plays_are_compared_by_recording_and_time(
    beside: Beside, stream: Stream, there: Account, signed_in: MakeClient
) -> None:
    with time_machine.travel(DAY, tick=False):
        names = ("One", "Two", "Three", "Later", "Ours", "Theirs", "Unheard")
        recording, two, three, later, ours, theirs, unheard = map(beside.recording, names)
        trial = beside.begin(stream)
    with time_machine.travel(MORNING + timedelta(hours=2), tick=False):
        hear(stream, beside, {recording: 0, two: 300, three: 600, later: 900, ours: 1200})
    stranger = RecordingFactory.build(acr_id="0" * 32, title="Of their catalogue")
    # The account hears the stream 20 seconds later.
    day = [at(20, recording), at(320, two), at(620, three), at(931, later)]
    day += [at(1500, theirs), at(7200, unheard)]
    music = at(1800, stranger)
    music["metadata"]["music"] = music["metadata"].pop("custom_files")
    there.plays["s1", f"{DAY:%Y%m%d}"] = [*day, music]

    with time_machine.travel(DAY + timedelta(days=1, hours=4), tick=False):
        services.compare_now(trial=trial, user=beside.admin)
        work_off()
        services.compare_now(trial=trial, user=beside.admin)
        work_off()
        page = signed_in(Role.ADMIN).get(trial.url).content.decode()

    kinds = dict(TrialRow.objects.values_list("recording__title", "kind"))
    assert kinds == {
        "One": TrialKind.BOTH,
        "Two": TrialKind.BOTH,
        "Three": TrialKind.BOTH,
        "Later": TrialKind.TIMES,
        "Ours": TrialKind.ONLY_OURS,
        "Theirs": TrialKind.ONLY_THEIRS,
    }
    row = TrialRow.objects.get(recording=theirs)
    assert (row.their_start_ms, row.reference_start_ms) == (1_480_000, 10_000)
    trial.refresh_from_db()
    compared = compared_in(trial)
    assert (compared.unheard, compared.own_catalogue, compared.files) == (1, 1, 0)
    assert "In 1 day both heard 1 stream (1 h)" in " ".join(page.split())


def test_plays_of_another_day_are_not_compared(
    beside: Beside, stream: Stream, there: Account
) -> None:
    with time_machine.travel(DAY, tick=False):
        song = beside.recording("Song")
        trial = beside.begin(stream)
    with time_machine.travel(MORNING + timedelta(hours=2), tick=False):
        hear(stream, beside, {song: 0})
    there.plays["s1", f"{DAY:%Y%m%d}"] = [
        play(f"{DAY + timedelta(days=4):%Y-%m-%d %H:%M:%S}", {"acr_id": "a", "title": "b"})
    ]

    with time_machine.travel(DAY + timedelta(days=1, hours=4), tick=False):
        services.compare_now(trial=trial, user=beside.admin)
        work_off()

    trial.refresh_from_db()
    assert not TrialRow.objects.exists()
    assert compared_in(trial).other_days == 1


def test_an_admin_chooses_streams_that_came_from_the_account(
    beside: Beside, stream: Stream, signed_in: MakeClient
) -> None:
    foreign = StreamFactory.create(container=beside.container)
    client, address = signed_in(Role.ADMIN), reverse("portal:trial_list")
    body = {"account": beside.account.pk, "weeks": 2}

    refused = [client.post(address, body | {"streams": streams}) for streams in ([], [foreign.pk])]
    client.post(address, body | {"streams": [stream.pk]})

    trial = EngineTrial.objects.get()
    assert [answer.status_code for answer in refused] == [422, 422]
    assert list(trial.streams.all()) == [stream]
