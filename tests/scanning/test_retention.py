"""Audio is deleted when its container says so; results, pages and rescans remain."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.storage import default_storage
from pytest_django import Settings
from pytest_httpserver import HTTPServer

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.media_analysis import write_rendition
from review.models import Match
from scanning import pipeline, retention
from scanning.choices import FileStatus, KeepAudio, ScanStatus
from scanning.errors import IntakeRefused
from scanning.models import Container, Scan, ScannedFile
from scanning.services.intake import attach_audio, submit_link, submit_upload
from scanning.services.scans import request_scan
from tests import audio
from tests.factories.catalogue import BucketFactory
from tests.factories.scanning import ContainerFactory
from tests.fixtures import Catalogue, MakeClient, Worker, submit_sound, upload


@pytest.fixture
def container(catalogue: Catalogue) -> Container:
    return catalogue.container


def _keep(container: Container, **columns: object) -> None:
    Container.objects.filter(pk=container.pk).update(**columns)
    container.refresh_from_db()


def _upload(container: Container, user: User, seed: int = 1) -> ScannedFile:
    return submit_sound(container, audio.tune(seed, 12), user)


def _names(file: ScannedFile) -> list[str]:
    file.refresh_from_db()
    return [str(field_file.name) for field_file in (file.media, file.proxy) if field_file]


def _there(names: list[str]) -> list[str]:
    return [name for name in names if default_storage.exists(name)]


def test_nothing_that_can_be_heard_is_left_and_a_rescan_finds_the_same(
    container: Container, run_worker: Worker, admin: User
) -> None:
    _keep(container, upload_audio=KeepAudio.NOTHING)
    file = _upload(container, admin)
    run_worker()
    before = Match.objects.get()
    names = _names(file)

    removed = retention.remove_due()
    names_there = _there(names)
    file.refresh_from_db()
    request_scan(scanned_file=file, user=admin)
    run_worker()

    after = Match.objects.get()
    assert after.scan != before.scan
    file.refresh_from_db()
    assert len(names) == 2
    assert (removed, names_there) == (1, [])
    assert file.audio_removed_at is not None
    assert (file.media.name, file.proxy.name) == ("", "")
    assert file.fingerprint
    assert file.status == FileStatus.READY
    assert (after.recording, after.matched_ms) == (before.recording, before.matched_ms)
    assert Event.objects.filter(case=f"file:{file.uid}", action="file.audio_removed").exists()

    # Without its landmarks, too, the file says so and takes its audio again.
    ScannedFile.objects.update(fingerprint="")
    file.refresh_from_db()
    request_scan(scanned_file=file, user=admin)
    run_worker()
    file.refresh_from_db()
    assert (file.status, file.error_code) == (FileStatus.ERROR, "audio_removed")
    assert "Upload it again" in file.message
    content = audio.wav_bytes(audio.tune(1, 12))
    attach_audio(scanned_file=file, upload=upload("one.wav", content), user=admin)
    run_worker()
    file.refresh_from_db()
    file = ScannedFile.objects.get()
    assert (file.status, file.audio_removed_at) == (FileStatus.READY, None)

    # A removal that was interrupted is ended by the next run.
    default_storage.delete(str(file.media.name))
    assert retention.remove_due() == 1
    file.refresh_from_db()
    assert file.audio_removed_at is not None


def test_copy_to_listen_to_stays_where_that_is_wanted(
    empty: Container, run_worker: Worker, admin: User, signed_in: MakeClient
) -> None:
    _keep(empty, upload_audio=KeepAudio.COPY)
    file = _upload(empty, admin)
    run_worker()
    original, copy = _names(file)

    # The original stays until its copy is made.
    ScannedFile.objects.update(proxy="")
    assert retention.remove_due() == 0
    file.refresh_from_db()
    assert file.media
    ScannedFile.objects.update(proxy=copy)

    retention.remove_due()

    assert _there([original, copy]) == _names(file) == [copy]
    assert file.audio_removed_at is None
    heard = signed_in(Role.VIEWER).get(f"/files/{file.uid}/audio")
    assert heard.status_code == 200
    assert heard["Content-Type"] == "audio/webm"


def test_audio_that_is_not_scanned_yet_stays(
    container: Container, run_worker: Worker, admin: User
) -> None:
    _keep(container, upload_audio=KeepAudio.NOTHING, audio_days=1)
    file = _upload(container, admin)
    long_ago = datetime.now(tz=UTC) - timedelta(days=9)
    ScannedFile.objects.update(audio_at=long_ago)

    waiting = retention.remove_due()
    run_worker()

    assert waiting == 0
    file.refresh_from_db()
    assert file.status == FileStatus.READY
    assert retention.remove_due() in (0, 1)
    file.refresh_from_db()
    assert file.audio_removed_at is not None


def test_audio_is_kept_as_long_as_is_set(empty: Container, admin: User, settings: Settings) -> None:
    for number, (of_container, of_portal, age, goes) in enumerate(
        [
            (None, 365, 366, True),
            (None, 365, 364, False),
            (None, 0, 5000, False),
            (7, 365, 8, True),
            (7, 0, 6, False),
        ]
    ):
        case = (of_container, of_portal, age)
        settings.ACRPORTAL_AUDIO_DAYS = of_portal
        _keep(empty, audio_days=of_container)
        file = submit_upload(
            container=empty, upload=upload("one.wav", bytes([number])), user=admin
        ).scanned_file
        Scan.objects.update(status=ScanStatus.SUCCEEDED)
        came = datetime.now(tz=UTC) - timedelta(days=age)
        rows = ScannedFile.objects.filter(pk=file.pk)
        rows.update(audio_at=came, status=FileStatus.ERROR)
        name = str(file.media.name)

        assert retention.remove_due() == int(goes), case

        file.refresh_from_db()
        assert bool(file.media) is not goes, case
        assert default_storage.exists(name) is not goes, case
        rows.update(media="")


def test_links_and_uploads_are_kept_by_their_own_settings(
    container: Container,
    run_worker: Worker,
    admin: User,
    settings: Settings,
    httpserver: HTTPServer,
) -> None:
    settings.ACRPORTAL_ALLOW_PRIVATE_ADDRESSES = True
    httpserver.expect_request("/two.wav").respond_with_data(
        audio.wav_bytes(audio.tune(2, 12)), content_type="audio/wav"
    )
    _keep(container, link_audio=KeepAudio.NOTHING)
    file = _upload(container, admin)
    link = submit_link(container=container, url=httpserver.url_for("/two.wav"), user=admin)
    run_worker()
    retention.remove_due()
    count = len(httpserver.log)
    request_scan(scanned_file=link, user=admin)
    run_worker()

    file.refresh_from_db()
    link.refresh_from_db()
    assert file.media
    assert not link.media
    assert link.status == FileStatus.READY
    assert len(httpserver.log) == count == 1

    # The link is fetched again where what was kept is of no use.
    ScannedFile.objects.update(fingerprint="")
    request_scan(scanned_file=link, user=admin)
    run_worker()
    link.refresh_from_db()
    assert len(httpserver.log) == 2
    assert link.status == FileStatus.READY
    assert link.audio_removed_at is None


def test_sound_removed_while_its_copy_was_made_does_not_come_back(
    empty: Container, run_worker: Worker, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = _upload(empty, admin)
    made = []

    def render(*arguments: Any, **named: Any) -> str:  # Any: passed on
        made.append(write_rendition(*arguments, **named))
        retention.remove_audio(scanned_file=file, user=admin, reason="Asked for.")
        return made[0]

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "write_rendition", render)
        run_worker()

    assert _names(file) == []
    assert made[0]
    assert _there(made) == []


def test_audio_that_takes_the_place_of_other_leaves_nothing_of_it(
    empty: Container, run_worker: Worker, admin: User
) -> None:
    file = _upload(empty, admin)
    before = _names(file)

    # It is not kept where it cannot be scanned yet.
    file.status = FileStatus.ERROR
    with pytest.raises(IntakeRefused, match="already being scanned"):
        attach_audio(scanned_file=file, upload=upload("two.wav", b"x"), user=admin)
    assert str(file.media) not in before
    assert _there([str(file.media)]) == []
    assert _there(before) == _names(file)

    run_worker()
    before = _names(file)
    ScannedFile.objects.update(status=FileStatus.ERROR)
    file.refresh_from_db()
    content = audio.wav_bytes(audio.tune(2, 12))
    attach_audio(scanned_file=file, upload=upload("two.wav", content), user=admin)

    assert len(_there(before)) == 0
    assert _there(_names(file)) == _names(file)


def test_manager_removes_the_audio_of_one_file_and_its_page_says_so(
    empty: Container, run_worker: Worker, admin: User, signed_in: MakeClient
) -> None:
    file = _upload(empty, admin)
    run_worker()
    manager = signed_in(Role.MANAGER)
    address = f"/files/{file.uid}/remove-audio/"

    refused = signed_in(Role.REVIEWER).post(address, {"reason": "x"})
    without = manager.post(address, {"reason": ""})
    still = ScannedFile.objects.get().media
    manager.post(address, {"reason": "asked by the owner"})

    page = manager.get(f"/files/{file.uid}/").content.decode()
    assert refused.status_code == 403
    assert without.status_code == 200
    assert still
    assert "Audio was removed on" in page
    assert "times and evidence remain." in page
    event = Event.objects.get(case=f"file:{file.uid}", action="file.audio_removed")
    assert event.note == "asked by the owner"


@pytest.mark.django_db
def test_admin_sets_what_a_container_keeps(signed_in: MakeClient) -> None:
    container = ContainerFactory.create()
    answer = signed_in(Role.ADMIN).post(
        f"/containers/{container.pk}/",
        {
            "name": container.name,
            "buckets": [BucketFactory.create().pk],
            "engine": container.engine,
            "audio_type": container.audio_type,
            "edited_music": "widely",
            "score_floor": "50",
            "upload_audio": "copy",
            "link_audio": "nothing",
            "audio_days": "30",
        },
    )

    container.refresh_from_db()
    assert answer.status_code == 302
    assert (container.upload_audio, container.link_audio, container.audio_days) == (
        KeepAudio.COPY,
        KeepAudio.NOTHING,
        30,
    )
