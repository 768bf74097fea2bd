"""Checks and carries out imports of results, in the worker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from time import monotonic
from typing import Any

from django.db.models import Q, QuerySet

from common.leases import claim, lease_end, tried_again
from common.queue import worker_name
from common.storage import local_path
from reports.foreign.errors import ResultsRefused
from reports.foreign.importing import Import
from reports.foreign.reading import read
from reports.models import ResultImport, ResultImportStatus
from scanning.tasks import give_way

KIND = "result_import"
_RENEW_SECONDS = 1.0


def run(*, import_id: int, dry: bool) -> None:
    """Check an import, or carry it out, and keep what came of it."""
    wanted = ResultImportStatus.CHECKING if dry else ResultImportStatus.IMPORTING
    free = Q(lease_until__isnull=True) | Q(lease_until__lt=datetime.now(tz=UTC))
    waiting = ResultImport.objects.filter(free, pk=import_id, status=wanted)
    # A check is waited for, and so not held up.
    if not claim(waiting, kind="" if dry else KIND, owner=worker_name()):
        return
    mine = ResultImport.objects.filter(
        pk=import_id, status=wanted, lease_owner=worker_name()
    )
    kept = ResultImport.objects.select_related("container", "made_by").get(pk=import_id)
    task = Import(
        container=kept.container,
        user=kept.made_by,
        source=kept.file_name,
        dry=dry,
        heartbeat=_renewer(mine),
    )
    try:
        with (
            tried_again(mine, expected=(ResultsRefused,)),
            local_path(kept.file) as path,
        ):
            kept.summary = asdict(task.run(read(path, name=kept.file_name)))
    except ResultsRefused as error:
        kept.status, kept.message = ResultImportStatus.REFUSED, str(error)[:500]
    else:
        kept.message = ""
        done = ResultImportStatus.CHECKED if dry else ResultImportStatus.DONE
        kept.status = done
    kept.lease_owner, kept.lease_until, kept.attempts = "", None, 0
    kept.save()


def _renewer(mine: QuerySet[Any]) -> Callable[[], None]:  # Any: the import's row
    """Return a function that renews the lease, every second at most, and gives way."""
    last = monotonic()

    def renew() -> None:
        nonlocal last
        if monotonic() - last >= _RENEW_SECONDS:
            last = monotonic()
            mine.update(lease_until=lease_end())
            give_way(mine)

    return renew
