"""Joins assets to recordings, and recordings that share their sound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.db.models import Q, QuerySet

from base.common.batches import batched
from catalogue.identifiers import check_isrc
from catalogue.models import Bucket, Recording
from catalogue.owners.models import RightsRecording, Work
from catalogue.sounds import sounds_of
from plugins.claims.choices import LinkedBy, Platform
from plugins.claims.models import PlatformAsset, PlatformClaim
from scanning.sources.link_keys import is_on, youtube_video

_AT_ONCE = 400


class Code(StrEnum):
    """What an identifier is compared with."""

    OWN = "own"
    ISRC = "isrc"
    ISWC = "iswc"


@dataclass(frozen=True, slots=True)
class Ids:
    """What identifies an asset's recording: the column, how it counts, its value."""

    linked_by: LinkedBy
    code: Code
    value: str


def ids_of(asset: PlatformAsset) -> list[Ids]:
    """Return an asset's identifiers, the one that decides first at the front."""
    custom = asset.custom_id or asset.claimed_custom_id
    ids = [Ids(LinkedBy.CUSTOM_ID, Code.OWN, custom)] if custom else []
    for how, text in (
        (LinkedBy.YOUR_ISRC, asset.your_isrc),
        (LinkedBy.DISPLAY_ISRC, asset.display_isrc),
        (LinkedBy.CLAIM_ISRC, asset.claimed_isrc),
    ):
        if isrc := check_isrc(text).normalised:
            ids.append(Ids(how, Code.ISRC, isrc))
    # Many recordings share a work, so it says nothing of an asset that is one of them.
    if asset.claimed_iswc and asset.is_composition:
        ids.append(Ids(LinkedBy.CLAIM_ISWC, Code.ISWC, asset.claimed_iswc))
    return ids


_HOSTS: Final = {
    Platform.META: ("facebook.com", "fb.watch", "instagram.com"),
    Platform.SOUNDCLOUD: ("soundcloud.com",),
    Platform.TIKTOK: ("tiktok.com",),
}


def platform_of(url: str) -> Platform | None:
    """Return the platform that a link leads to, if it is one whose claims can be known."""
    if youtube_video(url):
        return Platform.YOUTUBE
    return next((name for name, hosts in _HOSTS.items() if is_on(url, hosts)), None)


def merged_with(assets: Collection[int]) -> QuerySet[PlatformAsset]:
    """Return the assets that the platform merged with some, without these."""
    rows = PlatformAsset.objects.filter(Q(whole__in=assets) | Q(parts__in=assets))
    return rows.exclude(pk__in=assets).distinct()


def link_assets(assets: Sequence[PlatformAsset]) -> list[int]:
    """Link assets to recordings by their identifiers; return the keys of those changed.

    A link by a person stays. Of several recordings that fit, those that share one sound
    count as one. An asset without a fitting identifier goes where those do that the
    platform merged with it.
    """
    changed = []
    for some in batched(assets, _AT_ONCE):
        moved = []
        for asset, (recording, how) in find_links(some):
            if (asset.recording_id, asset.linked_by) != (recording, how):
                asset.recording_id, asset.linked_by = recording, how
                moved.append(asset)
        PlatformAsset.objects.bulk_update(moved, ["recording", "linked_by"], batch_size=_AT_ONCE)
        note_moved(moved)
        changed += [asset.pk for asset in moved]
    return changed


def note_moved(assets: Sequence[PlatformAsset]) -> None:
    """Let programs that follow claims see that their recording is another one."""
    if assets:
        PlatformClaim.objects.filter(asset__in=assets).update()


Choice = tuple[int | None, LinkedBy]


def find_links(
    assets: Sequence[PlatformAsset], merged: Sequence[PlatformAsset] | None = None
) -> list[tuple[PlatformAsset, Choice]]:
    """Return where assets belong by their identifiers, except those that people linked.

    ``merged`` are the assets that they are merged with, if these are not stored so.
    """
    some = [asset for asset in assets if asset.linked_by != LinkedBy.PERSON]
    chosen = _choose_recordings(some)
    unlinked = [asset for asset in some if chosen[asset.pk][1] == LinkedBy.NOTHING]
    chosen |= _chosen_by_merge(unlinked, _merged_with(unlinked) if merged is None else merged)
    return [(asset, chosen[asset.pk]) for asset in some]


def _merged_with(assets: Sequence[PlatformAsset]) -> list[PlatformAsset]:
    rows = PlatformAsset.objects.filter(
        Q(pk__in=[asset.whole_id for asset in assets if asset.whole_id])
        | Q(whole__in=[asset.pk for asset in assets])
    )
    return list(rows.select_related("recording__merged_into"))


def _choose_recordings(assets: Sequence[PlatformAsset]) -> dict[int, Choice]:
    """Return the recording of each asset by its own identifiers, and how it is known."""
    ids = {asset.pk: ids_of(asset) for asset in assets}
    fitting = _fitting([identifier for some in ids.values() for identifier in some])
    return {key: _choose(some, fitting) for key, some in ids.items()}


def _chosen_by_merge(
    assets: Sequence[PlatformAsset], relatives: Sequence[PlatformAsset]
) -> dict[int, Choice]:
    """Return the recording of each asset that was merged with one that has one."""
    if not relatives:
        return {}
    chosen = _choose_recordings(relatives)
    by_people = [asset for asset in relatives if asset.linked_by == LinkedBy.PERSON]
    sounds = sounds_of(asset.recording for asset in by_people if asset.recording)
    for relative in by_people:
        chosen[relative.pk] = sounds.get(relative.recording_id or 0), LinkedBy.PERSON
    near: dict[int, set[int | None]] = defaultdict(set)
    for relative in relatives:
        near[relative.whole_id or 0].add(chosen[relative.pk][0])
    choices: dict[int, Choice] = {}
    for asset in assets:
        of_whole = chosen.get(asset.whole_id or 0, (None, LinkedBy.NOTHING))[0]
        fitting = (near[asset.pk] | {of_whole}) - {None}
        if len(fitting) == 1:
            choices[asset.pk] = fitting.pop(), LinkedBy.MERGED
        elif fitting:
            choices[asset.pk] = None, LinkedBy.AMBIGUOUS
    return choices


def _choose(ids: Iterable[Ids], fitting: Mapping[tuple[Code, str], set[int]]) -> Choice:
    for identifier in ids:
        sounds = fitting.get((identifier.code, identifier.value), set())
        if len(sounds) == 1:
            return min(sounds), identifier.linked_by
        if sounds:
            return None, LinkedBy.AMBIGUOUS
    return None, LinkedBy.NOTHING


def _fitting(ids: Iterable[Ids]) -> dict[tuple[Code, str], set[int]]:
    """Return the canonical recordings that have each identifier."""
    values: dict[Code, set[str]] = {code: set() for code in Code}
    for identifier in ids:
        values[identifier.code].add(identifier.value)
    rows = Recording.objects.select_related("merged_into")
    # The index begins with the bucket.
    buckets = list(Bucket.objects.values_list("pk", flat=True))
    named = list(rows.filter(bucket__in=buckets, custom_id__in=values[Code.OWN]))
    isrcs = values[Code.ISRC]
    coded = list(rows.filter(Q(isrc_normalised__in=isrcs) | Q(own_isrc__in=isrcs)) if isrcs else [])
    of_works = recordings_of_iswcs(values[Code.ISWC])
    recordings = [*named, *coded, *(recording for some in of_works.values() for recording in some)]
    sounds = sounds_of(recordings)
    by_identifier: dict[tuple[Code, str], set[int]] = defaultdict(set)
    for recording in named:
        if recording.pk in sounds:
            by_identifier[Code.OWN, recording.custom_id].add(sounds[recording.pk])
    for recording in coded:
        if recording.pk in sounds:
            for isrc in {recording.isrc_normalised, recording.own_isrc} & isrcs:
                by_identifier[Code.ISRC, isrc].add(sounds[recording.pk])
    for iswc, some in of_works.items():
        by_identifier[Code.ISWC, iswc] = {
            sounds[recording.pk] for recording in some if recording.pk in sounds
        }
    return by_identifier


def recordings_of_iswcs(iswcs: Collection[str]) -> dict[str, list[Recording]]:
    """Return the recordings of the works with each ISWC, and those that name it."""
    if not iswcs:
        return {}
    by_iswc: dict[str, list[Recording]] = defaultdict(list)
    rows = Recording.objects.select_related("merged_into")
    for recording in rows.filter(iswc__in=iswcs):
        by_iswc[recording.iswc].append(recording)
    works = Work.objects.filter(iswc__in=iswcs)
    records = RightsRecording.objects.filter(Q(works__in=works) | Q(works__aliases__in=works))
    by_isrc: dict[str, set[str]] = defaultdict(set)
    by_key: dict[int, set[str]] = defaultdict(set)
    for isrc, key, iswc, aliased in records.values_list(
        "isrc", "recording", "works__iswc", "works__aliases__iswc"
    ):
        named = {iswc, aliased} & set(iswcs)
        if isrc:
            by_isrc[isrc] |= named
        if key:
            by_key[key] |= named
    of_records = rows.filter(
        Q(isrc_normalised__in=by_isrc) | Q(own_isrc__in=by_isrc) | Q(pk__in=by_key)
    )
    for recording in of_records if by_isrc or by_key else []:
        for iswc in (
            by_isrc.get(recording.isrc_normalised, set())
            | by_isrc.get(recording.own_isrc, set())
            | by_key.get(recording.pk, set())
        ):
            by_iswc[iswc].append(recording)
    return by_iswc
