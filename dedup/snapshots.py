"""Snapshots, as JSON, of the rows that an action on duplicates changes.

The dedup audit events keep these, so that an undo can check for later changes and
restore the rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import combinations
from typing import Any, TypeAlias

from django.utils import timezone

from catalogue.models import Recording
from dedup.merging import COLUMNS
from dedup.models import DedupGroup, DedupMember, PairLink

Row: TypeAlias = dict[str, Any]  # Any: a column's value
Snapshot: TypeAlias = dict[str, Any]  # Any: JSON


def take(recordings: Sequence[Recording], *, group_uid: str) -> Snapshot:
    """Return the recordings, their groups, and which pairs and canonicals people chose."""
    pks = [recording.pk for recording in recordings]
    rows = Recording.objects.filter(pk__in=pks).select_related("merged_into")
    by_pk = {row.pk: row for row in rows}
    kept_links = PairLink.objects.filter(one__in=pks, other__in=pks)
    return {
        "recordings": {row.uid: _row(row) for row in by_pk.values()},
        "kept": {
            f"{by_pk[link.one_id].uid} {by_pk[link.other_id].uid}": {
                "at": link.kept_at.isoformat() if link.kept_at else None,
                "by": link.kept_by_id,
            }
            for link in kept_links
        },
        "groups": [
            {
                "uid": group.uid,
                "kind": group.kind,
                "members": [member.recording.uid for member in group.members.all()],
            }
            for group in DedupGroup.objects.filter(members__recording__in=pks)
            .distinct()
            .prefetch_related("members__recording")
        ],
        "pinned": list(
            DedupMember.objects.filter(recording__in=pks, pinned=True)
            .order_by("pk")
            .values_list("recording__uid", "group__uid")
        ),
        "group": group_uid,
    }


def differences(snapshot: Snapshot) -> list[str]:
    """Return the titles of recordings that changed since the snapshot."""
    rows = Recording.objects.filter(uid__in=list(snapshot["recordings"]))
    return [
        row.title
        for row in rows.select_related("merged_into")
        if _row(row) != snapshot["recordings"][row.uid]
    ]


def restore(snapshot: Snapshot) -> None:
    """Restore recordings and "keep apart" decisions from the snapshot."""
    uids = list(snapshot["recordings"])
    pks = dict(Recording.objects.filter(uid__in=uids).values_list("uid", "pk"))
    for uid, row in snapshot["recordings"].items():
        columns = {name: row[name] for name in (*COLUMNS, "own_isrc", "filled_names", "status")}
        into = row["merged_into"]
        target = Recording.objects.get(uid=into) if into else None
        # Not ``save``: it would also write columns that other people changed.
        Recording.objects.filter(uid=uid).update(
            **columns, merged_into=target, updated_at=timezone.now()
        )
    for first, second in combinations(sorted(uids, key=pks.__getitem__), 2):
        decision = snapshot["kept"].get(f"{first} {second}")
        links = PairLink.objects.filter(one=pks[first], other=pks[second])
        if decision is None:
            # The link existed only to remember the decision that is now undone.
            links.filter(runs=[], kind="").delete()
            links.update(kept_at=None, kept_by=None)
        else:
            at = datetime.fromisoformat(decision["at"]) if decision["at"] else None
            links.update(kept_at=at, kept_by=decision["by"])


def restore_groups(snapshot: Snapshot) -> None:
    """Recreate groups that are gone; the next grouping adds their links."""
    for saved in snapshot["groups"]:
        group, made = DedupGroup.objects.get_or_create(
            uid=saved["uid"], defaults={"kind": saved["kind"]}
        )
        if made:
            DedupMember.objects.bulk_create(
                DedupMember(group=group, recording=recording)
                for recording in Recording.objects.filter(uid__in=saved["members"])
            )


def restore_pins(snapshot: Snapshot) -> None:
    """Pin the canonical recordings that were pinned."""
    places = DedupMember.objects.filter(recording__uid__in=list(snapshot["recordings"]))
    places.update(pinned=False)
    for uid, group in snapshot["pinned"]:
        places.filter(recording__uid=uid, group__uid=group).update(pinned=True)


def _row(recording: Recording) -> Row:
    into = recording.merged_into
    return {
        **{name: getattr(recording, name) for name in COLUMNS},
        "own_isrc": recording.own_isrc,
        "filled_names": recording.filled_names,
        "status": recording.status,
        "merged_into": into.uid if into else None,
    }
