"""Tables of broadcasts that other programs wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile

from base.accounts.roles import Role
from plugins.monitoring.broadcasts.importing import importer as broadcasts
from plugins.monitoring.broadcasts.models import Broadcast, BroadcastImport
from plugins.monitoring.tests.factories.streams import StationFactory
from scanning.services.intake import submit_upload
from tests.factories.accounts import make_user
from tests.factories.scanning import ContainerFactory, ScannedFileFactory
from tests.imports.test_other_programs import table_file

CASES = Path(__file__).parent / "cases"


def import_broadcasts(path: Path) -> object:
    import_ = BroadcastImport(made_by=make_user(Role.REVIEWER), file_name=path.name)
    import_.file.save(path.name, ContentFile(path.read_bytes()), save=False)
    return broadcasts.run(import_, lambda: None, dry=False)["summary"]


@pytest.mark.django_db
def test_cells_with_date_and_time_are_broadcasts() -> None:
    StationFactory.create(name="Test FM", time_zone="Europe/Zurich")
    for name in ("21_chapters.m4b", "22_cut5s.m4a"):
        ScannedFileFactory.create(name=name)

    import_broadcasts(CASES / "b2_schedule_date_time_cells.xlsx")

    assert [(row.starts_at, row.length_ms) for row in Broadcast.objects.order_by("pk")] == [
        (datetime(2026, 11, 3, 6, 15, tzinfo=UTC), 1_800_000),
        (datetime(2026, 11, 3, 22, 45, 10, tzinfo=UTC), 1_500_000),
    ]


@pytest.mark.django_db
def test_a_file_uploaded_from_macos_is_found_by_its_name(tmp_path: Path) -> None:
    upload = SimpleUploadedFile("E\u0301tude.wav", b"sound")
    submit_upload(container=ContainerFactory.create(), upload=upload, user=None)
    StationFactory.create(name="Test FM")
    line = "Étude.wav,Test FM,2026-11-03 07:00\n"

    import_broadcasts(table_file(tmp_path, f"file_name,station,starts_at\n{line}"))

    assert Broadcast.objects.get().scanned_file.name == "Étude.wav"
