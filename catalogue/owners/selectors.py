"""Read access to rights: who owns what where, and the records that a viewer may see.

A person with access limits sees what concerns a recording that they see, and what
concerns no recording of the catalogue.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from base.accounts.reach import sees_every_bucket
from catalogue.models import Recording
from catalogue.owners import ledger, tis
from catalogue.owners.choices import ROLES, ConflictKind, ConflictState, Right, ShareKind
from catalogue.owners.models import Conflict, Party, Release, RightsRecording, Share, Work
from catalogue.owners.records import Record, column_of, rights_records
from catalogue.owners.shares import chosen_of, shares_of

Row = TypeVar("Row", Work, Party)
_ABOUT_SHARES = (ConflictKind.OVER, ConflictKind.OVERLAP)
_RIGHTS = list(Right)


@dataclass(frozen=True, slots=True)
class OwnedShare:
    """Who has which share of what, in which countries, and who says so."""

    record: Work | RightsRecording
    share: Share
    right: Right
    kind: ShareKind
    party: Party
    role: str
    percent: Decimal | None
    countries: frozenset[str]
    claimants: tuple[str, ...]
    is_disputed: bool

    @property
    def territory(self) -> str:
        """Return the countries in few words, in those of the claim if all are left."""
        if self.countries == ledger.countries_of(self.share):
            return tis.in_words(self.share.included, self.share.excluded)
        return tis.described(self.countries)

    @property
    def role_label(self) -> str:
        """Return the role in words."""
        return role_label(self.role)


@dataclass(frozen=True, slots=True)
class Rights:
    """What is known of the rights of a recording on a day."""

    day: date
    countries: frozenset[str] | None
    owners: list[OwnedShare]
    works: list[Work]
    releases: list[Release]
    conflicts: list[Conflict]
    claimed: frozenset[ledger.Group]
    """The rights and kinds of which anybody has a share, on any day in any country."""

    @property
    def is_known(self) -> bool:
        """Return whether anything is known."""
        return bool(self.claimed or self.works or self.releases)

    def exceeds(self, right: Right) -> bool:
        """Return whether its records together give away more than all of a right.

        Recordings that were merged can have owners who know nothing of each other. A
        party with shares in several records counts with the largest.
        """
        shares: dict[str, dict[int, dict[int, Decimal]]] = {}
        for row in self.owners:
            if row.right != right or row.kind != ShareKind.OWNERSHIP:
                continue
            for country in row.countries:
                parties = shares.setdefault(country, {})
                records = parties.setdefault(row.party.pk, {})
                size = records.get(row.record.pk, Decimal()) + (row.percent or 0)
                records[row.record.pk] = size
        return any(
            sum(max(records.values()) for records in parties.values()) > ledger.MOST_PERCENT
            for parties in shares.values()
        )

    @property
    def territory(self) -> str:
        """Return the countries that were asked for; "" for all."""
        return "" if self.countries is None else tis.described(self.countries)


def role_label(role: str) -> str:
    """Return a role in words; roles that only a message knows stay as they are."""
    return str(ROLES.get(role, role))


def recordings_in_reach() -> QuerySet[RightsRecording]:
    """Return the recordings with rights that the viewer may see."""
    rows = RightsRecording.objects.all()
    if sees_every_bucket():
        return rows
    # Without the limits: whether there is any recording at all.
    anywhere: QuerySet[Recording] = QuerySet(Recording)
    return rows.filter(
        Exists(_in_catalogue(Recording.objects.all())) | ~Exists(_in_catalogue(anywhere))
    )


def _in_catalogue(recordings: QuerySet[Recording]) -> QuerySet[Recording]:
    """Leave the catalogue recordings for which the outer record stands."""
    return recordings.filter(
        Q(isrc_normalised=OuterRef("isrc")) & ~Q(isrc_normalised="")
        | Q(own_isrc=OuterRef("isrc")) & ~Q(own_isrc="")
        | Q(rights_record=OuterRef("pk"))
    )


def works_in_reach() -> QuerySet[Work]:
    """Return the works that the viewer may see, and those merged into one of them."""
    rows = Work.objects.all()
    if sees_every_bucket():
        return rows
    seen = recordings_in_reach().filter(works=OuterRef("pk"))
    own = rows.filter(Q(recordings__isnull=True, merged_into=None) | Exists(seen))
    return _with_merged(rows, own)


def releases_in_reach() -> QuerySet[Release]:
    """Return the releases that the viewer may see."""
    rows = Release.objects.all()
    if sees_every_bucket():
        return rows
    seen = recordings_in_reach().filter(releases=OuterRef("pk"))
    return rows.filter(Q(recordings__isnull=True) | Exists(seen)).distinct()


def parties_in_reach() -> QuerySet[Party]:
    """Return the parties that the viewer may see, and those merged into one of them.

    These have or collect a share in something that the viewer sees, or in nothing.
    """
    rows = Party.objects.all()
    if sees_every_bucket():
        return rows
    # Not one subquery for each party, since that reads all works again.
    seen = shares_in_reach()
    any_share = Share.objects.filter(Q(party=OuterRef("pk")) | Q(controlled_by=OuterRef("pk")))
    own = rows.filter(
        Q(pk__in=seen.values("party"))
        | Q(pk__in=seen.values("controlled_by"))
        | Q(~Exists(any_share), merged_into=None)
    )
    return _with_merged(rows, own)


def _with_merged(rows: QuerySet[Row], own: QuerySet[Row]) -> QuerySet[Row]:
    """Return these rows, and those that were finally merged into one of them."""
    paths = ["merged_into"]
    while rows.filter(**{f"{paths[0]}__merged_into__isnull": False}).exists():
        paths.insert(0, f"{paths[0]}__merged_into")
    stays = Coalesce(*paths, "pk")
    return rows.alias(stays=stays).filter(stays__in=own.values("pk"))


def shares_in_reach() -> QuerySet[Share]:
    """Return the shares in works and recordings that the viewer may see."""
    rows = Share.objects.all()
    if sees_every_bucket():
        return rows
    works, sounds = works_in_reach().values("pk"), recordings_in_reach().values("pk")
    return rows.filter(Q(work__in=works) | Q(recording__in=sounds))


def conflicts_in_reach() -> QuerySet[Conflict]:
    """Return the conflicts of records that the viewer may see."""
    rows = Conflict.objects.select_related("work", "recording", "release")
    if sees_every_bucket():
        return rows
    return rows.filter(
        Q(work__in=works_in_reach().values("pk"))
        | Q(recording__in=recordings_in_reach().values("pk"))
        | Q(release__in=releases_in_reach().values("pk"))
    )


def rights_of(recording: Recording, *, day: date, territories: Iterable[str] = ()) -> Rights:
    """Return who owns what of a catalogue recording, on a day, in some territories.

    ``territories`` are codes of ``tis``; none are all countries.
    """
    codes = [code for code in territories if code]
    countries = tis.expand(codes) if codes else None
    records = list(rights_records(recording))
    works = Work.objects.filter(recordings__in=records, merged_into=None).distinct()
    releases = Release.objects.filter(recordings__in=records).distinct()
    conflicts = Conflict.objects.filter(state=ConflictState.OPEN).filter(
        Q(work__in=works) | Q(recording__in=records) | Q(release__in=releases)
    )
    owners: list[OwnedShare] = []
    subjects: list[Work | RightsRecording] = [*records, *works.order_by("pk")]
    for record in subjects:
        owners += owners_of(record, day=day, countries=countries)
    shares = Share.objects.filter(withdrawn_at__isnull=True).filter(
        Q(work__in=works) | Q(recording__in=records)
    )
    return Rights(
        day=day,
        countries=countries,
        owners=owners,
        works=list(works.order_by("pk")),
        releases=list(releases.order_by("pk")),
        conflicts=list(conflicts.select_related("work", "recording", "release")),
        claimed=frozenset(shares.values_list("right", "kind")),
    )


def owners_of(
    record: Work | RightsRecording, *, day: date, countries: frozenset[str] | None = None
) -> list[OwnedShare]:
    """Return who owns and collects what of a work or recording on a day."""
    held = ledger.held(
        list(shares_of(record)), day=day, countries=countries, chosen=chosen_of(record)
    )
    disputed = _disputed(record)
    rows = [
        OwnedShare(
            record=record,
            share=holding.share,
            right=Right(holding.share.right),
            kind=ShareKind(holding.share.kind),
            party=holding.share.party,
            role=holding.share.role,
            percent=holding.share.percent,
            countries=holding.countries,
            claimants=holding.claimants,
            is_disputed=(holding.share.right, holding.share.kind) in disputed,
        )
        for holding in held
    ]
    return sorted(
        rows,
        key=lambda row: (
            row.kind != ShareKind.OWNERSHIP,
            _RIGHTS.index(row.right),
            -len(row.countries),
            -(row.percent or 0),
        ),
    )


def _disputed(record: Record) -> set[ledger.Group]:
    rows = Conflict.objects.filter(
        **{column_of(record): record}, kind__in=_ABOUT_SHARES, state=ConflictState.OPEN
    )
    return set(rows.values_list("right", "share_kind"))


def names_of(party: Party) -> list[str]:
    """Return the party's name, and those of the parties that were merged into it."""
    names: list[str] = []
    level = [party]
    while level:
        names += [str(member) for member in level]
        level = list(Party.objects.filter(merged_into__in=level))
    return names
