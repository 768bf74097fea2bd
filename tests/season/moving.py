"""A cloud account that moves in again and again while people use what it brought.

Some of the time the account is another portal, which has fingerprints of its recordings.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from audit.models import Event
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Recording, RecordingStatus
from imports.models import ImportStatus, Moved, MovedKind, MoveIn
from scanning.models import CloudAccount
from tests.season import outside
from tests.season.invariants import check
from tests.season.people import Person

_PATH = "/catalogue/move-in/"


def bring(
    person: Person, admin: Person, rng: random.Random, work: Callable[[], None]
) -> None:
    """Look at the account on its page and move it, whatever was changed there or here."""
    account = CloudAccount.objects.first()
    if account is None:
        return
    outside.cloud.titles = rng.randint(0, 3)
    if rng.random() < 0.5:
        _become_a_portal(admin, rng)
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
        one.refresh_from_db()
    person.open(f"{_PATH}{one.uid}/")
    _check(one)


def _become_a_portal(admin: Person, rng: random.Random) -> None:
    """Let the account have the fingerprint of a recording that this portal gives out."""
    ready = Recording._base_manager.filter(status=RecordingStatus.READY)
    heard = rng.choice(list(ready.exclude(fingerprint="").order_by("pk")) or [None])
    if heard is None:
        return
    answer = admin.call("GET", f"/api/portal/v1/recordings/{heard.acr_id}/fingerprint/")
    check(answer.status == 200, f"{heard} gives no fingerprint: {answer.status}")
    number = rng.randint(1, outside.CLOUD_RECORDINGS)
    outside.cloud.fingerprints[outside.acr_id_there(number)] = answer.content


def _check(one: MoveIn) -> None:
    """Check that each object came once, as it is there, and that no result goes out."""
    moved = Moved.objects.filter(kind=MovedKind.RECORDING).exclude(case="")
    cases = Counter(moved.values_list("case", flat=True))
    twice = [case for case, number in cases.items() if number > 1]
    check(not twice, f"two objects of an account became {twice}")
    stubs = Recording._base_manager.filter(status=RecordingStatus.STUB)
    ours = stubs.exclude(bucket=ACRCLOUD_MUSIC_BUCKET_ID)
    loud = ours.exclude(audio="", fingerprint="").values_list("uid", flat=True)
    check(not loud, f"{list(loud)} wait for audio that they have")
    if one.status == ImportStatus.DONE and "recordings" in one.parts:
        given = ours.filter(acr_id__in=outside.cloud.fingerprints)
        uids = given.values_list("uid", flat=True)
        silent = moved.filter(code="", case__in=[f"recording:{uid}" for uid in uids])
        check(
            not silent,
            f"{list(silent)} wait, though the portal there has their fingerprints",
        )
    taken_over = Event.objects.filter(after__callback_url__endswith=outside.CALLBACK)
    check(
        taken_over.exists()
        or all(path != outside.CALLBACK for path, _body in outside.posted),
        "results went to the account's address before anybody took its callback over",
    )
    kept = [
        *MoveIn._base_manager.values(),
        *Moved.objects.values(),
        *Event.objects.filter(case=one.case).values(),
    ]
    check(outside.CLOUD_TOKEN not in str(kept), "a move keeps the account's token")
