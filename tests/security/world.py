"""Two desks with one object of each kind, to request own and foreign objects."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from typing import Any, TypeVar, cast

from django.contrib.auth.models import Group
from django.db.models import Model

from base.accounts.models import AccessLimit, User
from base.accounts.reach import working_for
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.common.uid import new_uid
from catalogue.models import BucketType, Exclusion, Recording
from catalogue.owners.choices import ConflictKind, Right
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Share, Work
from dedup.models import (
    ActionVerb,
    DedupAction,
    DedupGroup,
    DedupMember,
    LoopPlace,
    PairLink,
    SharedLoop,
)
from imports.models import AudioImport, CatalogueImport, ImportStatus, LicenceImport, ResultImport
from reports.choices import RunState
from reports.cue_sheets import listed_cues
from reports.cue_statement import attach_files, issue_version, store_files
from reports.evidence.models import EvidencePack, PackStatus
from reports.models import ReportRun, ReportSchedule, ReportTemplate, SheetEdit
from review.models import Licence, Match, Policy, SavedView
from scanning.choices import RetroStatus
from scanning.models import OutboundCallback, Project, ResumableUpload, RetroSearch
from scanning.models.drop import Drop
from scanning.models.watch import Watch
from statements.choices import StatementState
from statements.kinds import Fact
from statements.models import Statement
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.registered import Table

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
        return self.once(model, partial(model._default_manager.create, **columns))

    def once(self, model: type[Row], make: Callable[[], Row]) -> Row:
        """Make the desk's row of a model at the first call."""
        if model not in self._rows:
            self._rows[model] = make()
        return cast("Row", self._rows[model])

    def forget_rows(self) -> None:
        """Make new rows from now on: those of before were taken back."""
        self._rows.clear()

    def catalogue_import(self) -> CatalogueImport:
        return self.row(
            CatalogueImport,
            bucket=self.bucket,
            file_name="catalogue.csv",
            status=ImportStatus.CHECKED,
            made_by=self.user,
        )

    def sound(self) -> RightsRecording:
        return self.row(RightsRecording, recording=self.recording, title=self.recording.title)

    def work(self) -> Work:
        work = self.row(Work, title="A work of the desk")
        work.recordings.add(self.sound())
        return work

    def release(self) -> Release:
        release = self.row(Release, title="A release of the desk")
        release.recordings.add(self.sound(), through_defaults={"position": 1})
        return release

    def rights_conflict(self) -> Conflict:
        return self.row(Conflict, work=self.work(), kind=ConflictKind.LAPSED, basis="-")

    def party(self) -> Party:
        party = self.row(Party, name="Music of the desk", ipi_name="00011223344")
        Share.objects.get_or_create(recording=self.sound(), party=party, right=Right.MASTER)
        return party

    def licence(self) -> Licence:
        return self.once(Licence, lambda: make_licence(recordings=[self.recording]))

    def policy(self) -> Policy:
        buckets = {"buckets": [str(self.bucket.pk)]}
        return self.once(Policy, lambda: make_policy(sets=buckets, enabled=False))

    def exclusion(self) -> Exclusion:
        return self.row(Exclusion, recording=self.recording, start_ms=0, end_ms=1_000)

    def callback(self) -> OutboundCallback:
        return self.row(OutboundCallback, container=self.container, scanned_file=self.file)

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
            made = issue_version(sheet=sheet, user=self.user, state=StatementState.APPROVED)
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

    def result_import(self) -> ResultImport:
        return self.row(
            ResultImport,
            container=self.container,
            file_name="results.csv",
            status=ImportStatus.REFUSED,
        )

    def audio_import(self) -> AudioImport:
        return self.row(
            AudioImport, bucket=self.bucket, file_name="masters.zip", status=ImportStatus.CHECKED
        )

    def licence_import(self) -> LicenceImport:
        return self.row(
            LicenceImport,
            file_name="licences.csv",
            status=ImportStatus.REFUSED,
            made_by=self.user,
        )

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
        LoopPlace.objects.create(loop=loop, recording=self.recording, start_ms=0, end_ms=5_000)
        return loop

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
    def template(self) -> ReportTemplate:
        return ReportTemplate.objects.create(name="Weekly")


def duplicate_action(person: User) -> DedupAction:
    return DedupAction.objects.create(verb=ActionVerb.KEEP, title="Two tunes", made_by=person)


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


def fact_about(match: Match) -> Fact:
    return Fact(match=match.uid, recording=match.recording.uid, file=str(match.scanned_file.uid))


Arguments = dict[str, Any]  # Any: the values in an address

# Imports by the key of their kind.
_IMPORTS: dict[str, Callable[[Desk, User], Arguments]] = {
    "recordings": lambda desk, _: {"uid": desk.catalogue_import().uid},
    "audio": lambda desk, _: {"uid": desk.audio_import().uid},
    "results": lambda desk, _: {"uid": desk.result_import().uid},
    "licences": lambda desk, _: {"uid": desk.licence_import().uid},
}

# How to fill an address, by the start of its route; the longest match counts. Each
# function gets the person's own desk and the person, and then the other desk and its
# person.
OBJECTS: Table[str, Callable[[Desk, User], Arguments]] = Table(
    {
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
        "api/portal/v1/reports/<str:uid>": lambda _, person: {"uid": report_run(person).uid},
        "evidence/<str:uid>": lambda desk, _: {"uid": desk.evidence().uid},
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
        "duplicates/done/<str:uid>": lambda _, person: {"uid": duplicate_action(person).uid},
        "catalogue/recordings/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
        "exclusions/<str:uid>": lambda desk, _: {"uid": desk.exclusion().uid},
        "callbacks-sent/<str:uid>": lambda desk, _: {"uid": desk.callback().uid},
        "tokens/<str:uid>": lambda _, person: {
            "uid": create_token(owner=person, name="a", scopes=["all"]).token.uid
        },
        "reports/templates/<str:uid>": lambda _, person: {
            "uid": ReportTemplate.objects.create(name=new_uid("t"), made_by=person).uid
        },
        "reports/schedules/<str:uid>": lambda _, person: {"uid": schedule(person).uid},
        "reports/runs/<str:uid>": lambda _, person: {"uid": report_run(person).uid},
        "api/fs-containers/<str:container_id>": lambda desk, _: {"container_id": desk.container.pk},
        "api/fs-containers/<str:container_id>/files/<str:ids>": lambda desk, _: {
            "container_id": desk.container.pk,
            "ids": desk.file.uid,
        },
        "api/portal/v1/recordings/<str:uid>": lambda desk, _: {"uid": desk.recording.uid},
        "api/portal/v1/recordings/<str:acr_id>": lambda desk, _: {"acr_id": desk.recording.acr_id},
        "licences/import/<str:uid>": lambda desk, _: {"uid": desk.licence_import().uid},
        "licences/<str:uid>": lambda desk, _: {"uid": desk.licence().uid},
        "policies/<str:uid>": lambda desk, _: {"uid": desk.policy().uid},
        **{f"api/portal/v1/imports/{kind}/<str:uid>": make for kind, make in _IMPORTS.items()},
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
)

# Objects in no container or bucket: the other desk has none of its own.
SHARED: Table[str, Callable[[World], Arguments]] = Table(
    {
        "columns/<str:name>/": lambda _: {"name": "files"},
        "guides/<slug:name>/": lambda _: {"name": "review-guide"},
        "guides/images/<str:name>": lambda _: {"name": "queue.png"},
        "duplicates/report.<str:form>": lambda _: {"form": "csv"},
        "tokens/keys/<str:uid>": lambda world: {"uid": world.project.uid},
    }
)

PORTAL_WIDE: Table[str, str] = Table(
    {
        f"{kind}/<str:uid>/{step}/": "rules act on all matches"
        for kind, steps in (
            ("licences", ("undo", "withdraw")),
            ("licences/import", ("start", "undo")),
            ("api/portal/v1/imports/licences", ("start",)),
            ("policies", ("switch", "move", "apply", "undo")),
        )
        for step in steps
    }
)
"""Addresses whose rows people with access limits see and do not change, and why."""

_HOW_TO = """
Nothing is known to fill the address {route} with. Add its beginning to
- OBJECTS in tests/security/world.py (a plug-in's: in its tests/registered.py), if what it names lies in a container or bucket, is
  one, or belongs to a person; give one's own desk's, and it is asked for another's;
- SHARED, if there is one for everybody.
"""


def filled(route: str, arguments: Arguments) -> str:
    return "/" + re.sub(r"<\w+:(\w+)>", lambda match: str(arguments[match.group(1)]), route)


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
    models = [*OBJECTS, *SHARED]
    return "<" not in route or any(route.startswith(start) for start in models)
