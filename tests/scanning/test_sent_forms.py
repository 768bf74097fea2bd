"""What is sent to another portal: a fingerprint if it takes one, otherwise audio."""

from __future__ import annotations

import re

from django.urls import reverse

from base.accounts.models import User
from base.accounts.roles import Role
from base.audit.models import Event
from base.common.fingerprint_files import accepted_form
from recognition.fingerprints import file_format as fingerprint
from scanning.choices import EngineChoice, FileStatus
from scanning.models import AudioBecause, CloudJob, FormSent, ScannedFile, SentAs
from scanning.services import cloud
from tests import audio
from tests.fixtures import MakeClient, Worker
from tests.scanning.vendor import (
    CONTAINER_PATH,
    MUSIC,
    Vendor,
    check_due,
    json_answer,
    remote_file,
    send_due,
    state_of,
    submit,
)

_CONTENT = re.compile(rb"application/octet-stream\r\n\r\n(.*)\r\n--[0-9a-f]{32}--\r\n", re.DOTALL)
_SOUND = audio.wav_bytes(audio.tune(1, 8))


def wants(vendor: Vendor, wish: FormSent, accepts: str | None) -> None:
    vendor.account.sends = wish
    vendor.account.save()
    vendor.accepts = accepts


def posted(vendor: Vendor) -> bytes:
    """Return the body of the only file that was sent."""
    [body] = [
        body
        for (method, _), body in zip(vendor.calls, vendor.bodies, strict=True)
        if method == "POST"
    ]
    return body


def sent_form(file: ScannedFile) -> tuple[str, str]:
    job = CloudJob.objects.get(scan__scanned_file=file)
    return job.sent_as, job.audio_because


def test_a_portal_that_takes_fingerprints_gets_no_sound(
    vendor: Vendor, admin: User, run_worker: Worker, signed_in: MakeClient
) -> None:
    wants(vendor, FormSent.FINGERPRINT_FIRST, f"9/later, {accepted_form()}")
    file = submit(vendor, admin, _SOUND)

    send_due()
    waits = state_of(file)
    run_worker()
    send_due()
    vendor.file = remote_file(1, MUSIC)
    check_due()

    body = posted(vendor)
    match = _CONTENT.search(body)
    assert waits == (FileStatus.WAITING, "")
    assert match is not None
    assert fingerprint.from_bytes(match[1]).duration_ms == 8000
    assert b'name="data_type"\r\n\r\nfingerprint\r\n' in body
    assert not any(_SOUND[at : at + 64] in body for at in range(1000, 30_000, 64))
    assert sent_form(file) == (SentAs.FINGERPRINT, AudioBecause.UNASKED)
    assert state_of(file) == (FileStatus.READY, "")
    event = Event.objects.get(action="file.sent_to_cloud")
    assert event.case == f"file:{file.uid}"
    assert event.after["sent_as"] == "fingerprint"
    page = signed_in(Role.REVIEWER).get(reverse("portal:file_detail", args=[file.uid]))
    assert "Sent: Fingerprint" in page.content.decode()


def test_a_server_without_them_gets_audio_if_that_is_allowed(
    vendor: Vendor, admin: User, signed_in: MakeClient
) -> None:
    for number, accepts in enumerate((None, "", "1/ffffffffffffffff", "2")):
        wants(vendor, FormSent.FINGERPRINT_FIRST, accepts)
        vendor.calls.clear()
        vendor.bodies.clear()
        sound = _SOUND + bytes([number])
        file = submit(vendor, admin, sound)
        send_due()
        assert sound in posted(vendor)
        assert sent_form(file) == (SentAs.AUDIO, AudioBecause.NOT_TAKEN), accepts
    page = signed_in(Role.REVIEWER).get(reverse("portal:file_detail", args=[file.uid]))
    assert "Sent: Audio. The other server takes no fingerprints of ours." in (page.content.decode())

    # One that does not know the question gets audio, too.
    wants(vendor, FormSent.FINGERPRINT_FIRST, None)
    vendor.faults = [json_answer({"message": "Not Found"}, 404)]
    vendor.calls.clear()
    file = submit(vendor, admin)
    send_due()
    assert vendor.sends() == 1
    assert sent_form(file) == (SentAs.AUDIO, AudioBecause.NOT_TAKEN)

    # An account that wants audio asks nothing.
    wants(vendor, FormSent.AUDIO_ALWAYS, accepted_form())
    vendor.calls.clear()
    file = submit(vendor, admin, b"y" * 100)
    send_due()
    assert ("GET", CONTAINER_PATH) not in vendor.calls
    assert sent_form(file) == (SentAs.AUDIO, AudioBecause.UNASKED)


def test_nothing_is_sent_if_audio_is_forbidden(vendor: Vendor, admin: User) -> None:
    wants(vendor, FormSent.FINGERPRINT_ONLY, None)
    file = submit(vendor, admin, _SOUND)
    send_due()
    assert vendor.sends() == 0
    assert state_of(file) == (FileStatus.ERROR, "cloud_no_fingerprints")
    assert "Nothing was sent" in file.message

    # A question without an answer is asked again.
    wants(vendor, FormSent.FINGERPRINT_ONLY, accepted_form())
    vendor.faults = [json_answer({}, 502)]
    file = submit(vendor, admin)
    send_due()
    assert vendor.sends() == 0
    assert state_of(file) == (FileStatus.WAITING, "cloud_unreachable")


def test_a_file_that_cannot_be_read_here(vendor: Vendor, admin: User, run_worker: Worker) -> None:
    cases = {FormSent.FINGERPRINT_ONLY: (0, "not_audio"), FormSent.FINGERPRINT_FIRST: (1, "")}
    for wish, (sends, code) in cases.items():
        wants(vendor, wish, accepted_form())
        file = submit(vendor, admin, f"no sound at all {wish}".encode())

        send_due()
        run_worker()
        send_due()

        assert vendor.sends() == sends, wish
        assert state_of(file)[1] == code, wish
    assert sent_form(file) == (SentAs.AUDIO, AudioBecause.NOT_MADE)


def test_both_engines_share_one_fingerprint(
    vendor: Vendor, admin: User, run_worker: Worker
) -> None:
    vendor.container.engine = EngineChoice.BOTH
    vendor.container.save()
    wants(vendor, FormSent.FINGERPRINT_ONLY, accepted_form())
    file = submit(vendor, admin, _SOUND)

    send_due()
    run_worker()
    send_due()

    assert sent_form(file) == (SentAs.FINGERPRINT, AudioBecause.UNASKED)
    file.refresh_from_db()
    assert file.fingerprint


def test_trial_says_what_is_sent(vendor: Vendor) -> None:
    wants(vendor, FormSent.FINGERPRINT_ONLY, accepted_form())
    vendor.file = {"id": 77, "name": "Cloud", "region": "eu-west-1"}

    works = cloud.try_account(account=vendor.account)
    vendor.accepts = None
    fails = cloud.try_account(account=vendor.account)

    assert works.works
    assert "as fingerprints" in works.notes[-1]
    assert not fails.works
    assert "no file is sent" in fails.notes[0]
