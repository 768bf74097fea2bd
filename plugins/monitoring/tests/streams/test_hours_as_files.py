"""Hours of streams are reviewed, proven, deleted and kept as files are."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.test import Client

from base.accounts.roles import Role
from base.audit.models import Event
from plugins.monitoring.streams import audio, selectors
from plugins.monitoring.streams.choices import AirplayState
from plugins.monitoring.streams.models import Airplay
from plugins.monitoring.streams.recording.cutting import CutFacts
from plugins.monitoring.tests.streams.radio import NOON, Radio, programme
from reports.evidence import services as evidence
from reports.evidence import signing
from reports.evidence.models import PackStatus
from reports.evidence.verification import verify
from review.choices import MatchState
from review.models import Match
from scanning import retention
from scanning.models import Container, ScannedFile
from scanning.services.filing import delete_files
from scanning.services.scans import request_scan
from tests.audio import wav_bytes
from tests.fixtures import MakeClient, Worker
from tests.portal.review.reviewing import decide, page_of
from tests.recognition.synthesis import music

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def match(radio: Radio, run_worker: Worker, monkeypatch: pytest.MonkeyPatch) -> Match:
    """Return the match of an hour with a play from 40 s to 65 s, with its sound."""

    def cut(_folder: Path, _run: str, start: int, end: int, target: Path) -> CutFacts:
        # WAV files of tests have twice the rate.
        target.write_bytes(wav_bytes(np.repeat(music(5, (end - start) / 1000), 2)))
        return CutFacts(start_ms=start, end_ms=end, suffix=".wav", codec="pcm")

    monkeypatch.setattr(audio, "cut_audio", cut)
    radio.run("run-1", programme((900, 40), (1, 25), (901, 40)))
    radio.settle(NOON + timedelta(hours=1))
    run_worker()
    audio.copy_due(radio.stream, radio.folder)
    run_worker()
    return Match.objects.get()


@pytest.fixture
def client(signed_in: MakeClient) -> Client:
    return signed_in(Role.MANAGER)


def test_a_play_is_decided_on_the_review_page(match: Match, client: Client) -> None:
    page = client.get(page_of(match)).content.decode()
    assert "only the sound around matches is kept" in page

    assert decide(client, match, "confirm").status_code < 400

    match.refresh_from_db()
    assert match.state == MatchState.CONFIRMED
    play = Airplay.objects.get()
    assert play.segment is not None
    assert play.segment.detection.recording == match.recording

    # The page says it where the ring has lost a segment.
    file = match.scanned_file
    file.facts = {**file.facts, "kept": [[50_000, 75_000]]}
    file.save()
    page = client.get(page_of(match)).content.decode()
    assert "sound is missing, because the stream" in page


@pytest.mark.soak
@pytest.mark.slow
def test_a_pack_of_a_play_holds_its_sound_and_verifies(
    match: Match, radio: Radio, run_worker: Worker, tmp_path: Path
) -> None:
    key = signing.create_key()
    pack = evidence.request_pack(match=match, user=radio.user, with_reference_clips=False)
    run_worker()

    pack.refresh_from_db()
    assert pack.status == PackStatus.READY, pack.message
    assert all(finding.holds for finding in verify(Path(pack.file.path), key))
    with zipfile.ZipFile(pack.file.path) as archive:
        assert "clips/segment-001-source.flac" in archive.namelist()
        assert "Radio One" in archive.read("case.json").decode()


def test_removed_sound_of_an_hour_does_not_come_back_nor_does_a_deleted_hour(
    match: Match, radio: Radio, run_worker: Worker, client: Client
) -> None:
    Container.objects.filter(pk=radio.container.pk).update(audio_days=1)
    ScannedFile.objects.update(audio_at=datetime.now(tz=UTC) - timedelta(days=2))

    retention.remove_due()
    file = match.scanned_file
    ScannedFile.objects.filter(pk=file.pk).update(facts={**file.facts, "kept": []})
    request_scan(scanned_file=file, user=radio.user)
    run_worker()
    audio.copy_due(radio.stream, radio.folder)

    file.refresh_from_db()
    assert not file.media
    assert not file.proxy
    assert Event.objects.filter(case=f"file:{file.uid}", action="file.audio_removed")
    assert Match.objects.all().count() == 1
    assert Airplay.objects.get().state == AirplayState.SETTLED

    # A deleted hour leaves its plays and no gap.
    delete_files(files=[file], user=radio.user, reason="Not ours.")
    run_worker()
    audio.copy_due(radio.stream, radio.folder)
    assert not ScannedFile.objects.present().filter(pk=file.pk).exists()
    assert client.get(f"/files/{file.uid}/").status_code == 404
    assert Airplay.objects.get().state == AirplayState.SETTLED
    heard = selectors.coverage(radio.stream, NOON, NOON + timedelta(seconds=105))
    assert heard.unaccounted_ms == 0
    day = client.get(f"/streams/{radio.stream.uid}/?date={NOON:%Y-%m-%d}")
    assert day.status_code == 200
