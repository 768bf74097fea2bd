"""The review page of a file plays unknown sound at its other places."""

from __future__ import annotations

import pytest
from django.test import Client

from plugins.monitoring.tests.factories.unknown import make_item
from plugins.monitoring.unknown.models import Occurrence
from scanning.models import ScannedFile
from tests.portal.review.conftest import client, file
from tests.portal.review.test_file_review import address

__all__ = ["client", "file"]  # fixtures

pytestmark = pytest.mark.django_db


def test_the_pane_shows_unknown_sound_with_its_other_plays(
    client: Client, file: ScannedFile
) -> None:
    item = make_item(plays=3)
    place, _whole, occurrence = item.occurrences.order_by("pk")
    place.file.scanned_file = file
    place.file.save()
    held = Occurrence.objects.filter(pk=place.pk)
    held.update(start_ms=200_000, end_ms=215_000, item_end_ms=15_000)
    Occurrence.objects.filter(pk=occurrence.pk).update(item_start_ms=16_000)
    rows = client.get(address(file)).context["rows"]
    (row,) = [row for row in rows if row.cue and row.cue.item]

    pane = client.get(row.preview_url)

    assert len(pane.context["places"]) == 1
    assert pane.context["item"].uid == item.uid
    gone = client.get(f"{address(file, '_sound')}?start=1&end=2")
    assert gone.status_code == 404
