"""Joins assets to recordings, and recordings that share their sound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db.models import Q

from catalogue.identifiers import check_isrc
from catalogue.models import Bucket, Recording, RecordingStatus
from platforms.choices import LinkedBy, Platform
from platforms.models import PlatformAsset
from scanning.sources.link_keys import is_on, youtube_video

_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Ids:
    """What identifies an asset's recording: the column, how it counts, its value."""

    linked_by: LinkedBy
    value: str
    is_isrc: bool


def ids_of(asset: PlatformAsset) -> list[Ids]:
    """Return an asset's identifiers, the one that decides first at the front."""
    custom = asset.custom_id or asset.claimed_custom_id
    found = [Ids(LinkedBy.CUSTOM_ID, custom, is_isrc=False)] if custom else []
    for how, text in (
        (LinkedBy.YOUR_ISRC, asset.your_isrc),
        (LinkedBy.DISPLAY_ISRC, asset.display_isrc),
        (LinkedBy.CLAIM_ISRC, asset.claimed_isrc),
    ):
        if isrc := check_isrc(text).normalised:
            found.append(Ids(how, isrc, is_isrc=True))
    return found


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


def sounds_of(recordings: Iterable[Recording]) -> dict[int, int]:
    """Return the canonical recording of each, by key; given-up ones are left out."""
    found = {}
    for recording in recordings:
        stays = recording.stands_for_it
        if stays.status != RecordingStatus.RETIRED:
            found[recording.pk] = stays.same_sound_as_id or stays.pk
    return found


def members_of(sounds: Collection[int]) -> dict[int, int]:
    """Return the canonical recording of all that share or were merged into a sound."""
    found = {pk: pk for pk in sounds}
    same = Recording.objects.filter(same_sound_as__in=sounds)
    found |= {
        pk: sound for pk, sound in same.values_list("pk", "same_sound_as") if sound
    }
    latest = dict(found)
    while latest:
        merged = Recording.objects.filter(merged_into__in=latest)
        latest = {
            pk: latest[into]
            for pk, into in merged.values_list("pk", "merged_into")
            if into and pk not in found
        }
        found |= latest
    return found


def link_assets(assets: Sequence[PlatformAsset]) -> list[int]:
    """Link assets to recordings by their identifiers; return the keys of those changed.

    A link by a person stays. Of several recordings that fit, those that share one sound
    count as one.
    """
    changed = []
    for first in range(0, len(assets), _AT_ONCE):
        some = [
            asset
            for asset in assets[first : first + _AT_ONCE]
            if asset.linked_by != LinkedBy.PERSON
        ]
        fitting = _fitting([ids for asset in some for ids in ids_of(asset)])
        moved = []
        for asset in some:
            recording, how = _choose(ids_of(asset), fitting)
            if (asset.recording_id, asset.linked_by) != (recording, how):
                asset.recording_id, asset.linked_by = recording, how
                moved.append(asset)
        PlatformAsset.objects.bulk_update(
            moved, ["recording", "linked_by"], batch_size=_AT_ONCE
        )
        changed += [asset.pk for asset in moved]
    return changed


def _choose(
    ids: Iterable[Ids], fitting: dict[tuple[bool, str], set[int]]
) -> tuple[int | None, LinkedBy]:
    for each in ids:
        sounds = fitting.get((each.is_isrc, each.value), set())
        if len(sounds) == 1:
            return min(sounds), each.linked_by
        if sounds:
            return None, LinkedBy.AMBIGUOUS
    return None, LinkedBy.NOTHING


def _fitting(ids: Iterable[Ids]) -> dict[tuple[bool, str], set[int]]:
    """Return the canonical recordings that have each identifier."""
    customs = {each.value for each in ids if not each.is_isrc}
    isrcs = {each.value for each in ids if each.is_isrc}
    rows = Recording.objects.select_related("merged_into")
    # The index begins with the bucket.
    buckets = list(Bucket.objects.values_list("pk", flat=True))
    named = list(rows.filter(bucket__in=buckets, custom_id__in=customs))
    coded = list(
        rows.filter(Q(isrc_normalised__in=isrcs) | Q(own_isrc__in=isrcs))
        if isrcs
        else []
    )
    sounds = sounds_of({each.pk: each for each in [*named, *coded]}.values())
    found: dict[tuple[bool, str], set[int]] = defaultdict(set)
    for recording in named:
        if recording.pk in sounds:
            found[False, recording.custom_id].add(sounds[recording.pk])
    for recording in coded:
        if recording.pk in sounds:
            for isrc in {recording.isrc_normalised, recording.own_isrc} & isrcs:
                found[True, isrc].add(sounds[recording.pk])
    return found
