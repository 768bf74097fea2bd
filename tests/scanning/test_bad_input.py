"""Bad input: each item gets its own clear answer, and the others proceed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.files.base import File
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from base.accounts.models import User
from base.accounts.roles import Role
from base.common.storage import StoredFile, keep_file
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile
from scanning.services import intake
from tests import audio
from tests.fixtures import Catalogue, MakeClient, Worker, upload

API = "/api/portal/v1/files/"
DEMO = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.REVIEWER)


@pytest.fixture
def container(db: None) -> Container:
    return Container.objects.create(name="Empty container")


def _upload(client: Client, container: Container, name: str, content: bytes) -> str:
    answer = client.post(API, {"container": container.pk, "file": upload(name, content)})
    assert answer.status_code == 201, answer.content
    return str(answer.json()["uid"])


def test_what_is_no_sound_or_not_enough_or_too_much_ends_as_an_error(
    client: Client, run_worker: Worker, container: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_AUDIO_MS = 5_000
    contents = {
        "song.mp3": b"not audio at all" * 99,
        "blip.wav": audio.wav_bytes(audio.tune(5, 0.3)),
        "long.wav": audio.wav_bytes(audio.tune(5, 8)),
    }
    for name, content in contents.items():
        _upload(client, container, name, content)
    run_worker()

    files = {file.name: file for file in ScannedFile.objects.all()}
    outcomes = {name: (file.status, file.error_code) for name, file in files.items()}
    assert outcomes == {
        "song.mp3": (FileStatus.ERROR, "not_audio"),
        "blip.wav": (FileStatus.ERROR, "too_short"),
        "long.wav": (FileStatus.ERROR, "too_long"),
    }
    assert files["song.mp3"].message.startswith("song.mp3 cannot be read. ")
    assert "at least 2 s" in files["blip.wav"].message


def test_empty_and_too_large_files_are_refused_and_nothing_is_kept(
    client: Client, container: Container, settings: Settings, signed_in: MakeClient
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 1000

    for name, content, status, code in (
        ("empty.wav", b"", 422, "empty_file"),
        ("big.wav", b"x" * 1001, 413, "file_too_large"),
    ):
        answer = client.post(API, {"container": container.pk, "file": upload(name, content)})
        assert answer.status_code == status
        assert answer.json()["code"] == code
        assert name in answer.json()["message"]

    # Viewers and strangers may not upload.
    for other_client in (signed_in(Role.VIEWER), Client()):
        answer = other_client.post(API, {"container": container.pk, "file": upload("a", b"x")})
        assert answer.status_code == 403
    assert not ScannedFile.objects.exists()


def test_files_of_any_sound_are_scanned_and_files_without_a_match_say_why(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    # Nine seconds of one speaker, twice, and a pause.
    speaker = audio.decoded(DEMO / "programmes" / "programme-morning.opus")
    speaker = speaker[: 9 * audio.RATE]
    whole, film = tmp_path / "whole.mp3", tmp_path / "film.mp4"
    audio.encode(audio.tune(1, 30), whole, codec="mp3")
    audio.video_with_sound(audio.tune(2, 20), film)
    contents = {
        "silence.wav": audio.wav_bytes(audio.silence(10)),
        "talk.wav": audio.wav_bytes(audio.join([speaker, speaker, audio.silence(4)])),
        "other.wav": audio.wav_bytes(audio.tune(99, 20)),
        "hit.wav": audio.wav_bytes(audio.join([audio.tune(99, 0.7), audio.silence(4)])),
        "cut.mp3": whole.read_bytes()[: whole.stat().st_size * 2 // 3],
        "film.mp4": film.read_bytes(),
    }
    for name, content in contents.items():
        _upload(client, catalogue.container, name, content)
    run_worker()

    files = {file.name: file for file in ScannedFile.objects.all()}
    reasons = {
        name: file.scans.get().no_match_reason
        for name, file in files.items()
        if file.status == FileStatus.NO_MATCH
    }
    assert reasons.pop("other.wav") in ("clean_scan", "below_floor")
    assert reasons == {"silence.wav": "silence", "hit.wav": "too_short", "talk.wav": "speech_only"}
    talk = reverse("portal:file_detail", args=[files["talk.wav"].uid])
    page = client.get(talk).content.decode()
    assert "<dd>Speech only</dd>" in page
    assert "The engine estimates that nearly all of the sound is speech" in page
    match = re.search(r"speech in ([\d.]+)\s%\s+of the file", page)
    assert match is not None
    assert float(match[1]) > 75

    # A truncated file gives what could be decoded, a video its sound track.
    cut, video = files["cut.mp3"], files["film.mp4"]
    assert cut.status == video.status == FileStatus.READY
    assert cut.matches.get().recording == catalogue.first
    assert 15_000 < cut.decoded_ms < 25_000
    assert video.matches.get().recording == catalogue.second


def test_odd_names_are_shown_safely_and_never_become_paths(
    client: Client, container: Container, data_dir: Path
) -> None:
    for sent, expected in (
        ("../../etc/passwd.wav", "passwd.wav"),
        ('it\'s "quoted".wav', 'it\'s "quoted".wav'),
        ("fdp.\u202evaw.exe", "fdp.vaw.exe"),
        ("Ünïcode 歌.wav", "Ünïcode 歌.wav"),
    ):
        file = upload("x", sent.encode())
        # Set after construction, because the constructor would clean the name.
        file._name = sent  # type: ignore[attr-defined]

        client.post(API, {"container": container.pk, "file": file})

        stored = ScannedFile.objects.latest("pk")
        assert stored.name == expected
        kept_as = str(stored.media.name)
        assert stored.uid.hex in kept_as
        assert (data_dir / "media" / kept_as).is_file()


def test_same_bytes_again_point_to_the_earlier_file(client: Client, container: Container) -> None:
    first = _upload(client, container, "one.wav", b"x" * 100)
    again = {"container": container.pk, "file": upload("two.wav", b"x" * 100)}

    answer = client.post(API, again)

    assert answer.status_code == 200
    assert answer.json()["duplicate_of"]["uid"] == first
    assert ScannedFile.objects.count() == 1

    # They are taken again when asked to.
    again["file"] = upload("two.wav", b"x" * 100)
    answer = client.post(API, again | {"scan_again": "true"})
    assert answer.status_code == 201
    assert ScannedFile.objects.count() == 2


def test_same_bytes_twice_at_once_are_one_file(
    container: Container, admin: User, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def submit() -> intake.Submission:
        return intake.submit_upload(
            container=container, upload=upload("one.wav", b"x" * 100), user=admin
        )

    def keep_beside_another(file: File[bytes], name: str, *, sha256: str = "") -> StoredFile:
        monkeypatch.setattr(intake, "keep_file", keep_file)
        submit()
        return keep_file(file, name, sha256=sha256)

    monkeypatch.setattr(intake, "keep_file", keep_beside_another)

    taken = submit()

    assert taken.seen_before
    assert taken.scanned_file == ScannedFile.objects.get()
    stored = [path for path in (data_dir / "media").rglob("*") if path.is_file()]
    assert len(stored) == 1


def test_one_bad_item_of_a_plain_submit_does_not_stop_the_others(
    client: Client, container: Container
) -> None:
    answer = client.post(
        "/upload/",
        {
            "container": container.pk,
            "files": [upload("empty.wav", b""), upload("good.wav", b"x" * 100)],
            "links": "ftp://example.com/a.wav\nhttps://example.com/b.wav",
        },
    )

    page = answer.content.decode()
    assert answer.status_code == 200
    assert "empty.wav is empty" in page
    assert "it does not begin with http" in page
    assert set(ScannedFile.objects.values_list("name", flat=True)) == {"good.wav", "b.wav"}
