"""Bad input: each item gets its own clear answer, and the others proceed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.files.base import File
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from common.storage import StoredFile, keep_file
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile
from scanning.services import intake
from tests import audio
from tests.conftest import Catalogue, MakeClient, Worker, upload

API = "/api/portal/v1/files/"
DEMO = Path(__file__).resolve().parents[2] / "demo"


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    """Return a reviewer's client."""
    return signed_in(Role.REVIEWER)


@pytest.fixture
def container(db: None) -> Container:
    """Return a container without buckets."""
    return Container.objects.create(name="Empty container")


def _scan(
    client: Client, run_worker: Worker, container: Container, name: str, content: bytes
) -> ScannedFile:
    answer = client.post(
        API, {"container": container.pk, "file": upload(name, content)}
    )
    assert answer.status_code == 201, answer.content
    run_worker()
    return ScannedFile.objects.get(uid=answer.json()["uid"])


def test_text_that_calls_itself_audio_ends_as_error_that_names_the_file(
    client: Client, run_worker: Worker, container: Container
) -> None:
    file = _scan(client, run_worker, container, "song.mp3", b"not audio at all" * 99)

    assert file.status == FileStatus.ERROR
    assert file.error_code == "not_audio"
    assert file.message.startswith("song.mp3 cannot be read. ")


def test_empty_file_is_refused_and_nothing_is_kept(
    client: Client, container: Container
) -> None:
    answer = client.post(
        API, {"container": container.pk, "file": upload("empty.wav", b"")}
    )

    assert answer.status_code == 422
    assert answer.json()["code"] == "empty_file"
    assert "empty.wav" in answer.json()["message"]
    assert not ScannedFile.objects.exists()


def test_too_large_file_is_refused_with_its_limit(
    client: Client, container: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_FILE_BYTES = 1000

    answer = client.post(
        API, {"container": container.pk, "file": upload("big.wav", b"x" * 1001)}
    )

    assert answer.status_code == 413
    assert answer.json()["code"] == "file_too_large"
    assert "big.wav" in answer.json()["message"]


def test_too_short_file_says_how_much_sound_is_needed(
    client: Client, run_worker: Worker, container: Container
) -> None:
    short = audio.wav_bytes(audio.tune(5, 0.3))

    file = _scan(client, run_worker, container, "blip.wav", short)

    assert (file.status, file.error_code) == (FileStatus.ERROR, "too_short")
    assert "at least 3 s" in file.message


def test_too_long_file_is_told_while_reading(
    client: Client, run_worker: Worker, container: Container, settings: Settings
) -> None:
    settings.ACRPORTAL_MAX_AUDIO_MS = 5_000

    file = _scan(
        client, run_worker, container, "long.wav", audio.wav_bytes(audio.tune(5, 8))
    )

    assert (file.status, file.error_code) == (FileStatus.ERROR, "too_long")


def test_silence_is_a_no_match_with_its_reason(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    file = _scan(
        client,
        run_worker,
        catalogue.container,
        "silence.wav",
        audio.wav_bytes(audio.silence(10)),
    )

    assert file.status == FileStatus.NO_MATCH
    assert file.scans.get().no_match_reason == "silence"


def test_speech_is_a_no_match_that_says_so(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    # Nine seconds of one speaker, twice, and a pause.
    speaker = audio.decoded(DEMO / "programmes" / "programme-morning.opus")
    speaker = speaker[: 9 * audio.RATE]
    talk = audio.wav_bytes(audio.join([speaker, speaker, audio.silence(4)]))

    file = _scan(client, run_worker, catalogue.container, "talk.wav", talk)

    assert file.status == FileStatus.NO_MATCH
    assert file.scans.get().no_match_reason == "speech_only"
    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert "<dd>Speech only</dd>" in page
    assert "The engine estimates that nearly all of the sound is speech" in page
    assert "speech in 100" in page


def test_unknown_music_is_no_speech(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    music = audio.wav_bytes(audio.tune(99, 20))

    file = _scan(client, run_worker, catalogue.container, "other.wav", music)

    assert file.scans.get().no_match_reason in ("clean_scan", "below_floor")


def test_truncated_file_gives_what_could_be_decoded(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.mp3"
    audio.encode(audio.tune(1, 30), whole, codec="mp3")

    file = _scan(
        client,
        run_worker,
        catalogue.container,
        "cut.mp3",
        whole.read_bytes()[: whole.stat().st_size * 2 // 3],
    )

    assert file.status == FileStatus.READY
    assert file.matches.get().recording == catalogue.first
    assert 15_000 < file.duration_ms < 25_000


def test_video_with_a_sound_track_is_accepted(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    film = tmp_path / "film.mp4"
    audio.video_with_sound(audio.tune(2, 20), film)

    file = _scan(client, run_worker, catalogue.container, "film.mp4", film.read_bytes())

    assert file.status == FileStatus.READY
    assert file.matches.get().recording == catalogue.second


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ("../../etc/passwd.wav", "passwd.wav"),
        ('it\'s "quoted".wav', 'it\'s "quoted".wav'),
        ("fdp.\u202evaw.exe", "fdp.vaw.exe"),
        ("Ünïcode 歌.wav", "Ünïcode 歌.wav"),
    ],
)
def test_odd_names_are_shown_safely_and_never_become_paths(
    client: Client, container: Container, data_dir: Path, sent: str, shown: str
) -> None:
    file = upload("x", b"x" * 10)
    # Set after construction, because the constructor would clean the name.
    file._name = sent  # type: ignore[attr-defined]

    client.post(API, {"container": container.pk, "file": file})

    stored = ScannedFile.objects.get()
    assert stored.name == shown
    kept_as = str(stored.media.name)
    assert stored.uid.hex in kept_as
    assert (data_dir / "media" / kept_as).is_file()


def test_same_bytes_again_point_to_the_earlier_file(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    content = audio.wav_bytes(audio.tune(1, 12))
    first = _scan(client, run_worker, catalogue.container, "one.wav", content)

    answer = client.post(
        API,
        {"container": catalogue.container.pk, "file": upload("two.wav", content)},
    )

    assert answer.status_code == 200
    assert answer.json()["duplicate_of"]["uid"] == str(first.uid)
    assert ScannedFile.objects.count() == 1


def test_same_bytes_twice_at_once_are_one_file(
    container: Container,
    admin: User,
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def submit() -> intake.Submission:
        return intake.submit_upload(
            container=container, upload=upload("one.wav", b"x" * 100), user=admin
        )

    def keep_beside_another(
        file: File[bytes], name: str, *, sha256: str = ""
    ) -> StoredFile:
        monkeypatch.setattr(intake, "keep_file", keep_file)
        submit()
        return keep_file(file, name, sha256=sha256)

    monkeypatch.setattr(intake, "keep_file", keep_beside_another)

    taken = submit()

    assert taken.seen_before
    assert taken.scanned_file == ScannedFile.objects.get()
    stored = [one for one in (data_dir / "media").rglob("*") if one.is_file()]
    assert len(stored) == 1


def test_same_bytes_are_taken_again_when_asked_to(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    content = audio.wav_bytes(audio.tune(1, 12))
    _scan(client, run_worker, catalogue.container, "one.wav", content)

    answer = client.post(
        API,
        {
            "container": catalogue.container.pk,
            "file": upload("two.wav", content),
            "scan_again": "true",
        },
    )

    assert answer.status_code == 201
    assert ScannedFile.objects.count() == 2


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
    assert "only http and https links are fetched" in page
    assert set(ScannedFile.objects.values_list("name", flat=True)) == {
        "good.wav",
        "b.wav",
    }


def test_viewer_may_not_upload(signed_in: MakeClient, container: Container) -> None:
    client = signed_in(Role.VIEWER)

    answer = client.post(API, {"container": container.pk, "file": upload("a", b"x")})

    assert answer.status_code == 403
    assert not ScannedFile.objects.exists()


def test_anonymous_upload_is_refused(container: Container) -> None:
    answer = Client().post(API, {"container": container.pk, "file": upload("a", b"x")})

    assert answer.status_code == 403
