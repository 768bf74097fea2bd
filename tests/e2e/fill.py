"""Rows for the browser tests that the demo has none of; no match waiting there changes.

Run in the portal's own process: ``manage.py shell -c "…fill()"``.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.core.files.base import ContentFile
from django.urls import reverse

from accounts.models import User
from accounts.tokens import create_token
from broadcasts.importing.importer import run as run_broadcast_import
from broadcasts.services import add_broadcast, set_audience
from broadcasts.values import AudienceValues, BroadcastValues
from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus
from declarations.models import Declaration, DeclarationProfile
from dedup.models import DuplicateKind, LoopPlace, PairLink, SharedLoop
from dedup.services import find_duplicates
from enrichment import deciding
from enrichment.models import (
    EnrichmentSource,
    FillingRule,
    KnownDifference,
    SafeMark,
    Suggestion,
)
from imports.models import (
    AnswersImport,
    AudioImport,
    BroadcastImport,
    CatalogueImport,
    ClaimsImport,
    ImportStatus,
    Moved,
    MovedKind,
    MovedOutcome,
    MoveIn,
    ResultImport,
    RightsImport,
)
from imports.platforms.importer import run as run_claims_import
from imports.rights.importer import run as run_rights_import
from platforms.choices import Meaning
from platforms.comparing import compare_account
from platforms.models import (
    ClaimFile,
    ClaimFileRow,
    Discrepancy,
    PlatformAccount,
    ReportedValue,
)
from programmes.services import set_episode
from programmes.values import EpisodeValues
from recurring.figures import refresh_figures
from recurring.models import KeptFile, Occurrence, UnknownItem, UnknownPolicy
from reports.layouts import Layout
from reports.models import (
    EngineTrial,
    EvidencePack,
    NoticeItem,
    NoticeLaw,
    NoticeState,
    PackStatus,
    ReportRun,
    TakedownNotice,
    TrialFile,
    TrialKind,
    TrialRow,
)
from reports.models.schedule import Channel, Every
from reports.scheduling import Plan, schedule_report
from reports.services import save_template
from review.choices import LicenceScope, MatchState, PolicyAction
from review.models import Licence, Match, Policy
from review.services import exclusions, licences, policies, saved_views
from rights.actions import parts, records
from rights.models import Party, Work
from scanning.choices import (
    EngineChoice,
    FileStatus,
    RetroStatus,
    ScanStatus,
)
from scanning.models import (
    CloudAccount,
    Container,
    Drop,
    RetroSearch,
    Scan,
    ScannedFile,
    Watch,
)
from scanning.services.identification import create_project
from streams.choices import AirplayState, AlarmKind, GapCause, RunEdge, StreamState
from streams.models import (
    Airplay,
    Station,
    Stream,
    StreamAlarm,
    StreamGap,
    StreamHour,
    StreamNotice,
    StreamRun,
    StreamTitle,
)
from tests.factories import rights
from tests.imports.rights.making import NAME, cwr
from tests.platforms.making import ASSET, CONFLICT, VIDEO, report


def fill() -> list[str]:
    """Make one object for each page that needs one; return the pages without a link."""
    user = User.objects.get(username="admin")
    container = Container.objects.order_by("pk")[0]
    recording = Recording.objects.filter(duration_ms__gt=0).order_by("pk")[0]
    _files(container)
    policy = Policy(name="Nothing real", action=PolicyAction.REVIEW, conditions={})
    policies.save(policy=policy, user=user)
    licence = Licence(holder="Example Broadcaster", scope=LicenceScope.RECORDINGS)
    licences.save(licence=licence, user=user, buckets=[], recordings=[recording])
    proposed = exclusions.propose(
        recording=recording, interval=(0, 1000), reason="silence", user=user
    )
    waiting = Match.objects.filter(state=MatchState.PENDING).order_by("pk")[0]
    asked = exclusions.propose(
        recording=waiting.recording,
        interval=(0, waiting.recording.duration_ms),
        reason="silence",
        user=User.objects.get(username="ana"),
    )
    saved_views.save(
        user=user, name="Shorts", query="reason=short", is_shared=True, is_default=False
    )
    Watch.objects.create(
        container=container,
        url="https://feed.example/rss",
        title="Example feed",
        enabled=False,
    )
    _stream(container, recording)
    broadcasts = _broadcasts(user)
    _what_can_end(user)
    Drop.objects.create(
        container=container, name="Radio", place="/srv/drops/radio", enabled=False
    )
    table = CatalogueImport.objects.create(
        bucket=Bucket.objects.order_by("pk")[0],
        file=ContentFile(b"custom_id,title\n", name="table.csv"),
        file_name="autumn_delivery.csv",
        status=ImportStatus.REFUSED,
        message="The table holds no rows.",
        made_by=user,
    )
    run = ReportRun.objects.create(
        name="Weekly usage", run_by=user, run_by_name="admin"
    )
    profile = DeclarationProfile.objects.create(
        name="Example Society", format="cue-declaration", service="FM"
    )
    declared = Declaration.objects.create(
        profile=profile,
        profile_as_was=profile.snapshot,
        name="November",
        format=profile.format,
        begins=date(2026, 11, 1),
        ends=date(2026, 11, 30),
        run_by=user,
        run_by_name="admin",
        state="failed",
        message="1 mandatory value is missing. Enter it, then declare again.",
        gap_count=1,
        gaps=[
            {
                "subject": "profile",
                "uid": profile.uid,
                "name": profile.name,
                "cell": "SenderName",
                "why": "The sender is empty.",
                "plays": 1,
            }
        ],
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
        message="The disk is full.",
        requested_by=user,
    )
    heard = ScannedFile.objects.exclude(media="").order_by("pk")[0]
    _duplicates()
    _unknown()
    suggested = _suggestions(user)
    search = RetroSearch.objects.create(
        status=RetroStatus.DONE, files_total=2, files_done=2, requested_by=user
    )
    search.recordings.add(recording)
    return [
        reverse("portal:retro_search", args=[search.uid]),
        reverse("portal:licence_preview", args=[licence.uid]),
        reverse("portal:exclusion_approve", args=[proposed.uid]),
        reverse("portal:exclusion_remove", args=[proposed.uid]),
        reverse("portal:match_proposal", args=[waiting.uid, asked.uid]),
        waiting.review_url,
        reverse("portal:catalogue_import_detail", args=[table.uid]),
        reverse("portal:report_run", args=[run.uid]),
        declared.url,
        reverse("portal:declaration_profile", args=[profile.uid]),
        reverse("portal:file_remove_audio", args=[heard.uid]),
        *(
            reverse(f"portal:{name}", args=[heard.uid]) + "?start=0&end=9"
            for name in ("file_range", "file_range_recording")
        ),
        _rights(waiting.recording, user),
        _move_in(user),
        *_trial(user),
        _audio(user),
        *broadcasts,
        *suggested,
        *_claims(recording, user),
        *_notices(user),
    ]


def _suggestions(user: User) -> list[str]:
    """Make a source, suggestions, a mark and a rule; return pages without a link."""
    now = datetime.now(tz=UTC)
    source = EnrichmentSource.objects.create(
        kind="musicbrainz",
        name="MusicBrainz, September",
        path="/srv/open-data/mbdump.tar.bz2",
        licence="CC0 1.0",
        accepted_by=user,
        accepted_at=now,
        state="ready",
        rows=33_600_000,
        data_date="2026-09-02",
        read_at=now,
    )
    SafeMark.objects.create(
        field="label", mark="0.9900", known=900, right=899, above=880, measured_at=now
    )
    SafeMark.objects.create(field="isrc", known=40, right=39, measured_at=now)
    recordings = Recording.objects.filter(duration_ms__gt=0, label="").order_by("pk")[
        :3
    ]
    for number, recording in enumerate(recordings):
        for field, value, hold in (
            ("label", "Night Pier Records", ""),
            ("iswc", "T0345246801", "partial"),
        ):
            row = Suggestion.objects.create(
                recording=recording,
                field=field,
                value=value,
                ground=f"{number}",
                confidence="0.9981",
                hold=hold,
                evidence=[
                    {
                        "source": source.uid,
                        "name": source.name,
                        "kind": source.kind,
                        "id": "0e4b7a1c-0f62-4b4d-a3a8-5f3f3d6a9e11",
                        "title": f"{recording.title} Again",
                        "version": "",
                        "artists": ["A. Example", "B. Guest"],
                        "length_ms": recording.duration_ms + 700,
                        "step": 3,
                        "rivals": 0,
                    }
                ],
            )
            row.sources.add(source)
        KnownDifference.objects.create(
            recording=recording,
            field="label",
            known="Night Pier",
            found="Night Pier Records",
            evidence=row.evidence,
            is_also_right=bool(number),
        )
    bucket = Recording.objects.order_by("pk")[0].bucket
    FillingRule.objects.create(bucket=bucket, field="label", created_by=user)
    last = Suggestion.objects.filter(field="iswc").order_by("pk").last()
    if last is not None:
        deciding.reject(suggestion=last, user=user)
    return [
        f"{reverse('portal:suggestion_bulk')}?field=label",
        reverse("portal:open_data_delete", args=[source.uid]),
    ]


def _claims(recording: Recording, user: User) -> list[str]:
    """Import reports with something for several lists; return pages without a link."""
    account = PlatformAccount.objects.create(name="Example Music")
    detail = {"claim_status_detail": "MADE_UP"}
    claimed = {"custom_id": recording.custom_id}
    rows = [
        {"claim_id": "c1", **claimed},
        {"claim_id": "c2", "asset_id": "A2", **detail},
    ]
    asset = [{"conflicting_owner": "Other Music", **claimed}]
    video = [{"other_owners_claiming": "Other Music"}]
    for name, content in (
        ("claims.csv", report(rows)),
        ("assets.csv", report(asset, ASSET)),
        ("conflicts.csv", report([claimed], CONFLICT)),
        ("videos.csv", report(video, VIDEO)),
    ):
        one = ClaimsImport.objects.create(
            account=account,
            report_day=date(2026, 11, 3),
            file=ContentFile(content, name=name),
            file_name=name,
            status=ImportStatus.DONE,
            made_by=user,
        )
        for column, value in run_claims_import(one, lambda: None, dry=False).items():
            setattr(one, column, value)
        one.save()
        account.refresh_from_db()
    ReportedValue.objects.update(meaning=Meaning.DISPUTED)
    compare_account(account)
    sent = ClaimFile.objects.create(
        kind="releases",
        state="sent",
        file=ContentFile(b"-", name="releases.csv"),
        row_count=1,
        sha256="-",
        made_by=user,
    )
    ClaimFileRow.objects.create(
        file=sent,
        discrepancy=Discrepancy.objects.order_by("pk")[0],
        number=1,
        answer="errors",
        answer_text="Claim not found",
    )
    answers = AnswersImport.objects.create(
        claim_file=sent,
        file=ContentFile(b"Row number,Status\n1,Errors", name="answers.csv"),
        file_name="answers.csv",
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    return [
        reverse("portal:claim_answers_import_detail", args=[answers.uid]),
        reverse("portal:claim_file_rows", args=[sent.uid]),
        reverse("portal:claims_import_detail", args=[one.uid]),
        reverse("portal:claim", args=[account.uid, "c2"]),
        reverse("portal:claim_asset", args=[account.uid, "A1"]),
        f"{reverse('portal:claims')}?list=not_scanned",
        f"{reverse('portal:claims')}?list=dispute_due",
        f"{reverse('portal:claims')}?list=by_others",
    ]


def _what_can_end(user: User) -> None:
    """Make a token, identification keys and a scheduled report, which ask when they end."""
    create_token(owner=user, name="Nightly import", scopes=["read"], actor=user)
    buckets = Bucket.objects.order_by("-pk")[:1]
    create_project(name="Phones", buckets=buckets, user=user)
    template = save_template(name="Weekly", layout=Layout(), user=user)
    plan = Plan(
        every=Every.WEEK,
        hour=7,
        last_period=True,
        send_unchanged=False,
        channel=Channel.EMAIL,
        recipients=("legal@example.org",),
    )
    schedule_report(template=template, plan=plan, user=user)


def _notices(user: User) -> list[str]:
    """Make a notice in each state that has a page of its own; return those pages."""
    found = list(Match.objects.order_by("pk")[:4])
    now = datetime.now(tz=UTC)
    rows = {}
    states = (NoticeState.DRAFT, NoticeState.REVIEW, NoticeState.SIGNED)
    for number, state in enumerate((*states, NoticeState.SENT), start=1):
        signed: dict[str, object] = {
            "year": now.year,
            "number": number,
            "signed_at": now,
            "signed_by": user,
            "signature": "A. Muster",
            "pdf": ContentFile(b"%PDF", name=f"{number}.pdf"),
        }
        rows[state] = notice = TakedownNotice.objects.create(
            law=NoticeLaw.US_512C,
            platform="Video Example",
            state=state,
            **({} if state in states[:2] else signed),
        )
        NoticeItem.objects.create(
            notice=notice, match=found[number - 1], url="https://video.example/v/1"
        )
    return [
        reverse("portal:notice_edit", args=[rows[NoticeState.DRAFT].uid]),
        reverse("portal:notice_sign", args=[rows[NoticeState.REVIEW].uid]),
        reverse("portal:notice_sent", args=[rows[NoticeState.SIGNED].uid]),
        reverse("portal:notice_answer", args=[rows[NoticeState.SENT].uid]),
    ]


def _duplicates() -> None:
    """Make two copies of a file, two overlapping recordings and a shared loop of three."""
    heard = Recording.objects.filter(duration_ms__gt=20_000).order_by("pk")
    one, other, third = heard[:3]
    copies = Bucket.objects.create(name="Second delivery")
    for number in (1, 2):
        Recording.objects.create(
            bucket=copies,
            title="Night Drive",
            artists=["A. Example"],
            custom_id=f"AGAIN-{number}",
            status=RecordingStatus.READY,
            isrc_status=CodeStatus.MISSING,
            duration_ms=180_000,
            audio_sha256="ef" * 32,
            audio_bytes=1,
        )
    find_duplicates(bucket=copies)
    PairLink.objects.create(
        one=one,
        other=other,
        kind=DuplicateKind.OVERLAP,
        runs=[[2_000, 12_000, 8_000, 18_000, 1.0, 0.0, 100.0]],
        coverage_one=0.3,
        coverage_other=0.3,
        audio_one=one.audio_sha256,
        audio_other=other.audio_sha256,
    )
    loop = SharedLoop.objects.create(length_ms=8_000)
    for recording in (one, other, third):
        LoopPlace.objects.create(
            loop=loop, recording=recording, start_ms=1_000, end_ms=9_000
        )


def _rights(recording: Recording, user: User) -> str:
    """Let two sources disagree about a recording's rights; return an import's page."""
    rights.claim_all()
    rights.claim(
        sender="Another Publisher",
        works=[
            rights.work(
                iswc="",
                submitter_id="",
                recordings=(),
                shares=(
                    rights.share("W1", "60", included=("2130",), excluded=("DE",)),
                    rights.share("P1", "60"),
                ),
            )
        ],
        recordings=[rights.recording(duration_ms=201_000)],
    )
    party = Party.objects.get(ipi_name=rights.PUBLISHER.ipi_name)
    values = {"is_ours": True}
    records.edit(record=party, user=user, revision=party.revision, values=values)
    work = Work.objects.get(iswc=rights.ISWC)
    parts.link_recording(record=work, recording=recording, user=user)
    # One title is missing, so that the page has something to correct.
    content = b"".join(cwr(3)).replace(b"SONG NUMBER 2", b" " * 13)
    one = RightsImport.objects.create(
        file=ContentFile(content, name=NAME),
        file_name=NAME,
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    for name, value in run_rights_import(one, lambda: None, dry=True).items():
        setattr(one, name, value)
    one.save()
    return reverse("portal:rights_import_detail", args=[one.uid])


def _broadcasts(user: User) -> list[str]:
    """Say when a file was broadcast and who listened; return its page and an import's."""
    file = ScannedFile.objects.exclude(media="").order_by("pk")[0]
    station = Station.objects.get(name="Harbour FM")
    values = EpisodeValues(series="Pier Stories", season="2", number="5", title="Fog")
    set_episode(scanned_file=file, values=values, user=user)
    add_broadcast(
        scanned_file=file,
        station=station,
        values=BroadcastValues(datetime(2026, 11, 3, 6, tzinfo=UTC)),
        user=user,
    )
    month = date(2026, 11, 1)
    figures = AudienceValues(400, 412, Decimal("1480.5"))
    set_audience(station=station, month=month, values=figures, user=user)
    # The second line has something to correct.
    text = "file_name,station,starts_at\nx,Harbour FM,2026-11-03 07:00\ny,z,soon\n"
    one = BroadcastImport.objects.create(
        file=ContentFile(text.encode(), name="schedule.csv"),
        file_name="schedule.csv",
        status=ImportStatus.CHECKED,
        made_by=user,
    )
    for name, value in run_broadcast_import(one, lambda: None, dry=True).items():
        setattr(one, name, value)
    one.save()
    return [
        reverse("portal:file_broadcasts", args=[file.uid]),
        reverse("portal:broadcast_import_detail", args=[one.uid]),
    ]


def _audio(user: User) -> str:
    """Make an import of audio that was checked, and return its page."""
    recording = Recording.objects.order_by("pk")[0]
    one = AudioImport.objects.create(
        bucket=recording.bucket,
        file_name="masters.zip",
        status=ImportStatus.CHECKED,
        made_by=user,
        summary={
            "files": 3,
            "paired": 1,
            "refused": 2,
            "still_waiting": 4,
            "pairs": [
                {
                    "file": "a/night-drive.wav",
                    "uid": recording.uid,
                    "title": recording.title,
                    "rule": "custom_id",
                    "differs": True,
                }
            ],
            "faults": [
                {
                    "file": "b/intro.wav",
                    "code": "move_two_candidates",
                    "message": "Several fit. Give the audio on the page of the right "
                    "recording.",
                    "candidates": [{"uid": recording.uid, "title": recording.title}],
                },
                {
                    "file": "cover.jpg",
                    "code": "move_no_sound",
                    "message": "It holds no sound that can be read.",
                    "candidates": [],
                },
            ],
        },
    )
    return reverse("portal:audio_import_detail", args=[one.uid])


def _move_in(user: User) -> str:
    """Make a move of an account that is done, and return its page."""
    account, _made = CloudAccount.objects.get_or_create(
        name="Console", defaults={"token_sealed": "-"}
    )
    container = Container.objects.present().order_by("pk")[0]
    Moved.objects.create(
        account=account,
        kind=MovedKind.BUCKET,
        remote_id="8883",
        name="Radio",
        outcome=MovedOutcome.NOT_MOVED,
        code="move_live_bucket",
        text="Buckets of the type Live are not moved.",
    )
    Moved.objects.create(
        account=account,
        kind=MovedKind.CONTAINER,
        remote_id="77",
        name=container.name,
        case=f"container:{container.pk}",
        outcome=MovedOutcome.NEW,
        callback_url="https://team.example/hook",
    )
    one = MoveIn.objects.create(
        account=account,
        file_name=account.name,
        since=date(2026, 5, 1),
        status=ImportStatus.DONE,
        made_by=user,
        summary={
            "there": {"bucket": 2, "recording": 1204, "file": 360},
            "calls": 80,
            "counts": {
                "bucket": {"new": 1, "not_moved": 1},
                "recording": {"new": 1200, "same": 4},
            },
            "faults": [{"what": "bm-cs-projects", "message": "Not found."}],
            "refused": 1,
        },
    )
    return reverse("portal:move_in_detail", args=[one.uid])


def _trial(user: User) -> list[str]:
    """Make a trial that compared a file, and return its pages."""
    match = Match.objects.order_by("pk")[0]
    now = datetime.now(tz=UTC)
    trial = EngineTrial.objects.create(
        account=CloudAccount.objects.get(name="Console"),
        begins_at=now - timedelta(weeks=1),
        ends_at=now + timedelta(weeks=3),
        compared_at=now,
        price_per_hour=Decimal("2.50"),
        currency="EUR",
        made_by=user,
    )
    trial.containers.add(match.scanned_file.container)
    file = TrialFile.objects.create(
        trial=trial,
        scanned_file=match.scanned_file,
        our_scan=match.scan,
        their_scan=match.scan,
        duration_ms=match.scanned_file.duration_ms,
    )
    for number, judged in enumerate(("", "heard")):
        TrialRow.objects.create(
            file=file,
            recording=Recording.objects.order_by("pk")[number],
            match=match,
            kind=TrialKind.ONLY_THEIRS,
            their_start_ms=1_000,
            their_end_ms=9_000,
            reference_start_ms=0,
            draw=number,
            sampled=True,
            judged=judged,
            judged_by=user if judged else None,
            judged_at=now if judged else None,
        )
    return [
        reverse("portal:trial_list"),
        trial.url,
        reverse("portal:trial_judge", args=[trial.uid]),
        reverse("portal:trial_end", args=[trial.uid]),
    ]


def _unknown() -> None:
    """Make sound that two files share, and a container that looks for it otherwise."""
    files = ScannedFile.objects.exclude(media="").order_by("pk")[:2]
    kept = [
        KeptFile.objects.get_or_create(
            scanned_file=file, defaults={"unmatched_ms": 60_000}
        )[0]
        for file in files
    ]
    item = UnknownItem.objects.create(
        length_ms=9_000,
        best_file=kept[0],
        best_start_ms=1_000,
        best_end_ms=10_000,
    )
    for file in kept:
        Occurrence.objects.create(
            item=item,
            file=file,
            start_ms=1_000,
            end_ms=10_000,
            item_start_ms=0,
            item_end_ms=9_000,
            bits=80,
            score=90,
        )
    refresh_figures([item])
    UnknownPolicy.objects.get_or_create(container=files[0].container)


def _files(container: Container) -> None:
    """Make files in the states that demo files do not reach."""
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
                no_match_reason="clean_scan",
            )


def _stream(container: Container, recording: Recording) -> None:
    """Add a paused stream with a play, a gap, a title and an alarm of today."""
    now = datetime.now(tz=UTC)
    station = Station.objects.create(name="Harbour FM", place="Port Alder")
    stream = Stream.objects.create(
        station=station,
        container=container,
        name="Harbour FM",
        urls=["https://radio.example/live"],
        enabled=False,
        state=StreamState.PAUSED,
    )
    begin = now - timedelta(minutes=9)
    run = StreamRun.objects.create(
        stream=stream,
        starts_at=begin,
        ends_at=now,
        duration_ms=540_000,
        codec="mp3",
        start_cause=RunEdge.STARTED,
    )
    for at_ms, state in ((60_000, AirplayState.ENDED), (400_000, AirplayState.PLAYING)):
        starts_at = begin + timedelta(milliseconds=at_ms)
        Airplay.objects.create(
            stream=stream,
            run=run,
            recording=recording,
            state=state,
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=2),
            start_ms=at_ms,
            end_ms=at_ms + 120_000,
            offset_ms=at_ms,
            score=96,
        )
    StreamTitle.objects.create(
        stream=stream, at=begin, text="Harbour FM - the best mix"
    )
    StreamGap.objects.create(
        stream=stream,
        starts_at=now - timedelta(minutes=40),
        ends_at=begin,
        cause=GapCause.CONNECTION,
    )
    StreamHour.objects.create(
        stream=stream, starts_at=now - timedelta(hours=1), ends_at=begin
    )
    StreamAlarm.objects.create(stream=stream, kind=AlarmKind.AWAY, began_at=begin)
    StreamNotice.objects.create(stream=stream, event="stream.away", body="{}")
