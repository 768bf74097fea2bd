"""Nothing leaves that its owner cannot see, checked when it happens and when it is sent."""

from __future__ import annotations

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from pytest_django import Settings

from base.accounts.models import AccessLimit, User
from base.jobs.choices import Pool
from base.jobs.runner import run_next
from reports import scheduling
from reports.models import ReportDelivery
from reports.models.schedule import ReportDeliveryState
from reports.selectors import runs_for
from tests.reports.schedules import MONDAY, schedule
from tests.security.world import Desk
from web.portal.shared.fields import WebhookField

pytestmark = pytest.mark.django_db


@pytest.fixture
def desks() -> tuple[Desk, Desk]:
    """Return two desks, each with a person who sees it alone."""
    return Desk(1), Desk(2)


@pytest.fixture
def delivery(desks: tuple[Desk, Desk]) -> ReportDelivery:
    """Return the delivery of a report that is ready, for the limited person."""
    schedule(desks[0].user)
    with time_machine.travel(MONDAY, tick=False):
        scheduling.run_due()
        run_next(Pool.WORK)
    return ReportDelivery.objects.get()


def test_a_report_that_shows_too_much_by_now_is_not_sent(
    delivery: ReportDelivery, desks: tuple[Desk, Desk]
) -> None:
    own, other_desk = desks
    assert list(runs_for(user=own.user)) == [delivery.run]
    AccessLimit.objects.filter(group=own.group).update(buckets=[other_desk.bucket.pk])

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert (delivery.state, mail.outbox) == (ReportDeliveryState.FAILED, [])
    assert "may no longer see everything" in delivery.message
    assert not runs_for(user=User.objects.get(pk=own.user.pk)).exists()


def test_a_report_for_a_wider_view_is_sent(
    delivery: ReportDelivery, desks: tuple[Desk, Desk]
) -> None:
    AccessLimit.objects.filter(group=desks[0].group).update(buckets=None)

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert (delivery.state, len(mail.outbox)) == (ReportDeliveryState.SENT, 1)


def test_a_report_of_somebody_who_left_is_not_sent(
    delivery: ReportDelivery, desks: tuple[Desk, Desk]
) -> None:
    User.objects.filter(pk=desks[0].user.pk).update(is_active=False)

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert (delivery.state, mail.outbox) == (ReportDeliveryState.FAILED, [])


def test_addresses_outside_the_list_of_hosts_cannot_be_set(settings: Settings) -> None:
    settings.ACRPORTAL_WEBHOOK_HOSTS = ["hooks.example", ".inside.example"]

    assert WebhookField().clean("https://a.inside.example/x")
    with pytest.raises(ValidationError, match=r"only to hooks\.example, \.inside\.example"):
        WebhookField().clean("https://hooks.example.evil.example/")


def test_addresses_outside_the_list_of_domains_get_no_report(
    delivery: ReportDelivery, settings: Settings
) -> None:
    settings.ACRPORTAL_MAIL_DOMAINS = ["a.example"]

    run_next(Pool.TALK)

    delivery.refresh_from_db()
    assert delivery.state == ReportDeliveryState.FAILED
    assert "only to addresses at a.example" in delivery.message
    assert not mail.outbox
