"""Reads what trials have compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Concat

from catalogue.models import Recording, RecordingStatus
from plugins.moving.models import EngineTrial, Moved, MovedKind, TrialRow
from plugins.moving.trials.figures import AGREED
from plugins.moving.trials.places import places, uids_of
from scanning.models import Container

_MS_PER_HOUR = 3_600_000


@dataclass(frozen=True, slots=True)
class ComparedScans:
    """What both engines scanned or heard, and the finds that are not compared.

    ``unpaired`` are files there that none here is like, or several. ``unheard`` plays
    came there while a stream was not heard here; ``other_days`` are those of which the
    account gave no usable plays.
    """

    files: int
    length_ms: int
    streams: int
    streams_ms: int
    own_catalogue: int
    not_in_both: int
    below_floor: int
    unpaired: int
    unheard: int
    other_days: int

    @property
    def hours(self) -> Decimal:
        """Return how long the files are together, without streams."""
        return Decimal(self.length_ms) / _MS_PER_HOUR

    @property
    def stream_hours(self) -> Decimal:
        """Return how long streams were heard."""
        return Decimal(self.streams_ms) / _MS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Known:
    """The recordings that both can find, and those that one alone can."""

    in_both: int
    only_there: int
    only_here: int


@dataclass(frozen=True, slots=True)
class EdgeDistances:
    """How far apart the engines place the edges of what both found, in ms."""

    median_ms: int
    most_ms: int
    """95 % of the edges are not farther apart."""


def compared_in(trial: EngineTrial) -> ComparedScans:
    """Return the totals of a trial's files."""
    scanned = Q(their_scan__isnull=False) | ~Q(their_file="")
    sums = trial.files.aggregate(
        files=Count("pk", filter=scanned),
        length_ms=Sum("duration_ms", filter=scanned, default=0),
        streams_ms=Sum("duration_ms", filter=~scanned, default=0),
        own_catalogue=Sum("own_catalogue", default=0),
        not_in_both=Sum("not_in_both", default=0),
        below_floor=Sum("below_floor", default=0),
    )
    days = trial.stream_days.values()
    return ComparedScans(
        unpaired=trial.unpaired,
        streams=len(uids_of(trial)),
        unheard=sum(day.get("unheard", 0) for day in days),
        other_days=sum(day.get("other_day", 0) for day in days),
        **sums,
    )


def known_to(trial: EngineTrial) -> Known:
    """Return how many recordings of the account and of the containers can be compared."""
    moved = Moved.objects.filter(account=trial.account, kind=MovedKind.RECORDING).exclude(case="")
    compared = Q(pk__in=trial.containers.values("pk"))
    for place in places:
        compared |= place.containers(trial)
    containers = Container.objects.filter(compared)
    recordings = Recording.objects.filter(
        status=RecordingStatus.READY, bucket__in=containers.values("buckets")
    )
    case = Concat(Value("recording:"), OuterRef("uid"))
    there = moved.aggregate(count=Count("case", distinct=True))["count"]
    here = recordings.count()
    in_both = recordings.filter(Exists(moved.filter(case=case))).count()
    return Known(in_both, there - in_both, here - in_both)


def rows_of(trial: EngineTrial) -> QuerySet[TrialRow]:
    """Return what was compared."""
    return TrialRow.objects.filter(file__trial=trial)


def waiting_rows(trial: EngineTrial) -> QuerySet[TrialRow]:
    """Return what waits for a judgement, in the order of chance."""
    waiting = Q(judged="", sampled=True)
    return (
        rows_of(trial)
        .filter(waiting)
        .select_related("file__scanned_file", "file__trial", "recording", "match")
        .order_by("draw", "pk")
    )


def edge_distances(trial: EngineTrial) -> EdgeDistances | None:
    """Return the distances of the edges; None if the engines never agreed."""
    rows = rows_of(trial).filter(kind__in=AGREED)
    apart = sorted(
        abs(ours - theirs)
        for starts_and_ends in rows.values_list(
            "our_start_ms", "their_start_ms", "our_end_ms", "their_end_ms"
        ).iterator()
        for ours, theirs in (starts_and_ends[:2], starts_and_ends[2:])
        if ours is not None and theirs is not None
    )
    if not apart:
        return None
    return EdgeDistances(_nearest(apart, 50), _nearest(apart, 95))


def _nearest(values: Sequence[int], percent: int) -> int:
    """Return the least value that so many percent do not exceed."""
    return values[max(0, -(-len(values) * percent // 100) - 1)]
