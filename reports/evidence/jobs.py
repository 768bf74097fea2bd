"""The job that builds a pack."""

from __future__ import annotations

from datetime import UTC, datetime

from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.jobs.choices import JobState, Priority
from base.jobs.kinds import Kind, register
from base.jobs.resources import Duty, register_duty
from reports.evidence import signing
from reports.evidence.models import EvidencePack, PackStatus


def _end_pack(pack: EvidencePack, state: JobState, code: str, cause: str) -> None:
    """Note when a pack ended, and why it failed."""
    if code == "lost_worker":
        cause = gettext("The pack was interrupted too often. Request a new pack, or tell an admin.")
    EvidencePack.objects.filter(pk=pack.pk).update(
        message=cause[:500], finished_at=datetime.now(tz=UTC)
    )
    if state == JobState.FAILED:
        base.audit.services.record(
            case=pack.case, action="evidence.failed", after={"message": cause[:500]}
        )


register_duty(
    Duty(
        signing.SIGNING_KEY,
        here=signing.key_here,
        words=lambda _part: gettext("the signing key"),
        remedy=lambda _part: gettext(
            "Copy signing_key.pem to the data folder of a worker's machine, or set "
            "ACRPORTAL_SIGNING_KEY_FILE on all machines."
        ),
    )
)
EVIDENCE = register(
    Kind(
        "evidence",
        EvidencePack,
        "reports.evidence.building.run",
        label=_("Evidence pack"),
        page=lambda pack: reverse("portal:evidence", args=[pack.match.uid]),
        priority=Priority.DOCUMENT,
        duty=lambda _pack: signing.SIGNING_KEY,
        # A match has one pack in the making at a time.
        key=lambda pack: f"match:{pack.match_id}",
        mirror={
            JobState.WAITING: PackStatus.QUEUED,
            JobState.RUNNING: PackStatus.BUILDING,
            JobState.DONE: PackStatus.READY,
            JobState.FAILED: PackStatus.FAILED,
            JobState.CANCELLED: PackStatus.CANCELLED,
        },
        cause_field="message",
        on_end=_end_pack,
        title=lambda pack: str(pack.match),
        related=("match__recording", "match__scanned_file"),
    )
)
