"""Imports of broadcasts can be undone."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from base.accounts.models import User
from imports import services
from plugins.monitoring.broadcasts.importing.kind import BROADCASTS
from plugins.monitoring.broadcasts.models import Audience, Broadcast
from plugins.monitoring.tests.factories.streams import StationFactory
from review.programmes.models import Episode
from tests.factories.scanning import ScannedFileFactory
from tests.imports.test_undo import SCHEDULE, counts, imported, undone, work_off

pytestmark = pytest.mark.django_db


def test_broadcasts_episodes_and_audiences_go_back(manager: User) -> None:
    station = StationFactory.create(name="Harbour FM", time_zone="Europe/Zurich")
    file = ScannedFileFactory.create(name="fog.wav")
    Episode.objects.create(scanned_file=file, series="Before", season="1")
    import_ = imported(
        services.keep_upload(
            BROADCASTS,
            file=SimpleUploadedFile("s.csv", SCHEDULE.encode()),
            encoding="utf-8",
            user=manager,
        ),
        manager,
    )
    figures = imported(
        services.keep_upload(
            BROADCASTS,
            file=SimpleUploadedFile(
                "a.csv",
                b"station,month,hour,starts_at,listeners\n"
                b"Harbour FM,2026-11,,,100\n"
                b"Harbour FM,,2026-11-03 07:00,,50\n"
                b"Harbour FM,,,2026-11-03 07:00,70\n",
            ),
            encoding="utf-8",
            user=manager,
        ),
        manager,
    )
    assert Audience.objects.count() == 3
    # The audience is not of this import, so that the broadcast stays at first.
    assert services.check_undo(import_=import_, user=manager)
    work_off()
    import_.refresh_from_db()
    assert "audience" in import_.summary["undo"]["stays"][0]["why"]

    _before, after = undone(figures, manager)
    assert counts(after) == (3, 0)
    assert not Audience.objects.exists()
    Episode.objects.filter(scanned_file=file).update(title="Mine")

    before, after = undone(import_, manager)

    assert before["stays"] == after["stays"]
    assert [row["why"] for row in after["stays"]] == ["Changed again since: title."]
    assert not Broadcast.objects.filter(station=station).exists()
    episode = Episode.objects.get(scanned_file=file)
    assert (episode.series, episode.season, episode.title) == ("Before", "1", "Mine")
