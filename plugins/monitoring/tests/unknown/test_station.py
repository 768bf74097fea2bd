"""Two hours of a station, file after file through the rows: as good as the engine."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from django.db.models import Q

from base.accounts.models import User
from base.audit.models import Event
from benchmarks import stations
from benchmarks.stations import Play
from benchmarks.verdict import Verdict
from plugins.monitoring.tests.unknown.station import scanned, work
from plugins.monitoring.unknown.items import open_items
from plugins.monitoring.unknown.models import ItemState, KeptFile
from scanning.models import ScannedFile
from scanning.services.filing import delete_files
from tests.factories.scanning import ContainerFactory
from tests.recognition.two_hours import JINGLES, SONGS, two_hours

Plays = Mapping[ScannedFile, tuple[Play, ...]]


@pytest.mark.soak
@pytest.mark.django_db(transaction=True)
def test_each_title_of_a_station_is_one_item_whatever_comes_and_goes(admin: User) -> None:
    container = ContainerFactory.create()
    plays = {}
    for made, heard in two_hours():
        file = scanned(container, made)
        plays[file] = heard
        work()
    _accept(plays)

    # The last one, whose fingerprint is at hand; then it returns as another file.
    delete_files(files=[file], user=admin, reason="")
    work()
    heard = plays.pop(file)
    _accept(plays)
    plays[scanned(container, made)] = heard
    work()
    _accept(plays)
    events = Event.objects.filter(action__startswith="unknown.")
    assert events.filter(action="unknown.found").count() == SONGS + JINGLES
    assert events.count() <= 3 * (SONGS + JINGLES)


def _accept(plays: Plays) -> None:
    items = open_items(Q(state=ItemState.UNIDENTIFIED))
    numbers = {KeptFile.objects.get(scanned_file=file).pk: heard for file, heard in plays.items()}
    verdict = Verdict([open_item.item(open_item.keys) for open_item in items], numbers)
    clean = (stations.CLEAN, stations.CODEC, stations.PART)
    spans = [
        verdict.covers(file, play)
        for file, heard in numbers.items()
        for play in heard
        if play.kind in clean and play.end - play.start >= 10
    ]

    assert sorted(verdict.titles, key=str) == list(range(8))
    assert np.mean(verdict.right) >= 0.99
    assert np.mean(spans) >= 0.98
