"""Every status in the OpenAPI document really occurs, operation by operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
import time_machine
from django.core.cache import caches
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from pytest_django import Settings

from base.accounts.roles import Role
from catalogue.models import Bucket, BucketType, Recording
from catalogue.services import reserved_bucket
from scanning.models import Container, ScannedFile
from tests import audio
from tests.acrapi.conftest import Api, MakeApi
from tests.factories.catalogue import BucketFactory, RecordingFactory
from tests.factories.scanning import ScannedFileFactory

# Any in this module: an OpenAPI document and Django's test responses.


TOO_MANY = 429


@cache
def document() -> dict[str, Any]:
    generator = SchemaGenerator()  # type: ignore[no-untyped-call]  # not typed
    made: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]  # not typed
    return made


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Return the method, path and documentation of each operation by its name."""
    return {
        message["operationId"]: (method.upper(), path, message)
        for path, methods in document()["paths"].items()
        for method, message in methods.items()
        if path.startswith(("/api/fs-containers", "/api/buckets"))
    }


@dataclass
class World:
    bucket: Bucket
    dedup: Bucket
    recording: Recording
    container: Container
    file: ScannedFile


@pytest.fixture
def world(db: None) -> World:
    file = ScannedFileFactory.create()
    dedup = BucketFactory.create(bucket_type=BucketType.DEDUP_FILE)
    RecordingFactory.create(bucket=dedup, custom_id="known")
    recording = RecordingFactory.create()
    return World(recording.bucket, dedup, recording, file.container, file)


def sound() -> SimpleUploadedFile:
    return SimpleUploadedFile("a.wav", audio.wav_bytes(audio.tune(1, 8)))


def upload(fields: Callable[[], dict[str, Any]]) -> Callable[[Api, str], Any]:
    return lambda api, path: api.upload(path, fields())


GOOD_BODIES: dict[str, Callable[[World], dict[str, Any]]] = {
    "create_container": lambda world: {
        "name": "a",
        "region": "eu-west-1",
        "buckets": [world.bucket.pk],
        "engine": 1,
    },
    "update_container": lambda _: {"name": "b"},
    "submit_file": lambda _: {"data_type": "audio_url", "url": "https://h.example/a"},
    "create_bucket": lambda _: {"name": "a", "region": "eu-west-1", "type": "File"},
    "update_bucket": lambda _: {"labels": ["a"]},
    "add_bucket_file": lambda _: {"data_type": "audio_url", "url": "https://h.example/a"},
    "update_bucket_file": lambda _: {"title": "b"},
    "delete_bucket_files": lambda world: {"ids": [world.recording.pk]},
    "move_files_away": lambda world: {
        "target_bucket_id": world.dedup.pk,
        "ids": [world.recording.pk],
    },
}
BAD_BODIES: dict[str, dict[str, Any]] = {
    "create_container": {},
    "update_container": {"engine": 9},
    "submit_file": {},
    "create_bucket": {},
    "update_bucket": {"labels": 5},
    "add_bucket_file": {},
    "update_bucket_file": {"user_defined": "{"},
    "delete_bucket_files": {},
    "move_files_away": {},
}


def path_of(name: str, world: World, *, exists: bool = True) -> str:
    """Return an operation's address with its parameters filled in."""
    path = str(operations()[name][1])
    in_dedup = "dedup" in path
    bucket = world.dedup if in_dedup else world.bucket
    if name == "move_files_here":
        bucket = world.dedup
    ids = str(world.recording.pk) if "/buckets/" in path else str(world.file.uid)
    values = {
        "{bucket_id}": bucket.pk if exists else 999_999,
        "{container_id}": world.container.pk if exists else 999_999,
        "{ids}": "known" if in_dedup else ids,
    }
    for parameter, value in values.items():
        path = path.replace(parameter, str(value))
    return path


def call(name: str, status: int, api: Api, world: World) -> Any:
    method, _, _ = operations()[name]
    path = path_of(name, world, exists=status != 404)
    if status == 400:
        return api.call(method, path, "{", content_type="application/json")
    if status == 413:
        return api.call(method, path, "x", content_type="text/plain", CONTENT_LENGTH=str(10**11))
    if status == 422:
        return refused(name, method, path, api, world)
    if name == "submit_dedup_file" and status == 200:
        return api.upload(path, {"id": "new", "file": sound()})
    body = GOOD_BODIES.get(name, lambda _: None)(world)
    return api.call(method, path, body)


def refused(name: str, method: str, path: str, api: Api, world: World) -> Any:
    if name == "submit_dedup_file":
        return api.upload(path, {"id": ""})
    if "dedup" in path:
        other_path = path.replace(str(world.dedup.pk), str(world.bucket.pk))
        return api.call(method, other_path)
    if name == "delete_bucket":
        return api.call(method, f"/api/buckets/{reserved_bucket().pk}")
    if name == "move_files_here":
        RecordingFactory.create(bucket=world.dedup, custom_id=world.recording.custom_id)
        return api.call(method, path)
    return api.call(method, path, BAD_BODIES[name])


def test_the_documented_statuses_are_seen_and_their_bodies_fit(
    make_api: MakeApi, world: World, settings: Settings
) -> None:
    admin, reporter = make_api(), make_api(Role.ADMIN, "report")
    callers = {401: Api("", admin.owner), 403: reporter}
    cases = [
        (name, int(status), documented)
        for name, (_, _, operation) in operations().items()
        for status, documented in operation["responses"].items()
    ]
    of_limits = [case for case in cases if case[1] == TOO_MANY]
    assert len(of_limits) > 10
    assert len(cases) > len(of_limits) + 10

    def check(name: str, status: int, documented: dict[str, Any]) -> None:
        with transaction.atomic():
            answer = call(name, status, callers.get(status, admin), world)
            transaction.set_rollback(True)
        assert answer.status_code == status, (name, answer.content)
        assert_fits(answer, documented)

    for case in cases:
        if case not in of_limits:
            check(*case)

    settings.ACRPORTAL_RATE_LIMITS = True
    settings.ACRPORTAL_API_RATE = 1
    caches["process"].clear()
    # On a busy machine two calls may be more than a second apart.
    with time_machine.travel(datetime.now(tz=UTC), tick=False):
        admin.get("/api/fs-containers")
        for case in of_limits:
            check(*case)


def assert_fits(answer: Any, fields: dict[str, Any]) -> None:
    content = fields.get("content")
    if content is None:
        assert answer.content == b""
        return
    schema = content["application/json"]["schema"] | {"components": document()["components"]}
    Draft202012Validator(schema).validate(answer.json())
