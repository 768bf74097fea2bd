"""A rebuild of the index while something it stands on is away: told, and gone on with."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import override_settings
from moto.server import ThreadedMotoServer

from catalogue import index_store, rebuilding
from catalogue.models import Recording, RecordingStatus
from common.storage_url import storage_options
from tests.conftest import Catalogue

_AWAY = EndpointConnectionError(endpoint_url="http://s3.example")
_NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
Open = Callable[..., object]


@contextmanager
def media_at(address: str) -> Iterator[None]:
    """Look for media in an S3 storage from here on."""
    kept = {
        "BACKEND": "common.object_storage.ObjectStorage",
        "OPTIONS": storage_options(f"s3://key:secret@{address}/media?https=off"),
    }
    static = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    with override_settings(STORAGES={"default": kept, "staticfiles": static}):
        yield


@pytest.fixture
def no_bucket() -> Iterator[str]:
    """Return the address of an S3 server without the bucket that is asked for."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


def held(catalogue: Catalogue) -> list[int]:
    """Return the recordings that the index in use holds."""
    numbers: list[int] = (
        index_store.open_index().recordings(catalogue.bucket.pk).tolist()
    )
    return numbers


def all_searchable() -> bool:
    """Tell whether no recording was called lost."""
    return not Recording.objects.exclude(status=RecordingStatus.READY).exists()


def test_a_storage_that_does_not_answer_is_named_with_the_way_on(
    catalogue: Catalogue,
) -> None:
    before = held(catalogue)

    with media_at("127.0.0.1:9"), pytest.raises(CommandError) as stopped:
        call_command("rebuild_index")

    told = str(stopped.value)
    assert "The file storage does not answer" in told
    assert "127.0.0.1:9/media" in told
    assert "manage.py rebuild_index --resume" in told
    assert "secret" not in told
    assert held(catalogue) == before
    assert all_searchable()


def test_a_bucket_that_is_not_there_is_no_lost_recording(
    catalogue: Catalogue, no_bucket: str
) -> None:
    with media_at(no_bucket), pytest.raises(CommandError, match="HeadBucket"):
        call_command("rebuild_index")

    assert all_searchable()


@pytest.mark.parametrize(
    ("fault", "told"), [(_AWAY, "storage does not"), (_NO_ROOM, "no room left")]
)
def test_a_rebuild_that_was_stopped_goes_on_once_all_is_there_again(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, fault: Exception, told: str
) -> None:
    monkeypatch.setattr(rebuilding, "_BATCH", 1)
    storage = type(default_storage._wrapped)  # type: ignore[attr-defined]  # the one behind
    reading: Open = storage.open
    opened: list[str] = []

    def once(self: object, name: str, *arguments: object) -> object:
        opened.append(name)
        if len(opened) > 1:
            raise fault
        return reading(self, name, *arguments)

    with monkeypatch.context() as away:
        away.setattr(storage, "open", once)
        with pytest.raises(CommandError, match=told):
            call_command("rebuild_index", stdout=io.StringIO())
    out = io.StringIO()
    before, unharmed = held(catalogue), all_searchable()

    call_command("rebuild_index", resume=True, stdout=out)

    assert "1 recordings indexed" in out.getvalue()
    assert "1 were there already" in out.getvalue()
    assert before == held(catalogue) == [catalogue.first.pk, catalogue.second.pk]
    assert unharmed
