"""Truncated or damaged sound is reported wherever the file's status is shown."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile
from scanning.services.scans import request_scan
from tests import audio
from tests.conftest import Catalogue, MakeClient, Worker, upload
from tests.factories.scanning import ScannedFileFactory

API = "/api/portal/v1/files/"
NOTICE = "Part of this file could not be read and was not searched"
LOST = "The last 10 s could not be decoded."


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    """Return a manager's client."""
    return signed_in(Role.MANAGER)


def _cut_off(sound: audio.Samples) -> bytes:
    """Return a file without its last ten seconds."""
    return audio.wav_bytes(sound)[: -10 * 2 * audio.RATE]


def _scanned(
    client: Client, run_worker: Worker, container: Container, content: bytes
) -> ScannedFile:
    answer = client.post(
        API, {"container": container.pk, "file": upload("show.wav", content)}
    )
    run_worker()
    return ScannedFile.objects.get(uid=answer.json()["uid"])


def _reported(mode: str, folder: Path) -> dict[str, str]:
    target = folder / "report.csv"
    call_command("export_matches", mode=mode, output=target, verbosity=0)
    (row,) = csv.DictReader(target.read_text("utf-8-sig").splitlines())
    return row


def test_cut_off_file_with_a_match_says_so_everywhere(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    sound = audio.join([audio.tune(1, 30), audio.tune(77, 20)])

    file = _scanned(client, run_worker, catalogue.container, _cut_off(sound))

    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    listed = client.get(reverse("portal:file_list")).content.decode()
    assert file.status == FileStatus.READY
    assert NOTICE in page
    assert page.index(NOTICE) < page.index("coverage")
    assert LOST in listed
    assert client.get(f"{API}{file.uid}/").json()["message"] == LOST


def test_cut_off_file_without_a_match_is_no_clean_scan(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    sound = audio.tune(77, 30)

    file = _scanned(client, run_worker, catalogue.container, _cut_off(sound))

    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    queue = client.get(reverse("portal:queue_files")).content.decode()
    assert file.status == FileStatus.NO_MATCH
    assert NOTICE in page
    assert "Partly scanned" in page
    assert "None of our recordings" not in page
    assert "Partly scanned" in queue


def test_sound_that_is_damaged_in_the_middle_is_told(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    whole = tmp_path / "show.mp3"
    audio.encode(audio.tune(77, 30), whole, codec="libmp3lame")
    content = bytearray(whole.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)

    file = _scanned(client, run_worker, catalogue.container, bytes(content))

    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert NOTICE in page


def test_scanning_again_does_not_forget_the_damage(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    file = _scanned(
        client, run_worker, catalogue.container, _cut_off(audio.tune(77, 30))
    )

    request_scan(scanned_file=file, user=None)
    run_worker()

    file.refresh_from_db()
    newest = file.scans.latest("pk")
    assert file.message == LOST
    assert (newest.no_match_reason, newest.warnings) == ("partial_scan", [LOST])


@pytest.mark.parametrize("status", [FileStatus.READY, FileStatus.NO_MATCH])
def test_reports_say_what_could_not_be_read(
    transactional_db: None, status: FileStatus, tmp_path: Path
) -> None:
    ScannedFileFactory.create(status=status, message=LOST)

    assert _reported("file", tmp_path)["notes"] == LOST


def test_whole_file_has_no_notice(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    whole = audio.wav_bytes(audio.tune(77, 20))

    file = _scanned(client, run_worker, catalogue.container, whole)

    page = client.get(reverse("portal:file_detail", args=[file.uid])).content.decode()
    assert NOTICE not in page
    assert (file.message, file.damage) == ("", [])
