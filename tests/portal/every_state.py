"""Matches, files and jobs in every state and with every reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db.models import Model
from django.urls import reverse

from base.accounts.models import User
from base.audit.services import record
from base.jobs.choices import JobState
from base.jobs.models import Job
from base.jobs.services import submit
from catalogue.models import ExclusionReason, Recording, RecordingStatus
from dedup.models import (
    ActionState,
    ActionVerb,
    DedupAction,
    DuplicateKind,
    LoopState,
    PairLink,
    SharedLoop,
)
from imports.models import ImportStatus
from reports.evidence.models import PackStatus
from reports.models import ReportDelivery, ReportRun
from reports.models.schedule import ReportDeliveryState
from review.choices import (
    DisputeCode,
    MatchState,
    PolicyAction,
    QueueReason,
    RejectCode,
    Relation,
    UseKind,
)
from review.decisions import assignment
from review.models import Match
from review.services import exclusions, licences, locks, policies, transitions
from scanning.choices import (
    CallbackOutcome,
    DeliveryStatus,
    DropItemState,
    EngineChoice,
    FileStatus,
    NoMatchReason,
    RetroStatus,
    ScanStage,
    ScanStatus,
    SourceGone,
    WatchItemState,
)
from scanning.jobs import SCAN
from scanning.models import InboundCallback, RetroSearch, Scan, ScannedFile
from scanning.models.drop import DropItem
from scanning.models.watch import WatchItem
from tests.factories import deciding
from tests.factories.catalogue import RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_licence, make_policy
from tests.factories.scanning import ScanFactory, ScannedFileFactory
from tests.security.world import Desk, World, report_run, schedule

NOW = datetime.now(tz=UTC)


def fill(world: World, manager: User) -> list[str]:
    """Make rows in every state; return the pages that show them."""
    desk = world.own
    matches = [*_decided(manager), *_disputed(manager), *_by_rules(manager)]
    matches += _with_reasons()
    _of_desk(desk, world.admin)
    _running(desk, world.admin)
    pages = [match.review_url for match in matches]
    # The admin's page differs by these alone; it shows reasons and codes in one way.
    alike = {
        (match.state, match.found_late, match.lost, match.assignee, bool(match.note)): match
        for match in matches
    }
    pages += [_admin(match) for match in alike.values()]
    pages += [reverse("portal:file_detail", args=[file.uid]) for file in _files(world.admin)]
    pages += [
        reverse("portal:recording_detail", args=[recording.uid]) for recording in _recordings(desk)
    ]
    pages += [reverse("portal:duplicate_pair", args=[link.uid]) for link in _pairs()]
    pages += [_history(row) for row in (desk.file, desk.bucket, desk.container)]
    pages += [f"/queue/disputes/?show={state}" for state in ("overdue", "answered")]
    return pages + [_history(row) for row in (matches[0], desk.recording, world.own.policy())]


def _admin(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])


def _history(row: Model) -> str:
    meta = row._meta
    return reverse(f"admin:{meta.app_label}_{meta.model_name}_history", args=[row.pk])


def _decided(user: User) -> Iterator[Match]:
    for code in RejectCode:
        yield deciding.reject(
            match=make_match(), user=user, version=1, reason=code, note="Heard it."
        )
    cleared = deciding.clear(match=make_match(), user=user, version=1, reason="Ours.")
    yield deciding.undo(match=cleared, user=user, version=cleared.version)
    licensed = make_match()
    licence = make_licence(recordings=[licensed.recording], territories=["GB"])
    yield deciding.clear(match=licensed, user=user, version=1, licence=licence)
    noted = make_match()
    transitions.add_note(match=noted, user=user, note="A note.")
    assignment.assign(match=noted, user=user, assignee=user)
    taken = locks.take_lock(match=noted, user=user)
    yield deciding.escalate(match=taken, user=user, version=taken.version, note="Look.")
    rejected = deciding.reject(match=make_match(), user=user, version=1, reason="noise")
    yield deciding.reopen(
        match=rejected, user=user, version=rejected.version, reason="Heard again."
    )
    rescanned = deciding.confirm(match=make_match(), user=user, version=1)
    scan = ScanFactory.create(scanned_file=rescanned.scanned_file)
    yield make_match((5_000, 9_000, 5_000, 9_000), scan=scan, recording=rescanned.recording)
    rescanned.refresh_from_db()
    yield rescanned


def _disputed(user: User) -> Iterator[Match]:
    answers = [deciding.uphold, deciding.withdraw, deciding.release]
    for number, code in enumerate(DisputeCode):
        match = deciding.confirm(match=make_match(), user=user, version=1)
        match = deciding.record(
            match=match,
            user=user,
            version=match.version,
            code=code,
            statement="They say so.",
            received_at=NOW - timedelta(days=40),
        )
        if number % 4:
            answer = answers[number % 4 - 1]
            match = answer(match=match, user=user, version=match.version, answer="It is ours.")
        yield match


def _by_rules(user: User) -> Iterator[Match]:
    for action in PolicyAction:
        recording = RecordingFactory.create(label=f"Label {action.label}")
        waiting = make_match(recording=recording)
        policy = make_policy(
            name=f"Policy {action.label}",
            sets={"labels": [recording.label], "relations": list(Relation)},
            action=action,
            second_approval=action == PolicyAction.CONFIRM,
            due_days=3,
            priority=2,
        )
        policies.apply(policy=policy, user=user)
        yield from (waiting, make_match(recording=recording))
    recording = RecordingFactory.create()
    yield make_match(recording=recording)
    for kind, values in ((UseKind.ANY, []), (UseKind.URL_PREFIX, ["https://x.example"])):
        licence = make_licence(
            recordings=[recording], use_kind=kind, use_values=values, in_force=False
        )
        licences.apply(licence=licence, user=user, reach=licences.Reach.ALL)
    licensed = Match.objects.filter(recording=recording)
    yield from licensed
    for reason in ExclusionReason:
        match = make_match()
        yield deciding.exclude_part(
            match=match, user=user, version=1, interval=(0, 9_000), reason=reason
        )
        other_match = make_match(recording=match.recording)
        exclusions.exclude(
            recording=match.recording, interval=(0, 60_000), reason=reason, user=user
        )
        yield other_match


def _with_reasons() -> Iterator[Match]:
    relations = list(Relation)
    for number, reason in enumerate(QueueReason):
        yield make_match(
            match={
                "queue_reason": reason,
                "relation": relations[number % len(relations)],
                "found_late": number % 2,
                "lost": number % 2,
            }
        )
    yield make_match(state=MatchState.SUPPRESSED)


def _files(user: User) -> Iterator[ScannedFile]:
    codecs = ["mp3float", "pcm_s16le", "aac", "wmav2", "vorbis"]
    for number, status in enumerate(FileStatus):
        file = ScannedFileFactory.create(
            status=status,
            error_code="not_audio" if status == FileStatus.ERROR else "",
            facts={"codec": codecs[number % 5], "sample_rate": 44_100, "channels": 1},
            platform="youtube",
            account="Their channel",
            source_gone_at=NOW,
            source_gone_why=list(SourceGone)[number % len(SourceGone)],
        )
        ended = status not in (FileStatus.WAITING, FileStatus.PROCESSING)
        ScanFactory.create(
            scanned_file=file,
            status=ScanStatus.SUCCEEDED if ended else ScanStatus.RUNNING,
            requested_by=user,
        )
        yield file
    for reason in NoMatchReason:
        file = ScannedFileFactory.create(status=FileStatus.NO_MATCH)
        ScanFactory.create(scanned_file=file, no_match_reason=reason)
        yield file
    for stage in ScanStage:
        file = ScannedFileFactory.create(status=FileStatus.PROCESSING)
        scan = ScanFactory.create(scanned_file=file, status=ScanStatus.RUNNING)
        Job.objects.filter(pk=submit(SCAN, scan).pk).update(
            state=JobState.RUNNING, stage=stage, progress=40
        )
        Scan.objects.filter(pk=scan.pk).update(status=ScanStatus.RUNNING)
        yield file
    file = ScannedFileFactory.create(status=FileStatus.PROCESSING)
    ScanFactory.create(
        scanned_file=file, status=ScanStatus.AWAITING_CALLBACK, engine=EngineChoice.ACRCLOUD
    )
    yield file


def _recordings(desk: Desk) -> Iterator[Recording]:
    for status in RecordingStatus:
        yield RecordingFactory.create(
            bucket=desk.bucket,
            status=status,
            facts={"codec": "mp3float", "sample_rate": 44_100, "bit_rate": 128_000},
        )


def _pairs() -> Iterator[PairLink]:
    for kind in DuplicateKind:
        facts = {"codec": "mp3float", "sample_rate": 44_100, "channels": 1}
        recording, other_recording = RecordingFactory.create_batch(2, facts=facts)
        yield PairLink.objects.create(
            one=recording,
            other=other_recording,
            kind=kind,
            runs=[[2_000, 12_000, 8_000, 18_000, 1.0, 0.0, 100.0]],
            coverage_one=0.3,
            coverage_other=0.3,
        )


def _of_desk(desk: Desk, user: User) -> None:
    """Add audit events by policies, commands and people about the desk's objects."""
    actors = ("licence:LIC-2", "policy:Short uses", "command:run_demo", user)
    cases = {
        f"file:{desk.file.uid}": ("file.audio_removed", "scan.requested"),
        f"bucket:{desk.bucket.pk}": ("bucket.import_started", "bucket.changed"),
        f"container:{desk.container.pk}": ("container.tied_to_cloud",),
        f"recording:{desk.recording.uid}": ("exclusion.added", "recording.changed"),
        desk.match.case: ("lock_ended", "engines_disagree", "found_too", "lost"),
    }
    for case, actions in cases.items():
        for action in actions:
            for actor in actors:
                record(case=case, action=action, actor=actor, reason="public_domain")
    watch = desk.watch_of(user)
    for number, state in enumerate(WatchItemState):
        WatchItem.objects.create(
            watch=watch,
            link_key=str(number),
            url="https://feed.example/1",
            title="An episode",
            state=state,
            first_seen_at=NOW,
        )
    drop = desk.drop_of(user)
    for number, outcome in enumerate(DropItemState):
        DropItem.objects.create(
            drop=drop,
            identity=str(number),
            container=desk.container,
            path="news/show.mp3",
            size_bytes=1,
            state=outcome,
            first_seen_at=NOW,
        )


def _running(desk: Desk, user: User) -> None:
    """Make each kind of job in each state that lists show."""
    for status in RetroStatus:
        RetroSearch.objects.create(status=status, requested_by=user)
    for outcome in CallbackOutcome:
        InboundCallback.objects.create(
            container=desk.container, body="{}", body_sha256=outcome, file_id="1", outcome=outcome
        )
    callback = desk.callback()
    callback.status = DeliveryStatus.FAILED
    callback.save()
    for state in ReportRun._meta.get_field("state").choices or ():
        run = report_run(user)
        run.state, run.run_by_name = str(state[0]), "command:run_demo"
        run.file = "report.csv.gz"
        run.counts = {"yes": 2, "no": 1, "confirmed": 1, "in_review": 1}
        run.save()
    for delivery in ReportDeliveryState:
        ReportDelivery.objects.create(schedule=schedule(user), run=report_run(user), state=delivery)
    for verb in ActionVerb:
        for action_state in ActionState:
            DedupAction.objects.create(
                verb=verb, state=action_state, title="Two tunes", made_by=user
            )
    for loop_state in LoopState:
        SharedLoop.objects.create(length_ms=5_000, state=loop_state)
    evidence = desk.evidence()
    evidence.status = PackStatus.FAILED
    evidence.save()
    import_ = desk.catalogue_import()
    import_.status = ImportStatus.DONE
    import_.save()
