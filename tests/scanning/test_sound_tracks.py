"""A file of several sound tracks is searched in all of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from django.test import Client
from django.urls import reverse

from base.accounts.roles import Role
from base.common.storage import read_bytes
from recognition.audio import decode, waveform
from review.models import Match
from scanning.models import ScannedFile, Segment
from scanning.retention import remove_audio
from scanning.services.identification import create_project, identify
from scanning.services.retro import request_search
from scanning.services.scans import request_scan
from tests import audio
from tests.factories.accounts import make_user
from tests.fixtures import Catalogue, MakeClient, Worker, add_tune, upload
from tests.recognition.media_files import Track, scrambled, write_timed, write_tracks


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


@pytest.fixture
def film(client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path) -> ScannedFile:
    """Return a scanned file of three sound tracks; the second holds a recording."""
    tracks = {"Film": audio.tune(77, 30), "Music": audio.tune(1, 30)}
    tracks["Song"] = audio.tune(78, 30)
    path = write_tracks(tmp_path / "film.mkv", tracks, audio.RATE)
    uid = send(client, catalogue, path)
    run_worker()
    return ScannedFile.objects.get(uid=uid)


def test_other_tracks_are_heard_and_searched_again_and_later(
    client: Client, run_worker: Worker, catalogue: Catalogue, film: ScannedFile
) -> None:
    match = Match.objects.get()
    page_of_file = reverse("portal:file_detail", args=[film.uid])

    main, other_page, review = (
        client.get(url).content.decode()
        for url in (page_of_file, f"{page_of_file}?track=2", match.review_url)
    )

    assert Segment.objects.get().track == 2
    assert film.message == ""
    assert "Sound track 2: Music" in main
    assert "&amp;track=2" not in main
    (heard,) = set(re.findall(r"/files/[^\"#]+&amp;track=2", other_page + review))
    answer = client.get(heard.replace("&amp;", "&"))
    assert answer.headers["Content-Type"] == "audio/webm"
    assert b"".join(answer).startswith(b"\x1aE\xdf\xa3")

    # They are searched again without audio.
    manager = make_user(Role.MANAGER)
    assert remove_audio(scanned_file=film, user=manager, reason="old")
    scan = request_scan(scanned_file=film, user=None)
    run_worker()
    scan.refresh_from_db()
    assert scan.warnings == []
    assert list(Segment.objects.values_list("track", flat=True)) == [2, 2]
    assert [track.proxy for track in film.other_tracks.all()] == ["", ""]
    assert client.get(f"{page_of_file}?track=2").status_code == 200

    # A later recording is found on another track.
    song = add_tune(catalogue.bucket, 78, 30, title="The film's song", user=manager)
    run_worker()
    song.refresh_from_db()
    request_search(recordings=[song], user=manager)
    run_worker()
    late = Match.objects.get(recording=song, scanned_file=film)
    assert late.found_late
    assert Segment.objects.get(detection__recording=song).track == 3


def test_a_clip_is_identified_by_any_of_its_tracks(catalogue: Catalogue, tmp_path: Path) -> None:
    project = create_project(name="clips", buckets=[catalogue.bucket], user=None)
    tracks = {"Talk": audio.tune(77, 10), "Music": audio.tune(1, 10)}
    path = write_tracks(tmp_path / "clip.mkv", tracks, audio.RATE)

    detections = identify(project=project, sample=upload("clip.mkv", path.read_bytes()))

    assert [segment.track for _, detection in detections for segment in detection.segments] == [2]


def test_a_file_is_as_long_as_its_longest_track_for_all_readers(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    tracks = [
        Track(audio.tune(77, 10), audio.RATE, codec="aac"),
        Track(audio.tune(1, 30), audio.RATE, codec="aac"),
    ]
    path = write_timed(tmp_path / "clip.mp4", tracks)
    uid = send(client, catalogue, path)
    run_worker()

    file = ScannedFile.objects.get(uid=uid)
    page = client.get(reverse("portal:file_detail", args=[uid])).content.decode()
    answer = client.get(f"/api/portal/v1/files/{uid}/").json()

    assert file.length_ms == pytest.approx(30_000, abs=150)
    assert answer["duration_ms"] == file.length_ms
    segment = Segment.objects.get()
    assert segment.track == 2
    assert segment.end_ms - segment.start_ms > 28_000
    drawn = waveform.from_bytes(read_bytes(file.waveform))
    assert len(drawn.rms) * drawn.step_ms == pytest.approx(30_000, abs=150)
    assert "Sound track 2" in page
    heard = sum(map(len, decode.blocks(Path(file.proxy.path)))) / decode.SAMPLE_RATE
    assert heard == pytest.approx(30, abs=0.15)


def test_what_nobody_searched_of_a_broadcast_is_said_on_its_page(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    path = write_timed(tmp_path / "a.ts", [Track(audio.tune(77, 30), audio.RATE, codec="aac")])
    path.write_bytes(scrambled(path.read_bytes(), 0, 0.34))
    uid = send(client, catalogue, path)
    run_worker()

    page = client.get(reverse("portal:file_detail", args=[uid])).content.decode()

    assert "The first 10 s are scrambled and were not searched." in page
    text = re.sub(r"\s+", " ", page)
    assert re.search(r"Sound used</dt> ?<dd> ?0:(19|20) of 0:30", text)


def test_tracks_without_sound_are_counted_on_the_page(
    client: Client, run_worker: Worker, catalogue: Catalogue, tmp_path: Path
) -> None:
    nothing = Track(np.zeros(0, np.float32), audio.RATE, "Empty")
    tracks = [*[nothing] * 200, Track(audio.tune(1, 30), audio.RATE, "Music")]
    uid = send(client, catalogue, write_timed(tmp_path / "a.mkv", tracks))
    run_worker()

    page = client.get(reverse("portal:file_detail", args=[uid])).content.decode()

    assert Match.objects.count() == 1
    assert "200 tracks without sound to search" in page
    assert "201: Music" in page
    assert "Empty" not in page


def send(client: Client, catalogue: Catalogue, path: Path) -> str:
    answer = client.post(
        "/api/portal/v1/files/",
        {"container": catalogue.container.pk, "file": upload(path.name, path.read_bytes())},
    )
    return str(answer.json()["uid"])
