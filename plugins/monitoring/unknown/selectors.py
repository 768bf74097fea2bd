"""Read access to repeated unknown sound: items, their figures, where they occur."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import (
    BigIntegerField,
    BooleanField,
    Count,
    Exists,
    F,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _

from base.accounts.reach import sees_everything
from catalogue.models import Recording
from plugins.monitoring.unknown.models import (
    ContainerPlays,
    ItemState,
    KeptFile,
    KeptState,
    Occurrence,
    UnknownItem,
    UnknownPolicy,
)
from review.timeline import Occurs
from scanning.models import Container, ScannedFile

_CONTAINER = "file__scanned_file__container"
_POLICY = "container__unknown_policy"
_ARRIVED = "file__scanned_file__created_at"


class Tab(StrEnum):
    """What a list of items shows; an item is in one at most."""

    UNKNOWN = "unknown"
    WATCHED = "watched"
    NAMED = "named"
    IGNORED = "ignored"
    CLOSED = "closed"


_LEAST_MUSIC_PCT = 50
_HAS_LITTLE_MUSIC = Q(music_pct__isnull=False, music_pct__lt=_LEAST_MUSIC_PCT)
_OF_TAB: Mapping[Tab, Q] = {
    Tab.UNKNOWN: Q(state=ItemState.UNIDENTIFIED, is_watched=False) & ~_HAS_LITTLE_MUSIC,
    Tab.WATCHED: Q(state=ItemState.UNIDENTIFIED, is_watched=True),
    Tab.NAMED: Q(state=ItemState.NAMED),
    Tab.IGNORED: Q(state=ItemState.IGNORED),
    Tab.CLOSED: Q(state__in=[ItemState.MERGED, ItemState.CLOSED]),
}


def present() -> QuerySet[Occurrence]:
    """Return the occurrences that the viewer may see, without those in deleted files."""
    return Occurrence.objects.filter(file__scanned_file__deleted_at__isnull=True)


def items_in_reach() -> QuerySet[UnknownItem]:
    """Return the items with an occurrence that the viewer may see; all without limits.

    Items that were merged or are repeated no longer may have no occurrence left.
    """
    if sees_everything():
        return _every_item()
    return _every_item().filter(Exists(_of_outer_item()))


def _every_item() -> QuerySet[UnknownItem]:
    return UnknownItem.objects.defer("landmarks")


def _of_outer_item() -> QuerySet[ContainerPlays]:
    """Return the figures of the outer item, one row per container the viewer sees."""
    return ContainerPlays.objects.filter(item=OuterRef("pk"))


def _figure(value: Combinable) -> Subquery:
    """Return a figure of the outer item over the containers that the viewer sees."""
    rows = _of_outer_item().order_by().values("item")
    return Subquery(rows.annotate(figure=value).values("figure"))


def with_figures(items: QuerySet[UnknownItem]) -> QuerySet[Any]:  # Any: items with aliases
    """Name ``seen_plays``, ``seen_weight``, ``seen_first``, ``seen_last`` for queries.

    Lists sort and filter by them. Without limits these are the item's own columns;
    otherwise subqueries, of which a query runs only those that it uses.
    """
    if sees_everything():
        return items.alias(
            seen_plays=F("plays"),
            seen_weight=F("weight_ms"),
            seen_first=F("first_at"),
            seen_last=F("last_at"),
        )
    plays = Coalesce(_figure(Sum("plays")), 0)
    return items.alias(
        seen_plays=plays,
        seen_weight=Cast(plays, BigIntegerField()) * F("length_ms"),
        seen_first=_figure(Min("first_at")),
        seen_last=_figure(Max("last_at")),
    )


def list_items(
    *, tab: Tab, container: Container | None = None, text: str = ""
) -> QuerySet[UnknownItem]:
    """Return the items of one list, with the names of ``with_figures``.

    Unknown items count only if they are music for half of their length, and one of their
    containers looks for them: its policy is on, and the item is long enough and was heard
    often enough for it.
    """
    # A place in reach is asked for anyway; to ask twice takes twice as long.
    needs_place = tab == Tab.UNKNOWN or container is not None
    items = _every_item() if needs_place else items_in_reach()
    items = with_figures(items).filter(_OF_TAB[tab])
    places = _of_outer_item()
    if container is not None:
        places = places.filter(container=container)
    if tab == Tab.UNKNOWN:
        places = _counting(places)
    if needs_place:
        items = items.filter(Exists(places))
    return items.filter(_says(text)) if text else items


def _counting(places: QuerySet[ContainerPlays]) -> QuerySet[ContainerPlays]:
    """Leave the containers for which the outer item counts."""
    default = {field.name: field.default for field in UnknownPolicy._meta.fields}
    return places.annotate(
        counts=Coalesce(
            F(f"{_POLICY}__is_on"), Value(default["is_on"]), output_field=BooleanField()
        ),
        shortest_ms=Coalesce(F(f"{_POLICY}__least_seconds"), Value(default["least_seconds"]))
        * 1000,
        fewest=Coalesce(F(f"{_POLICY}__least_count"), Value(default["least_count"])),
    ).filter(
        counts=True, shortest_ms__lte=OuterRef("length_ms"), fewest__lte=OuterRef("seen_plays")
    )


def _says(text: str) -> Q:
    """Return the condition that an item has the text in its label, or is called so."""
    label = Q(label__icontains=text)
    if not sees_everything():
        # What was named has the title of its recording as label.
        label &= Q(recording=None) | Q(recording__in=Recording.objects.all())
    says = label | Q(uid=text)
    number = text.lstrip("#")
    word = (_("Unknown %(number)s") % {"number": ""}).strip().casefold()
    if text.casefold().startswith(word):
        number = text[len(word) :].strip()
    if word.startswith(text.casefold()):
        says |= Q(label="")
    # No key has more digits, and databases refuse larger numbers.
    if number.isascii() and number.isdecimal() and len(number) <= 12:
        says |= Q(pk=int(number))
    return says


def by_weight(items: QuerySet[UnknownItem]) -> QuerySet[UnknownItem]:
    """Order items by the minutes that the viewer may see, most first."""
    return with_figures(items).order_by("-seen_weight", "pk")


def search(text: str) -> QuerySet[UnknownItem]:
    """Return the unknown items that a person can choose by label or number."""
    items = by_weight(items_in_reach()).filter(state=ItemState.UNIDENTIFIED)
    return items.filter(_says(text)) if text else items


def find_items(text: str, uids: Iterable[str]) -> QuerySet[UnknownItem]:
    """Return the items of any state with these uids, or else so labelled or numbered."""
    items = by_weight(items_in_reach())
    by_uid = items.filter(uid__in=list(uids))
    return by_uid if by_uid.exists() else items.filter(_says(text))


def titles(items: Iterable[UnknownItem]) -> dict[int, str]:
    """Return what items are called, by primary key: their label, or else their number.

    The label of a named item is the title of its recording, which a person may not see.
    """
    listing = list(items)
    named = {item.recording_id for item in listing if item.recording_id}
    visible = named
    if named and not sees_everything():
        rows = Recording.objects.filter(pk__in=named)
        visible = set(rows.values_list("pk", flat=True))
    return {
        item.pk: item.label
        if item.label and (item.recording_id is None or item.recording_id in visible)
        else _("Unknown %(number)s") % {"number": item.pk}
        for item in listing
    }


def title_of(item: UnknownItem) -> str:
    """Return what one item is called."""
    return titles([item])[item.pk]


@dataclass(frozen=True, slots=True)
class ItemFigures:
    """What the viewer may know of an item's occurrences."""

    plays: int = 0
    containers: int = 0
    only_container: str = ""
    files: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None


def figures(items: Iterable[UnknownItem]) -> dict[int, ItemFigures]:
    """Return the figures of the items of one page by primary key, with one query."""
    rows = (
        ContainerPlays.objects.filter(item__in=list(items))
        .order_by()
        .values("item")
        .annotate(
            all_plays=Sum("plays"),
            containers=Count("container"),
            name=Min("container__name"),
            all_files=Sum("files"),
            first=Min("first_at"),
            last=Max("last_at"),
        )
    )
    return {
        row["item"]: ItemFigures(
            plays=row["all_plays"],
            containers=row["containers"],
            only_container=row["name"] if row["containers"] == 1 else "",
            files=row["all_files"],
            first_at=row["first"],
            last_at=row["last"],
        )
        for row in rows
    }


def occurrences_of(item: UnknownItem) -> QuerySet[Occurrence]:
    """Return where an item was heard, latest file first."""
    return (
        present()
        .filter(item=item)
        .select_related(_CONTAINER)
        .order_by(f"-{_ARRIVED}", "-file", "start_ms", "pk")
    )


@dataclass(frozen=True, slots=True)
class Copy:
    """The interval of a file by which an item is heard and drawn."""

    file: ScannedFile
    start_ms: int
    end_ms: int
    item_start_ms: int

    @property
    def item_end_ms(self) -> int:
        """Return where the copy ends in the item."""
        return self.item_start_ms + self.end_ms - self.start_ms


def best_copies(items: Sequence[UnknownItem]) -> dict[int, Copy]:
    """Return the best copy of each item that the viewer may hear, by primary key.

    If the best of all is deleted or hidden, it is the occurrence with most of the item.
    Two queries serve a whole page.
    """
    kept_files = KeptFile.objects.filter(
        pk__in=[item.best_file_id for item in items if item.best_file_id],
        scanned_file__deleted_at__isnull=True,
    ).select_related("scanned_file__container")
    files = {kept_file.pk: kept_file.scanned_file for kept_file in kept_files}
    copies = {
        item.pk: Copy(
            files[item.best_file_id], item.best_start_ms, item.best_end_ms, item.best_item_start_ms
        )
        for item in items
        if item.best_file_id in files
    }
    missing = [item for item in items if item.pk not in copies]
    if not missing:
        return copies
    most = (
        present()
        .filter(item=OuterRef("item"))
        .annotate(part=F("item_end_ms") - F("item_start_ms"))
        .order_by("-part", "-bits", "pk")
        .values("pk")[:1]
    )
    next_best = present().filter(item__in=missing, pk=Subquery(most))
    for occurrence in next_best.select_related(_CONTAINER):
        copies[occurrence.item_id] = Copy(
            occurrence.file.scanned_file,
            occurrence.start_ms,
            occurrence.end_ms,
            occurrence.item_start_ms,
        )
    return copies


@dataclass(frozen=True, slots=True)
class HeardFile:
    """How often an item was heard in the files of one moment and container."""

    container: str
    at: datetime
    file: str
    plays: int
    occurrence: int
    first_row: int


def heard(item: UnknownItem) -> list[HeardFile]:
    """Return where an item was heard over time, one entry per file, latest first.

    ``occurrence`` is the key of the file's first one, ``first_row`` its place in
    ``occurrences_of``.
    """
    rows = occurrences_of(item).values_list(
        f"{_CONTAINER}__name", _ARRIVED, "file__scanned_file__name", "file", "pk"
    )
    counted: dict[int, int] = defaultdict(int)
    first: dict[int, tuple[int, int, str, datetime, str]] = {}
    for number, (container, at, name, file, key) in enumerate(rows.iterator()):
        counted[file] += 1
        first.setdefault(file, (number, key, container, at, name))
    return [
        HeardFile(container, at, name, counted[file], key, number)
        for file, (number, key, container, at, name) in first.items()
    ]


@dataclass(frozen=True, slots=True)
class Minutes:
    """How much of the compared sound is unknown, and how much of that repeats."""

    unknown_ms: int
    again_ms: int


def minutes() -> Minutes:
    """Return how much sound is unknown, and how much of that was heard again.

    What people named or ignored is known now, even before its files are scanned again.
    """
    kept_files = KeptFile.objects.filter(scanned_file__deleted_at__isnull=True)
    unmatched = kept_files.aggregate(ms=Sum("unmatched_ms"))["ms"] or 0
    length = F("end_ms") - F("start_ms")
    settled = Q(item__state__in=[ItemState.NAMED, ItemState.IGNORED])
    sums = present().aggregate(
        again=Sum(length, filter=Q(item__state=ItemState.UNIDENTIFIED)),
        settled=Sum(length, filter=settled),
    )
    again = sums["again"] or 0
    return Minutes(max(unmatched - (sums["settled"] or 0), again), again)


def waiting_count() -> int:
    """Return how many files are still to be compared."""
    return KeptFile.objects.filter(
        state__in=[KeptState.WAITING, KeptState.COMPARING], scanned_file__deleted_at__isnull=True
    ).count()


def newest_revision() -> int:
    """Return a number that rises with each comparison, which no audit event tells of."""
    newest: int | None = KeptFile.objects.aggregate(newest=Max("revision"))["newest"]
    return newest or 0


def is_off_everywhere() -> bool:
    """Return whether no container that the viewer sees looks for repeated sound."""
    on = Container.objects.present().exclude(unknown_policy__is_on=False)
    return not on.exists()


def occurrences_in(files: Iterable[int]) -> Mapping[int, list[Occurs]]:
    """Return the unknown sound that repeats in each file; one query."""
    by_file: dict[int, list[Occurs]] = defaultdict(list)
    rows = (
        present()
        .filter(file__scanned_file__in=list(files))
        .exclude(item__state__in=[ItemState.IGNORED, ItemState.MERGED])
        .exclude(
            item__state=ItemState.UNIDENTIFIED,
            item__is_watched=False,
            item__music_pct__lt=_LEAST_MUSIC_PCT,
        )
        .order_by("start_ms", "pk")
    )
    for file, start, end, uid, label in rows.values_list(
        "file__scanned_file", "start_ms", "end_ms", "item__uid", "item__label"
    ):
        url = reverse("portal:unknown_item", args=[uid])
        by_file[file].append(Occurs(start, end, uid, label, url))
    return by_file


def places_of_item(
    item: str, file: ScannedFile, span: tuple[int, int], most: int
) -> list[tuple[ScannedFile, int, int]]:
    """Return the first other places, with their times, of the part of an item of unknown
    sound that a span of a file holds.
    """
    unknown_item = items_in_reach().filter(uid=item).first()
    if unknown_item is None:
        return []
    occurrences = occurrences_of(unknown_item)
    start, end = span
    here = occurrences.filter(file__scanned_file=file, start_ms__lt=end, end_ms__gt=start).first()
    if here is None:
        return []
    # Of music that something interrupts, each part occurs alone.
    alike = occurrences.exclude(pk=here.pk).filter(
        item_start_ms__lt=here.item_end_ms, item_end_ms__gt=here.item_start_ms
    )
    return [
        (occurrence.file.scanned_file, occurrence.start_ms, occurrence.end_ms)
        for occurrence in alike[:most]
    ]
