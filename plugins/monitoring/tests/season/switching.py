"""The portal restarts without monitoring, is used, and restarts with it: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

from django.apps import apps
from django.conf import settings
from django.db import connections

from base.jobs.choices import OPEN_STATES
from base.jobs.kinds import all_kinds
from base.jobs.models import Job
from tests.season.invariants import check


def go_without_monitoring(name: str) -> None:
    """Let a person and a worker use the portal while it runs without monitoring."""
    rows, waiting = _rows(), _waiting_work()
    connections.close_all()
    now = datetime.now(tz=UTC).isoformat()
    used = subprocess.run(
        [sys.executable, "-m", "plugins.monitoring.tests.season.without_monitoring", now, name],
        env=os.environ
        | {
            "ACRPORTAL_PLUGINS": ",".join(
                name for name in settings.ACRPORTAL_PLUGINS if name != "monitoring"
            ),
            "ACRPORTAL_PARTITIONS": str(settings.ACRPORTAL_PARTITIONS),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    check(used.returncode == 0, f"without monitoring: {used.stdout}{used.stderr}")
    changed = [table for table, count in _rows().items() if count != rows[table]]
    check(not changed, f"a portal without monitoring changed {changed}")
    lost = waiting - _waiting_work()
    check(not lost, f"a portal without monitoring ended the jobs {lost}")


def _rows() -> dict[str, list[object]]:
    """Return all rows that only monitoring has, by table."""
    return {
        model._meta.db_table: list(model._base_manager.order_by("pk").values_list())
        for app in apps.get_app_configs()
        if app.name.startswith("plugins.monitoring.")
        for model in app.get_models(include_auto_created=True)
    }


def _waiting_work() -> set[str]:
    kinds = [kind.name for kind in all_kinds() if kind.work.startswith("plugins.monitoring.")]
    waiting = Job.objects.filter(kind__in=kinds, state__in=OPEN_STATES)
    return {f"{job.kind} {job.uid}" for job in waiting}
