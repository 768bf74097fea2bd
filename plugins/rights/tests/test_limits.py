"""People with access limits see as much of rights as of their recordings."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.security.hidden import make_world

pytestmark = pytest.mark.django_db


def rows_of(client: Client, page: str) -> list[Any]:  # Any: records with counts
    return [row for _key, row, _cells in client.get(reverse(page)).context["rows"]]


def test_works_and_releases_count_what_the_reader_may_see() -> None:
    world = make_world()
    work, release, hidden = world.own.work(), world.own.release(), world.other.sound()
    work.recordings.add(hidden)
    release.recordings.add(hidden, through_defaults={"position": 2})
    counts = {}
    for person in (world.own.user, world.admin):
        client = Client()
        client.force_login(person)
        works = rows_of(client, "portal:work_list")
        releases = rows_of(client, "portal:release_list")
        counts[person] = (
            next(row.recording_count for row in works if row == work),
            next(row.track_count for row in releases if row == release),
        )

    assert counts == {world.own.user: (1, 1), world.admin: (2, 2)}
