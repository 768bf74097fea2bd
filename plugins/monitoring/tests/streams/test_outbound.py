"""Notices of streams tell nothing that their owner cannot see."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from pytest_django import Settings

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from plugins.monitoring.pages.streams.forms import EmailsField
from plugins.monitoring.streams import notices, services
from plugins.monitoring.streams.choices import AlarmKind
from plugins.monitoring.streams.errors import StreamRefused
from plugins.monitoring.streams.models import Airplay, Stream, StreamAlarm, StreamNotice
from plugins.monitoring.tests import rows as radio
from plugins.monitoring.tests.factories.streams import make_airplay
from scanning.choices import DeliveryStatus
from tests.factories.accounts import make_user
from tests.reports.schedules import MONDAY
from tests.security.world import Desk

pytestmark = pytest.mark.django_db

HOOK = "https://hooks.example/radio"


@pytest.fixture
def desks() -> tuple[Desk, Desk]:
    """Return two desks; the stream of the first has addresses of its limited person."""
    own, other_desk = Desk(1), Desk(2)
    services.change_stream(
        stream=radio.stream(own), user=own.user, alarm_url=HOOK, alarm_emails=["desk@radio.example"]
    )
    return own, other_desk


def _tell(stream: Stream, airplay: Airplay) -> None:
    """Tell that a play was heard, and raise an alarm about it."""
    notices.tell_found(airplay)
    alarm = StreamAlarm.objects.create(
        stream=stream, kind=AlarmKind.BANNED, airplay=airplay, began_at=MONDAY
    )
    notices.tell_alarm(alarm)
    notices.mail_alarm(alarm)


def test_a_hidden_recording_is_not_told(desks: tuple[Desk, Desk]) -> None:
    own, other_desk = desks
    stream = radio.stream(own)

    _tell(stream, make_airplay(stream, recording=other_desk.recording))
    assert not StreamNotice.objects.exists()
    _tell(stream, make_airplay(stream, recording=own.recording))

    assert StreamNotice.objects.count() == 3
    notice = json.loads(StreamNotice.objects.earliest("pk").body)
    assert notice["airplay"]["recording"]["title"] == own.recording.title


def test_limits_that_changed_since_count_when_it_is_sent(desks: tuple[Desk, Desk]) -> None:
    own, other_desk = desks
    _tell(radio.stream(own), make_airplay(radio.stream(own), recording=own.recording))
    AccessLimit.objects.filter(group=own.group).update(buckets=[other_desk.bucket.pk])

    while run_next(Pool.TALK) is not None:
        pass

    assert not mail.outbox
    rows = set(StreamNotice.objects.values_list("status", "message"))
    why = f"{own.user} set this address, and may not see what this is about."
    assert rows == {(DeliveryStatus.FAILED, why)}


def test_nothing_is_sent_for_a_deactivated_account(desks: tuple[Desk, Desk]) -> None:
    own, _other_desk = desks
    notices.tell_away(radio.stream(own), at=MONDAY, cause="-")
    User.objects.filter(pk=own.user.pk).update(is_active=False)

    notices.tell_back(radio.stream(own), at=MONDAY)
    run_next(Pool.TALK)

    notice = StreamNotice.objects.get()
    assert notice.status == DeliveryStatus.FAILED
    assert "was deactivated" in notice.message


def test_who_sets_an_address_answers_for_it(desks: tuple[Desk, Desk]) -> None:
    own, other_desk = desks
    stream, manager = radio.stream(own), make_user(Role.MANAGER)
    services.change_stream(stream=stream, user=manager, name="Renamed")
    _tell(stream, make_airplay(stream, recording=other_desk.recording))
    assert not StreamNotice.objects.exists()

    services.change_stream(stream=stream, user=manager, alarm_url=f"{HOOK}/all")
    _tell(stream, make_airplay(stream, recording=other_desk.recording))

    assert {notice.url for notice in StreamNotice.objects.all()} == {f"{HOOK}/all"}


def test_addresses_outside_the_lists_cannot_be_set(
    desks: tuple[Desk, Desk], settings: Settings
) -> None:
    settings.ACRPORTAL_WEBHOOK_HOSTS = ["hooks.example", ".inside.example"]
    settings.ACRPORTAL_MAIL_DOMAINS = ["radio.example"]
    own, _other_desk = desks

    assert EmailsField().clean("night@RADIO.example") == ["night@RADIO.example"]
    with pytest.raises(ValidationError, match=r"only to addresses at radio\.example"):
        EmailsField().clean("me@elsewhere.example")
    for changes in (
        {"alarm_url": "https://elsewhere.example/"},
        {"alarm_emails": ["me@elsewhere.example"]},
    ):
        with pytest.raises(StreamRefused, match=r"elsewhere\.example"):
            services.change_stream(stream=radio.stream(own), user=own.user, **changes)


def test_addresses_outside_the_lists_get_nothing(
    desks: tuple[Desk, Desk], settings: Settings
) -> None:
    notices.tell_away(radio.stream(desks[0]), at=datetime.now(tz=UTC), cause="-")
    settings.ACRPORTAL_WEBHOOK_HOSTS = ["a.example"]

    while run_next(Pool.TALK) is not None:
        pass

    notice = StreamNotice.objects.get()
    assert notice.status == DeliveryStatus.FAILED
    assert "only to a.example" in notice.message
