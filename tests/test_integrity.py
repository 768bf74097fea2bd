"""Who takes an ``IntegrityError`` says which constraint it means, and raises the rest."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest
from django.db import IntegrityError, transaction

from base.common.databases import violates
from catalogue.models import Recording
from catalogue.owners.models import Party, Share, Work
from scanning.choices import EngineChoice, ScanStatus
from scanning.models import Scan, ScannedFile
from tests import product
from tests.factories.catalogue import RecordingFactory
from tests.factories.scanning import ScannedFileFactory


def _handlers() -> Iterator[tuple[str, str]]:
    """Yield the place and the source of each handler, the error's name first."""
    for path in product.files(".py"):
        text = path.read_text(encoding="utf-8")
        if "IntegrityError" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ExceptHandler) and node.type is not None:
                yield f"{product.name_of(path)}:{node.lineno}", ast.unparse(node)


def test_each_handler_asks_which_constraint_failed() -> None:
    # The last two ask in a function of their own.
    asks = ("violates(error, ", "_overtaken(error, ", "_id_was_taken(error)")
    handlers = {
        place: source
        for place, source in _handlers()
        if "IntegrityError" in source.partition(":")[0]
    }

    silent = [place for place, source in handlers.items() if not any(ask in source for ask in asks)]

    assert len(handlers) > 10
    assert silent == []


def _two_scans() -> None:
    file = ScannedFileFactory.create()
    for _number in range(2):
        Scan.objects.create(
            scanned_file=file, engine=EngineChoice.EMBEDDED, status=ScanStatus.QUEUED
        )


def _two_recordings() -> None:
    recording = RecordingFactory.create()
    Recording.objects.create(bucket=recording.bucket, acr_id=recording.acr_id, title="Again")


def _too_large_a_share() -> None:
    work = Work.objects.create(title="Blue Lantern")
    party = Party.objects.create(name="Anna Muster")
    Share.objects.create(work=work, party=party, right="PR", percent=101)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("break_it", "model", "names"),
    [
        (_two_scans, Scan, ["scan_one_active_per_engine"]),
        (_two_recordings, Recording, ["title", "acr_id"]),
        (_too_large_a_share, Share, ["share_ends_after_it_begins", "share_in_percent"]),
    ],
)
def test_the_constraint_is_told_on_each_database(
    break_it: Callable[[], None], model: type, names: list[str]
) -> None:
    with pytest.raises(IntegrityError) as caught, transaction.atomic():
        break_it()

    assert violates(caught.value, model, *names)
    assert not violates(caught.value, ScannedFile, "scanned_file_remote_id_unique")
    assert not violates(caught.value, model, *names[:-1])
