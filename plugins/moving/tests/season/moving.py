"""A cloud account that moves in again and again while people use what it brought.

Some of the time the account is another portal, which has fingerprints of its recordings.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

from base.audit.models import Event
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Recording, RecordingStatus
from dedup.track_ids import ids_of_others
from imports.models import ImportStatus
from plugins.moving.models import Moved, MovedKind, MoveIn
from scanning.models import CloudAccount
from tests.season import outside, undoing
from tests.season.invariants import check
from tests.season.people import Person

_PATH = "/catalogue/move-in/"


def bring(
    person: Person,
    admin: Person,
    rng: random.Random,
    work: Callable[[], None],
    note: Callable[[str], None],
) -> None:
    """Move the account, whatever was changed there or here; perhaps undo that, and again."""
    account = CloudAccount.objects.first()
    if account is None:
        return
    # Roles refuse what others ask for.
    person = admin if rng.random() < 0.8 else person
    outside.cloud.titles = rng.randint(0, 3)
    if rng.random() < 0.5:
        _become_a_portal(admin, rng)
    one = _move(person, account, work)
    if one is None or one.status != ImportStatus.DONE or rng.random() < 0.5:
        return
    before = _moved()
    undoing.undo_one(one.uid, person, note)
    taken_back = before - _moved()
    if again := _move(person, account, work):
        left = taken_back - _moved()
        check(
            not left or again.status != ImportStatus.DONE,
            f"{left} moved, were taken back, and do not move again",
        )


def _moved() -> set[tuple[str, str]]:
    rows = Moved.objects.exclude(case="")
    return set(rows.values_list("kind", "remote_id"))


def _move(person: Person, account: CloudAccount, work: Callable[[], None]) -> MoveIn | None:
    """Look at the account on its page, and move it in where the person may."""
    known = list(MoveIn._base_manager.values_list("pk", flat=True))
    before = _moved()
    person.fill_in(
        _PATH, account=account.pk, since="2026-11-01", parts=["recordings", "files", "unknown"]
    )
    one = MoveIn._base_manager.exclude(pk__in=known).first()
    if one is None:
        return None
    work()
    one.refresh_from_db()
    if one.status == ImportStatus.CHECKED:
        person.fill_in(f"{_PATH}{one.uid}/start/")
        work()
        one.refresh_from_db()
    person.open(f"{_PATH}{one.uid}/")
    _check(one)
    if one.status == ImportStatus.DONE:
        _check_tracks(before)
        listed = Moved.objects.filter(kind__in=[MovedKind.PROJECT, MovedKind.UNKNOWN])
        check(
            all(row.code or row.case for row in listed)
            and listed.values("kind").distinct().count() == 2,
            f"what only people can move is listed as {list(listed.values())}",
        )
    return one


def _check_tracks(before: set[tuple[str, str]]) -> None:
    """Check that a dedup file that is new here has the ids that no other has."""
    for number in range(1, outside.CLOUD_TRACKS + 1):
        there = outside.cloud.track(number)
        remote = f"{outside.CLOUD_DEDUP_BUCKET}:{there['acr_id']}"
        moved = Moved.objects.get(kind=MovedKind.TRACK, remote_id=remote)
        check(moved.case or moved.code, f"{moved.name} became nothing, without a word")
        if not moved.case or (moved.kind, remote) in before:
            continue
        row = Recording._base_manager.get(uid=moved.case.partition(":")[2])
        ids = {*row.track_ids.values_list("track_id", flat=True), row.custom_id}
        taken = ids_of_others(row.bucket, there["dup_files"], but=row)
        check(
            {*there["dup_files"]} == (ids & {*there["dup_files"]}) | taken,
            f"{row} has {ids}, others {taken}, of {there}",
        )


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
        check(not silent, f"{list(silent)} wait, though the portal there has their fingerprints")
    taken_over = Event.objects.filter(after__callback_url__endswith=outside.CALLBACK)
    check(
        taken_over.exists() or all(path != outside.CALLBACK for path, _body in outside.posted),
        "results went to the account's address before anybody took its callback over",
    )
    kept = [
        *MoveIn._base_manager.values(),
        *Moved.objects.values(),
        *Event.objects.filter(case=one.case).values(),
    ]
    check(outside.CLOUD_TOKEN not in str(kept), "a move keeps the account's token")
