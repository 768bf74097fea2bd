"""What a declaration says of recordings: works, writers, publishers, releases.

Rights go before the recording's own fields. Queries are per chunk, not per recording.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import prefetch_related_objects

from base.common.batches import batched
from catalogue.models import ArtistIdKind, Recording
from catalogue.owners import tis
from catalogue.owners.choices import PUBLISHER_ROLES, WRITER_ROLES
from catalogue.owners.ledger import Group, countries_of, holds_on, is_believed
from catalogue.owners.models import Release, Share, Track, Work, WorkNumber
from catalogue.owners.records import record_keys, works_of
from catalogue.owners.shares import chosen_among, own_shares
from plugins.monitoring.declarations.chunks import CHUNK
from plugins.monitoring.declarations.facts import Contributor, RecordingFacts

_LONG = ("facts", "notes")


def standing_for(keys: Iterable[int]) -> dict[int, Recording]:
    """Return by key the recording itself, or the one into which it was merged.

    Recordings that the viewer may not see are missing.
    """
    by_key: dict[int, Recording] = {}
    missing = set(keys)
    requested = set(missing)
    while missing:
        for chunk in batched(sorted(missing), CHUNK):
            by_key |= Recording.objects.defer(*_LONG).in_bulk(chunk)
        missing = {
            recording.merged_into_id
            for recording in by_key.values()
            if recording.merged_into_id is not None and recording.merged_into_id not in by_key
        } - requested
        requested |= missing
    standing = {}
    for key, recording in by_key.items():
        while recording.merged_into_id in by_key:
            recording = by_key[recording.merged_into_id]
        standing[key] = recording
    return standing


def recording_facts(
    recordings: Collection[Recording], *, day: date, territories: Collection[str]
) -> dict[int, RecordingFacts]:
    """Return the facts about recordings on a day, by key.

    Shares in none of ``territories`` do not count; without any, all do.
    """
    countries = frozenset[str]().union(*(tis.expand([code]) for code in territories if code))
    facts: dict[int, RecordingFacts] = {}
    for chunk in batched(recordings, CHUNK):
        rights = _Rights.of(chunk, day, countries)
        prefetch_related_objects(chunk, "artist_identities")
        for recording in chunk:
            facts[recording.pk] = _facts(recording, rights, day, countries)
    return facts


@dataclass(frozen=True, slots=True)
class _Rights:
    """What rights know of a chunk of recordings, by the recording's key."""

    works: Mapping[int, Sequence[Work]]
    shares: Mapping[int, Sequence[Share]]
    chosen: Mapping[int, Mapping[Group, str]]
    numbers: Mapping[int, Sequence[WorkNumber]]
    releases: Mapping[int, Sequence[Release]]
    own_shares: Mapping[int, Decimal | None]

    @classmethod
    def of(cls, recordings: Sequence[Recording], day: date, countries: frozenset[str]) -> _Rights:
        """Read it, with one query per kind."""
        records = {key: sorted(merged) for key, merged in record_keys(recordings).items()}
        keys = {record for merged in records.values() for record in merged}
        by_record = works_of(keys)
        works = Work.objects.in_bulk({key for work_keys in by_record.values() for key in work_keys})
        shares: dict[int, list[Share]] = defaultdict(list)
        for share in (
            Share.objects.filter(
                work__in=works,
                role__in=[*WRITER_ROLES, *PUBLISHER_ROLES],
                withdrawn_at__isnull=True,
            )
            .select_related("party")
            .order_by("pk")
        ):
            shares[share.work_id or 0].append(share)
        numbers: dict[int, list[WorkNumber]] = defaultdict(list)
        for number in WorkNumber.objects.filter(work__in=works).order_by("pk"):
            numbers[number.work_id].append(number)
        releases: dict[int, list[Release]] = defaultdict(list)
        tracks = Track.objects.filter(recording__in=keys).select_related("release")
        for track in tracks.order_by("release", "pk"):
            releases[track.recording_id].append(track.release)
        return cls(
            works={
                key: [works[work] for work in sorted(_joined(merged, by_record))]
                for key, merged in records.items()
            },
            shares=shares,
            chosen=chosen_among("work", works),
            own_shares=own_shares(recordings, day=day, countries=countries or None),
            numbers=numbers,
            releases={
                key: list(
                    dict.fromkeys(release for record in merged for release in releases[record])
                )
                for key, merged in records.items()
            },
        )


def _joined(records: Iterable[int], of: Mapping[int, set[int]]) -> set[int]:
    return set[int]().union(*(of[record] for record in records if record in of))


def _facts(
    recording: Recording, rights: _Rights, day: date, countries: frozenset[str]
) -> RecordingFacts:
    works = rights.works[recording.pk]
    shares = [
        share
        for work in works
        for share in rights.shares.get(work.pk, ())
        if is_believed(share, rights.chosen.get(work.pk))
        and holds_on(share, day)
        and (not countries or countries & countries_of(share))
    ]
    work = works[0] if len(works) == 1 else None
    releases = rights.releases[recording.pk]
    release = _release(recording, releases)
    days = [release.released for release in releases if release.released]
    entered = recording.entered_share_pct
    return RecordingFacts(
        uid=recording.uid,
        own_id=recording.custom_id or recording.uid,
        title=recording.title,
        version_title=recording.version_title,
        artists=tuple(recording.artists),
        artist_isni=_only_isni(recording),
        isrc=recording.isrc_normalised,
        duration_ms=recording.duration_ms or None,
        label=recording.label or (release.label if release else ""),
        label_code=release.label_code if release else "",
        album=release.title if release else recording.album,
        upc=release.upc if release and release.upc else recording.upc,
        catalogue_number=release.catalogue_number if release else "",
        released=min(days, default=None) or _day(recording.release_date),
        iswc=(work.iswc if work else "") or recording.iswc,
        work_number=_number(rights.numbers.get(work.pk, ())) if work else "",
        writers=_people(shares, WRITER_ROLES) or _named(recording.writers),
        publishers=_people(shares, PUBLISHER_ROLES) or _named(recording.publishers),
        own_share=rights.own_shares[recording.pk] if entered is None else entered,
    )


def _only_isni(recording: Recording) -> str:
    if len(recording.artists) != 1:
        return ""
    ids = recording.artist_identities.all()
    return next((artist_id.value for artist_id in ids if artist_id.kind == ArtistIdKind.ISNI), "")


def _people(shares: Iterable[Share], roles: Collection[str]) -> tuple[Contributor, ...]:
    """Return the parties in some roles, each once, in the order of their shares."""
    people: dict[int, Contributor] = {}
    for share in shares:
        if share.role in roles:
            party = share.party
            people.setdefault(
                party.pk, Contributor(str(party), share.role, party.ipi_name, party.society)
            )
    return tuple(people.values())


def _named(names: Iterable[str]) -> tuple[Contributor, ...]:
    return tuple(Contributor(str(name)) for name in names if name)


def _number(numbers: Sequence[WorkNumber]) -> str:
    """Return our own number of a work, or else the first that a sender gave it."""
    own = [number.number for number in numbers if not number.claimant]
    return next(iter([*own, *(number.number for number in numbers)]), "")


def _release(recording: Recording, releases: Sequence[Release]) -> Release | None:
    """Return the release that the recording's UPC names, or else the earliest."""
    named = [release for release in releases if recording.upc and release.upc == recording.upc]
    return min(
        named or releases,
        key=lambda release: (release.released or date.max, release.pk),
        default=None,
    )


def _day(text: str) -> date | None:
    """Return a whole date; a year or month alone is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
