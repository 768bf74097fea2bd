"""Writers of one case at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from django.db import transaction

from base.audit.models import Event
from base.audit.services import record
from tests.threads import shared_database, using_database


@pytest.mark.django_db(transaction=True)
@pytest.mark.each_database
def test_writers_of_one_case_at_once_each_get_their_event(tmp_path: Path) -> None:
    record(case="sign-in", action="first")
    database = shared_database(tmp_path)
    together = Barrier(4)

    def write(number: int) -> None:
        with using_database(database):
            together.wait(timeout=30)
            for count in range(10):
                with transaction.atomic():
                    record(case="sign-in", action=f"{number}-{count}")

    def read() -> list[int]:
        with using_database(database):
            return sorted(Event.objects.values_list("sequence", flat=True))

    with ThreadPoolExecutor(4) as pool:
        for future in [pool.submit(write, number) for number in range(4)]:
            future.result()
        sequences = pool.submit(read).result()

    assert sequences == list(range(1, 42))
