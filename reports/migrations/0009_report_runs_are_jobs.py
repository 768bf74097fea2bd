"""Unfinished report runs become jobs."""

from __future__ import annotations

from django.db import migrations

from reports.migrations._carrying import Carried

_RUNS = Carried(
    model="ReportRun",
    kind="report",
    status="state",
    waiting="queued",
    running="running",
    user="run_by_id",
    moved=("progress", "cancel_requested"),
)


class Migration(migrations.Migration):
    """Copy; the next migration drops the columns."""

    dependencies = [("reports", "0008_drop_columns_of_evidence_packs")]
    operations = [migrations.RunPython(_RUNS.to_jobs, _RUNS.to_rows, elidable=True)]
