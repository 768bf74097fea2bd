"""The dashboard: every number agrees with its list, and widgets fail separately."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from base.accounts.models import AccessLimit, User
from base.accounts.roles import Role
from imports.models import CatalogueImport
from review.choices import MatchState
from review.models import Match
from review.services import locks
from scanning.choices import EngineChoice, FileStatus, ScanStatus
from scanning.models import ScannedFile
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.factories.scanning import ContainerFactory, ScanFactory, ScannedFileFactory
from tests.fixtures import MakeClient
from web.portal.dashboard import page as dashboard

HOME = "/"


@pytest.fixture
def client(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def data_of(client: Client, name: str) -> object:
    return client.get(HOME).context["widgets"][name].data


def weeks_of(client: Client) -> list[dict[str, object]]:
    weeks = data_of(client, "weeks")
    assert isinstance(weeks, list)
    return weeks


def now() -> datetime:
    return datetime.now(tz=UTC)


def test_numbers_count_what_waits_is_held_and_late(client: Client, ana: User) -> None:
    held = make_match()
    make_match(match={"due_at": now() - timedelta(hours=1)})
    locks.take_lock(match=held, user=ana)
    locks.take_lock(match=make_match(), user=make_user(Role.REVIEWER))
    deciding.record(
        match=make_match(state=MatchState.CONFIRMED),
        user=ana,
        version=1,
        code="licensed",
        received_at=now() - timedelta(days=33),
    )
    ScannedFileFactory.create(status=FileStatus.ERROR)
    ScannedFileFactory.create(status=FileStatus.NEEDS_AUDIO)

    data = data_of(client, "numbers")

    assert isinstance(data, dict)
    counted = {name: data[name] for name in ("waiting", "due_today", "held", "overdue")}
    assert counted == {"waiting": 3, "due_today": 1, "held": 1, "overdue": 1}
    assert (data["failed"], data["needs_audio"]) == (1, 1)

    ScannedFile.objects.update(deleted_at=now())
    data = data_of(client, "numbers")
    assert isinstance(data, dict)
    assert (data["waiting"], data["due_today"], data["held"]) == (0, 0, 0)


def test_only_those_who_import_are_led_to_an_import(client: Client, signed_in: MakeClient) -> None:
    import_ = CatalogueImport.objects.create(bucket=BucketFactory.create(), file_name="masters.csv")
    address = reverse("portal:catalogue_import_detail", args=[import_.uid])
    make_match()
    urgent = make_match(match={"due_at": now()})

    answer = client.get(HOME)
    as_reviewer = answer.content.decode()
    as_manager = signed_in(Role.MANAGER).get(HOME).content.decode()

    assert "masters.csv" in as_reviewer
    assert address not in as_reviewer
    assert address in as_manager
    # The head of the queue is next in line.
    assert answer.context["widgets"]["next"].data["rows"][0]["match"] == urgent


def test_queue_is_counted_by_reason_and_age(client: Client) -> None:
    for days in (0, 1, 3, 30):
        match = make_match(match={"queue_reason": "short"})
        Match.objects.filter(pk=match.pk).update(created_at=now() - timedelta(days=days))
    make_match(match={"queue_reason": "altered"})
    make_match(state=MatchState.CONFIRMED)

    chart = dashboard.reasons()

    assert [(row.row.label, row.row.counts) for row in chart.rows] == [
        ("Short use", (2, 1, 1)),
        ("Altered", (1, 0, 0)),
    ]
    assert chart.summary == "Short use 4, Altered 1"
    page = client.get(f"/queue/{chart.rows[0].row.query}")
    assert page.context["page_obj"].paginator.count == 4


def test_finds_of_the_week_by_label_and_platform(client: Client) -> None:
    label = RecordingFactory.create(label="Example & Sons")
    seen = ScannedFileFactory.create(platform="youtube")
    make_match(recording=label)
    make_match(recording=label, scan=ScanFactory.create(scanned_file=seen))
    old = make_match(recording=RecordingFactory.create(label="Old"))
    Match.objects.filter(pk=old.pk).update(created_at=now() - timedelta(days=30))

    fields = dashboard.found_this_week()

    assert fields["total"] == 2
    labels, platforms = fields["labels"], fields["platforms"]
    assert isinstance(labels, list)
    assert isinstance(platforms, list)
    assert [(row["name"], row["count"]) for row in labels] == [("Example & Sons", 2)]
    assert [(row["name"], row["count"]) for row in platforms] == [("youtube", 1)]
    # So that the counts add up.
    assert (fields["labelless"], fields["platformless"]) == (0, 1)
    for row in (*labels, *platforms):
        page = client.get(reverse("portal:match_list") + row["query"])
        assert page.context["page_obj"].paginator.count == row["count"]


def test_precision_counts_what_people_decided(client: Client, ana: User) -> None:
    policy = make_policy(name="Short uses")
    decided = {"decided_by": ana, "decided_at": now(), "policy": None}
    by_policy = {**decided, "policy": policy, "score": "72.0"}
    make_match(state=MatchState.CONFIRMED, match=by_policy)
    make_match(state=MatchState.REJECTED, match=by_policy)
    make_match(state=MatchState.CLEARED, match={**decided, "score": "100.0"})
    make_match(state=MatchState.CONFIRMED, match={"decided_at": now()})

    engines, bands, policies = dashboard.precision()

    assert [(line.right, line.total) for line in engines.rows] == [(2, 3)]
    assert [(line.label, line.right, line.total) for line in bands.rows] == [
        ("100", 1, 1),
        ("70–79", 1, 2),
    ]
    assert [(line.label, line.text) for line in policies.rows] == [("Short uses", "50.0\u2009%")]
    for share in policies.rows:
        page = client.get(reverse("portal:match_list") + share.query)
        assert page.context["page_obj"].paginator.count == share.total
        wrong = client.get(reverse("portal:match_list") + share.wrong_query)
        assert wrong.context["page_obj"].paginator.count == share.total - share.right


def test_what_runs_and_what_the_cloud_was_sent_unless_it_fails(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_match()
    running = ScannedFileFactory.create(status=FileStatus.PROCESSING)
    ScanFactory.create(scanned_file=running, status=ScanStatus.RUNNING)
    full = ContainerFactory.create(engine=EngineChoice.ACRCLOUD, cloud_cap_hours=10)
    ContainerFactory.create()

    page = client.get(HOME).content.decode()

    assert running.name in page
    assert [spend.container for spend in dashboard.cloud()] == [full]
    assert "0.0 of 10 h" in page

    # A part that fails says so, and the rest is there.
    def broken() -> None:
        raise OSError("disk gone")

    monkeypatch.setattr(dashboard, "cloud", broken)
    answer = client.get(HOME)
    page = answer.content.decode()
    assert answer.status_code == 200
    assert page.count("This part could not be loaded") == 1
    assert "Queue by reason and age" in page


def test_every_link_of_a_number_leads_to_a_list(client: Client, ana: User) -> None:
    make_match(state=MatchState.CONFIRMED, match={"decided_by": ana, "decided_at": now()})
    make_match(match={"queue_reason": "short"})
    main = client.get(HOME).content.decode().split("<main")[1].split("</main>")[0]

    links = {link.replace("&amp;", "&") for link in re.findall(r'href="(/[^"]*)"', main)}
    # The outbox offers it to a person who was signed out.
    links.discard(reverse("account_login"))

    assert len(links) > 10
    # A list takes any value of a filter that it knows.
    alike = {re.sub(r"=[^&#]*", "", link): link for link in links}
    for link in alike.values():
        assert client.get(link).status_code == 200, link


def test_dashboard_waits_for_nobody_and_counts_once(client: Client) -> None:
    make_match()

    with CaptureQueriesContext(connection) as context:
        page = client.get(HOME)

    assert len(context) > 10
    statements = [query["sql"] for query in context]
    # Never waits for those who write.
    assert not [sql for sql in statements if sql.startswith(("BEGIN", "SAVEPOINT"))]
    counts = [sql for sql in statements if "LIMIT 10001" in sql]
    assert len([sql for sql in counts if "due_at" not in sql]) == 1
    assert page.context["nav"]["queue"] == 1


def test_figures_of_weeks_are_shared_by_those_who_see_everything(
    client: Client, signed_in: MakeClient
) -> None:
    first = make_match()
    client.get(HOME)
    second = make_match()
    make_match()

    assert weeks_of(signed_in(Role.MANAGER))[-1]["new"] == 1

    # Who sees less has figures of their own.
    desk = Group.objects.create(name="Desk")
    seen = [match.scanned_file.container_id for match in (first, second)]
    AccessLimit.objects.create(group=desk, containers=seen)
    limited = make_user(Role.REVIEWER)
    limited.groups.add(desk)
    client.force_login(limited)
    assert weeks_of(client)[-1]["new"] == 2


def test_weeks_begin_on_monday_and_count_what_lies_in_them(client: Client) -> None:
    today = now()
    monday = today - timedelta(days=today.weekday())
    monday = monday.replace(hour=0, minute=0, second=0, microsecond=0)
    for moment in (monday, monday - timedelta(microseconds=1), monday):
        match = make_match()
        Match.objects.filter(pk=match.pk).update(created_at=moment, decided_at=moment)

    *_, before, this = weeks_of(client)

    assert (before["new"], this["new"]) == (1, 2)
    assert (before["decided"], this["decided"]) == (1, 2)
    assert this["begin"] == monday.date().isoformat()


def test_empty_portal_leads_through_three_steps(client: Client) -> None:
    page = client.get(HOME).content.decode()

    assert "Three steps to the first decision" in page
    # What is still empty is not there.
    assert page.count("<h2") == page.count('<h2 id="steps-title"') + page.count('id="keys-title"')
    assert client.post(HOME).status_code == 405
