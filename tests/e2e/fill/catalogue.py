"""Rows of the catalogue: suggestions, duplicates, rights, audio, a move."""

from __future__ import annotations

from datetime import UTC, date, datetime

from django.core.files.base import ContentFile
from django.urls import reverse

from accounts.models import User
from catalogue.artist_ids import store_artist_ids
from catalogue.models import Bucket, CodeStatus, Recording, RecordingStatus
from catalogue.owners.models import Party, Work
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
    AudioImport,
    ImportStatus,
    Moved,
    MovedKind,
    MovedOutcome,
    MoveIn,
    RightsImport,
)
from imports.rights.importer import run as run_rights_import
from rights.actions import parts, records
from scanning.models import (
    CloudAccount,
    Container,
)
from tests.factories import rights
from tests.imports.rights.making import NAME, cwr


def add_suggestions(user: User) -> list[str]:
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
        store_artist_ids(recording, "1 ISNI 0000000081266409")
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


def add_duplicates() -> None:
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


def add_rights(recording: Recording, user: User) -> str:
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


def add_audio(user: User) -> str:
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


def add_move_in(user: User) -> str:
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
