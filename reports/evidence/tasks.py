"""Work on packs that runs in a worker."""

from __future__ import annotations

from django_tasks import task

from common.queue import worker_name
from reports.evidence import building


@task()
def build_pack(pack_id: int) -> None:
    """Build one pack; one that is taken or done is left alone."""
    building.run(pack_id=pack_id, owner=worker_name())
