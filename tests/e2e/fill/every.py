"""One object for each page that needs one."""

from __future__ import annotations

from collections.abc import Callable

from django.core.files.base import ContentFile
from django.urls import reverse

from base.accounts.models import User
from base.accounts.tokens import create_token
from catalogue.models import Bucket, Recording
from imports.licences.importer import run as check_licences
from imports.licences.sheet import sheet_of
from imports.models import CatalogueImport, ImportStatus, LicenceImport, ResultImport
from reports.evidence.models import EvidencePack, PackStatus
from reports.layouts import Layout
from reports.models import ReportRun, ReportSchedule
from reports.models.schedule import Every
from reports.scheduling import schedule_report
from reports.services import save_template
from review.choices import LicenceScope, MatchState, PolicyAction
from review.models import Licence, Match, Policy
from review.services import exclusions, licences, policies, saved_views
from scanning.choices import RetroStatus
from scanning.models import Container, Drop, RetroSearch, ScannedFile, Watch
from scanning.services.identification import create_project
from tests.e2e.fill.catalogue import add_audio, add_duplicates
from tests.e2e.fill.sheets import add_approved_sheet
from tests.e2e.fill.sound import add_files
from tests.registered import FILL, Table

MORE: Table[str, Callable[[User], list[str]]] = Table({}, FILL)
"""What plug-ins make, last; each returns the pages without a link."""


def fill() -> list[str]:
    """Make one object for each page that needs one; return the pages without a link."""
    user = User.objects.get(username="admin")
    container = Container.objects.order_by("pk")[0]
    recording = Recording.objects.filter(duration_ms__gt=0).order_by("pk")[0]
    add_files(container)
    policy = Policy(name="Nothing real", action=PolicyAction.REVIEW, conditions={})
    policies.save(policy=policy, user=user)
    licence = Licence(holder="Example Broadcaster", scope=LicenceScope.RECORDINGS)
    licences.save(licence=licence, user=user, buckets=[], recordings=[recording])
    proposed = exclusions.propose(
        recording=recording, interval=(0, 1000), reason="silence", user=user
    )
    waiting = Match.objects.filter(state=MatchState.PENDING).order_by("pk")[0]
    exclusion = exclusions.propose(
        recording=waiting.recording,
        interval=(0, waiting.recording.duration_ms),
        reason="silence",
        user=User.objects.get(username="ana"),
    )
    saved_views.save(
        user=user, name="Shorts", query="reason=short", is_shared=True, is_default=False
    )
    Watch.objects.create(
        container=container, url="https://feed.example/rss", title="Example feed", enabled=False
    )
    add_what_ends(user)
    Drop.objects.create(container=container, name="Radio", place="/srv/drops/radio", enabled=False)
    table = CatalogueImport.objects.create(
        bucket=Bucket.objects.order_by("pk")[0],
        file=ContentFile(b"custom_id,title\n", name="table.csv"),
        file_name="autumn_delivery.csv",
        status=ImportStatus.REFUSED,
        message="The table holds no rows.",
        made_by=user,
    )
    sheet = LicenceImport.objects.create(
        file=ContentFile(sheet_of([licence]).as_csv(), name="licences.csv"),
        file_name="licences.csv",
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    for name, value in check_licences(sheet, lambda: None, dry=True).items():
        setattr(sheet, name, value)
    sheet.save()
    run = ReportRun.objects.create(name="Weekly usage", run_by=user, run_by_name="admin")
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
        message="The disk is full.",
        requested_by=user,
    )
    heard = ScannedFile.objects.exclude(media="").order_by("pk")[0]
    add_duplicates()
    search = RetroSearch.objects.create(
        status=RetroStatus.DONE, files_total=2, files_done=2, requested_by=user
    )
    search.recordings.add(recording)
    return [
        reverse("portal:retro_search", args=[search.uid]),
        reverse("portal:licence_preview", args=[licence.uid]),
        reverse("portal:bucket_delete", args=[recording.bucket_id]),
        reverse("portal:exclusion_approve", args=[proposed.uid]),
        reverse("portal:exclusion_remove", args=[proposed.uid]),
        reverse("portal:match_proposal", args=[waiting.uid, exclusion.uid]),
        waiting.review_url,
        reverse("portal:catalogue_import_detail", args=[table.uid]),
        reverse("portal:licence_import_detail", args=[sheet.uid]),
        reverse("portal:report_run", args=[run.uid]),
        reverse("portal:file_remove_audio", args=[heard.uid]),
        *(
            reverse(f"portal:{name}", args=[heard.uid]) + "?start=0&end=9"
            for name in ("file_range", "file_range_recording")
        ),
        add_audio(user),
        add_approved_sheet(Match.objects.order_by("pk")[0].scanned_file, user),
        *(page for add in MORE.values() for page in add(user)),
    ]


def add_what_ends(user: User) -> None:
    """Make a token, identification keys and a scheduled report, which ask when they end."""
    create_token(owner=user, name="Nightly import", scopes=["read"], actor=user)
    buckets = Bucket.objects.order_by("-pk")[:1]
    create_project(name="Phones", buckets=buckets, user=user)
    template = save_template(name="Weekly", layout=Layout(), user=user)
    schedule = ReportSchedule(
        template=template, every=Every.WEEK, hour=7, recipients=["legal@example.org"]
    )
    schedule_report(schedule=schedule, user=user)
