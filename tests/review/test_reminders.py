"""Due disputes are reported once a day to everybody who answers them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from smtplib import SMTPRecipientsRefused

import pytest
import time_machine
from django.contrib.auth.models import Group
from django.core import mail
from pytest_django import Settings

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from base.audit.models import Event
from review.models import Dispute
from review.services.reminders import CASE, remind
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.jobs.workers import run_regular_work

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 5, 2, 12, 0, tzinfo=UTC)


def _dispute(*, days_ago: int) -> Dispute:
    match, user = make_match(), make_user(Role.REVIEWER)
    decided = deciding.confirm(match=match, user=user, version=1)
    disputed = deciding.record(
        match=decided,
        user=user,
        code="licensed",
        received_at=datetime.now(tz=UTC) - timedelta(days=days_ago),
    )
    assert disputed.dispute is not None
    return disputed.dispute


@pytest.fixture
def manager() -> User:
    user = make_user(Role.MANAGER)
    user.email = "mira@label.example"
    user.save()
    make_user(Role.MANAGER)
    return user


@time_machine.travel(NOW, tick=False)
def test_what_is_due_within_a_week_or_late_is_one_event_a_day() -> None:
    late, soon = _dispute(days_ago=40), _dispute(days_ago=25)
    _dispute(days_ago=2)

    assert (remind(), remind()) == (2, 0)

    event = Event.objects.get(case=CASE)
    assert event.after == {"overdue": [late.uid], "due_soon": [soon.uid]}
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        run_regular_work()
    assert Event.objects.filter(case=CASE).count() == 2


def test_nothing_due_says_nothing_and_no_mail_goes_out_unless_it_is_on(manager: User) -> None:
    _dispute(days_ago=2)
    assert remind() == 0
    assert not Event.objects.filter(case=CASE).exists()

    _dispute(days_ago=40)
    remind()
    assert mail.outbox == []


def test_one_mail_a_day_goes_to_managers_that_have_an_address(
    settings: Settings, manager: User
) -> None:
    settings.ACRPORTAL_DISPUTE_MAIL = True
    late = _dispute(days_ago=40)
    _dispute(days_ago=25)

    remind()
    remind()

    (message,) = mail.outbox
    assert message.to == [manager.email]
    assert message.subject == "acrportal: 2 disputes to answer, 1 overdue"
    assert late.match.review_url in message.body


def test_an_address_that_is_refused_keeps_nobody_else_from_the_mail(
    settings: Settings, manager: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.ACRPORTAL_DISPUTE_MAIL = True
    gone = make_user(Role.MANAGER)
    gone.email = "gone@label.example"
    gone.save()
    _dispute(days_ago=40)

    def send(subject: str, body: str, sender: None, to: list[str]) -> None:
        if to == [gone.email]:
            raise SMTPRecipientsRefused({gone.email: (550, b"nobody of this name")})
        mail.send_mail(subject, body, sender, to)

    monkeypatch.setattr("base.audit.digests.send_mail", send)
    remind()

    assert [message.to for message in mail.outbox] == [[manager.email]]


def test_mail_tells_of_what_the_reader_may_see_in_the_readers_language(
    settings: Settings, manager: User
) -> None:
    settings.ACRPORTAL_DISPUTE_MAIL = True
    manager.language = "de"
    manager.save()
    seen, hidden = _dispute(days_ago=40), _dispute(days_ago=40)
    desk = Group.objects.create(name="Night desk")
    manager.groups.add(desk)
    AccessLimit.objects.create(group=desk, containers=[seen.match.scanned_file.container_id])

    remind()

    (message,) = mail.outbox
    assert message.subject == "acrportal: 1 Einspruch zu beantworten, 1 überfällig"
    assert "Zeitzone der Daten: UTC" in message.body
    assert "Überfällig seit " in message.body
    assert str(seen.match) in message.body
    assert seen.match.review_url in message.body
    assert hidden.match.review_url not in message.body
