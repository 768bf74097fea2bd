"""Fingerprinting a recording again, and retiring it after a preview of the effects."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from base.accounts.roles import Role
from base.audit.models import Event
from catalogue.models import RecordingStatus
from review.choices import MatchState, PolicyAction
from tests.factories import deciding
from tests.factories.accounts import make_user
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.review import make_match
from tests.factories.rules import make_policy
from tests.factories.statements import state_everywhere
from tests.fixtures import MakeClient

pytestmark = pytest.mark.django_db


def test_a_recording_is_retired_after_a_preview(signed_in: MakeClient) -> None:
    recording = make_match().recording
    url = f"/catalogue/recordings/{recording.uid}/"
    client = signed_in(Role.MANAGER)

    assert "Retire…" in client.get(url).content.decode()
    text = client.get(f"{url}delete/").content.decode()
    assert "Pending: It waits as before." in text
    assert "Retire this recording" in text
    assert "Delete" not in text
    recording.refresh_from_db()
    assert recording.status == RecordingStatus.READY

    client.post(f"{url}delete/")
    recording.refresh_from_db()
    assert recording.status == RecordingStatus.RETIRED
    assert Event.objects.filter(action="recording.retired").exists()


def test_a_retirement_names_the_statements_that_stand_on_the_recording(
    signed_in: MakeClient,
) -> None:
    manager = make_user(Role.MANAGER)
    match = deciding.confirm(match=make_match(), user=manager)
    state_everywhere(match, manager)

    page = signed_in(Role.MANAGER).get(f"/catalogue/recordings/{match.recording.uid}/delete/")

    text = " ".join(page.content.decode().split())
    names = "These statements stay as they are, and stand on what changes"
    assert match.scanned_file.name in text.partition(names)[2]
    assert "say something else than the portal" not in text


def test_a_recording_moves_after_a_preview(signed_in: MakeClient) -> None:
    match = make_match()
    recording, target = match.recording, BucketFactory.create()
    make_policy(action=PolicyAction.ESCALATE, sets={"buckets": [str(target.pk)]})
    url = f"/catalogue/recordings/{recording.uid}/move/"
    client = signed_in(Role.MANAGER)

    page = client.get(url, {"bucket": target.pk}).content.decode()
    recording.refresh_from_db()
    same = client.get(url, {"bucket": recording.bucket_id}).content.decode()

    assert recording.bucket != target
    assert "Pending: Becomes: Escalated" in page
    assert "The recording is in this bucket" in same
    unseen = client.post(url, {"bucket": target.pk, "agreed": "of before"})
    assert "Pending: Becomes: Escalated" in unseen.content.decode()
    recording.refresh_from_db()
    assert recording.bucket != target
    client.post(url, {"bucket": target.pk, "agreed": unseen.context["consequences"].mark})
    recording.refresh_from_db()
    match.refresh_from_db()
    assert (recording.bucket, match.state) == (target, MatchState.ESCALATED)


def test_fingerprinting_anew_needs_audio_and_a_manager(signed_in: MakeClient) -> None:
    without = RecordingFactory.create()
    having = RecordingFactory.create(audio="recordings/a")
    manager, reviewer = signed_in(Role.MANAGER), signed_in(Role.REVIEWER)

    for action in ("delete", "fingerprint", "replace-audio"):
        answer = reviewer.post(f"/catalogue/recordings/{having.uid}/{action}/")
        assert answer.status_code == 403, action
    for recording, status in ((without, RecordingStatus.READY), (having, RecordingStatus.WAITING)):
        manager.post(f"/catalogue/recordings/{recording.uid}/fingerprint/")
        recording.refresh_from_db()
        assert recording.status == status


def test_the_page_follows_a_recording_until_it_can_be_searched(signed_in: MakeClient) -> None:
    recording = RecordingFactory.create()
    client = signed_in(Role.MANAGER)

    for status, follows in (
        (RecordingStatus.WAITING, True),
        (RecordingStatus.PROCESSING, True),
        (RecordingStatus.READY, False),
        (RecordingStatus.ERROR, False),
    ):
        recording.status = status
        recording.save()
        page = client.get(f"/catalogue/recordings/{recording.uid}/").content.decode()
        assert ('hx-select="#recording"' in page) is follows, status


def test_a_failed_recording_offers_to_replace_its_audio(signed_in: MakeClient) -> None:
    recording = RecordingFactory.create(
        status=RecordingStatus.ERROR, status_message="This is no audio."
    )
    client, url = signed_in(Role.MANAGER), f"/catalogue/recordings/{recording.uid}/"
    assert "Replace audio" in client.get(url).content.decode()
    assert "Replace audio" not in signed_in(Role.VIEWER).get(url).content.decode()

    empty = client.post(f"{url}replace-audio/", follow=True)
    sent = SimpleUploadedFile("new.wav", b"RIFF new")
    client.post(f"{url}replace-audio/", {"audio": sent})

    recording.refresh_from_db()
    assert "Choose the audio file first" in empty.content.decode()
    assert recording.status == RecordingStatus.WAITING
    assert recording.audio_name == "new.wav"
    assert Event.objects.filter(action="recording.audio_replaced").count() == 1
