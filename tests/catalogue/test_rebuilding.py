"""An index rebuild during an outage reports it, and resumes afterwards."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator

import pytest
from botocore.exceptions import EndpointConnectionError
from django.core.files.storage import storages
from django.core.management import call_command
from django.core.management.base import CommandError

from catalogue import following, index_copy
from catalogue.models import Recording, RecordingStatus
from tests.fixtures import Catalogue
from tests.object_storage import media_at, s3_server

_AWAY = EndpointConnectionError(endpoint_url="http://s3.example")
_NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
Open = Callable[..., object]


@pytest.fixture
def no_bucket() -> Iterator[str]:
    """Return the address of an S3 server without the requested bucket."""
    with s3_server() as address:
        yield address


def held(catalogue: Catalogue) -> list[int]:
    numbers: list[int] = following.open_index().recordings(catalogue.bucket.pk).tolist()
    return numbers


def all_searchable() -> bool:
    """Return whether every recording is still ready."""
    return not Recording.objects.exclude(status=RecordingStatus.READY).exists()


def test_a_storage_that_does_not_answer_is_named_with_the_way_on(
    catalogue: Catalogue, no_bucket: str
) -> None:
    before = held(catalogue)

    with media_at("127.0.0.1:9"), pytest.raises(CommandError) as stopped:
        call_command("rebuild_index")

    message = str(stopped.value)
    assert "The file storage does not answer" in message
    assert "127.0.0.1:9/media" in message
    assert "manage.py rebuild_index --resume" in message
    assert "secret" not in message
    assert held(catalogue) == before
    assert all_searchable()

    # A bucket that is not there is no lost recording.
    with media_at(no_bucket), pytest.raises(CommandError, match="HeadBucket"):
        call_command("rebuild_index")
    assert all_searchable()


def test_a_rebuild_that_was_stopped_goes_on_once_all_is_there_again(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_copy, "BATCH", 1)
    storage = type(storages["default"])
    reading: Open = storage.open

    def rebuild_until(fault: Exception, message: str) -> None:
        opened: list[str] = []

        def once(self: object, name: str, *arguments: object) -> object:
            opened.append(name)
            if len(opened) > 1:
                raise fault
            return reading(self, name, *arguments)

        with monkeypatch.context() as away:
            away.setattr(storage, "open", once)
            with pytest.raises(CommandError, match=message):
                call_command("rebuild_index", stdout=io.StringIO())

    for fault, message in ((_AWAY, "storage does not"), (_NO_ROOM, "disk is full")):
        rebuild_until(fault, message)
        out = io.StringIO()
        before, unharmed = held(catalogue), all_searchable()

        call_command("rebuild_index", resume=True, stdout=out)

        assert "1 recording indexed" in out.getvalue()
        assert "1 were already indexed" in out.getvalue()
        assert before == held(catalogue) == [catalogue.first.pk, catalogue.second.pk]
        assert unharmed
