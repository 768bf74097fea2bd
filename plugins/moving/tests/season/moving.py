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
from imports.models import ImportStatus, ImportStep
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
    import_ = _move(person, account, work)
    if import_ is None or import_.status != ImportStatus.DONE or rng.random() < 0.5:
        return
    if not ImportStep.objects.filter(import_uid=import_.uid).exists():
        # All of it had moved before: there is nothing to undo.
        return
    before = _moved()
    undoing.undo_one(import_.uid, person, note)
    taken_back = before - _moved()
    if again := _move(person, account, work):
        rows = taken_back - _moved()
        check(
            not rows or again.status != ImportStatus.DONE,
            f"{rows} moved, were taken back, and do not move again",
        )


def _moved() -> set[tuple[str, str]]:
    rows = Moved.objects.exclude(case="")
    return set(rows.values_list("kind", "remote_id"))


def _move(person: Person, account: CloudAccount, work: Callable[[], None]) -> MoveIn | None:
    """Look at the account on its page, and move it in where the person may."""
    keys = list(MoveIn._base_manager.values_list("pk", flat=True))
    before = _moved()
    person.fill_in(
        _PATH, account=account.pk, since="2026-11-01", parts=["recordings", "files", "unknown"]
    )
    import_ = MoveIn._base_manager.exclude(pk__in=keys).first()
    if import_ is None:
        return None
    work()
    import_.refresh_from_db()
    if import_.status == ImportStatus.CHECKED:
        person.fill_in(f"{_PATH}{import_.uid}/start/")
        work()
        import_.refresh_from_db()
    person.open(f"{_PATH}{import_.uid}/")
    _check(import_)
    if import_.status == ImportStatus.DONE:
        _check_tracks(before)
        moved_rows = Moved.objects.filter(kind__in=[MovedKind.PROJECT, MovedKind.UNKNOWN])
        check(
            all(row.code or row.case for row in moved_rows)
            and moved_rows.values("kind").distinct().count() == 2,
            f"what only people can move is listed as {list(moved_rows.values())}",
        )
    return import_


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


def _check(import_: MoveIn) -> None:
    """Check that each object came once, as it is there, and that no result goes out."""
    moved = Moved.objects.filter(kind=MovedKind.RECORDING).exclude(case="")
    cases = Counter(moved.values_list("case", flat=True))
    twice = [case for case, number in cases.items() if number > 1]
    check(not twice, f"two objects of an account became {twice}")
    stubs = Recording._base_manager.filter(status=RecordingStatus.STUB)
    ours = stubs.exclude(bucket=ACRCLOUD_MUSIC_BUCKET_ID)
    loud = ours.exclude(audio="", fingerprint="").values_list("uid", flat=True)
    check(not loud, f"{list(loud)} wait for audio that they have")
    if import_.status == ImportStatus.DONE and "recordings" in import_.parts:
        recordings = ours.filter(acr_id__in=outside.cloud.fingerprints)
        uids = recordings.values_list("uid", flat=True)
        silent = moved.filter(code="", case__in=[f"recording:{uid}" for uid in uids])
        check(not silent, f"{list(silent)} wait, though the portal there has their fingerprints")
    taken_over = Event.objects.filter(after__callback_url__endswith=outside.CALLBACK)
    check(
        taken_over.exists() or all(path != outside.CALLBACK for path, _body in outside.posted),
        "results went to the account's address before anybody took its callback over",
    )
    imports = [
        *MoveIn._base_manager.values(),
        *Moved.objects.values(),
        *Event.objects.filter(case=import_.case).values(),
    ]
    check(outside.CLOUD_TOKEN not in str(imports), "a move keeps the account's token")
