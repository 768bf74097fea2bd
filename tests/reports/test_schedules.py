"""Scheduled reports: their times, their content, and the page that makes them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
import time_machine

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from reports import scheduling
from reports.layouts import Layout
from reports.models import ReportDelivery, ReportRun, ReportSchedule, ReportTemplate
from reports.models.schedule import Every, ReportDeliveryState
from reports.services import save_template
from tests.factories import deciding
from tests.factories.accounts import confirm, make_user
from tests.factories.review import make_match
from tests.fixtures import MakeClient, Worker
from tests.jobs.workers import run_regular_work
from tests.reports.reading import rows
from tests.reports.schedules import MONDAY, Mailbox, comes, schedule, settings_of

pytestmark = pytest.mark.django_db


def due(when: datetime) -> None:
    """Let the reports be requested that are due at a time; no worker makes them."""
    with time_machine.travel(when, tick=False):
        scheduling.run_due()


def days_of(run: ReportRun) -> tuple[str, str]:
    """Return the first and the last day that a run covers."""
    return run.filters["found_from"], run.filters["found_until"]


def test_next_time_and_the_period_before() -> None:
    for every, hour, after, moment in (
        (Every.DAY, 8, "2026-11-16T07:59", "2026-11-16T08:00"),
        (Every.DAY, 8, "2026-11-16T08:00", "2026-11-17T08:00"),
        (Every.WEEK, 0, "2026-11-16T08:00", "2026-11-23T00:00"),
        (Every.MONTH, 23, "2026-11-16T08:00", "2026-12-01T23:00"),
    ):
        next_time = scheduling.next_time(every, hour, datetime.fromisoformat(f"{after}Z"))
        assert next_time == datetime.fromisoformat(f"{moment}Z")

    for every, first, last in (
        (Every.DAY, date(2026, 2, 28), date(2026, 2, 28)),
        (Every.WEEK, date(2026, 2, 16), date(2026, 2, 22)),
        (Every.MONTH, date(2026, 2, 1), date(2026, 2, 28)),
    ):
        assert scheduling.period_before(every, date(2026, 3, 1)) == (first, last)


def test_nothing_is_sent_when_nothing_is_new_unless_it_is_asked_for(
    mailbox: Mailbox, run_worker: Worker
) -> None:
    mondays = (MONDAY + timedelta(days=7 * week) for week in range(5))
    schedule()
    comes(next(mondays), run_worker)
    assert mailbox.messages == []

    ReportSchedule.objects.update(send_unchanged=True)
    comes(next(mondays), run_worker)
    assert len(mailbox.messages) == 1

    ReportSchedule.objects.update(send_unchanged=False)
    match = make_match()
    comes(next(mondays), run_worker)
    assert len(mailbox.messages) == 2
    comes(next(mondays), run_worker)
    assert len(mailbox.messages) == 2
    assert ReportDelivery.objects.latest("pk").state == ReportDeliveryState.NOTHING_NEW

    deciding.confirm(match=match, user=make_user(Role.REVIEWER), version=1)
    comes(next(mondays), run_worker)
    assert len(mailbox.messages) == 3


def test_only_the_week_before_is_in_it(mailbox: Mailbox, run_worker: Worker) -> None:
    with time_machine.travel(MONDAY - timedelta(days=1), tick=False):
        match = make_match()
    with time_machine.travel(MONDAY - timedelta(days=8), tick=False):
        make_match()
    schedule(last_period=True)

    comes(MONDAY, run_worker)

    run = ReportRun.objects.get()
    assert run.filters == {"found_from": "2026-11-09", "found_until": "2026-11-15"}
    assert run.counts["match_found"] == {"yes": 1}
    attached = {part.get_filename(): part for part in mailbox.messages[0].walk()}
    file = attached["weekly-usage.csv"].get_payload(decode=True)
    assert isinstance(file, bytes)
    assert [row["match_id"] for row in rows(file)] == [match.uid]


def test_a_template_of_decisions_covers_those_of_the_week() -> None:
    decided = {"decided_from": "2026-01-05", "decided_until": "2026-01-11"}
    schedule(layout=Layout(filters=decided), last_period=True)

    due(MONDAY)

    week = {"decided_from": "2026-11-09", "decided_until": "2026-11-15"}
    assert ReportRun.objects.get().filters == week


def test_a_worker_that_comes_late_leaves_out_no_day() -> None:
    user = make_user(Role.REVIEWER)
    for hour, comes_at, first_day, last_day in (
        (8, "2026-11-16T08:05", "2026-11-15", "2026-11-15"),
        # The worker was busy until midnight, or away for two days.
        (23, "2026-11-17T00:10", "2026-11-15", "2026-11-15"),
        (8, "2026-11-18T09:00", "2026-11-15", "2026-11-17"),
    ):
        made = schedule(user, last_period=True, every=Every.DAY, hour=hour)
        first = datetime(2026, 11, 16, hour, tzinfo=UTC)
        only = ReportSchedule.objects.filter(pk=made.pk)
        only.update(next_run_at=first, covers_from=None)

        due(datetime.fromisoformat(f"{comes_at}Z"))
        assert days_of(ReportRun.objects.latest("pk")) == (first_day, last_day)

        # The next one begins where this one ended.
        made.refresh_from_db()
        due(made.next_run_at)
        after = date.fromisoformat(last_day) + timedelta(days=1)
        assert days_of(ReportRun.objects.latest("pk"))[0] == after.isoformat()
        only.delete()


def test_the_period_has_the_days_of_the_template_s_zone(
    mailbox: Mailbox, run_worker: Worker
) -> None:
    """In New York the week ends five hours later than in UTC."""
    ends = datetime(2026, 11, 16, 5, tzinfo=UTC)
    runs = {}
    for hours in (-7 * 24 - 1, -7 * 24 + 1, -1, 1):
        with time_machine.travel(ends + timedelta(hours=hours), tick=False):
            runs[hours] = make_match()
    zone = {"found_from": "2026-01-01", "zone": "America/New_York"}

    made = schedule(layout=Layout(filters=zone), last_period=True)
    comes(MONDAY, run_worker)

    run = ReportRun.objects.get()
    assert run.filters == {
        "found_from": "2026-11-09",
        "found_until": "2026-11-15",
        "zone": "America/New_York",
    }
    attached = {part.get_filename(): part for part in mailbox.messages[0].walk()}
    file = attached["weekly-usage.csv"].get_payload(decode=True)
    assert isinstance(file, bytes)
    uids = {runs[hours].uid for hours in (-7 * 24 + 1, -1)}
    assert {row["match_id"] for row in rows(file)} == uids
    made.refresh_from_db()
    assert made.next_run_at == MONDAY + timedelta(days=7)


def test_a_report_comes_when_the_period_of_its_zone_is_over() -> None:
    user = make_user(Role.REVIEWER)
    for every, hour, zone, runs in (
        # Before New York's midnight, its Monday has begun only on Tuesday in UTC.
        (
            Every.WEEK,
            2,
            "America/New_York",
            [
                ("2026-11-17T02:00", "2026-11-09", "2026-11-15"),
                ("2026-11-24T02:00", "2026-11-16", "2026-11-22"),
            ],
        ),
        (
            Every.MONTH,
            23,
            "Asia/Tokyo",
            [
                ("2026-11-30T23:00", "2026-11-01", "2026-11-30"),
                ("2026-12-31T23:00", "2026-12-01", "2026-12-31"),
            ],
        ),
    ):
        layout = Layout(filters={"found_from": "2026-01-01", "zone": zone})
        made = schedule(user, layout, last_period=True, every=every, hour=hour)

        for at, first, last in runs:
            made.refresh_from_db()
            assert made.next_run_at == datetime.fromisoformat(f"{at}Z")
            due(made.next_run_at)
            assert days_of(ReportRun.objects.latest("pk")) == (first, last)
        made.delete()


def test_days_of_which_clocks_change_are_reported_once() -> None:
    """In March a day has no 4 o'clock of UTC, in November a day has it twice."""
    layout = Layout(filters={"found_from": "2026-01-01", "zone": "America/New_York"})
    made = schedule(layout=layout, last_period=True, every=Every.DAY, hour=4)

    for starts in ("2026-03-01", "2026-10-25"):
        ReportRun.objects.all().delete()
        made.next_run_at = datetime.fromisoformat(f"{starts}T04:00Z")
        made.covers_from = None
        made.save()
        for _day in range(14):
            due(made.next_run_at)
            made.refresh_from_db()

        periods = [days_of(run) for run in ReportRun.objects.order_by("pk")]
        assert len(periods) == 14
        for (_, until), (begins, _) in pairwise(periods):
            after = date.fromisoformat(until) + timedelta(days=1)
            assert begins == after.isoformat()


def test_several_workers_run_a_schedule_once_as_it_was_changed_meanwhile() -> None:
    made = schedule()
    weekly = made.template
    other_template = save_template(name="Other", layout=Layout(), user=made.made_by)

    with time_machine.travel(MONDAY, tick=False):
        before = ReportSchedule.objects.get()
        ReportSchedule.objects.update(template=other_template)
        run_regular_work()
        scheduling._run(before, MONDAY)

    assert ReportRun.objects.get().name == "Other"
    made.refresh_from_db()
    assert made.next_run_at == MONDAY + timedelta(days=7)

    # Who looked before the change runs it as it is now.
    week = MONDAY + timedelta(days=7)
    before = ReportSchedule.objects.get()
    ReportSchedule.objects.update(template=weekly)
    scheduling._run(before, week)
    assert ReportRun.objects.latest("pk").name == "Weekly usage"


def test_page_makes_and_ends_a_schedule_and_says_what_is_wrong(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    confirm(client)
    owner = User.objects.get()
    template = save_template(name="Weekly usage", layout=Layout(), user=owner)
    fields: dict[str, str | int] = {
        "template": template.pk,
        "every": "week",
        "hour": 7,
        "channel": "email",
        "recipients": "legal@example.org\nana@example.org",
    }

    for changes, why in (
        ({"recipients": ""}, "Enter where to send the report."),
        ({"recipients": "nobody"}, "nobody is not an email address."),
        ({"channel": "webhook", "url": "ftp://example.org"}, "This address is not"),
        ({"channel": "webhook"}, "Enter where to send the report."),
        ({"hour": "24"}, "less than or equal to 23"),
    ):
        answer = client.post("/reports/schedules/", fields | changes)
        assert answer.status_code == 422, changes
        assert why in answer.content.decode()
    assert not ReportSchedule.objects.exists()

    # The address of the channel that was not chosen has no say.
    options = {"last_period": "on", "url": "ftp://left.behind"}
    client.post("/reports/schedules/", fields | options)
    made = ReportSchedule.objects.get()
    assert made.recipients == ["legal@example.org", "ana@example.org"]
    assert made.url == ""
    assert (made.hour, made.last_period, made.send_unchanged) == (7, True, False)
    page = client.get("/reports/schedules/").content.decode()
    assert "Every Monday, 07:00 UTC" in page

    client.post(f"/reports/templates/{template.uid}/delete/")
    assert ReportTemplate.objects.exists()
    stranger = signed_in(Role.MANAGER)
    assert stranger.post(f"/reports/schedules/{made.uid}/end/").status_code == 404
    assert signed_in(Role.VIEWER).get("/reports/schedules/").status_code == 403
    client.post(f"/reports/schedules/{made.uid}/end/")
    assert not ReportSchedule.objects.exists()


def form_of(made: ReportSchedule, **changes: str | int) -> dict[str, str | int]:
    """Return the form of a schedule as a browser would send it."""
    return {
        "template": made.template.pk,
        "every": made.every,
        "hour": made.hour,
        "channel": made.channel,
        "recipients": ", ".join(made.recipients),
        "url": made.url,
        **({"last_period": "on"} if made.last_period else {}),
        **changes,
    }


@time_machine.travel(MONDAY - timedelta(days=5), tick=False)
def test_a_schedule_is_changed_on_a_page_that_says_what_it_means(signed_in: MakeClient) -> None:
    client = signed_in(Role.REVIEWER)
    made = schedule(User.objects.get(), last_period=True)
    address = f"/reports/schedules/{made.uid}/"
    page = client.get(address).content.decode()
    assert "legal@example.org\nana@example.org" in page
    assert "16 Nov 2026 08:00 UTC" in page

    # A week has three days left: a daily report begins with them.
    form = form_of(made, every="day", hour=6)
    preview = client.get(f"{address}next/", form).content.decode()
    answer = client.post(address, form, follow=True).content.decode()

    for message in (preview, answer):
        assert "12 Nov 2026 06:00 UTC" in message
        assert "from 9 Nov 2026 to 11 Nov 2026" in message
    made.refresh_from_db()
    assert (made.every, made.hour) == (Every.DAY, 6)
    event = Event.objects.get(action="schedule_changed")
    assert (event.before["every"], event.after["every"]) == ("week", "day")
    stranger = signed_in(Role.MANAGER)
    for path in (address, f"{address}next/"):
        assert stranger.get(path).status_code == 404
    assert stranger.post(f"{address}run/").status_code == 404


def test_a_changed_schedule_leaves_out_no_day() -> None:
    made = schedule(every=Every.MONTH, last_period=True)
    with time_machine.travel(datetime(2026, 11, 18, 12, tzinfo=UTC), tick=False):
        scheduling.change_schedule(
            schedule=made,
            settings=settings_of(template=made.template, every=Every.WEEK, last_period=True),
            user=made.made_by,
        )

    for monday in ("2026-11-23", "2026-11-30"):
        due(datetime.fromisoformat(f"{monday}T08:00Z"))

    covered = [days_of(run) for run in ReportRun.objects.order_by("pk")]
    assert covered == [("2026-11-01", "2026-11-22"), ("2026-11-23", "2026-11-29")]


def test_days_stay_covered_through_any_change() -> None:
    """Through other filters of the template, and a time when all matches were reported."""
    layout = Layout(filters={"zone": "America/New_York"})
    made = schedule(layout=layout, every=Every.MONTH, last_period=True)
    with time_machine.travel(datetime(2026, 11, 18, 12, tzinfo=UTC), tick=False):
        for last_period in (False, True):
            made = scheduling.change_schedule(
                schedule=made,
                settings=settings_of(
                    template=made.template, every=Every.DAY, hour=3, last_period=last_period
                ),
                user=made.made_by,
            )
        tokyo = Layout(filters={"zone": "Asia/Tokyo"})
        save_template(name=made.template.name, layout=tokyo, user=made.made_by)

    due(made.next_run_at)

    assert days_of(ReportRun.objects.get())[0] == "2026-11-01"


def test_a_schedule_of_who_may_no_more_reports_its_days_later() -> None:
    user = make_user(Role.REVIEWER)
    made, roles = schedule(user, last_period=True), list(user.groups.all())
    user.groups.clear()
    due(MONDAY)
    assert not ReportRun.objects.exists()

    user.groups.set(roles)
    due(MONDAY + timedelta(days=7))

    assert days_of(ReportRun.objects.get()) == ("2026-11-09", "2026-11-22")
    made.refresh_from_db()
    assert made.covers_from == date(2026, 11, 23)


def test_a_report_that_is_due_comes_although_its_schedule_changed() -> None:
    made = schedule(last_period=True)
    with time_machine.travel(MONDAY + timedelta(hours=1), tick=False):
        scheduling.change_schedule(
            schedule=made,
            settings=settings_of(template=made.template, every=Every.DAY, last_period=True),
            user=made.made_by,
        )

    due(MONDAY + timedelta(hours=2))

    assert days_of(ReportRun.objects.get())[1] == "2026-11-15"
    made.refresh_from_db()
    assert made.next_run_at == MONDAY + timedelta(days=1)


def test_new_receivers_get_rows_that_others_had(mailbox: Mailbox, run_worker: Worker) -> None:
    make_match()
    made = schedule()
    comes(MONDAY, run_worker)

    scheduling.change_schedule(
        schedule=made,
        settings=settings_of(template=made.template, recipients=["new@example.org"]),
        user=made.made_by,
    )
    comes(MONDAY + timedelta(days=7), run_worker)

    assert [message["To"] for message in mailbox.messages] == [
        "legal@example.org, ana@example.org",
        "new@example.org",
    ]


def test_run_now_sends_the_last_period_and_keeps_the_time(
    signed_in: MakeClient, mailbox: Mailbox, run_worker: Worker
) -> None:
    client = signed_in(Role.REVIEWER)
    made = schedule(User.objects.get(), last_period=True)
    due = made.next_run_at

    with time_machine.travel(MONDAY - timedelta(days=3), tick=False):
        answer = client.post(f"/reports/schedules/{made.uid}/run/", follow=True)
        run_worker()

    # Sent although no match is in it: a person asked for it.
    assert len(mailbox.messages) == 1
    run = ReportRun.objects.get()
    assert answer.redirect_chain == [(run.url, 302)]
    assert "legal@example.org" in answer.content.decode()
    assert run.filters == {"found_from": "2026-11-02", "found_until": "2026-11-08"}
    made.refresh_from_db()
    assert made.next_run_at == due
    assert Event.objects.filter(case=made.case, action="schedule_run").exists()

    # Of someone who may no more, it says so.
    made.made_by.groups.clear()
    answer = signed_in(Role.ADMIN).post(f"/reports/schedules/{made.uid}/run/", follow=True)
    assert "may no longer run reports" in answer.content.decode()
    assert ReportRun.objects.get() == run
