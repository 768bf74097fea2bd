"""Uploaded files keep the names that people gave them, in a form safe to show."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from base.accounts.models import User
from base.accounts.roles import Role
from base.accounts.tokens import create_token
from base.common.outside_text import is_one_line, one_line
from base.common.storage import display_name
from scanning.models import ScannedFile
from tests import audio
from tests.factories.scanning import ContainerFactory
from tests.fixtures import MakeClient

# The name as a browser sends it, and the original name.
NAMES = [
    ("He said %22play%22.wav", 'He said "play".wav'),
    ("two%0D%0Alines.wav", "two lines.wav"),
    ("100% real.wav", "100% real.wav"),
    ("50%25.wav", "50%25.wav"),
    ("A%20%22song%22.wav", "A%20%22song%22.wav"),
    ("gpj\u202eexe.wav", "gpjexe.wav"),
    ("می\u200cخواهم.wav", "می\u200cخواهم.wav"),
    ("👩\u200d🎤.wav", "👩\u200d🎤.wav"),
    ("a\u200b\u2066b.wav", "ab.wav"),
]


def upload(name: str, seed: int = 1) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, audio.wav_bytes(audio.tune(seed, 4)))


@pytest.mark.django_db
def test_a_page_keeps_the_names_that_were_given(signed_in: MakeClient) -> None:
    container = ContainerFactory.create()
    files = [upload(sent, seed) for seed, (sent, _) in enumerate(NAMES)]

    signed_in(Role.REVIEWER).post(
        reverse("portal:upload"), {"container": container.pk, "files": files}
    )

    names = ScannedFile.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == [name for _, name in NAMES]


@pytest.mark.django_db
def test_the_api_keeps_the_names_that_were_given(admin: User, client: Client) -> None:
    container = ContainerFactory.create()
    files = f"/api/fs-containers/{container.pk}/files"
    secret = create_token(owner=admin, name="t", scopes=["all"]).secret
    headers = {"authorization": f"Bearer {secret}"}
    client.post(
        files, {"file": upload("He said %22play%22.wav"), "data_type": "audio"}, headers=headers
    )
    # Without a form, the address and JSON contain the name itself.
    offered = client.get(
        f"/api/fs-containers/{container.pk}/presigned-upload",
        {"filename": "really %22.wav"},
        headers=headers,
    ).json()
    client.put(offered["data"]["presigned_url"], b"audio" * 100)
    client.post(
        files,
        {"data_type": "audio", "key": offered["data"]["key"]},
        content_type="application/json",
        headers=headers,
    )

    names = ScannedFile.objects.order_by("pk").values_list("name", flat=True)
    assert list(names) == ['He said "play".wav', "really %22.wav"]


@given(st.text())
def test_shown_names_have_one_line_and_no_path(raw: str) -> None:
    text = display_name(raw, otherwise="file")

    assert text
    assert "/" not in text
    assert is_one_line(text)
    assert text == one_line(text)
