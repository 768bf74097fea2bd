"""Callbacks as ACRCloud sends them, and what waits for them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from django.test import Client
from django.urls import reverse

from base.accounts.models import User
from scanning.choices import EngineChoice
from scanning.models import Container, ScannedFile
from scanning.services.intake import submit_upload
from tests.fixtures import upload

SAMPLES = Path(django_settings.BASE_DIR) / "tests" / "wire" / "samples"


def cloud_container() -> Container:
    return Container.objects.create(name="Cloud", engine=EngineChoice.ACRCLOUD)


def waiting_file(container: Container, user: User, content: bytes = b"x" * 100) -> ScannedFile:
    taken = submit_upload(container=container, upload=upload("a.mp3", content), user=user)
    return taken.scanned_file


def sample(name: str) -> dict[str, Any]:  # Any: JSON
    return dict(json.loads((SAMPLES / name).read_text(encoding="utf-8")))


def address(container: Container) -> str:
    return reverse("scanning:acrcloud_callback", args=[container.pk, container.callback_secret])


def post(container: Container, body: object) -> tuple[int, str]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = Client().post(address(container), raw, content_type="application/json")
    return answer.status_code, answer.json()["code"]
