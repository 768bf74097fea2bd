"""Streamed answers that tests leave unread."""

from __future__ import annotations

import pytest

from base.accounts.roles import Role
from reports.choices import RunState
from reports.models import ReportRun
from tests.factories.review import make_match
from tests.fixtures import MakeClient
from tests.unread import closed_at_the_end

pytestmark = pytest.mark.django_db


def test_a_report_that_a_test_leaves_unread_ends_with_the_test(signed_in: MakeClient) -> None:
    make_match()

    with closed_at_the_end():
        # The name keeps the answer, as the garbage of a test does.
        answer = signed_in(Role.REVIEWER).post("/reports/", {"format": "csv"})

    assert answer.streaming
    assert ReportRun.objects.get().state == RunState.CANCELLED
