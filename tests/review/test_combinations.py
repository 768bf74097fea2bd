"""Features of review that people use one on top of the other."""

from __future__ import annotations

import pytest

from base.accounts.models import User
from catalogue.changes import delete_bucket
from reports.layouts import Layout
from reports.models import ReportRun
from reports.services import request_report
from review.choices import DisputeStatus, MatchState
from review.models import Dispute, Match
from review.services import applications, licences
from review.services.licences import Reach
from tests.factories import deciding
from tests.factories.review import make_match
from tests.factories.rules import make_licence
from tests.fixtures import Worker

pytestmark = pytest.mark.django_db


def test_a_licence_that_cleared_an_upheld_claim_gives_it_back_with_its_dispute(
    manager: User, reviewer: User
) -> None:
    match = make_match()
    deciding.confirm(match=match, user=reviewer, version=1)
    deciding.record(match=match, user=reviewer, version=2, code="licensed")
    deciding.uphold(match=match, user=manager, version=3, answer="No licence.")
    licence = make_licence(user=manager, recordings=[match.recording], in_force=False)
    licences.apply(licence=licence, user=manager, reach=Reach.CHOSEN, chosen={match.uid})
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
