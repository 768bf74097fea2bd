"""Rows for the browser tests that the demo has none of; no match waiting there changes.

Run in the portal's own process: ``manage.py shell -c "…fill()"``.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.core.files.base import ContentFile
from django.urls import reverse

from accounts.models import User
from catalogue.models import Bucket, CatalogueImport, ImportStatus, Recording
from reports.models import EvidencePack, PackStatus, ReportRun, ResultImport
from review.choices import LicenceScope, PolicyAction
from review.models import Licence, Match, Policy
from review.services import exclusions, licences, policies, saved_views
from scanning.choices import EngineChoice, FileStatus, ScanStage, ScanStatus
from scanning.models import Container, Scan, ScannedFile, Watch


def fill() -> list[str]:
    """Make one of everything that has a page of its own; return pages without a link."""
    user = User.objects.get(username="admin")
    container = Container.objects.order_by("pk")[0]
    recording = Recording.objects.filter(duration_ms__gt=0).order_by("pk")[0]
    _files(container)
    policy = Policy(name="Nothing real", action=PolicyAction.REVIEW, conditions={})
    policies.save(policy=policy, user=user)
    licence = Licence(holder="Example Broadcaster", scope=LicenceScope.RECORDINGS)
    licences.save(licence=licence, user=user, buckets=[], recordings=[recording])
    proposed = exclusions.propose(
        recording=recording, span=(0, 1000), reason="silence", user=user
    )
    saved_views.save(
        user=user, name="Shorts", query="reason=short", is_shared=True, is_default=False
    )
    Watch.objects.create(
        container=container,
        url="https://feed.example/rss",
        title="Example feed",
        enabled=False,
        next_check_at=datetime.now(tz=UTC),
    )
    table = CatalogueImport.objects.create(
        bucket=Bucket.objects.order_by("pk")[0],
        table=ContentFile(b"custom_id,title\n", name="table.csv"),
        table_name="autumn_delivery.csv",
        status=ImportStatus.REFUSED,
        message="The table holds no rows.",
        made_by=user,
    )
    run = ReportRun.objects.create(
        name="Weekly usage", run_by=user, run_by_name="admin"
    )
    ResultImport.objects.create(
        container=container,
        file=ContentFile(b"[]", name="dump.json"),
        file_name="acrcloud_2025.json",
        status="refused",
        message="This is no dump of the File Scanning API.",
        made_by=user,
    )
    EvidencePack.objects.create(
        match=Match.objects.order_by("pk")[0],
        status=PackStatus.FAILED,
        message="There is no room left on the disk.",
        requested_by=user,
    )
    heard = ScannedFile.objects.exclude(media="").order_by("pk")[0]
    return [
        reverse("portal:licence_preview", args=[licence.uid]),
        reverse("portal:exclusion_approve", args=[proposed.uid]),
        reverse("portal:import_detail", args=[table.uid]),
        reverse("portal:report_run", args=[run.uid]),
        reverse("portal:file_remove_audio", args=[heard.uid]),
    ]


def _files(container: Container) -> None:
    """Files in the states that the demo's own do not reach."""
    for state in (FileStatus.NO_MATCH, FileStatus.ERROR, FileStatus.NEEDS_AUDIO):
        file = ScannedFile.objects.create(
            container=container,
            name=f"{state}.wav",
            status=state,
            duration_ms=60_000,
            message="" if state == FileStatus.NO_MATCH else "It could not be read.",
        )
        if state == FileStatus.NO_MATCH:
            Scan.objects.create(
                scanned_file=file,
                engine=EngineChoice.EMBEDDED,
                status=ScanStatus.SUCCEEDED,
                stage=ScanStage.DONE,
                no_match_reason="clean_scan",
            )
