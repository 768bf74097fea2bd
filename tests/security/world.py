"""Two desks with one object of each kind, to request own and foreign objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar, cast

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.files.base import ContentFile
from django.db.models import Model

import statements.services
from accounts.models import AccessLimit, User
from accounts.reach import working_for
from accounts.roles import Role
from accounts.tokens import create_token
from audit.standing import StatementKind
from catalogue.models import BucketType, Exclusion, Recording
from common.uid import new_uid
from dedup.models import (
    ActionVerb,
    DedupAction,
    DedupGroup,
    DedupMember,
    LoopPlace,
    PairLink,
    SharedLoop,
)
from enrichment.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from evidence.models import EvidencePack, PackStatus
from imports.models import (
    AnswersImport,
    AudioImport,
    BroadcastImport,
    CatalogueImport,
    ClaimsImport,
    ImportStatus,
    MoveIn,
    ResultImport,
    RightsImport,
)
from notices.models import NoticeItem, NoticeLaw, TakedownNotice
from platforms.choices import DiscrepancyKind
from platforms.files import name_of
from platforms.models import (
    ClaimFile,
    Discrepancy,
    PlatformAccount,
    PlatformAsset,
    PlatformClaim,
)
from reports.choices import RunState
from reports.cue_sheets import listed_cues
from reports.cue_statement import attach_files, issue_version, store_files
from reports.models import (
    EngineTrial,
    ReportRun,
    ReportSchedule,
    ReportTemplate,
    SheetEdit,
    TrialFile,
    TrialKind,
    TrialRow,
)
from review.models import Licence, Match, Policy, SavedView
from rights.choices import ConflictKind, Right
from rights.models import Conflict, Party, Release, RightsRecording, Share, Work
from scanning.choices import RetroStatus
from scanning.models import (
    CloudAccount,
    OutboundCallback,
    Project,
    ResumableUpload,
    RetroSearch,
)
from scanning.models.drop import Drop
from scanning.models.watch import Watch
from statements.choices import StatementState
from statements.kinds import Fact
from statements.models import Statement
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy

if settings.ACRPORTAL_MONITORING:
    from monitoring.broadcasts.models import Broadcast
    from monitoring.declarations.models import Declaration, DeclarationProfile
    from monitoring.streams.models import Airplay, Station, Stream
    from monitoring.unknown.models import KeptFile, UnknownItem
    from tests.factories.recurring import make_item
    from tests.factories.streams import StationFactory, StreamFactory, make_airplay

Row = TypeVar("Row", bound=Model)


class Desk:
    """One match with its related objects, and a person limited to them."""

    def __init__(self, number: int, role: Role = Role.MANAGER) -> None:
        self.match: Match = make_match()
        self.recording: Recording = self.match.recording
        self.bucket = self.recording.bucket
        self.file = self.match.scanned_file
        self.container = self.file.container
        self.container.buckets.add(self.bucket)
        self.dedup_bucket = BucketFactory.create(bucket_type=BucketType.DEDUP_FILE)
        self.dedup_recording = RecordingFactory.create(bucket=self.dedup_bucket)
        self.group = Group.objects.create(name=f"Desk {number}")
        AccessLimit.objects.create(
            group=self.group,
            containers=[self.container.pk],
            buckets=[self.bucket.pk, self.dedup_bucket.pk],
        )
        self.user = self.person(role)
        self._rows: dict[type[Model], Model] = {}

    def person(self, role: Role) -> User:
        user = make_user(role)
        user.groups.add(self.group)
        return user

    def row(self, model: type[Row], **columns: Any) -> Row:  # Any: any field
        if model not in self._rows:
            self._rows[model] = model._default_manager.create(**columns)
        return cast("Row", self._rows[model])

    def forget_rows(self) -> None:
        """Make new rows from now on: those of before were taken back."""
        self._rows.clear()

    def catalogue_import(self) -> CatalogueImport:
        return self.row(
            CatalogueImport,
            bucket=self.bucket,
            status=ImportStatus.CHECKED,
            made_by=self.user,
        )

    def broadcast_import(self, person: User | None = None) -> BroadcastImport:
        return BroadcastImport.objects.create(
            status=ImportStatus.CHECKED, made_by=person or self.user
        )

    def claims_import(self, person: User | None = None) -> ClaimsImport:
        return ClaimsImport.objects.create(
            account=self.platform_claim().account,
            report_day=date(2026, 11, 3),
            status=ImportStatus.CHECKED,
            made_by=person or self.user,
        )

    def answers_import(self, person: User | None = None) -> AnswersImport:
        return AnswersImport.objects.create(
            claim_file=self.claim_file(person),
            status=ImportStatus.CHECKED,
            made_by=person or self.user,
        )

    def platform_claim(self) -> PlatformClaim:
        if PlatformClaim not in self._rows:
            account = PlatformAccount.objects.get_or_create(name="Example Music")[0]
            asset = PlatformAsset.objects.create(
                account=account,
                asset_id=f"A{self.recording.pk}",
                title="An asset of the desk",
                recording=self.recording,
            )
            self._rows[PlatformClaim] = PlatformClaim.objects.create(
                account=account,
                asset=asset,
                claim_id=f"c{self.recording.pk}",
                video_id="v",
                link_key="k",
                status="ACTIVE",
                first_report=date(2026, 11, 3),
                detail_since=date(2026, 11, 3),
                scanned_file=self.file,
            )
        return cast("PlatformClaim", self._rows[PlatformClaim])

    def claim_file(self, person: User | None = None) -> ClaimFile:
        one = ClaimFile.objects.create(
            kind="releases",
            file=ContentFile(b"-", name="releases.csv"),
            row_count=1,
            sha256="-",
            made_by=person or self.user,
        )
        statements.services.issue(
            kind=StatementKind.CLAIM_FILE,
            subject=one.uid,
            name=name_of(one),
            facts=[fact_about(self.match)],
            user=one.made_by,
        )
        return one

    def discrepancy(self) -> Discrepancy:
        claim = self.platform_claim()
        return self.row(
            Discrepancy,
            kind=DiscrepancyKind.NOT_HEARD,
            key=f"not_heard:c{claim.pk}",
            account=claim.account,
            claim=claim,
            recording=self.recording,
            scanned_file=self.file,
            evidence={"scan": "-"},
            is_weak=True,
            basis="-",
        )

    def broadcast(self) -> Broadcast:
        return self.row(
            Broadcast,
            scanned_file=self.file,
            station=self.stream().station,
            starts_at=datetime(2026, 11, 3, 6, tzinfo=UTC),
            time_zone="UTC",
        )

    def unknown_item(self) -> UnknownItem:
        if UnknownItem not in self._rows:
            self._rows[UnknownItem] = make_item(container=self.container)
        return cast("UnknownItem", self._rows[UnknownItem])

    def sound(self) -> RightsRecording:
        return self.row(
            RightsRecording, recording=self.recording, title=self.recording.title
        )

    def work(self) -> Work:
        work = self.row(Work, title="A work of the desk")
        work.recordings.add(self.sound())
        return work

    def release(self) -> Release:
        release = self.row(Release, title="A release of the desk")
        release.recordings.add(self.sound(), through_defaults={"position": 1})
        return release

    def party(self) -> Party:
        if Party not in self._rows:
            party = self.row(Party, name="Music of the desk", ipi_name="00011223344")
            Share.objects.create(
                recording=self.sound(), party=party, right=Right.MASTER
            )
        return cast("Party", self._rows[Party])

    def licence(self) -> Licence:
        if Licence not in self._rows:
            self._rows[Licence] = make_licence(recordings=[self.recording])
        return cast("Licence", self._rows[Licence])

    def policy(self) -> Policy:
        if Policy not in self._rows:
            self._rows[Policy] = make_policy(
                sets={"buckets": [str(self.bucket.pk)]}, enabled=False
            )
        return cast("Policy", self._rows[Policy])

    def rights_conflict(self) -> Conflict:
        return self.row(Conflict, work=self.work(), kind=ConflictKind.LAPSED, basis="-")

    def suggestion(self) -> Suggestion:
        return self.row(
            Suggestion,
            recording=self.recording,
            field="iswc",
            value="T0345246801",
            ground="-",
            confidence=1,
        )

    def known_difference(self) -> KnownDifference:
        return self.row(
            KnownDifference,
            recording=self.recording,
            field="label",
            known="Pier",
            found="Pier Records",
        )

    def filling_rule(self) -> FillingRule:
        return self.row(FillingRule, bucket=self.bucket, field="iswc")

    def exclusion(self) -> Exclusion:
        return self.row(Exclusion, recording=self.recording, start_ms=0, end_ms=1_000)

    def callback(self) -> OutboundCallback:
        return self.row(
            OutboundCallback, container=self.container, scanned_file=self.file
        )

    def evidence(self) -> EvidencePack:
        return self.row(EvidencePack, match=self.match, status=PackStatus.CANCELLED)

    def statement(self) -> Statement:
        """Return the approved version of the file's cue sheet, with its files."""
        rows = Statement.objects.filter(subject=str(self.file.uid))
        approved = rows.filter(state=StatementState.APPROVED).first()
        if approved is not None:
            return approved
        with working_for(self.user):
            sheet = listed_cues(self.file)
            made = issue_version(
                sheet=sheet, user=self.user, state=StatementState.APPROVED
            )
            attach_files(made, sheet, store_files(sheet, "", []))
        return made

    def sheet_edit(self) -> SheetEdit:
        # A new one each time, as taking it back deletes it.
        return SheetEdit.objects.create(
            scanned_file=self.file,
            kind="split",
            subject="unknown",
            start_ms=0,
            end_ms=1000,
            at_ms=500,
        )

    def notice(self) -> TakedownNotice:
        notice = self.row(
            TakedownNotice, law=NoticeLaw.US_512C, platform="Video Example"
        )
        NoticeItem.objects.get_or_create(
            notice=notice,
            match=self.match,
            match_uid=self.match.uid,
            defaults={"url": "https://video.example/1"},
        )
        return notice

    def result_import(self) -> ResultImport:
        return self.row(
            ResultImport,
            container=self.container,
            file_name="results.csv",
            status=ImportStatus.REFUSED,
        )

    def rights_import(self) -> RightsImport:
        return self.row(
            RightsImport,
            file_name="works.V21",
            status=ImportStatus.REFUSED,
            made_by=self.user,
        )

    def audio_import(self) -> AudioImport:
        return self.row(
            AudioImport,
            bucket=self.bucket,
            file_name="masters.zip",
            status=ImportStatus.CHECKED,
        )

    def move_in(self) -> MoveIn:
        account, _made = CloudAccount.objects.get_or_create(
            name="Moves in", defaults={"base_url": "http://127.0.0.1:9/"}
        )
        return self.row(
            MoveIn,
            account=account,
            file_name=account.name,
            since=date(2026, 5, 1),
            status=ImportStatus.REFUSED,
            made_by=self.user,
        )

    def trial_row(self) -> TrialRow:
        account, _made = CloudAccount.objects.get_or_create(
            name="Beside", defaults={"base_url": "http://127.0.0.1:9/"}
        )
        trial, _made = EngineTrial.objects.get_or_create(
            account=account,
            defaults={
                "begins_at": datetime(2026, 5, 1, tzinfo=UTC),
                "ends_at": datetime(2026, 5, 29, tzinfo=UTC),
            },
        )
        scan = self.match.scan
        file, _made = TrialFile.objects.get_or_create(
            trial=trial,
            scanned_file=self.file,
            defaults={"our_scan": scan, "their_scan": scan, "duration_ms": 1000},
        )
        row, _made = TrialRow.objects.get_or_create(
            file=file,
            recording=self.recording,
            defaults={
                "kind": TrialKind.ONLY_OURS,
                "our_start_ms": 0,
                "our_end_ms": 1000,
                "reference_start_ms": 0,
                "draw": 1,
                "sampled": True,
            },
        )
        return row

    def retro_search(self) -> RetroSearch:
        search = RetroSearch.objects.create(status=RetroStatus.CANCELLED)
        search.recordings.add(self.recording)
        return search

    def duplicate_pair(self) -> PairLink:
        return PairLink.objects.create(
            one=self.recording, other=RecordingFactory.create(bucket=self.bucket)
        )

    def duplicate_group(self) -> DedupGroup:
        group = DedupGroup.objects.create()
        for recording in (self.recording, RecordingFactory.create(bucket=self.bucket)):
            DedupMember.objects.create(group=group, recording=recording)
        return group

    def loop(self) -> SharedLoop:
        loop = SharedLoop.objects.create(length_ms=5_000)
        LoopPlace.objects.create(
            loop=loop, recording=self.recording, start_ms=0, end_ms=5_000
        )
        return loop

    def stream(self) -> Stream:
        if Stream not in self._rows:
            self._rows[Stream] = StreamFactory.create(
                container=self.container, created_by=self.user
            )
        return cast("Stream", self._rows[Stream])

    def stream_of(self, person: User) -> Stream:
        return StreamFactory.create(container=self.container, created_by=person)

    def airplay(self) -> Airplay:
        if Airplay not in self._rows:
            self._rows[Airplay] = make_airplay(self.stream(), recording=self.recording)
        return cast("Airplay", self._rows[Airplay])

    def kept_file(self) -> KeptFile:
        return self.row(KeptFile, scanned_file=self.file)

    def watch_of(self, person: User) -> Watch:
        return Watch.objects.create(
            container=self.container,
            url="https://feed.example/",
            link_key=new_uid("w"),
            created_by=person,
        )

    def drop_of(self, person: User) -> Drop:
        return Drop.objects.create(
            container=self.container,
            name="Incoming",
            place=f"/srv/{new_uid('d')}",
            created_by=person,
        )


@dataclass
class World:
    """Both desks, and the objects that belong to no desk."""

    own: Desk
    other: Desk
    admin: User

    @cached_property
    def project(self) -> Project:
        return Project.objects.create(name="Clips", created_by=self.admin)

    @cached_property
    def station(self) -> Station:
        return StationFactory.create()

    @cached_property
    def template(self) -> ReportTemplate:
        return ReportTemplate.objects.create(name="Weekly")


def duplicate_action(person: User) -> DedupAction:
    return DedupAction.objects.create(
        verb=ActionVerb.KEEP, title="Two tunes", made_by=person
    )


def open_data_source() -> EnrichmentSource:
    return EnrichmentSource.objects.create(
        kind="table",
        name="A list",
        path="/nowhere/list.csv",
        licence="Your own",
        accepted_at=datetime.now(tz=UTC),
    )


def safe_mark() -> SafeMark:
    return SafeMark.objects.get_or_create(
        field="isrc", defaults={"measured_at": datetime.now(tz=UTC)}
    )[0]


def schedule(person: User) -> ReportSchedule:
    return ReportSchedule.objects.create(
        template=ReportTemplate.objects.create(name=new_uid("t")),
        made_by=person,
        next_run_at=datetime.now(tz=UTC) + timedelta(days=1),
    )


def report_run(person: User) -> ReportRun:
    return ReportRun.objects.create(
        name="Report",
        run_by=person,
        run_by_name=person.username,
        state=RunState.CANCELLED,
        finished_at=datetime.now(tz=UTC),
    )


def declaration_profile() -> DeclarationProfile:
    profile = DeclarationProfile.objects.create(
        name=new_uid("dp"), format="cue-declaration"
    )
    profile.stations.add(StationFactory.create())
    return profile


def declaration(person: User) -> Declaration:
    profile = declaration_profile()
    return Declaration.objects.create(
        profile=profile,
        profile_as_was=profile.snapshot,
        name="November",
        format=profile.format,
        begins=date(2026, 11, 1),
        ends=date(2026, 11, 30),
        run_by=person,
        run_by_name=person.username,
        state=RunState.CANCELLED,
        finished_at=datetime.now(tz=UTC),
    )


def fact_about(match: Match) -> Fact:
    return Fact(
        match=match.uid,
        recording=match.recording.uid,
        file=str(match.scanned_file.uid),
    )


def declared(match: Match, person: User) -> Declaration:
    """Return a declaration that was sent and names a match."""
    made = declaration(person)
    statements.services.issue(
        kind=StatementKind.DECLARATION,
        subject=made.uid,
        name=made.name,
        facts=[fact_about(match)],
        user=person,
        state=StatementState.SENT,
    )
    return made


Arguments = dict[str, Any]  # Any: the values in an address

# Imports by the key of their kind; those of rights belong to no desk.
_IMPORTS: dict[str, Callable[[Desk, User], Arguments]] = {
    "recordings": lambda desk, _: {"uid": desk.catalogue_import().uid},
    "audio": lambda desk, _: {"uid": desk.audio_import().uid},
    "results": lambda desk, _: {"uid": desk.result_import().uid},
    "broadcasts": lambda desk, person: {"uid": desk.broadcast_import(person).uid},
    "claims": lambda desk, person: {"uid": desk.claims_import(person).uid},
    "answers": lambda desk, person: {"uid": desk.answers_import(person).uid},
}

# How to fill an address, by the start of its route; the longest match counts. Each
# function gets the person's own desk and the person, and then the other desk and its
# person.
OBJECTS: dict[str, Callable[[Desk, User], Arguments]] = {
    "files/<uuid:uid>": lambda desk, _: {"uid": desk.file.uid},
    "api/portal/v1/files/<uuid:uid>": lambda desk, _: {"uid": desk.file.uid},
    "api/portal/v1/uploads/<uuid:uid>": lambda desk, person: {
        "uid": ResumableUpload.objects.create(
            container=desk.container, user=person, name="a.wav", size_bytes=9
        ).uid
    },
    "queue/files/<uuid:uid>": lambda desk, _: {"uid": desk.file.uid},
    "queue/views/<str:uid>": lambda _, person: {
        "uid": SavedView.objects.create(owner=person, name=new_uid("v")).uid
    },
    "api/portal/v1/matches/<str:uid>": lambda desk, _: {"uid": desk.match.uid},
    "api/portal/v1/reports/<str:uid>": lambda _, person: {
        "uid": report_run(person).uid
    },
    "evidence/<str:uid>": lambda desk, _: {"uid": desk.evidence().uid},
    "notices/<str:uid>": lambda desk, _: {"uid": desk.notice().uid},
    "api/portal/v1/notices/<str:uid>": lambda desk, _: {"uid": desk.notice().uid},
    "m/<str:uid>/exclude/<str:exclusion>": lambda desk, _: {
        "uid": desk.match.uid,
        "exclusion": desk.exclusion().uid,
    },
    "files/import/<str:uid>": lambda desk, _: {"uid": desk.result_import().uid},
    "m/<str:uid>": lambda desk, _: {"uid": desk.match.uid},
    "containers/<int:pk>": lambda desk, _: {"pk": desk.container.pk},
    "watches/<str:uid>": lambda desk, person: {"uid": desk.watch_of(person).uid},
    "drops/<str:uid>": lambda desk, person: {"uid": desk.drop_of(person).uid},
    "catalogue/buckets/<int:pk>": lambda desk, _: {"pk": desk.bucket.pk},
    "catalogue/import/<str:uid>": lambda desk, _: {"uid": desk.catalogue_import().uid},
    "catalogue/add-audio/<str:uid>": lambda desk, _: {"uid": desk.audio_import().uid},
    "catalogue/searches/<str:uid>": lambda desk, _: {"uid": desk.retro_search().uid},
    "duplicates/g/<str:uid>": lambda desk, _: {"uid": desk.duplicate_group().uid},
    "duplicates/p/<str:uid>": lambda desk, _: {"uid": desk.duplicate_pair().uid},
    "duplicates/l/<str:uid>": lambda desk, _: {"uid": desk.loop().uid},
    "duplicates/done/<str:uid>": lambda _, person: {
        "uid": duplicate_action(person).uid
    },
    "catalogue/recordings/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
    "catalogue/fill-in/suggestions/<str:uid>": lambda desk, _: {
        "uid": desk.suggestion().uid
    },
    "catalogue/fill-in/differences/<str:uid>": lambda desk, _: {
        "uid": desk.known_difference().uid
    },
    "catalogue/fill-in/rules/<str:uid>": lambda desk, _: {
        "uid": desk.filling_rule().uid
    },
    "exclusions/<str:uid>": lambda desk, _: {"uid": desk.exclusion().uid},
    "callbacks-sent/<str:uid>": lambda desk, _: {"uid": desk.callback().uid},
    "tokens/<str:uid>": lambda _, person: {
        "uid": create_token(owner=person, name="a", scopes=["all"]).token.uid
    },
    "reports/templates/<str:uid>": lambda _, person: {
        "uid": ReportTemplate.objects.create(name=new_uid("t"), made_by=person).uid
    },
    "reports/declarations/<str:uid>": lambda _, person: {
        "uid": declaration(person).uid
    },
    "api/portal/v1/declarations/<str:uid>": lambda _, person: {
        "uid": declaration(person).uid
    },
    "reports/schedules/<str:uid>": lambda _, person: {"uid": schedule(person).uid},
    "reports/runs/<str:uid>": lambda _, person: {"uid": report_run(person).uid},
    "api/fs-containers/<str:container_id>": lambda desk, _: {
        "container_id": desk.container.pk
    },
    "api/fs-containers/<str:container_id>/files/<str:ids>": lambda desk, _: {
        "container_id": desk.container.pk,
        "ids": desk.file.uid,
    },
    "api/portal/v1/recordings/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
    "api/portal/v1/recordings/<str:acr_id>": lambda desk, _: {
        "acr_id": desk.recording.acr_id
    },
    "rights/of/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
    "rights/works/<str:uid>": lambda desk, _: {"uid": desk.work().uid},
    "rights/releases/<str:uid>": lambda desk, _: {"uid": desk.release().uid},
    "rights/recordings/<str:uid>": lambda desk, _: {"uid": desk.sound().uid},
    "rights/conflicts/<str:uid>": lambda desk, _: {"uid": desk.rights_conflict().uid},
    "rights/parties/<str:uid>": lambda desk, _: {"uid": desk.party().uid},
    "licences/<str:uid>": lambda desk, _: {"uid": desk.licence().uid},
    "policies/<str:uid>": lambda desk, _: {"uid": desk.policy().uid},
    "unknown/<str:uid>": lambda desk, _: {"uid": desk.unknown_item().uid},
    "claims/files/<str:uid>": lambda desk, person: {"uid": desk.claim_file(person).uid},
    "claims/import/<str:uid>": lambda desk, person: {
        "uid": desk.claims_import(person).uid
    },
    "claims/answers/<str:uid>": lambda desk, person: {
        "uid": desk.answers_import(person).uid
    },
    "claims/accounts/<str:uid>/claims/<str:claim_id>": lambda desk, _: {
        "uid": desk.platform_claim().account.uid,
        "claim_id": desk.platform_claim().claim_id,
    },
    "claims/accounts/<str:uid>/assets/<str:asset_id>": lambda desk, _: {
        "uid": desk.platform_claim().account.uid,
        "asset_id": desk.platform_claim().asset.asset_id,
    },
    "broadcasts/import/<str:uid>": lambda desk, person: {
        "uid": desk.broadcast_import(person).uid
    },
    **{
        f"api/portal/v1/imports/{kind}/<str:uid>": make
        for kind, make in _IMPORTS.items()
    },
    "api/portal/v1/claims/accounts/<str:uid>/claims/<str:claim_id>": lambda desk, _: {
        "uid": desk.platform_claim().account.uid,
        "claim_id": desk.platform_claim().claim_id,
    },
    "api/portal/v1/claims/files/<str:uid>": lambda desk, person: {
        "uid": desk.claim_file(person).uid
    },
    **{
        f"{base}statements/<str:uid>/": lambda desk, _: {
            "uid": desk.statement().uid,
            "form": "csv",
        }
        for base in ("", "api/portal/v1/")
    },
    "files/<uuid:uid>/cue-sheet/versions/<int:version>": lambda desk, _: {
        "uid": desk.file.uid,
        "version": desk.statement().version,
    },
    "files/<uuid:uid>/cue-sheet/edits/<str:edit>": lambda desk, _: {
        "uid": desk.file.uid,
        "edit": desk.sheet_edit().uid,
    },
    "files/<uuid:uid>/broadcasts/<str:broadcast>": lambda desk, _: {
        "uid": desk.file.uid,
        "broadcast": desk.broadcast().uid,
    },
    "api/portal/v1/files/<uuid:uid>/broadcasts/<str:broadcast>": lambda desk, _: {
        "uid": desk.file.uid,
        "broadcast": desk.broadcast().uid,
    },
    "streams/<str:uid>": lambda desk, person: {"uid": desk.stream_of(person).uid},
    "api/portal/v1/streams/<str:uid>": lambda desk, person: {
        "uid": desk.stream_of(person).uid
    },
    "api/bm-cs-projects/<str:container_id>": lambda desk, _: {
        "container_id": desk.container.pk
    },
    "api/bm-cs-projects/<str:container_id>/streams/<str:ids>": lambda desk, person: {
        "container_id": desk.container.pk,
        "ids": desk.stream_of(person).uid,
    },
    "api/ucf-projects/<str:container_id>": lambda desk, _: {
        "container_id": desk.container.pk
    },
    "api/ucf-projects/<str:container_id>/results/<str:item_id>": lambda desk, _: {
        "container_id": desk.container.pk,
        "item_id": desk.unknown_item().pk,
    },
    "api/buckets/<str:bucket_id>": lambda desk, _: {"bucket_id": desk.bucket.pk},
    "api/buckets/<str:bucket_id>/files/<str:ids>": lambda desk, _: {
        "bucket_id": desk.bucket.pk,
        "ids": desk.recording.pk,
    },
    "api/buckets/<str:bucket_id>/dedup-files": lambda desk, _: {
        "bucket_id": desk.dedup_bucket.pk
    },
    "api/buckets/<str:bucket_id>/dedup-files/<str:ids>": lambda desk, _: {
        "bucket_id": desk.dedup_bucket.pk,
        "ids": desk.dedup_recording.acr_id,
    },
}

# Objects in no container or bucket: the other desk has none of its own.
SHARED: dict[str, Callable[[World], Arguments]] = {
    "columns/<str:name>/": lambda _: {"name": "files"},
    "guides/<slug:name>/": lambda _: {"name": "review-guide"},
    "guides/images/<str:name>": lambda _: {"name": "queue.png"},
    "duplicates/report.<str:form>": lambda _: {"form": "csv"},
    "unknown/report.<str:form>": lambda _: {"form": "csv"},
    # People with access limits import no rights: these concern the whole catalogue.
    # Its name is for everybody who judges; its rows are limited.
    "trials/<str:uid>": lambda world: {"uid": world.own.trial_row().file.trial.uid},
    "catalogue/move-in/<str:uid>": lambda world: {"uid": world.own.move_in().uid},
    "rights/import/<str:uid>": lambda world: {"uid": world.own.rights_import().uid},
    "api/portal/v1/imports/rights/<str:uid>": lambda world: {
        "uid": world.own.rights_import().uid
    },
    # A name for everybody; its claims are limited.
    "api/portal/v1/claims/accounts/<str:uid>": lambda world: {
        "uid": world.own.platform_claim().account.uid
    },
    "api/portal/v1/claims/lists/<str:kind>": lambda _: {"kind": "not_heard"},
    "catalogue/fill-in/sources/<str:uid>": lambda _: {"uid": open_data_source().uid},
    "streams/log.<str:form>": lambda _: {"form": "csv"},
    "streams/stations/<str:uid>": lambda world: {"uid": world.station.uid},
    "api/portal/v1/stations/<str:uid>": lambda world: {"uid": world.station.uid},
    "reports/declarations/profiles/<str:uid>": lambda _: {
        "uid": declaration_profile().uid
    },
    "tokens/keys/<str:uid>": lambda world: {"uid": world.project.uid},
}

_HOW_TO = """
Nothing is known to fill the address {route} with. Add its beginning to
- OBJECTS in tests/security/world.py, if what it names lies in a container or bucket, is
  one, or belongs to a person; give one's own desk's, and it is asked for another's;
- SHARED, if there is one for everybody.
"""


def filled(route: str, arguments: Arguments) -> str:
    return "/" + re.sub(
        r"<\w+:(\w+)>", lambda found: str(arguments[found.group(1)]), route
    )


def paths_of(route: str, world: World, person: User) -> tuple[str, str | None]:
    if "<" not in route:
        return filled(route, {}), None
    fitting = [start for start in OBJECTS if route.startswith(start)]
    if fitting:
        make = OBJECTS[max(fitting, key=len)]
        return (
            filled(route, make(world.own, person)),
            filled(route, make(world.other, world.other.user)),
        )
    shared = [start for start in SHARED if route.startswith(start)]
    assert shared, _HOW_TO.format(route=route)
    return filled(route, SHARED[max(shared, key=len)](world)), None


def is_known(route: str) -> bool:
    """Return whether the address can be filled."""
    known = [*OBJECTS, *SHARED]
    return "<" not in route or any(route.startswith(start) for start in known)
