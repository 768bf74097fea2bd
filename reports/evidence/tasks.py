"""Background tasks of evidence packs."""

from __future__ import annotations

from django_tasks import task

from common.queue import Priority, pass_on, worker_name
from reports.evidence import building
from reports.models import EvidencePack, PackStatus


@task(priority=Priority.DOCUMENT)
def build_pack(pack_id: int) -> None:
    """Build one queued pack, then queue the next."""
    building.run(pack_id=pack_id, owner=worker_name())
    waiting = EvidencePack.objects.filter(status=PackStatus.QUEUED)
    pass_on(build_pack, waiting, kind=building.KIND)
