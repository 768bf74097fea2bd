"""Unknown items as rows and as the engine's values, and how rows become what it says.

Whoever changes items computes without a lock, which takes seconds, and writes in one
transaction that begins with ``unchanged``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

import base.audit.services
from base.audit.services import EventDraft
from plugins.monitoring.unknown.figures import refresh_figures
from plugins.monitoring.unknown.landmarks import stored
from plugins.monitoring.unknown.models import ItemState, Occurrence, UnknownItem
from recognition.recurring import items as engine
from recognition.recurring.items import Item
from recognition.recurring.renewal import common_ms
from recognition.recurring.sounds import Load
from recognition.speech_track import SoundKind

# The machine may change these items only.
_OPEN: Final = Q(state__in=[ItemState.UNIDENTIFIED, ItemState.CLOSED], settled=False)
# Milliseconds by which an extent may change without being reported, or searched again.
_SAME_MS: Final = 1_000
_GROWN_MS: Final = 2_000
# A best copy is kept if the new one has hardly more bits, and the same speed.
_AS_GOOD: Final = 0.9
_SAME_TEMPO: Final = 0.002
_COLUMNS: Final = [
    "file_id" if field.name == "file" else field.name for field in fields(engine.FoundOccurrence)
]


@dataclass(frozen=True, slots=True)
class StoredItem:
    """An item and its occurrences as they were read, with the keys of their rows."""

    row: UnknownItem
    keys: Mapping[engine.FoundOccurrence, int]

    def item(self, occurrences: Collection[engine.FoundOccurrence]) -> Item:
        """Return the item with these occurrences, at least one."""
        row = self.row
        best = self.best_of(occurrences) or max(occurrences, key=engine.fullest)
        ordered = sorted(occurrences, key=engine.place_of)
        return Item(row.length_ms, best, tuple(ordered))

    def best_of(
        self, occurrences: Collection[engine.FoundOccurrence]
    ) -> engine.FoundOccurrence | None:
        """Return which of the occurrences is the row's best copy, if it is there."""
        place = self.row.best_file_id, self.row.best_start_ms
        return next(
            (occurrence for occurrence in occurrences if engine.place_of(occurrence) == place), None
        )

    def keeping_best(self, item: Item) -> Item:
        """Return the item's new state with its best copy, unless another is much better.

        Otherwise good copies would take turns, and each turn moves the item's times.
        """
        former = self.best_of(self.keys)
        now = former and _same_place(former, item.occurrences)
        if (
            former is None
            or now is None
            or abs(item.length_ms - self.row.length_ms) >= _SAME_MS
            or abs(now.tempo_ratio - 1) > _SAME_TEMPO
            or now.bits < _AS_GOOD * item.best.bits
        ):
            return item
        remaining = [occurrence for occurrence in item.occurrences if occurrence != now]
        ordered = sorted([former, *remaining], key=engine.place_of)
        return Item(self.row.length_ms, former, tuple(ordered))


def open_items(which: Q) -> list[StoredItem]:
    """Return the items of the machine that fit the condition, with all occurrences."""
    return _with_occurrences(UnknownItem.objects.filter(_OPEN, which))


def settled_items(which: Q) -> list[StoredItem]:
    """Return the items with a settled extent that fit the condition."""
    rows = UnknownItem.objects.filter(which, settled=True)
    return _with_occurrences(rows.exclude(state=ItemState.MERGED))


def owners_of(numbers: Collection[int]) -> dict[int, int]:
    """Return which item has the occurrences of each: another one for merged items."""
    owners = {number: number for number in numbers}
    merged = UnknownItem.objects.filter(state=ItemState.MERGED).values_list
    while into := dict(merged("pk", "merged_into").filter(pk__in=[*owners.values()])):
        owners = {number: into.get(owner, owner) or 0 for number, owner in owners.items()}
    return owners


def in_files(files: Collection[int]) -> Q:
    """Return the condition that an item occurs in one of the files."""
    inside = Occurrence.objects.filter(file__in=files)
    return Q(pk__in=inside.values("item"))


def _with_occurrences(rows: Iterable[UnknownItem]) -> list[StoredItem]:
    items = sorted(rows, key=lambda row: row.pk)
    held: dict[int, dict[engine.FoundOccurrence, int]] = defaultdict(dict)
    occurrences = Occurrence.objects.filter(item__in=[row.pk for row in items])
    ordered = occurrences.order_by("file", "start_ms", "pk")
    for item, key, *values in ordered.values_list("item", "pk", *_COLUMNS):
        held[item][engine.FoundOccurrence(*values)] = key
    return [StoredItem(row, held[row.pk]) for row in items]


def locked_items() -> QuerySet[UnknownItem]:
    """Return items locked in the order of their keys, so that two writers cannot deadlock."""
    return UnknownItem.objects.select_for_update().order_by("pk")


def unchanged(items: Iterable[StoredItem]) -> bool:
    """Lock the rows of items; return whether they are still as they were read."""
    read = {
        stored_item.row.pk: (stored_item.row.version, stored_item.keys) for stored_item in items
    }
    now = _with_occurrences(locked_items().filter(pk__in=read))
    return {
        stored_item.row.pk: (stored_item.row.version, stored_item.keys) for stored_item in now
    } == read


@dataclass
class Rewriting:
    """Writes what the engine says about items; ``load`` reads their best copies.

    ``prepare`` every item first. Call the other methods in the transaction, in which
    nothing else may run, and ``end`` last.
    """

    load: Load

    def __post_init__(self) -> None:
        self._copies: dict[engine.FoundOccurrence, bytes] = {}
        self._music: dict[engine.FoundOccurrence, int | None] = {}
        self._changed: dict[int, UnknownItem] = {}
        self._events: list[EventDraft] = []

    def prepare(self, item: Item, before: StoredItem | None = None) -> Item:
        """Return what an item is to become, and read its best copy if that is new."""
        if before is not None:
            item = before.keeping_best(item)
        if before is None or not _is_best(before.row, item):
            landmarks = item.landmarks(self.load)
            self._copies[item.best] = stored(landmarks, item.best.length_ms)
            self._music[item.best] = self._music_pct(item.best)
        return item

    def _music_pct(self, best: engine.FoundOccurrence) -> int | None:
        """Return how much of a copy is music; None if nobody can tell."""
        track = self.load(best.file).speech((best.start_ms, best.end_ms))
        pieces = list(track.pieces(0, best.length_ms))
        musical = [piece for piece in pieces if piece.kind in (SoundKind.MUSIC, SoundKind.BOTH)]
        if not pieces:
            return None
        music_ms = sum(piece.end_ms - piece.start_ms for piece in musical)
        return round(100 * music_ms / best.length_ms)

    def make(self, item: Item) -> UnknownItem:
        """Store a new item."""
        row = UnknownItem(length_ms=item.length_ms)
        self._take_best(row, item)
        row.save()
        self.set_occurrences(StoredItem(row, {}), item.occurrences)
        self._tell(row, action="unknown.found", after=_facts(row, item))
        return row

    def renew(self, before: StoredItem, item: Item) -> None:
        """Update an item from the engine's result; a closed one opens again."""
        row, former_extent = before.row, _extent(before.row)
        returns = row.state == ItemState.CLOSED
        has_new_best = not _is_best(row, item)
        if has_new_best:
            if item.length_ms - row.length_ms >= _GROWN_MS:
                row.searched_to = 0
            self._take_best(row, item)
        if returns or has_new_best:
            row.state, row.merged_into = ItemState.UNIDENTIFIED, None
            row.version += 1
            row.save()
        self.set_occurrences(before, item.occurrences)
        if returns:
            self._tell(row, action="unknown.returned", after=_facts(row, item))
        elif _differs(former_extent, _extent(row)):
            former = before.best_of(before.keys)
            is_gone = not former or not _same_place(former, item.occurrences)
            self._tell(
                row,
                action="unknown.changed",
                before=former_extent,
                after=_extent(row),
                note=_why_changed(former_extent, _extent(row), is_gone=is_gone),
            )

    def close(
        self,
        before: StoredItem,
        remaining: Sequence[engine.FoundOccurrence],
        into: UnknownItem | None = None,
    ) -> None:
        """Close an item with the few occurrences left to it, if it is not closed yet.

        ``into`` is the item that has taken its place.
        """
        row = before.row
        self.set_occurrences(before, remaining)
        if row.state == ItemState.CLOSED and row.merged_into == into:
            return
        row.state, row.merged_into = ItemState.CLOSED, into
        row.version += 1
        row.save(update_fields=["state", "merged_into", "version", "updated_at"])
        after: dict[str, Any] = {"plays": len(remaining)}  # Any: JSON
        note = _("Fewer than two occurrences are left.")
        if into is not None:
            after["item"] = into.uid
            note = _("Another item has taken its place: %(item)s.") % {"item": into.uid}
        self._tell(
            row, action="unknown.closed", before={"plays": len(before.keys)}, after=after, note=note
        )

    def close_unrenewed(
        self, unrenewed: Iterable[tuple[StoredItem, Item]], now: Sequence[tuple[UnknownItem, Item]]
    ) -> None:
        """Close the items that are no longer among those of ``now``."""
        taken: dict[int, list[engine.FoundOccurrence]] = defaultdict(list)
        for _row, item in now:
            for occurrence in item.occurrences:
                taken[occurrence.file].append(occurrence)
        for stored_item, item in unrenewed:
            remaining = [
                occurrence
                for occurrence in item.occurrences
                if not engine.is_inside(occurrence, taken, engine.INSIDE)
            ]
            self.close(stored_item, remaining, None if remaining else _heir(item, now))

    def set_occurrences(
        self, before: StoredItem, occurrences: Sequence[engine.FoundOccurrence]
    ) -> None:
        """Replace an item's occurrences."""
        row, new, old = before.row, set(occurrences), before.keys.keys()
        gone = [before.keys[occurrence] for occurrence in old - new]
        row.occurrences.filter(pk__in=gone).delete()
        Occurrence.objects.bulk_create(
            Occurrence(item=row, **_columns(occurrence))
            for occurrence in sorted(new - old, key=engine.place_of)
        )
        if new != old:
            self._changed[row.pk] = row

    def end(self) -> None:
        """Write figures and events."""
        refresh_figures(self._changed.values())
        if self._events:
            base.audit.services.record_all(self._events)

    def _take_best(self, row: UnknownItem, item: Item) -> None:
        best = item.best
        row.length_ms = item.length_ms
        row.best_file_id = best.file
        row.best_start_ms, row.best_end_ms = best.start_ms, best.end_ms
        row.best_item_start_ms = best.item_start_ms
        row.landmarks, row.music_pct = self._copies[best], self._music[best]
        self._changed[row.pk] = row

    def _tell(
        self,
        row: UnknownItem,
        *,
        action: str,
        before: dict[str, Any] | None = None,  # Any: JSON
        after: dict[str, Any],  # Any: JSON
        note: str = "",
    ) -> None:
        case = f"unknown:{row.uid}"
        event = EventDraft(case=case, action=action, before=before or {}, after=after, note=note)
        self._events.append(event)


def _columns(occurrence: engine.FoundOccurrence) -> dict[str, Any]:  # Any: as each column has it
    values = [getattr(occurrence, field.name) for field in fields(occurrence)]
    return dict(zip(_COLUMNS, values, strict=True))


def _same_place(
    former: engine.FoundOccurrence, occurrences: Iterable[engine.FoundOccurrence]
) -> engine.FoundOccurrence | None:
    """Return the occurrence that lies where a former one does, within a second."""
    for occurrence in occurrences:
        distances = (
            abs(occurrence.start_ms - former.start_ms),
            abs(occurrence.end_ms - former.end_ms),
        )
        if occurrence.file == former.file and max(distances) < _SAME_MS:
            return occurrence
    return None


def _is_best(row: UnknownItem, item: Item) -> bool:
    best = item.best
    now = (item.length_ms, best.file, best.start_ms, best.end_ms, best.item_start_ms)
    return now == (
        row.length_ms,
        row.best_file_id,
        row.best_start_ms,
        row.best_end_ms,
        row.best_item_start_ms,
    )


def _extent(row: UnknownItem) -> dict[str, Any]:  # Any: JSON
    """Return what an event tells of an item's extent; no name of a file, which some
    may not see.
    """
    best = row.best_file
    return {
        "length_ms": row.length_ms,
        "best_file": str(best.scanned_file.uid) if best else "",
        "best_start_ms": row.best_start_ms,
        "best_end_ms": row.best_end_ms,
    }


def _facts(row: UnknownItem, item: Item) -> dict[str, Any]:  # Any: JSON
    files = {occurrence.file for occurrence in item.occurrences}
    return _extent(row) | {"plays": len(item.occurrences), "files": len(files)}


def _differs(former: Mapping[str, Any], current: Mapping[str, Any]) -> bool:
    moved = [abs(former[name] - current[name]) for name in former if name != "best_file"]
    return bool(former["best_file"] != current["best_file"] or max(moved) >= _SAME_MS)


def _why_changed(was: Mapping[str, Any], now: Mapping[str, Any], *, is_gone: bool) -> str:
    longer = now["length_ms"] - was["length_ms"]
    if longer >= _SAME_MS:
        return _("More of it was heard.")
    if longer <= -_SAME_MS:
        return _("Its occurrences have less in common.")
    if is_gone:
        return _("Its best copy is matched now, or no longer compared.")
    return _("A better copy was found.")


def _heir(item: Item, now: Sequence[tuple[UnknownItem, Item]]) -> UnknownItem | None:
    """Return the row of the item that has most of an item's occurrences, if any."""
    shared = {row: common_ms(item, candidate) for row, candidate in now}
    heir = max(shared, key=lambda row: (shared[row], -row.pk), default=None)
    return heir if heir is not None and shared[heir] else None
