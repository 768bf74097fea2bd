"""Comparing the unmatched sound of files: what rows say after whatever happened."""

from __future__ import annotations

import pytest

from recurring.models import ItemState, KeptFile, UnknownItem
from scanning.models import Container
from tests.factories.scanning import ContainerFactory
from tests.recurring.station import SONG, broadcast, places, work

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def container() -> Container:
    """Return a container whose files have unknown sound."""
    return ContainerFactory.create()


def test_a_song_in_two_files_becomes_an_item(container: Container) -> None:
    first = broadcast(container, 11, SONG, 12)
    second = broadcast(container, 13, 14, SONG, 15)

    work()

    item = UnknownItem.objects.get()
    assert places(item) == [(first.name, 10, 30), (second.name, 20, 40)]
    assert (item.state, item.plays) == (ItemState.NEW, 2)
    assert item.length_ms == pytest.approx(20_000, abs=300)
    assert item.weight_ms == 2 * item.length_ms
    assert (item.first_at, item.last_at) == (first.created_at, second.created_at)
    assert {kept.state for kept in KeptFile.objects.all()} == {"compared"}
