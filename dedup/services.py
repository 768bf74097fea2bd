"""Finds duplicates and keeps their groups. Running it again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import transaction

from audit.services import record
from catalogue.models import Bucket, Recording
from dedup import comparing, grouping, selectors
from dedup.grouping import Group
from dedup.models import DedupGroup, DedupMember


@dataclass(slots=True)
class DedupRun:
    """What a check of one bucket found, and what it changed."""

    bucket: Bucket
    recordings: int = 0
    pairs_compared: int = 0
    groups: list[Group] = field(default_factory=list)
    created: int = 0
    changed: int = 0
    removed: int = 0


def find_duplicates(*, bucket: Bucket, dry_run: bool = False) -> DedupRun:
    """Compare the recordings of a bucket and bring its groups up to date.

    Nothing is written on a dry run; ``groups`` says what was found either way.
    """
    recordings = list(selectors.recordings_to_compare(bucket=bucket))
    links = selectors.exact_links(recordings)
    pairs = comparing.candidate_pairs(
        bucket=bucket,
        recordings=recordings,
        known={(link.one, link.other) for link in links},
    )
    links += comparing.same_audio_links(pairs=pairs, recordings=recordings)
    by_pk = {recording.pk: recording for recording in recordings}
    run = DedupRun(
        bucket=bucket,
        recordings=len(recordings),
        pairs_compared=len(pairs),
        groups=grouping.groups(links=links, recordings=by_pk),
    )
    if not dry_run:
        _keep(run, by_pk)
    return run


@transaction.atomic
def _keep(run: DedupRun, recordings: dict[int, Recording]) -> None:
    """Write what differs: a group keeps its identity while a member remains in it."""
    free = {
        group.pk: group
        for group in selectors.groups_of_bucket(bucket=run.bucket).select_for_update(
            of=("self",)
        )
    }
    owners = {
        member.recording_id: pk
        for pk, group in free.items()
        for member in group.members.all()
    }
    wanted = [(found, _owner(found, owners, free)) for found in run.groups]
    for group in free.values():
        _end(group)
        run.removed += 1
    for found, kept in wanted:
        _write(run, found, kept, recordings)


def _owner(
    found: Group, owners: dict[int, int], free: dict[int, DedupGroup]
) -> DedupGroup | None:
    """Take the oldest group that holds a member, if none has taken it yet."""
    pks = sorted(
        {owners[place.recording] for place in found if place.recording in owners}
    )
    return next((free.pop(pk) for pk in pks if pk in free), None)


def _end(group: DedupGroup) -> None:
    record(
        case=f"dedup:{group.uid}",
        action="dedup.ended",
        before={"members": _members(group)},
    )
    group.delete()


def _write(
    run: DedupRun,
    found: Group,
    kept: DedupGroup | None,
    recordings: dict[int, Recording],
) -> None:
    before = _members(kept) if kept else []
    after = [_described(place, recordings) for place in found]
    if before == sorted(after, key=lambda member: str(member["recording"])):
        return
    group = kept or DedupGroup.objects.create()
    pks = [place.recording for place in found]
    DedupMember.objects.filter(recording_id__in=pks).delete()
    group.members.all().delete()
    DedupMember.objects.bulk_create(
        DedupMember(
            group=group,
            recording_id=place.recording,
            kind=place.kind,
            linked_to_id=place.linked_to,
            canonical=place.linked_to is None,
        )
        for place in found
    )
    if kept:
        kept.save(update_fields=["updated_at"])
        run.changed += 1
    else:
        run.created += 1
    record(
        case=f"dedup:{group.uid}",
        action="dedup.changed" if kept else "dedup.found",
        before={"members": before},
        after={"members": after},
    )


def _described(
    place: grouping.Place, recordings: dict[int, Recording]
) -> dict[str, object]:
    linked_to = place.linked_to
    return {
        "recording": recordings[place.recording].uid,
        "kind": place.kind,
        "linked_to": None if linked_to is None else recordings[linked_to].uid,
    }


def _members(group: DedupGroup) -> list[dict[str, object]]:
    members = group.members.select_related("recording", "linked_to").order_by(
        "recording__uid"
    )
    return [
        {
            "recording": member.recording.uid,
            "kind": member.kind,
            "linked_to": member.linked_to.uid if member.linked_to else None,
        }
        for member in members
    ]
