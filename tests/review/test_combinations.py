"""Features of review that people use one on top of the other."""

from __future__ import annotations

import pytest

from accounts.models import User
from accounts.roles import Role
from catalogue.changes import delete_bucket
from reports.layouts import Layout
from reports.models import ReportRun
from reports.services import request_report
from review.choices import DisputeStatus, MatchState, Verb
from review.decisions.verbs import Decision
from review.models import Dispute, Match
from review.services import applications, licences
from review.services.licences import Reach
from tests.conftest import Worker
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.review import make_match
from tests.factories.rules import make_licence

pytestmark = pytest.mark.django_db


@pytest.fixture
def manager() -> User:
    return make_user(Role.MANAGER, username="mira")


def test_of_two_people_who_decide_on_the_same_rows_the_first_counts(
    manager: User, reviewer: User
) -> None:
    matches = [make_match(), make_match(), make_match()]
    seen = {match.uid: match.version for match in matches}
    first = dict(list(seen.items())[:2])

    confirmed = deciding.bulk_decide(
        expected=first, user=reviewer, decision=Decision(Verb.CONFIRM)
    )
    rejected = deciding.bulk_decide(
        expected=seen, user=manager, decision=Decision(Verb.REJECT, code="noise")
    )

    assert len(confirmed.done) == 2
    assert [match.pk for match in rejected.done] == [matches[2].pk]
    assert [each.match.pk for each in rejected.refused] == [
        match.pk for match in matches[:2]
    ]
    assert all("ana" in each.message for each in rejected.refused)


def test_a_licence_that_cleared_an_upheld_claim_gives_it_back_with_its_dispute(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer, version=1)
    deciding.record(match=match, user=reviewer, version=2, code="licensed")
    deciding.uphold(match=match, user=manager, version=3, answer="No licence.")
    licence = make_licence(user=manager, recordings=[match.recording], in_force=False)
    licences.apply(
        licence=licence, user=manager, reach=Reach.CHOSEN, chosen={match.uid}
    )
    match.refresh_from_db()
    assert match.state == MatchState.CLEARED

    act = applications.applications(licence)[0].act
    applications.undo(rule=licence, act=act, user=manager)

    match.refresh_from_db()
    assert (match.state, match.dispute) == (MatchState.UPHELD, Dispute.objects.get())
    # The next objection is an appeal.
    deciding.record(match=match, user=reviewer, code="licensed")
    appeal = Dispute.objects.latest("pk")
    assert (appeal.is_appeal, appeal.status) == (True, DisputeStatus.OPEN)


@pytest.mark.django_db(transaction=True)
def test_a_report_of_a_bucket_that_is_deleted_meanwhile_is_complete(
    manager: User, run_worker: Worker
) -> None:
    match = make_match()
    bucket = match.recording.bucket
    make_match()
    request_report(layout=Layout(filters={"bucket": str(bucket.pk)}), user=manager)

    delete_bucket(bucket=bucket, user=manager)
    run_worker()

    run = ReportRun.objects.get()
    assert (run.state, run.row_count) == ("ready", 1)
    assert Match.objects.count() == 2
