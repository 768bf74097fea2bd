"""Every screen of the admin: its permissions, and one row of a desk for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.contrib.auth.models import Group
from django.db.models import Model

from base.accounts.models import AccessLimit, ApiToken
from base.accounts.roles import Action
from base.accounts.tokens import create_token
from base.audit.anchors import make_due_anchors
from base.audit.models import Anchor, Event
from base.audit.services import record
from dedup.models import CatalogueCheck, LoopPlace, PairLink, SharedLoop
from reports.models import CueEntry, ReportDelivery, SheetApproval
from review.models import Dispute, MatchAlias, SavedView, VersionAnswer
from review.programmes.models import Episode, MusicUse
from scanning.models import CloudAccount, CloudDeletion, CloudJob, InboundCallback, Project
from tests.factories.catalogue import RecordingFactory
from tests.registered import Table
from tests.security.world import Desk, duplicate_action, report_run, schedule

NOW = datetime.now(tz=UTC)
ALL = "everybody who may look sees every row"


@dataclass(frozen=True, slots=True)
class Screen:
    """The permission that each right on a screen requires; None means nobody.

    ``actions`` has the permission of each action by name. ``shared`` is the reason why
    everybody sees the rows; ``closed`` is why people with access limits see none.
    """

    row: Callable[[Desk], Model]
    view: Action = Action.VIEW
    add: Action | None = None
    change: Action | None = None
    delete: Action | None = None
    actions: dict[str, Action] = field(default_factory=dict)
    shared: str = ""
    closed: str = ""


def of_people(
    row: Callable[[Desk], Model],
    *,
    changes: bool = False,
    actions: tuple[str, ...] = (),
    deletes: bool = False,
) -> Screen:
    """Return a screen of accounts, which only people who manage accounts may see."""
    configure = Action.CONFIGURE
    return Screen(
        row,
        view=configure,
        add=configure if changes else None,
        change=configure if changes else None,
        delete=configure if deletes else None,
        actions=dict.fromkeys(actions, configure),
        shared="seen by admins alone, who have no limits",
    )


def _account(_desk: Desk) -> CloudAccount:
    return CloudAccount.objects.create(
        name=f"Cloud {CloudAccount.objects.count()}", base_url="http://127.0.0.1:9/"
    )


def _anchor(_desk: Desk) -> Anchor:
    # The database refuses a second row for the same day, also an ignored one.
    if not Anchor.objects.filter(day="2026-05-04").exists():
        Anchor.objects.create(day="2026-05-04", at=NOW, chains=1, events=1)
    make_due_anchors()
    return Anchor.objects.latest("day")


def _check(desk: Desk) -> CatalogueCheck:
    return CatalogueCheck.objects.create(requested_by=desk.user)


def _delivery(desk: Desk) -> ReportDelivery:
    return ReportDelivery.objects.create(schedule=schedule(desk.user), run=report_run(desk.user))


def _dispute(desk: Desk) -> Dispute:
    return Dispute.objects.create(match=desk.match, received_at=NOW, due_at=NOW)


def _event(desk: Desk) -> Event:
    return record(case=desk.match.case, action="found")


def _inbound(desk: Desk) -> InboundCallback:
    return InboundCallback.objects.create(
        container=desk.container, body="{}", file_id="1", scanned_file=desk.file
    )


def _job(desk: Desk) -> CloudJob:
    return CloudJob.objects.create(
        scan=desk.match.scan, account=_account(desk), remote_container_id=1
    )


def _limited_group(desk: Desk) -> Group:
    return AccessLimit.objects.get(group=desk.group).group


def _loop(desk: Desk) -> SharedLoop:
    loop = SharedLoop.objects.create(length_ms=5_000)
    LoopPlace.objects.create(loop=loop, recording=desk.recording, start_ms=0, end_ms=5_000)
    return loop


def _pair(desk: Desk) -> PairLink:
    """Pair a recording that everybody may see with one of the desk."""
    return PairLink.objects.create(
        one=desk.recording, other=RecordingFactory.create(bucket=desk.bucket)
    )


def _token(desk: Desk) -> ApiToken:
    return create_token(owner=desk.user, name="a", scopes=["all"]).token


def _version_answer(desk: Desk) -> VersionAnswer:
    other_recording = RecordingFactory.create(bucket=desk.bucket)
    return VersionAnswer.objects.create(one=desk.recording, other=other_recording)


def _alias(desk: Desk) -> MatchAlias:
    return MatchAlias.objects.create(
        uid=f"m-former-{desk.match.pk}",
        former_key=10_000 + desk.match.pk,
        match=desk.match,
        recording=desk.match.recording,
    )


def _view(desk: Desk) -> SavedView:
    return SavedView.objects.create(owner=desk.user, name="Mine")


_DECISIONS = dict.fromkeys(
    (
        *("confirm_matches", "clear_matches", "reject_matches", "escalate_matches"),
        *("undo_matches", "assign_matches"),
    ),
    Action.DECIDE,
)

SCREENS: Table[str, Screen] = Table(
    {
        "accounts.User": of_people(
            lambda desk: desk.user,
            changes=True,
            actions=(*("sign_out", "take_second_factors", "end_single_sign_on"), "erase_data"),
        ),
        "auth.Group": of_people(_limited_group, changes=True, deletes=True),
        "accounts.ApiToken": of_people(_token),
        "audit.Anchor": Screen(_anchor, closed="the trail tells of everything"),
        "audit.Event": Screen(_event, closed="the trail tells of everything"),
        "scanning.InboundCallback": Screen(_inbound, actions={"apply_again": Action.CONFIGURE}),
        "scanning.OutboundCallback": Screen(lambda desk: desk.callback()),
        "catalogue.Bucket": Screen(
            lambda desk: desk.bucket, add=Action.EDIT_CATALOGUE, change=Action.EDIT_CATALOGUE
        ),
        "catalogue.Recording": Screen(lambda desk: desk.recording, change=Action.EDIT_CATALOGUE),
        "scanning.CloudAccount": of_people(
            _account, changes=True, actions=("test_connection", "retry_now")
        ),
        "scanning.CloudJob": Screen(_job),
        "scanning.CloudDeletion": Screen(
            lambda desk: CloudDeletion.objects.create(
                account=_account(desk), remote_container_id=1, remote_id="1"
            ),
            view=Action.CONFIGURE,
            shared="seen by admins alone, who have no limits",
        ),
        "dedup.DedupGroup": Screen(
            lambda desk: desk.duplicate_group(), actions={"merge_groups": Action.EDIT_DUPLICATES}
        ),
        "dedup.PairLink": Screen(_pair),
        "dedup.DedupAction": Screen(
            lambda desk: duplicate_action(desk.user),
            actions={"undo_actions": Action.EDIT_DUPLICATES},
        ),
        "dedup.SharedLoop": Screen(_loop),
        "dedup.CatalogueCheck": Screen(_check),
        "programmes.Episode": Screen(
            lambda desk: desk.row(Episode, scanned_file=desk.file, series="Pier Stories")
        ),
        "programmes.MusicUse": Screen(
            lambda desk: desk.row(
                MusicUse, scanned_file=desk.file, recording=desk.recording, use="Theme"
            )
        ),
        "reports.EvidencePack": Screen(lambda desk: desk.evidence()),
        "reports.CueEntry": Screen(
            lambda desk: CueEntry.objects.create(
                scanned_file=desk.file, start_ms=0, end_ms=1000, kind="unknown"
            )
        ),
        "reports.SheetApproval": Screen(
            lambda desk: SheetApproval.objects.create(scanned_file=desk.file)
        ),
        "statements.Statement": Screen(lambda desk: desk.statement()),
        "reports.SheetEdit": Screen(lambda desk: desk.sheet_edit()),
        "imports.CatalogueImport": Screen(lambda desk: desk.catalogue_import()),
        "imports.ResultImport": Screen(lambda desk: desk.result_import()),
        "imports.AudioImport": Screen(lambda desk: desk.audio_import()),
        "imports.LicenceImport": Screen(lambda desk: desk.licence_import()),
        "review.Match": Screen(
            lambda desk: desk.match,
            actions={
                **_DECISIONS,
                "reopen_matches": Action.APPROVE,
                "export_matches": Action.REPORT,
                "build_evidence": Action.REPORT,
            },
        ),
        "reports.ReportRun": Screen(lambda desk: report_run(desk.user)),
        "reports.ReportTemplate": Screen(
            lambda desk: schedule(desk.user).template, shared="made for everybody"
        ),
        "reports.ReportSchedule": Screen(lambda desk: schedule(desk.user)),
        "reports.ReportDelivery": Screen(_delivery),
        "rights.Work": Screen(lambda desk: desk.work()),
        "rights.Party": Screen(lambda desk: desk.party()),
        "rights.RightsRecording": Screen(lambda desk: desk.sound()),
        "rights.Release": Screen(lambda desk: desk.release()),
        "rights.Conflict": Screen(lambda desk: desk.rights_conflict()),
        "review.Licence": Screen(lambda desk: desk.licence()),
        "review.Policy": Screen(lambda desk: desk.policy()),
        "catalogue.Exclusion": Screen(lambda desk: desk.exclusion()),
        "review.Dispute": Screen(_dispute),
        "review.MatchAlias": Screen(_alias),
        "review.SavedView": Screen(_view),
        "review.VersionAnswer": Screen(_version_answer),
        "scanning.Container": Screen(
            lambda desk: desk.container, add=Action.CONFIGURE, change=Action.CONFIGURE
        ),
        "scanning.ScannedFile": Screen(
            lambda desk: desk.file, change=Action.CONFIGURE, actions={"rescan": Action.UPLOAD}
        ),
        "scanning.Scan": Screen(lambda desk: desk.match.scan),
        "scanning.Detection": Screen(lambda desk: desk.match.scan.detections.get()),
        "scanning.Project": of_people(
            lambda desk: Project.objects.create(name=f"Clips {desk.user}", created_by=desk.user)
        ),
        "scanning.Watch": Screen(lambda desk: desk.watch_of(desk.user)),
        "scanning.Drop": Screen(lambda desk: desk.drop_of(desk.user)),
        "scanning.RetroSearch": Screen(lambda desk: desk.retro_search()),
    }
)

# Extra pages, by the end of their name.
MORE: dict[str, Action] = {
    "admin:review_match_export": Action.REPORT,
    "admin:review_match_decide": Action.DECIDE,
    "admin:review_match_claim": Action.DECIDE,
    "admin:review_match_note": Action.DECIDE,
    "admin:review_match_lock": Action.DECIDE,
    "admin:scanning_cloudaccount_test": Action.CONFIGURE,
    "admin:scanning_cloudaccount_containers": Action.CONFIGURE,
    "admin:auth_user_password_change": Action.CONFIGURE,
}

SHOWN_ELSEWHERE: Table[str, str] = Table(
    {
        "acrapi.RepeatableCall": "nowhere: the answers of calls that programs repeat",
        "acrapi.StagedUpload": "nowhere: on its way to a scanned file",
        "catalogue.RecordingSpeech": "nowhere: the estimate of speech over its plays",
        "jobs.Installation": "the check of the installation (doctor)",
        "jobs.Job": "the page of jobs",
        "scanning.ScanSpeech": "the lane of speech on a file's page",
        "scanning.SegmentSpeech": "the screen of a detection",
        "statements.StatementCheck": "nowhere: a note of the worker",
        "statements.StatementFact": "the page of a statement",
        "statements.StatementFile": "the page of a statement",
        "statements.StatementStep": "the page of a statement",
    }
)
"""Models without a screen, and where people see their rows."""
HIDDEN_COLUMNS: Table[str, str] = Table({})
"""Columns of models of plug-ins that viewers do not see, which no filter may find out."""
