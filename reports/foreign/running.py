"""Checks and carries out imports of results, in the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from time import monotonic

from django.db.models import F, Q

from common.leases import lease_end
from common.queue import worker_name
from common.storage import local_path
from reports.foreign.errors import ResultsRefused
from reports.foreign.importing import Import
from reports.foreign.reading import read
from reports.models import ResultImport, ResultImportStatus

_RENEW_SECONDS = 1.0


def run(*, import_id: int, dry: bool) -> None:
    """Check an import, or carry it out, and keep what came of it."""
    wanted = ResultImportStatus.CHECKING if dry else ResultImportStatus.IMPORTING
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=datetime.now(tz=UTC))
    claimed = ResultImport.objects.filter(free, pk=import_id, status=wanted).update(
        lease_owner=worker_name(), lease_until=lease_end(), attempts=F("attempts") + 1
    )
    if not claimed:
        return
    kept = ResultImport.objects.select_related("container", "made_by").get(pk=import_id)
    task = Import(
        container=kept.container,
        user=kept.made_by,
        source=kept.file_name,
        dry=dry,
        heartbeat=_renewer(kept),
    )
    try:
        with local_path(kept.file) as path:
            kept.summary = asdict(task.run(read(path, name=kept.file_name)))
    except ResultsRefused as error:
        kept.status, kept.message = ResultImportStatus.REFUSED, str(error)[:500]
    else:
        done = ResultImportStatus.CHECKED if dry else ResultImportStatus.DONE
        kept.status = done
    kept.lease_owner, kept.lease_until, kept.attempts = "", None, 0
    kept.save()


def _renewer(kept: ResultImport) -> Callable[[], None]:
    """Return a function that renews the lease, every second at most."""
    last = monotonic()

    def renew() -> None:
        nonlocal last
        if monotonic() - last >= _RENEW_SECONDS:
            last = monotonic()
            ResultImport.objects.filter(pk=kept.pk).update(lease_until=lease_end())

    return renew
