"""Which recordings share one sound, by the keys of their canonical recordings."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from catalogue.models import Recording, RecordingStatus


def sounds_of(recordings: Iterable[Recording]) -> dict[int, int]:
    """Return the canonical recording of each, by key; given-up ones are left out."""
    sounds = {}
    # The same recording often comes as several objects.
    for recording in {member.pk: member for member in recordings}.values():
        stays = recording.stands_for_it
        if stays.status != RecordingStatus.RETIRED:
            sounds[recording.pk] = stays.same_sound_as_id or stays.pk
    return sounds


def members_of(sounds: Collection[int]) -> dict[int, int]:
    """Return the canonical recording of all that share or were merged into a sound."""
    members = {pk: pk for pk in sounds}
    same = Recording.objects.filter(same_sound_as__in=sounds)
    members |= {pk: sound for pk, sound in same.values_list("pk", "same_sound_as") if sound}
    latest = dict(members)
    while latest:
        merged = Recording.objects.filter(merged_into__in=latest)
        latest = {
            pk: latest[into]
            for pk, into in merged.values_list("pk", "merged_into")
            if into and pk not in members
        }
        members |= latest
    return members
