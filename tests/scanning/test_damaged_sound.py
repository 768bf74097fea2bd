"""Truncated or damaged sound is reported wherever the file's status is shown."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from scanning.choices import FileStatus
from scanning.models import Container, ScannedFile
from scanning.services.scans import request_scan
from tests import audio
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import Catalogue, MakeClient, Worker, upload

API = "/api/portal/v1/files/"
NOTICE = "Part of this file could not be read and was not searched"
LOST = "The last 10 s could not be decoded."


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


def _cut_off(sound: audio.Samples) -> bytes:
    """Return a file without its last ten seconds."""
    return audio.wav_bytes(sound)[: -10 * 2 * audio.RATE]


def _upload(client: Client, container: Container, content: bytes) -> ScannedFile:
    answer = client.post(API, {"container": container.pk, "file": upload("show.wav", content)})
    return ScannedFile.objects.get(uid=answer.json()["uid"])


def _page(client: Client, file: ScannedFile) -> str:
    answer = client.get(reverse("portal:file_detail", args=[file.uid]))
    return answer.content.decode()


def _reported(mode: str, folder: Path) -> dict[str, str]:
    target = folder / "report.csv"
    call_command("export_matches", mode=mode, output=target, verbosity=0)
    (row,) = csv.DictReader(target.read_text("utf-8-sig").splitlines())
    return row


def test_cut_off_file_without_a_match_is_no_clean_scan(
    client: Client, run_worker: Worker, catalogue: Catalogue
) -> None:
    sound = audio.tune(77, 30)
    file = _upload(client, catalogue.container, _cut_off(sound))
    run_worker()

    file.refresh_from_db()
    page = _page(client, file)
    queue = client.get(reverse("portal:queue_files")).content.decode()
    assert file.status == FileStatus.NO_MATCH
    assert NOTICE in page
    assert "Partly scanned" in page
    assert "None of our recordings" not in page
    assert "Partly scanned" in queue

    # Scanning again does not forget the damage.
    request_scan(scanned_file=file, user=None)
    run_worker()
    file.refresh_from_db()
    newest = file.scans.latest("pk")
    assert file.message == LOST
    assert (newest.no_match_reason, newest.warnings) == ("partial_scan", [LOST])


def test_cut_off_and_damaged_files_say_so_everywhere(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    path = tmp_path / "show.mp3"
    audio.encode(audio.tune(77, 30), path, codec="libmp3lame")
    content = bytearray(path.read_bytes())
    third = len(content) // 3
    content[third : 2 * third] = bytes(third)
    with_match = audio.join([audio.tune(1, 30), audio.tune(77, 20)])
    cut_off, damaged, whole = (
        _upload(client, catalogue.container, content)
        for content in (_cut_off(with_match), bytes(content), audio.wav_bytes(audio.tune(77, 20)))
    )
    run_worker()

    for file in (cut_off, whole):
        file.refresh_from_db()
    page = _page(client, cut_off)
    listing = client.get(reverse("portal:file_list")).content.decode()
    assert cut_off.status == FileStatus.READY
    assert NOTICE in page
    assert page.index(NOTICE) < page.index("coverage")
    assert LOST in listing
    assert client.get(f"{API}{cut_off.uid}/").json()["message"] == LOST
    assert NOTICE in _page(client, damaged)
    assert NOTICE not in _page(client, whole)
    assert (whole.message, whole.damage) == ("", [])


@pytest.mark.django_db
def test_reports_say_what_could_not_be_read(tmp_path: Path) -> None:
    file = ScannedFileFactory.create(message=LOST)
    for status in (FileStatus.READY, FileStatus.NO_MATCH):
        ScannedFile.objects.filter(pk=file.pk).update(status=status)
        assert _reported("file", tmp_path)["notes"] == LOST, status
