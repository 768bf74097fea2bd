"""Unfinished evidence packs become jobs."""

from __future__ import annotations

from django.db import migrations

from reports.migrations._carrying import Carried

_PACKS = Carried(
    model="EvidencePack",
    kind="evidence",
    status="status",
    waiting="queued",
    running="building",
    user="requested_by_id",
    moved=("progress",),
    key=lambda pack: f"match:{pack.match_id}",
)


class Migration(migrations.Migration):
    """Copy; the next migration drops the columns."""

    dependencies = [
        ("jobs", "0001_initial"),
        ("reports", "0006_rename_report_delivery"),
    ]
    operations = [migrations.RunPython(_PACKS.to_jobs, _PACKS.to_rows, elidable=True)]
