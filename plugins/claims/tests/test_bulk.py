"""Many rows are written as objects would write them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from plugins.claims.bulk import write_rows
from plugins.claims.choices import DiscrepancyState, Meaning
from plugins.claims.models import Discrepancy, ReportedValue
from plugins.claims.tests.making import make_account
from tests.factories.catalogue import RecordingFactory

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 3, 12, 30, tzinfo=UTC)


def test_rows_get_the_values_they_have_and_the_defaults_of_the_rest() -> None:
    account, recording = make_account(), RecordingFactory.create()
    evidence = {"why": 'a "quoted" | word', "days": [1, None]}
    write_rows(
        Discrepancy,
        [
            {
                "kind": "no_reference",
                "key": f"no_reference:r{number}",
                "account": account.pk,
                "recording": recording.pk,
                "evidence": evidence,
                "basis": "b",
                "due_on": date(2026, 12, number),
                "opened_at": AT,
            }
            for number in (1, 2)
        ],
    )
    first, second = Discrepancy.objects.order_by("key")
    assert first.uid != second.uid
    assert (first.account, first.recording, first.claim) == (account, recording, None)
    assert (first.evidence, first.opened_at) == (evidence, AT)
    assert (first.due_on, second.due_on) == (date(2026, 12, 1), date(2026, 12, 2))
    assert (first.state, first.is_weak, first.views) == (DiscrepancyState.OPEN, False, 0)


def test_known_rows_change_in_the_named_columns_alone() -> None:
    reported_value = ReportedValue.objects.create(
        platform="youtube", value="SEEN", meaning=Meaning.DISPUTED
    )
    write_rows(
        ReportedValue,
        [
            {"platform": "youtube", "value": "SEEN", "meaning": "closed"},
            {"platform": "youtube", "value": "NEW", "meaning": "closed"},
        ],
        unique=("platform", "column", "value"),
        update=("value",),
    )
    reported_value.refresh_from_db()
    assert reported_value.meaning == Meaning.DISPUTED
    write_rows(
        ReportedValue,
        [{"platform": "youtube", "value": "SEEN", "meaning": "closed"}],
        unique=("platform", "column", "value"),
        update=("meaning",),
    )
    assert dict(ReportedValue.objects.values_list("value", "meaning")) == {
        "SEEN": "closed",
        "NEW": "closed",
    }
    write_rows(ReportedValue, [])
