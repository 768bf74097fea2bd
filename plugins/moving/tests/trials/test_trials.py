"""A trial from its beginning to its report, through services, jobs and pages."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import RecordingStatus
from plugins.moving.models import (
    EngineTrial,
    Judgement,
    Moved,
    MovedKind,
    MovedOutcome,
    TrialFile,
    TrialKeeps,
    TrialKind,
    TrialRow,
    TrialState,
)
from plugins.moving.pages.page import trial_context, verdict
from plugins.moving.tests.trials.conftest import Beside, work_off
from plugins.moving.trials import services
from plugins.moving.trials.errors import TrialRefused
from plugins.moving.trials.figures import figures_of
from plugins.moving.trials.selectors import Known, compared_in, known_to, waiting_rows
from review.choices import MatchState
from scanning.choices import EngineChoice
from scanning.models import Container
from tests.factories.catalogue import RecordingFactory
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db

AT, LATER, ELSEWHERE = (10_000, 30_000), (16_000, 36_000), (100_000, 120_000)


def test_every_difference_of_what_both_could_find_gets_its_row(beside: Beside) -> None:
    titles = ("Both", "Times", "Ours", "Theirs", "Rival", "Other")
    both, times, ours, theirs, rival, other_recording = map(beside.recording, titles)
    not_searched = beside.recording("In a bucket that is not searched", parent="9")
    only_here = RecordingFactory.create(bucket=beside.bucket, status=RecordingStatus.READY)
    trial = beside.begin()
    beside.scan(
        {
            both: AT,
            times: AT,
            ours: (40_000, 60_000),
            rival: ELSEWHERE,
            not_searched: (130_000, 150_000),
            only_here: (160_000, 169_000),
        },
        {
            both: (11_000, 30_500),
            times: LATER,
            theirs: (70_000, 90_000),
            other_recording: ELSEWHERE,
        },
    )

    work_off()

    rows = TrialRow.objects.filter(file__trial=trial)
    assert dict(rows.values_list("recording__title", "kind")) == {
        "Both": TrialKind.BOTH,
        "Times": TrialKind.TIMES,
        "Ours": TrialKind.ONLY_OURS,
        "Theirs": TrialKind.ONLY_THEIRS,
        "Rival": TrialKind.OTHER_OURS,
        "Other": TrialKind.OTHER_THEIRS,
    }
    assert compared_in(trial).not_in_both == 2
    beside.container.refresh_from_db()
    assert beside.container.engine == EngineChoice.BOTH
    assert beside.container.cloud_cap_hours == 50
    # A container is in one trial at a time.
    with pytest.raises(TrialRefused):
        beside.begin()


def test_each_recording_counts_once_where_it_is_known(
    beside: Beside, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    both, second = beside.recording("In both"), beside.recording("In both, too")
    # Another row of the account for the same recording, and a recording only there.
    for number, case in ((90, f"recording:{both.uid}"), (91, "recording:rec_elsewhere"), (92, "")):
        Moved.objects.create(
            account=beside.account,
            kind=MovedKind.RECORDING,
            remote_id=str(number),
            case=case,
            theirs="-",
            outcome=MovedOutcome.NEW,
        )
    for _number in range(3):
        RecordingFactory.create(bucket=beside.bucket, status=RecordingStatus.READY)
    RecordingFactory.create(bucket=beside.bucket, status=RecordingStatus.RETIRED)
    trial = beside.begin()
    other_container = Container.objects.create(name="Searches the same bucket")
    other_container.buckets.add(second.bucket)
    trial.containers.add(other_container)

    with django_assert_num_queries(3):
        detections = known_to(trial)

    assert detections == Known(in_both=2, only_there=1, only_here=3)


def test_a_person_judges_without_knowing_the_engine(beside: Beside, signed_in: MakeClient) -> None:
    ours, theirs = beside.recording("Ours"), beside.recording("Theirs")
    trial = beside.begin()
    beside.scan({ours: AT}, {theirs: ELSEWHERE})
    work_off()
    client, address = (signed_in(Role.REVIEWER), reverse("portal:trial_judge", args=[trial.uid]))
    row = TrialRow.objects.select_related("match").get(recording=theirs)
    assert row.match is not None

    main = client.get(address).content.decode().partition("<main")[2]
    assert "Theirs" in main
    assert "ACRCloud" not in main
    assert "this portal found" not in main.lower()

    # A match that changed meanwhile is not judged.
    client.post(address, {"row": row.pk, "version": 99, "judged": "heard"})
    assert TrialRow.objects.get(pk=row.pk).judged == ""

    judgement = {"row": row.pk, "version": row.match.version, "judged": "wrong"}
    client.post(address, judgement)
    after = client.get(address).content.decode()
    row.match.refresh_from_db()
    assert row.match.state == MatchState.REJECTED
    assert "Only ACRCloud found it" in after
    assert [row.recording.title for row in waiting_rows(trial)] == ["Ours"]
    assert Event.objects.filter(action="trial.judged").count() == 1

    # Comparing again keeps what people heard.
    TrialFile.objects.update(our_scan=TrialFile.objects.get().their_scan)
    services.compare_now(trial=trial, user=beside.admin)
    work_off()
    assert TrialRow.objects.get(recording=theirs).judged == Judgement.WRONG
    assert [row.recording.title for row in waiting_rows(trial)] == ["Ours"]


def test_the_report_of_an_ended_trial_is_the_same_when_made_again(
    beside: Beside, signed_in: MakeClient
) -> None:
    song = beside.recording("Song")
    trial = beside.begin()
    beside.scan({song: AT}, {song: AT})
    work_off()
    client = signed_in(Role.ADMIN)

    client.post(reverse("portal:trial_end", args=[trial.uid]), {"keeps": "ours"})
    trial.refresh_from_db()
    beside.scan({song: AT}, {})
    services_again = services.report_text(trial)
    page = client.get(trial.url).content.decode()
    judging = client.get(reverse("portal:trial_judge", args=[trial.uid]))
    sent = client.get(reverse("portal:trial_report", args=[trial.uid]))

    beside.container.refresh_from_db()
    assert trial.state == TrialState.ENDED
    assert trial.keeps == TrialKeeps.OURS
    assert beside.container.engine == EngineChoice.EMBEDDED
    assert trial.report == services_again == sent.content.decode()
    assert json.loads(trial.report)["figures"]["outcome"] == "too_close"
    assert "nobody has judged" in page
    # Nothing can be judged any more, and no figure changes.
    assert "1 find was not judged before the end." in page
    assert "may change" not in page
    assert "find waits" not in judging.content.decode()


def test_the_verdict_says_how_little_was_compared_and_why_no_engine_is_named(
    beside: Beside,
) -> None:
    trial = beside.begin()
    before = trial_context(trial)["verdict"]
    for number in range(2):
        song = beside.recording(f"Song {number}")
        beside.scan({song: AT}, {song: (10_400, 30_000)})
    with time_machine.travel(trial.begins_at + timedelta(days=3, hours=1)):
        work_off()
    trial.refresh_from_db()

    context = trial_context(trial)
    assert before == "Nothing has been compared."
    assert str(context["verdict"]).startswith("In 3 days 2 files ")
    assert context["edges"] == "median 0.0 s, 95 % within 0.4 s"

    compared = compared_in(trial)
    chance = [("both", "heard", True, 250), ("only_ours", "heard", True, 3)]
    unjudged = figures_of([*chance, ("only_theirs", "", True, 40)])
    by_chance = "what only one of them found may be chance."
    assert verdict(trial, figures_of(chance), compared).endswith(by_chance)
    none_judged = "of some kinds of finds, none has been judged."
    assert verdict(trial, unjudged, compared).endswith(none_judged)


def test_an_admin_begins_a_trial_on_its_page(beside: Beside, signed_in: MakeClient) -> None:
    address = reverse("portal:trial_list")
    body = {
        "account": beside.account.pk,
        "containers": [beside.container.pk],
        "sends_files": "on",
        "weeks": 2,
        "price_per_hour": "3.50",
    }

    client = signed_in(Role.ADMIN)
    form = client.get(address).content.decode()
    refused = client.post(address, body)
    client.post(address, {**body, "currency": "EUR"})

    trial = EngineTrial.objects.get()
    beside.container.refresh_from_db()
    assert beside.container.engine == EngineChoice.BOTH
    assert reverse("admin:scanning_cloudaccount_changelist") in form
    assert refused.status_code == 422
    assert trial.ends_at > datetime.now(tz=UTC)
    assert signed_in(Role.MANAGER).post(address, body).status_code == 403
