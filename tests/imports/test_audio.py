"""Audio for waiting recordings: paired in a dry run, given, refused and taken back."""

from __future__ import annotations

import io
import json
import zipfile
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import Bucket, IntakeRule, Recording, RecordingStatus
from catalogue.services import add_waiting_recording, create_bucket
from imports import services
from imports.models import AudioImport, ImportStatus
from review.models import Match
from tests import audio
from tests.factories.review import make_match
from tests.fixtures import MakeClient, Worker, upload

SOUND = audio.wav_bytes(audio.tune(1, 6))
OTHER = audio.wav_bytes(audio.tune(2, 6))


@pytest.fixture
def bucket(admin: User, transactional_db: None) -> Bucket:
    """Return a bucket with two recordings that wait for their audio."""
    bucket = create_bucket(name="Songs", user=admin, intake_rule=IntakeRule.REJECT)
    for number, title in enumerate(["Night Drive", "Blue Lantern"], start=1):
        add_waiting_recording(
            bucket=bucket,
            details=Recording(title=title, custom_id=f"A-{number}"),
            acr_id=f"{number:032x}",
            duration_ms=6_000,
            user=admin,
        )
    return bucket


def zipped(**files: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.wav", content)
        archive.writestr("__MACOSX/._a.wav", b"notes")
        archive.writestr("cover.wav", b"no sound")
    return memory.getvalue()


def waiting(bucket: Bucket) -> set[str]:
    rows = bucket.recordings.filter(status=RecordingStatus.STUB)
    return set(rows.values_list("title", flat=True))


def test_a_zip_gives_audio_and_an_undo_takes_it_back(
    bucket: Bucket, signed_in: MakeClient, run_worker: Worker, admin: User
) -> None:
    client = signed_in(Role.MANAGER)
    content = zipped(**{"../odd/a-1": SOUND, "Blue Lantern": OTHER, "else": OTHER})
    sent = client.post(
        reverse("portal:audio_import"),
        {"bucket": bucket.pk, "archive": upload("masters.zip", content)},
    )
    run_worker()
    paired = client.get(sent.url).content.decode()  # type: ignore[attr-defined]  # a redirect
    assert waiting(bucket) == {"Night Drive", "Blue Lantern"}
    import_ = AudioImport.objects.get()

    client.post(reverse("portal:audio_import_start", args=[import_.uid]))
    run_worker()

    import_.refresh_from_db()
    assert import_.status == ImportStatus.DONE
    assert (import_.summary["given"], import_.summary["refused"]) == (2, 2)
    assert "Night Drive" in paired
    assert "Name and length" in paired
    assert "No waiting recording has its name" in paired
    ready = bucket.recordings.order_by("pk")
    assert [row.status for row in ready] == [RecordingStatus.READY] * 2
    assert [row.acr_id for row in ready] == [f"{1:032x}", f"{2:032x}"]
    events = Event.objects.filter(action="recording.audio_given")
    assert events.count() == 2

    services.check_undo(import_=import_, user=admin)
    run_worker()
    services.undo(import_=import_, user=admin)
    run_worker()

    assert waiting(bucket) == {"Night Drive", "Blue Lantern"}
    assert not bucket.recordings.exclude(audio="").exists()


def test_audio_of_a_folder_is_refused_where_it_is_had_and_stays_where_people_decided(
    bucket: Bucket, run_worker: Worker, tmp_path: Path, admin: User, signed_in: MakeClient
) -> None:
    (tmp_path / "x.wav").write_bytes(SOUND)
    table = tmp_path / "names.csv"
    table.write_text("custom_id,audio\nA-1,x.wav\n")
    output, refused, undone = StringIO(), StringIO(), StringIO()
    call_command(
        "add_audio", "Songs", str(tmp_path), table=table, username=admin.username, stdout=output
    )
    run_worker()
    uid = output.getvalue().split("undo_import ")[1].split()[0]

    # The bucket's rule refuses audio that it has.
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "A-2.wav").write_bytes(SOUND)
    with pytest.raises(SystemExit):
        call_command("add_audio", "Songs", str(folder), format="json", stdout=refused)
    fault = json.loads(refused.getvalue())["faults"][0]
    assert fault["code"] == "move_refused"
    assert "Night Drive" in fault["message"]
    assert waiting(bucket) == {"Blue Lantern"}

    # A person gives other audio on the recording's page.
    lantern = bucket.recordings.get(title="Blue Lantern")
    client = signed_in(Role.MANAGER)
    page = client.get(reverse("portal:recording_detail", args=[lantern.uid]))
    client.post(
        reverse("portal:recording_replace_audio", args=[lantern.uid]),
        {"audio": upload("any.wav", OTHER)},
    )
    run_worker()
    lantern.refresh_from_db()
    assert "Give audio" in page.content.decode()
    assert lantern.status == RecordingStatus.READY

    recording = bucket.recordings.get(title="Night Drive")
    match = make_match(recording=recording)
    Match.objects.filter(pk=match.pk).update(decided_by=admin)
    call_command("undo_import", uid, username=admin.username, stdout=undone)
    recording.refresh_from_db()
    assert recording.status == RecordingStatus.READY
    assert "People decided" in undone.getvalue()
