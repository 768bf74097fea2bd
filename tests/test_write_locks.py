"""The watch over write transactions sees slow work, and only there."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile

from tests import write_locks

_SERVICE = """
from django.db import transaction
from base.common.databases import consistent_read

def write(work):
    with transaction.atomic():
        with transaction.atomic():
            pass
        work()

@transaction.atomic
def write_decorated(work):
    work()

def read(work):
    with consistent_read():
        work()

def write_first(work):
    with transaction.atomic():
        transaction.on_commit(work)
    work()
"""


@pytest.fixture
def services() -> dict[str, Any]:
    """Return functions as the package ``catalogue`` could have them. Any: functions."""
    path = Path(settings.BASE_DIR) / "catalogue" / "made_up.py"
    made: dict[str, Any] = {"__name__": "catalogue.made_up"}
    exec(compile(_SERVICE, str(path), "exec"), made)  # noqa: S102 - our own text
    return made


def _read_upload() -> None:
    list(ContentFile(b"content").chunks())


def _store_file() -> None:
    (settings.ACRPORTAL_DATA_DIR / "file").write_bytes(b"content")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("name", "work", "label"),
    [
        ("write", _read_upload, "reading a file"),
        ("write", _store_file, "open"),
        ("write_decorated", _store_file, "open"),
    ],
)
def test_slow_work_in_a_write_transaction_is_named(
    services: dict[str, Any], name: str, work: Callable[[], None], label: str
) -> None:
    with write_locks.watched() as holds:
        services[name](work)

    (work_found,) = holds.take_found()
    assert work_found.startswith(f"catalogue.made_up.{name} holds the write lock during")
    assert label in work_found
    assert f"catalogue.made_up.{name}" in holds.longest


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["read", "write_first"])
def test_slow_work_elsewhere_is_not(services: dict[str, Any], name: str) -> None:
    with write_locks.watched() as holds:
        services[name](_store_file)

    assert not holds.take_found()


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_garbage_that_happens_to_be_collected_is_not(services: dict[str, Any]) -> None:
    class Upload:
        """Removes its file in the end, and can only be found by the collector."""

        def __init__(self) -> None:
            self.itself = self
            _store_file()

        def __del__(self) -> None:
            (settings.ACRPORTAL_DATA_DIR / "file").unlink()

    Upload()
    with write_locks.watched() as holds:
        services["write"](gc.collect)

    assert not (settings.ACRPORTAL_DATA_DIR / "file").exists()
    assert not holds.take_found()
