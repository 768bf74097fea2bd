"""Find duplicates and update their groups; running it again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.db import transaction
from django.db.models import F, QuerySet

from base.accounts.reach import working_for
from base.audit.services import record
from catalogue.models import Bucket, Recording
from catalogue.signals import recordings_changed
from dedup import comparing, grouping, loops, selectors
from dedup.grouping import Group, LinkedPair
from dedup.models import GROUPING_KINDS, DedupGroup, DedupMember, DuplicateKind, GroupKind, PairLink
from review.versions import differ

FAMILY_KINDS = (*GROUPING_KINDS, DuplicateKind.SAME_RECORDING)


class CheckContext(Protocol):
    """Follows a check; may raise an exception to stop it."""

    def begin(self, total: int) -> None:
        """Called with the number of recordings to compare."""

    def step(self, compared: int | None) -> None:
        """Called after each recording with its number of pairs; None if it was gone."""


@dataclass(slots=True)
class DedupRun:
    """The results of checking one bucket.

    ``audited`` is off within a person's action, which records one event of its own.
    """

    bucket: Bucket
    audited: bool = True
    recordings: int = 0
    pairs_compared: int = 0
    groups: list[Group] = field(default_factory=list)
    families: list[Group] = field(default_factory=list)
    created: int = 0
    changed: int = 0
    removed: int = 0
    loops: int = 0


def find_duplicates(
    *, bucket: Bucket, dry_run: bool = False, watch: CheckContext | None = None
) -> DedupRun:
    """Compare new recordings of a bucket, and update links, groups and loops.

    Comparisons are kept when a run is stopped, so the next one continues there. A dry
    run writes nothing; ``groups`` holds what was found in either case.
    """
    run = DedupRun(bucket=bucket)
    if dry_run:
        # Comparing takes long, so only the rest is done in a transaction.
        links: list[PairLink] = []
        comparer = comparing.Comparer(bucket)
        _compare_new(run, comparer, lambda outcome: links.extend(outcome.links), watch)
        with transaction.atomic():
            _renew_links(bucket)
            PairLink.objects.bulk_create(links, ignore_conflicts=True)
            _group(run)
            transaction.set_rollback(True)
        return run
    _renew_links(bucket)
    comparer = comparing.Comparer(bucket)
    # Each is kept at once, so that a stopped run loses nothing.
    _compare_new(run, comparer, comparer.keep, watch)
    _group(run)
    return run


def _renew_links(bucket: Bucket) -> None:
    # Audio was replaced, so earlier measurements and decisions no longer apply.
    selectors.outdated_links().filter(one__bucket=bucket).delete()
    write_exact_links(bucket=bucket)


def _group(run: DedupRun) -> None:
    regroup(run)
    run.loops = loops.find_loops(bucket=run.bucket)


def _compare_new(
    run: DedupRun,
    comparer: comparing.Comparer,
    take: Callable[[comparing.Compared], None],
    watch: CheckContext | None,
) -> None:
    bucket = run.bucket
    run.recordings = selectors.recordings_to_compare(bucket=bucket).count()
    waiting = list(selectors.unchecked(bucket=bucket).values_list("pk", flat=True))
    if watch is not None:
        watch.begin(len(waiting))
    for pk in waiting:
        compared = comparer.compare(pk)
        if compared is not None:
            run.pairs_compared += compared.pairs
            take(compared)
        if watch is not None:
            watch.step(None if compared is None else compared.pairs)


def write_exact_links(*, bucket: Bucket) -> None:
    """Link the recordings of a bucket that came as the same bytes.

    Such links replace those by comparison, because they are surer.
    """
    for first, second in selectors.exact_pairs(bucket=bucket):
        link = comparing.link_between(first, second)
        columns = {
            name: getattr(link, name)
            for name in ("kind", "runs", "coverage_one", "coverage_other", "confidence")
        } | {"audio_one": link.audio_one, "audio_other": link.audio_other}
        existing = PairLink.objects.filter(one=link.one, other=link.other)
        if not existing.exists():
            link.save()
        else:
            existing.exclude(kind=DuplicateKind.EXACT_FILE).update(**columns)


@transaction.atomic
def regroup(run: DedupRun, *, around: Recording | None = None) -> None:
    """Make the groups of a bucket follow its links.

    With ``around``, only that recording and everything connected with it is regrouped.
    """
    for kind in GroupKind:
        links = selectors.links_of_bucket(
            bucket=run.bucket, kinds=FAMILY_KINDS if kind == GroupKind.FAMILY else GROUPING_KINDS
        )
        groups = selectors.groups_of_bucket(bucket=run.bucket, kind=kind)
        standing = run.bucket.recordings.all()
        if around is not None:
            reached = grouping.reached(around.pk, links)
            links = [link for link in links if link.first in reached]
            groups = groups.filter(
                pk__in=DedupMember.objects.filter(recording__in=reached).values("group")
            )
            members = DedupMember.objects.filter(group__in=groups)
            reached |= set(members.values_list("recording_id", flat=True))
            standing = standing.filter(pk__in=reached)
        keeping = _Keeping(run, kind, groups)
        new_groups = keeping.grouped(links)
        if kind == GroupKind.FAMILY:
            run.families = new_groups
        else:
            run.groups = new_groups
            _note_who_stands(standing, new_groups)
        keeping.write(new_groups)
    # Of both kinds, the last one reached all recordings.
    _note_families(standing, run.groups, run.families)


def group_new_recording(*, recording: Recording, **_signal: object) -> None:
    """Group a recording that became searchable with those it is linked to.

    Intake links a duplicate that a person adds anyway, so no check is needed first. A
    recording with new audio leaves the group that its earlier audio belonged to.
    """
    with working_for(None), transaction.atomic():
        selectors.outdated_links(recording=recording).delete()
        if not selectors.concerns_groups(recording=recording):
            return
        # The lock makes two recordings that become searchable at once form one group.
        bucket = Bucket.objects.select_for_update().get(pk=recording.bucket_id)
        regroup(DedupRun(bucket=bucket), around=recording)


def _note_who_stands(rows: QuerySet[Recording], groups: Sequence[Group]) -> None:
    """Store in each recording which one represents its sound, for later scans."""
    targets = {place.recording: group[0].recording for group in groups for place in group[1:]}
    # Also those that no longer belong to any group.
    rows = rows.filter(same_sound_as__isnull=False)
    stored = dict(rows.values_list("pk", "same_sound_as_id"))
    _store_group("same_sound_as_id", targets, stored)


def _note_families(
    rows: QuerySet[Recording], groups: Sequence[Group], families: Sequence[Group]
) -> None:
    """Store in each of several versions the first of them, for later scans and titles.

    Recordings of one sound are versions if their metadata say so.
    """
    by_key = Recording.objects.in_bulk({place.recording for group in groups for place in group})
    told_apart = [
        group
        for group in groups
        if any(differ(by_key[group[0].recording], by_key[place.recording]) for place in group)
    ]
    targets = {
        place.recording: group[0].recording for group in (*told_apart, *families) for place in group
    }
    stored = dict(rows.exclude(family=None).values_list("pk", "family_id"))
    _store_group("family_id", targets, stored)


def _store_group(column: str, targets: Mapping[int, int], stored: Mapping[int, int]) -> None:
    """Write the first of its group to each recording where it differs, and tell of it."""
    before = {}
    for pk in targets.keys() | stored.keys():
        if targets.get(pk) != stored.get(pk):
            Recording.objects.filter(pk=pk).update(**{column: targets.get(pk)})
            before[pk] = {column: stored.get(pk)}
    if before:
        recordings_changed.send(sender=Recording, before=before, user=None)


class _Keeping:
    """The groups of one kind in a bucket, before and after regrouping.

    A group keeps its identity while any of its members remains in it.
    """

    def __init__(self, run: DedupRun, kind: GroupKind, rows: QuerySet[DedupGroup]) -> None:
        self._run, self._kind = run, kind
        self._free = {group.pk: group for group in rows.select_for_update(of=("self",))}
        self._owners = {
            member.recording_id: pk
            for pk, group in self._free.items()
            for member in group.members.all()
        }
        self._pinned = {
            member.recording_id
            for group in self._free.values()
            for member in group.members.all()
            if member.pinned
        }
        self._recordings: dict[int, Recording] = {}

    def grouped(self, links: Sequence[LinkedPair]) -> list[Group]:
        """Return the groups that links form; families only if versions differ."""
        pks = {pk for link in links for pk in (link.first, link.second)}
        self._recordings = Recording.objects.in_bulk(pks)
        components = grouping.groups(
            links=links,
            recordings=self._recordings,
            pinned=self._pinned,
            uses=selectors.matches_by_recording(pks),
        )
        if self._kind == GroupKind.SAME_SOUND:
            return components
        versions = {
            pk
            for link in links
            if link.kind == DuplicateKind.SAME_RECORDING
            for pk in (link.first, link.second)
        }
        return [
            group for group in components if any(place.recording in versions for place in group)
        ]

    def write(self, groups: Sequence[Group]) -> None:
        """Write changed groups, and delete groups without members."""
        owned = [(group, self._owner(group)) for group in groups]
        for group in self._free.values():
            if self._run.audited:
                record(
                    case=f"dedup:{group.uid}",
                    action="dedup.ended",
                    before={"members": members_of(group)},
                )
            group.delete()
            self._run.removed += 1
        for places, existing in owned:
            self._write(places, existing)

    def _owner(self, places: Group) -> DedupGroup | None:
        """Take the oldest group that has one of the members and is not taken yet."""
        owners = self._owners
        pks = sorted({owners[place.recording] for place in places if place.recording in owners})
        return next((self._free.pop(pk) for pk in pks if pk in self._free), None)

    def _write(self, places: Group, existing: DedupGroup | None) -> None:
        before = members_of(existing) if existing else []
        after = sorted(
            (_describe_place(place, self._recordings) for place in places),
            key=lambda member: str(member["recording"]),
        )
        if before == after:
            return
        group = existing or DedupGroup.objects.create(kind=self._kind)
        # Rewriting is simpler than a diff and safe: identity is that of the group.
        group.members.all().delete()
        DedupMember.objects.bulk_create(
            DedupMember(
                group=group,
                recording_id=place.recording,
                kind=place.kind,
                linked_to_id=place.linked_to,
                canonical=place.linked_to is None,
                bridge=place.bridge,
                pinned=place.recording in self._pinned,
            )
            for place in places
        )
        if existing:
            DedupGroup.objects.filter(pk=existing.pk).update(version=F("version") + 1)
            existing.refresh_from_db()
            # ``update`` above does not set ``auto_now`` columns.
            existing.save(update_fields=["updated_at"])
            self._run.changed += 1
        else:
            self._run.created += 1
        if self._run.audited:
            record(
                case=f"dedup:{group.uid}",
                action="dedup.changed" if existing else "dedup.found",
                before={"members": before},
                after={"members": after},
            )


def _describe_place(
    place: grouping.GroupPlace, recordings: dict[int, Recording]
) -> dict[str, object]:
    linked_to = place.linked_to
    return {
        "recording": recordings[place.recording].uid,
        "kind": place.kind,
        "linked_to": None if linked_to is None else recordings[linked_to].uid,
        "bridge": place.bridge,
    }


def members_of(group: DedupGroup) -> list[dict[str, object]]:
    """Return the members of a group and their links, in a fixed order."""
    members = group.members.select_related("recording", "linked_to").order_by("recording__uid")
    return [
        {
            "recording": member.recording.uid,
            "kind": member.kind,
            "linked_to": member.linked_to.uid if member.linked_to else None,
            "bridge": member.bridge,
        }
        for member in members
    ]
