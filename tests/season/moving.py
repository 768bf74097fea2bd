"""A cloud account that moves in again and again while people use what it brought."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Recording, RecordingStatus
from imports.models import ImportStatus, Moved, MoveIn
from scanning.models import CloudAccount
from tests.season import outside
from tests.season.invariants import check
from tests.season.people import Person

_PATH = "/catalogue/move-in/"


def bring(person: Person, rng: random.Random, work: Callable[[], None]) -> None:
    """Look at the account on its page and move it, whatever was changed there or here."""
    account = CloudAccount.objects.first()
    if account is None:
        return
    outside.cloud.titles = rng.randint(0, 3)
    known = list(MoveIn._base_manager.values_list("pk", flat=True))
    person.fill_in(
        _PATH, account=account.pk, since="2026-11-01", parts=["recordings", "files"]
    )
    one = MoveIn._base_manager.exclude(pk__in=known).first()
    if one is None:
        return
    work()
    one.refresh_from_db()
    if one.status == ImportStatus.CHECKED:
        person.fill_in(f"{_PATH}{one.uid}/start/")
        work()
    _check()


def _check() -> None:
    """Check that each object came once, and that no container posts results by itself."""
    cases = Counter(
        Moved.objects.filter(kind="recording")
        .exclude(case="")
        .values_list("case", flat=True)
    )
    twice = [case for case, number in cases.items() if number > 1]
    check(not twice, f"two objects of an account became {twice}")
    stubs = Recording._base_manager.filter(status=RecordingStatus.STUB)
    ours = stubs.exclude(bucket=ACRCLOUD_MUSIC_BUCKET_ID)
    loud = ours.exclude(audio="", fingerprint="").values_list("uid", flat=True)
    check(not loud, f"{list(loud)} wait for audio that they have")
