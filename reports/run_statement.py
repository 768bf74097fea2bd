"""Report runs that were sent as statements: what they name, and what differs today."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from django.urls import reverse
from django.utils.translation import gettext_lazy as lazy

from base.audit.standing import StatementKind
from reports.differing import differing_rows, stated_in
from reports.models import ReportRun
from statements.kinds import Difference, Kind
from statements.models import Statement


class SentReports(Kind):
    """Report runs that were sent by mail or webhook."""

    kind = StatementKind.REPORT
    label = lazy("Report")
    place = 60
    model = ReportRun
    followed_days = 90
    may_end = True

    def present(self, subjects: Collection[str]) -> Collection[str]:
        """Return the runs that were not removed when their time was over."""
        return self.seen(subjects)

    def differences(self, statements: Sequence[Statement]) -> Mapping[int, Sequence[Difference]]:
        """Compare the stored rows with today's; a run that expired has none."""
        subjects = [statement.subject for statement in statements]
        runs = ReportRun.objects.filter(uid__in=subjects).select_related("run_by")
        by_uid = {run.uid: run for run in runs}
        return {
            statement.pk: _differences(by_uid[statement.subject], statement)
            for statement in statements
            if statement.subject in by_uid
        }

    def url(self, statement: Statement) -> str:
        """Return the page of the run, which runs it again."""
        return reverse("portal:report_run", args=[statement.subject])


def _differences(run: ReportRun, statement: Statement) -> list[Difference]:
    # Previews compare within a transaction, which may not open the run's file.
    differing = differing_rows(run, stated_in(statement))
    if differing is None:
        return []
    return [
        Difference(row.text, row.case.removeprefix("match:"))
        if row.case.startswith("match:")
        else Difference(row.text)
        for row in differing.rows
    ]
