"""Identification: signatures and answers."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from scanning.models import Project
from scanning.services.identification import create_project, revoke_project
from tests import audio
from tests.factories.catalogue import BucketFactory
from tests.fixtures import Catalogue
from web.acrapi.signatures import SHARED
from web.acrapi.views.identify import signature_of

BOUNDARY = "*****2016.05.27.acrcloud.rec.copyright.1605856524.12*****"


@pytest.fixture
def project(db: None) -> Project:
    return create_project(name="clips", buckets=[BucketFactory.create()], user=None)


def signed(project: Project, **changes: str) -> dict[str, Any]:  # Any: form values
    fields = {
        "access_key": project.access_key,
        "data_type": "audio",
        "signature_version": "1",
        "timestamp": "1605856524.12",
        **changes,
    }
    return {
        "signature": signature_of(
            secret=project.access_secret,
            access_key=fields["access_key"],
            data_type=fields["data_type"],
            version=fields["signature_version"],
            timestamp=fields["timestamp"],
        ),
        **fields,
    }


def identify(fields: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    answer = Client().post("/v1/identify", fields)
    assert answer.status_code == 200
    body: dict[str, Any] = answer.json()
    return body


def test_signature_is_what_openssl_makes_of_the_same_text() -> None:
    made = signature_of(
        secret="secret", access_key="key", data_type="audio", version="1", timestamp="1605856524.12"
    )

    assert made == "yX7OKuYmhpmWcZ4vJKZc4LfBTt4="


def test_a_clip_is_found(catalogue: Catalogue) -> None:
    project = create_project(name="clips", buckets=[catalogue.bucket], user=None)
    clip = audio.wav_bytes(audio.tune(1, 30)[5 * 8000 : 17 * 8000])

    body = identify(signed(project) | {"sample": SimpleUploadedFile("sample", clip)})

    assert body["status"] == {"msg": "Success", "code": 0, "version": "1.0"}
    match = body["metadata"]["custom_files"][0]
    assert match["title"] == "First tune"
    assert match["bucket_id"] == str(catalogue.bucket.pk)
    assert "result" not in match


def test_a_clip_in_a_form_as_base64_finds_nothing(project: Project) -> None:
    clip = base64.b64encode(audio.wav_bytes(audio.tune(9, 8))).decode()

    answer = Client().post(
        "/v1/identify",
        "&".join(
            f"{name}={value.replace('+', '%2B')}"
            for name, value in (signed(project) | {"sample": clip}).items()
        ),
        content_type="application/x-www-form-urlencoded",
    )

    assert answer.json()["status"]["code"] == 1001


def test_refusals_have_the_protocols_codes(project: Project) -> None:
    no_audio = SimpleUploadedFile("sample", b"not audio at all" * 100)
    too_large = SimpleUploadedFile("sample", bytes(5 * 1024**2 + 1))

    for changes, code in (
        ({"access_key": "unknown"}, 3001),
        ({"signature": "wrong"}, 3014),
        ({"timestamp": "2"}, 3014),
        ({}, 2005),
        ({"sample": too_large}, 3003),
    ):
        status = identify({**signed(project), **changes})["status"]
        assert (status["code"], status["version"]) == (code, "1.0"), changes
    for name in ("data_type", "signature_version", "timestamp", "signature", "sample"):
        fields = {key: value for key, value in signed(project).items() if key != name}
        status = identify(fields)["status"]
        assert status["code"] == 2005, name
        assert name in status["msg"]
    fingerprint = signed(project, data_type="fingerprint") | {"sample": no_audio}
    assert identify(fingerprint)["status"]["code"] == 2004

    # Half a surrogate pair is signed by nobody.
    for name in ("access_key", "data_type", "signature"):
        body = json.dumps({**signed(project), name: "\ud800"})
        answer = Client().post("/v1/identify", body, content_type="application/json")
        assert answer.json()["status"]["code"] in (3001, 3014), name

    # The vendor's programs write odd boundaries.
    parts = "".join(
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in signed(project).items()
    )
    answer = Client().post(
        "/v1/identify",
        f"{parts}--{BOUNDARY}--\r\n\r\n".encode(),
        content_type=f"multipart/form-data; boundary={BOUNDARY}",
    )
    assert answer.json()["status"]["code"] == 2005

    revoke_project(project=project, user=None)
    assert identify(signed(project))["status"]["code"] == 3001


def _sent(project: Project, content: bytes, timestamp: str) -> int:
    sample = SimpleUploadedFile("sample", content)
    fields = signed(project, timestamp=timestamp) | {"sample": sample}
    code: int = identify(fields)["status"]["code"]
    return code


CLIP, OTHER = (audio.wav_bytes(audio.tune(number, 4)) for number in (7, 8))


def test_a_signature_belongs_to_its_first_sample(project: Project) -> None:
    for timestamp in ("1605856524.12", "1605856524123", "yesterday"):
        assert _sent(project, CLIP, timestamp) == 1001

        # Clients retry, perhaps much later.
        assert _sent(project, CLIP, timestamp) == 1001
        assert _sent(project, OTHER, timestamp) == 3014
        assert _sent(project, OTHER, f"{timestamp}5") == 1001


def test_clients_that_sign_the_same_whole_second_share_a_signature_for_minutes(
    project: Project,
) -> None:
    with time_machine.travel(datetime(2026, 11, 26, 12, tzinfo=UTC), tick=False) as now:
        codes = [_sent(project, content, "1605856524") for content in (CLIP, OTHER)]
        now.shift(SHARED + timedelta(seconds=1))
        later = [_sent(project, content, "1605856524") for content in (CLIP, OTHER)]

    assert codes == [1001, 1001]
    assert later == [1001, 3014]


def test_what_is_remembered_of_signatures_is_bounded(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caches["signatures"], "_max_entries", 3)

    for number in range(8):
        assert _sent(project, CLIP, f"{number}.5") == 1001

    answers = [_sent(project, OTHER, f"{number}.5") for number in range(8)]
    assert answers.count(3014) <= 4


def test_a_clip_is_identified_while_the_database_is_busy(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> bool:
        raise OperationalError("database is locked")

    monkeypatch.setattr(caches["signatures"], "add", refuse)

    assert _sent(project, CLIP, "1.5") == 1001


def test_a_secret_of_another_key_signs_nothing(project: Project, settings: Settings) -> None:
    fields = signed(project)
    settings.SECRET_KEY = "another key, as long as a real one has to be"

    answer = Client(raise_request_exception=False).post("/v1/identify", fields)

    assert answer.status_code == 503
    assert "secret_unreadable" in answer.content.decode()


def test_other_methods_are_answered_too() -> None:
    answer = Client().get("/v1/identify")

    assert (answer.status_code, answer.json()["status"]["code"]) == (200, 2005)


def test_a_clip_of_the_npm_package_is_found(catalogue: Catalogue) -> None:
    """As ``acrcloud`` 1.4.0 sends it: two slashes, and a part without a file name."""
    project = create_project(name="clips", buckets=[catalogue.bucket], user=None)
    clip = audio.wav_bytes(audio.tune(1, 30)[5 * 8000 : 17 * 8000])
    dashes = "--------------------------5942ece673ad2bd2662e5c8a"
    fields = {**signed(project), "sample_bytes": str(len(clip))}
    body = (
        f'--{dashes}\r\nContent-Disposition: form-data; name="sample"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    ).encode() + clip
    for name, value in fields.items():
        body += (
            f'\r\n--{dashes}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}'
        ).encode()
    body += f"\r\n--{dashes}--\r\n".encode()

    def send(content: bytes) -> int:
        # The test client takes two slashes for a host.
        answer: Any = Client().generic(
            "POST",
            "/",
            content,
            f"multipart/form-data; boundary={dashes}",
            PATH_INFO="//v1/identify",
        )
        return int(answer.json()["status"]["code"])

    assert send(body) == 0
    assert send(body[:-2000]) != 0
