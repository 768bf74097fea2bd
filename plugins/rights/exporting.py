"""Rights as CSV, one line per share, in the columns that the import of rights reads.

A table holds what one source claims, and of recordings and releases only what that
source says of them: imported again under the name of the source, it changes nothing.
Lines of one work stand together. Lines without a share tell which recordings belong to
a work, and which tracks to a release.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from django.db.models import Q, QuerySet

import base.audit.services
from base.accounts.models import User
from catalogue.models import Recording
from catalogue.owners import tis
from catalogue.owners.choices import Right, ShareKind, StatedField
from catalogue.owners.models import (
    Release,
    RightsRecording,
    Share,
    Statement,
    Track,
    Work,
    WorkNumber,
)
from catalogue.owners.selectors import recordings_in_reach, releases_in_reach, works_in_reach
from plugins.rights.claims import RecordingClaim
from plugins.rights.matching import match_key_of
from reports.cells import Cell, ColumnType, Dialect, ValueType, csv_pieces

T = TypeVar("T")
_BATCH: Final = 500
_TEXTS: Final = (
    "custom_id title artists isrc iswc version_title album label release_date "
    "duration_ms work_id work_title party party_ipi party_isni role right kind "
    "share_pct territories valid_from valid_until release_upc grid label_code "
    "controlled_by controlled_by_ipi agreement"
)
_KINDS: Final[Mapping[str, ValueType]] = {
    "artists": ValueType.LIST,
    "territories": ValueType.LIST,
    "duration_ms": ValueType.INTEGER,
    "share_pct": ValueType.DECIMAL,
    "right": ValueType.ENUM,
    "kind": ValueType.ENUM,
    "release_date": ValueType.DATE,
    "valid_from": ValueType.DATE,
    "valid_until": ValueType.DATE,
}
FIELDS: Final = tuple(ColumnType(name, _KINDS.get(name, ValueType.TEXT)) for name in _TEXTS.split())
_RIGHTS: Final[Mapping[str, str]] = {
    Right.PERFORMING: "performing",
    Right.MECHANICAL: "mechanical",
    Right.SYNCHRONISATION: "synchronisation",
    Right.MASTER: "master",
}
_SHARE_KINDS: Final[Mapping[str, str]] = {
    ShareKind.OWNERSHIP: "ownership",
    ShareKind.COLLECTION: "collection",
}
_Line = dict[str, Cell]


def sources() -> list[str]:
    """Return who claims shares that the viewer may see, by name; "" is people here."""
    return sorted(set(_living_shares().values_list("claimant", flat=True)))


def as_csv(*, source: str, user: User | str) -> Iterator[bytes]:
    """Yield a source's claims that the viewer may see, and record the export."""
    base.audit.services.record(
        case="rights", action="rights.exported", actor=user, after={"claimant": source}
    )
    return csv_pieces(rows(source), FIELDS, Dialect())


def rows(source: str) -> Iterator[list[Cell]]:
    """Yield the lines of works, then of recordings, then of releases."""
    for lines in (_works(source), _recordings(source), _releases(source)):
        for line in lines:
            yield [line.get(column.name) for column in FIELDS]


def _living_shares() -> QuerySet[Share]:
    return Share.objects.filter(
        Q(work__in=works_in_reach().values("pk"))
        | Q(recording__in=recordings_in_reach().values("pk")),
        withdrawn_at__isnull=True,
    ).order_by("pk")


def _batches(keys: Iterable[T]) -> Iterator[list[T]]:
    remaining = iter(keys)
    while batch := list(islice(remaining, _BATCH)):
        yield batch


# Works -------------------------------------------------------------------------------


@dataclass(slots=True)
class _SourceShares:
    """What a source says under one number of a work, or without a number."""

    work: Work
    number: str
    iswc: str = ""
    shares: list[Share] = field(default_factory=list)
    recordings: dict[int, RightsRecording] = field(default_factory=dict)

    @property
    def names(self) -> _Line:
        """Return the columns that name the work."""
        number = self.number or ("" if self.iswc else self.work.uid)
        return {"work_id": number, "iswc": self.iswc, "work_title": self.work.title}


def _works(source: str) -> Iterator[_Line]:
    seen = works_in_reach()
    shares = _living_shares().filter(claimant=source)
    keys = seen.filter(merged_into=None).filter(
        Q(pk__in=shares.values("work")) | Q(numbers__claimant=source)
    )
    ordered = keys.order_by("pk").values_list("pk", flat=True).distinct()
    for batch in _batches(ordered.iterator(chunk_size=_BATCH)):
        groups = _groups(batch, source)
        of_source = _Sounds(source)
        of_source.load(recording for group in groups for recording in group.recordings.values())
        for group in groups:
            for share in group.shares:
                yield group.names | _share_line(share)
            for recording in group.recordings.values():
                if line := of_source.line(recording):
                    yield group.names | line
            if not group.shares and not group.recordings:
                yield group.names


def _groups(batch: Sequence[int], source: str) -> list[_SourceShares]:
    """Return the groups of some works.

    Shares that a person moved to another work still belong to their number, and stand
    with it.
    """
    works = Work.objects.in_bulk(batch)
    groups: dict[tuple[int, str], _SourceShares] = {}
    owner: dict[str, int] = {}
    for number in WorkNumber.objects.filter(claimant=source, work__in=batch):
        owner[number.number] = number.work_id
        key = (number.work_id, number.number)
        groups[key] = _SourceShares(works[number.work_id], number.number)
    shares = _living_shares().filter(claimant=source, work__isnull=False)
    mine = shares.filter(Q(work__in=batch, number="") | Q(number__in=owner))
    for share in mine.select_related("party", "controlled_by"):
        place = owner[share.number] if share.number else share.work_id
        if place is None or place not in works:
            continue
        group = groups.setdefault((place, share.number), _SourceShares(works[place], share.number))
        group.shares.append(share)
    _say_iswcs(groups, source)
    _link(list(groups.values()))
    return [groups[key] for key in sorted(groups)]


def _say_iswcs(groups: Mapping[tuple[int, str], _SourceShares], source: str) -> None:
    stated = Statement.objects.filter(
        claimant=source, field=StatedField.ISWC, work__in={work for work, _number in groups}
    )
    for statement in stated:
        group = groups.get((statement.work_id or 0, statement.number))
        if group is not None:
            group.iswc = statement.value


def _places(group: _SourceShares) -> set[int]:
    """Return the works in which a group has shares, its own among them."""
    keys = (share.work_id for share in group.shares)
    return {group.work.pk, *(key for key in keys if key is not None)}


def _link(groups: Sequence[_SourceShares]) -> None:
    """Add the recordings of the works in which a group has shares."""
    works = {key for group in groups for key in _places(group)}
    links: defaultdict[int, list[int]] = defaultdict(list)
    through = Work.recordings.through._default_manager
    for link in through.filter(work__in=works).order_by("rightsrecording_id"):
        links[link.work_id].append(link.rightsrecording_id)
    sounds = recordings_in_reach().in_bulk({key for keys in links.values() for key in keys})
    for group in groups:
        for key in sorted({key for at in _places(group) for key in links[at]}):
            if key in sounds:
                group.recordings[key] = sounds[key]


def _share_line(share: Share) -> _Line:
    collector = share.controlled_by
    return {
        "party": str(share.party),
        "party_ipi": share.party.ipi_name,
        "party_isni": share.party.isni,
        "role": share.role,
        "right": _RIGHTS[share.right],
        "kind": _SHARE_KINDS[share.kind],
        "share_pct": None if share.percent is None else f"{share.percent.normalize():f}",
        "territories": [
            *("WW" if code == tis.WORLD else code for code in share.included or ["WW"]),
            *(f"-{code}" for code in share.excluded),
        ],
        "valid_from": share.valid_from.isoformat() if share.valid_from else None,
        "valid_until": share.valid_until.isoformat() if share.valid_until else None,
        "controlled_by": str(collector) if collector else None,
        "controlled_by_ipi": collector.ipi_name if collector else None,
        "agreement": share.agreement,
    }


# Recordings and releases -------------------------------------------------------------


class _Sounds:
    """What a source says of recordings."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._stated: dict[tuple[int, str], str] = {}
        self._ours: dict[str, str] = {}

    def load(self, recordings: Iterable[RightsRecording]) -> None:
        """Look up the source's statements about these, and our ids for them."""
        rows = {row.pk: row for row in recordings}
        for statement in Statement.objects.filter(claimant=self._source, recording__in=rows):
            key = (statement.recording_id or 0, statement.field)
            self._stated[key] = statement.value
        ours = Recording.objects.filter(
            isrc_normalised__in={row.isrc for row in rows.values()} - {""}
        ).exclude(custom_id="")
        for recording in ours.order_by("-pk"):
            self._ours[recording.isrc_normalised] = recording.custom_id

    def line(self, row: RightsRecording) -> _Line | None:
        """Return the columns of a recording; none if the source cannot name it."""
        title = self._stated.get((row.pk, StatedField.TITLE), "")
        version = ""
        if title == f"{row.title} {row.version_title}".strip():
            title, version = row.title, row.version_title
        length = self._stated.get((row.pk, StatedField.DURATION))
        if not row.isrc:
            claim = RecordingClaim(
                key="",
                title=title,
                version_title=version,
                artists=tuple(row.artists),
                duration_ms=int(length) if length else None,
            )
            if match_key_of(claim, self._source) != row.match_key:
                return None
        return {
            "custom_id": self._ours.get(row.isrc, "") or ("" if row.isrc else row.uid),
            "isrc": row.isrc,
            "title": title,
            "version_title": version,
            "artists": list(row.artists),
            "duration_ms": length,
            "label": row.label,
        }


def _recordings(source: str) -> Iterator[_Line]:
    """Yield the shares in recordings."""
    shares = _living_shares().filter(claimant=source, recording__isnull=False)
    keys = shares.order_by("recording").values_list("recording", flat=True).distinct()
    for batch in _batches(keys.iterator(chunk_size=_BATCH)):
        sounds = _Sounds(source)
        rights_recordings = RightsRecording.objects.in_bulk(batch)
        sounds.load(rights_recordings.values())
        of_batch = shares.filter(recording__in=batch).order_by("recording", "pk")
        for share in of_batch.select_related("party", "controlled_by"):
            line = sounds.line(rights_recordings[share.recording_id or 0])
            if line is not None:
                yield line | _share_line(share)


def _releases(source: str) -> Iterator[_Line]:
    """Yield releases that the source names by UPC or that have a GRid, by track.

    The first line of each has no track, so that its label is not that of a recording.
    """
    stated = Statement.objects.filter(claimant=source, field=StatedField.UPC)
    heard = Statement.objects.filter(claimant=source, recording__isnull=False)
    releases = releases_in_reach().filter(
        Q(pk__in=stated.values("release"))
        | Q(upc="", tracks__recording__in=heard.values("recording")) & ~Q(grid="")
    )
    keys = releases.order_by("pk").values_list("pk", flat=True).distinct()
    for batch in _batches(keys.iterator(chunk_size=_BATCH)):
        upcs = dict(stated.filter(release__in=batch).values_list("release", "value"))
        tracks: defaultdict[int, list[RightsRecording]] = defaultdict(list)
        rows = Track.objects.filter(
            release__in=batch, recording__in=recordings_in_reach().values("pk")
        )
        for track in rows.select_related("recording").order_by("position", "pk"):
            tracks[track.release_id].append(track.recording)
        sounds = _Sounds(source)
        sounds.load(row for of_release in tracks.values() for row in of_release)
        for key, release in sorted(Release.objects.in_bulk(batch).items()):
            names: _Line = {
                "album": release.title,
                "release_upc": upcs.get(key, ""),
                "grid": release.grid,
            }
            yield names | {
                "label": release.label,
                "label_code": release.label_code,
                "release_date": (release.released.isoformat() if release.released else None),
            }
            for recording in tracks[key]:
                if line := sounds.line(recording):
                    # The import takes the label of a line for that of the release too.
                    yield names | line | {"label": None}
