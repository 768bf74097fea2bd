"""What people of the season do with rights, and what must hold afterwards."""

from __future__ import annotations

import io
import json
import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from base.accounts.reach import working_for
from catalogue.models import Recording
from catalogue.owners.choices import ConflictState, Right, ShareKind
from catalogue.owners.models import Conflict, Party, RightsRecording, Share, Work
from catalogue.owners.shares import own_shares
from plugins.rights.actions.undoing import last_action
from plugins.rights.matching import share_values
from plugins.rights.tests.importing.making import NAME, cwr
from tests.season import samples
from tests.season.invariants import check
from tests.season.people import Person


def bring(folder: Path, rng: random.Random, note: Callable[[str], None]) -> None:
    """Import a small CWR message twice; check that the second time changes nothing."""
    path = folder / NAME
    # Works with the same writers, with others, and ones that were imported before.
    first, works = rng.choice([8, 9, 20]), rng.randint(1, 3)
    path.write_bytes(b"".join(cwr(works, first=first)))
    note(f"works {first} to {first + works - 1} are imported")
    _import(path)
    again = _import(path)
    check(
        not again["created"] and not again["changed"],
        f"the same message changes again: {again['created']} {again['changes']}",
    )
    path.unlink()


def _import(path: Path) -> dict[str, Any]:  # Any: JSON
    output = io.StringIO()
    call_command("import_rights", str(path), format="json", stdout=output)
    summary: dict[str, Any] = json.loads(output.getvalue())
    check(not summary["faults"], f"a correct message has faults: {summary['faults']}")
    return summary


def handle(person: Person, rng: random.Random) -> None:
    """Do one thing on a page of rights; roles and limits may refuse it."""
    ways = (_share, _take_out, _mark, _merge, _link, _split, _settle, _undo, _undo)
    rng.choice(ways)(person, rng)


def _some(model: type[Any], rng: random.Random, **options: object) -> Any:  # Any: a row
    rows = list(model._base_manager.filter(**options).order_by("pk"))
    return rng.choice(rows) if rows else None


def _share(person: Person, rng: random.Random) -> None:
    party = _some(Party, rng)
    subject = _some(rng.choice([Work, RightsRecording]), rng)
    if party is None or subject is None:
        return
    is_work = isinstance(subject, Work)
    kind = "works" if is_work else "recordings"
    person.fill_in(
        f"/rights/{kind}/{subject.uid}/share/",
        party=party.uid,
        role="CA" if is_work else "RightsController",
        right=Right.PERFORMING if is_work else Right.MASTER,
        kind=ShareKind.OWNERSHIP,
        percent=rng.choice(["10", "50", "100", "100.01", ""]),
        included=rng.choice(["", "DE", "2130", "XX"]),
        excluded=rng.choice(["", "DE"]),
        valid_until=rng.choice(["", "2026-10-30"]),
    )


def _take_out(person: Person, rng: random.Random) -> None:
    share = _some(Share, rng, withdrawn_at=None)
    if share is not None:
        kind = "works" if share.work else "recordings"
        subject = share.work or share.recording
        path = f"/rights/{kind}/{subject.uid}/act/"
        person.fill_in(path, verb="share_out", share=share.uid)


def _mark(person: Person, rng: random.Random) -> None:
    """Say that a party is ours, or is not."""
    party = _some(Party, rng)
    if party is None:
        return
    names = ("name", "first_name", "ipi_name", "ipi_base", "isni", "ipn", "dpid")
    fields = {name: getattr(party, name) for name in (*names, "society", "revision")}
    if not party.is_ours:
        fields["is_ours"] = "on"
    person.fill_in(f"/rights/parties/{party.uid}/edit/", **fields)


def _merge(person: Person, rng: random.Random) -> None:
    model, kind = rng.choice([(Work, "works"), (Work, "works"), (Party, "parties")])
    row, other_row = _some(model, rng), _some(model, rng)
    if row is not None:
        person.fill_in(f"/rights/{kind}/{row.uid}/act/", verb="merge", into=other_row.uid)


def _link(person: Person, rng: random.Random) -> None:
    """Say that a recording of the catalogue embodies a work."""
    work, recording = _some(Work, rng), _some(Recording, rng)
    if work is not None and recording is not None:
        path = f"/rights/works/{work.uid}/act/"
        person.fill_in(path, verb="link", recording=recording.uid)


def _split(person: Person, rng: random.Random) -> None:
    share = _some(Share, rng, withdrawn_at=None, recording=None)
    if share is not None:
        path = f"/rights/works/{share.work.uid}/act/"
        person.fill_in(path, verb="split", title="Split off", share=[share.uid])


def _settle(person: Person, rng: random.Random) -> None:
    """Open a conflict and settle it, or undo that."""
    conflict = _some(Conflict, rng)
    if conflict is None:
        return
    path = f"/rights/conflicts/{conflict.uid}/"
    person.open(path)
    if conflict.state == ConflictState.SETTLED:
        person.fill_in(f"{path}settle/", verb="undo", revision=conflict.revision)
        return
    person.fill_in(
        f"{path}settle/",
        verb="settle",
        choice=rng.choice(["-", "=", "=EXAMPLE MUSIC", "=nobody"]),
        note=rng.choice(["", "Both are right."]),
        revision=conflict.revision,
    )


def _undo(person: Person, rng: random.Random) -> None:
    kind, model = rng.choice([("works", Work), ("parties", Party)])
    row = _some(model, rng)
    event = last_action(row) if row is not None else None
    if row is not None and event is not None:
        person.fill_in(f"/rights/{kind}/{row.uid}/act/", verb="undo", event=event.sequence)


def rights_hold() -> None:
    """Check that no claim counts twice, and that our shares are what claims say.

    All work is done, so that no check of rights is due.
    """
    shares = Share.objects.filter(withdrawn_at=None, work__merged_into=None)
    # Shares of parties that were merged may be alike.
    shares = shares.exclude(claimant="").exclude(party__aliases__isnull=False)
    claims = Counter(
        (share.work_id, share.recording_id, share.claimant, *share_values(share))
        for share in shares
    )
    twice = [claim for claim, times in claims.items() if times > 1]
    check(not twice, f"claims that count twice: {twice}")
    day = datetime.now(tz=UTC).date()
    with working_for(None):
        recordings = Recording.objects.order_by("pk")
        shares_said = own_shares(recordings, day=day)
        for recording in recordings:
            percent = shares_said[recording.pk]
            check(
                recording.computed_share_pct == percent,
                f"{recording}: stored {recording.computed_share_pct}, shares say {percent}",
            )


def some_rights(rng: random.Random) -> SimpleUploadedFile:
    """Return a small CWR message, sometimes cut off."""
    content = b"".join(cwr(rng.randint(1, 3), first=rng.choice([9, 10, 20])))
    if rng.random() < 0.1:
        content = content[: len(content) // 2]
    return samples.upload(NAME, content)
