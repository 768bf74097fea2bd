"""Players get consistent bytes from their first range request to the last."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.core.files.base import ContentFile
from django.test import Client

from base.accounts.roles import Role
from catalogue.models import Recording
from scanning.models import ScannedFile
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScannedFileFactory
from tests.fixtures import MakeClient
from web.portal.shared.playback import audio_url

pytestmark = pytest.mark.django_db

MP3 = {"container": "mp3", "codec": "mp3float"}
ORIGINAL, RENDITION, OTHER = b"o" * 300, b"r" * 100, b"x" * 200


def _file() -> ScannedFile:
    file = ScannedFileFactory.create(facts=MP3)
    file.media.save("whole.mp3", ContentFile(ORIGINAL))
    return file


def _recording() -> Recording:
    recording = RecordingFactory.create(facts=MP3, audio_sha256="a" * 64)
    recording.audio.save("whole.mp3", ContentFile(ORIGINAL))
    return recording


def _part(client: Client, address: str, span: str, **headers: str) -> tuple[int, bytes]:
    answer = client.get(address, headers={"Range": f"bytes={span}", **headers})
    return answer.status_code, b"".join(answer) if answer.streaming else b""


@pytest.mark.parametrize("make", [_file, _recording])
def test_a_rendition_made_meanwhile_does_not_take_the_place_of_what_is_heard(
    make: Callable[[], ScannedFile | Recording], signed_in: MakeClient
) -> None:
    owner, client = make(), signed_in(Role.VIEWER)
    begun = audio_url(owner)

    assert _part(client, begun, "0-9") == (206, ORIGINAL[:10])
    owner.proxy.save("small.webm", ContentFile(RENDITION))

    assert _part(client, begun, "290-") == (206, ORIGINAL[290:])
    assert audio_url(owner) != begun
    assert _part(client, audio_url(owner), "90-") == (206, RENDITION[90:])


def test_other_audio_has_another_address_and_is_sent_whole(signed_in: MakeClient) -> None:
    recording, client = _recording(), signed_in(Role.VIEWER)
    address = audio_url(recording)
    etag = client.get(address, headers={"Range": "bytes=0-9"}).headers["ETag"]

    unchanged = _part(client, address, "10-19", **{"If-Range": etag})
    recording.audio_sha256 = "b" * 64
    recording.audio.save("other.mp3", ContentFile(OTHER))

    assert audio_url(recording) != address
    assert unchanged == (206, ORIGINAL[10:20])
    # What the old address named is gone; the best available audio answers in full.
    assert _part(client, address, "10-19", **{"If-Range": etag}) == (200, OTHER)
    assert b"".join(client.get(address)) == OTHER


@pytest.mark.parametrize("make", [_file, _recording])
def test_lost_audio_is_not_found(
    make: Callable[[], ScannedFile | Recording], signed_in: MakeClient
) -> None:
    owner, client = make(), signed_in(Role.VIEWER)
    stored = owner.media if isinstance(owner, ScannedFile) else owner.audio
    stored.storage.delete(str(stored.name))

    assert client.get(audio_url(owner)).status_code == 404
