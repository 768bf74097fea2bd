"""Searches earlier files for items found since, in slices; what joining misses.

New items are searched together, file after file; those that come meanwhile wait for
the next round. Files compared after an item was found are searched for it anyway.
"""

from __future__ import annotations

from time import monotonic

from django.db import transaction
from django.db.models import Q

from base.jobs import clock
from base.jobs.context import JobContext
from plugins.monitoring.unknown.items import Rewriting, StoredItem, open_items, unchanged
from plugins.monitoring.unknown.landmarks import searchable
from plugins.monitoring.unknown.models import ItemState, KeptFile, Occurrence, UnknownItem
from plugins.monitoring.unknown.planning import to_search
from plugins.monitoring.unknown.sounds import Sounds, read_sound
from recognition.recurring.back import numbered_back
from recognition.recurring.clipping import clipped
from review import intervals
from review.intervals import Interval

# Long enough to read each item's landmarks once, short enough to let people go first.
SLICE_SECONDS = 20.0


def run(context: JobContext) -> None:
    """Search file after file for one slice of time; the rest waits for the next one."""
    began = monotonic()
    while to_search().exists():
        _search_next(context)
        if monotonic() - began >= SLICE_SECONDS:
            context.wait_until(clock.now())


def _search_next(context: JobContext) -> None:
    """Search the items of this round in the next file; end the round after the last."""
    reached = to_search().order_by("-searched_to").values_list("searched_to", flat=True)
    position = reached[0] or 0
    this_round = Q(pk__in=to_search().filter(searched_to=position).values("pk"))
    joined = KeptFile.objects.filter(revision__isnull=False, pk__gt=position)
    kept_file = joined.order_by("pk").first()
    if kept_file is None:
        to_search().filter(searched_to=position).update(searched_to=None)
        return
    stored_items = open_items(this_round)
    item_keys = [stored_item.row.pk for stored_item in stored_items]
    # Where the best copy of another item lies, one may turn out to be a part of it.
    best_copies_here = Q(best_file=kept_file, state=ItemState.UNIDENTIFIED)
    stored_items += open_items(best_copies_here & ~this_round)
    items = [stored_item.item(stored_item.keys) for stored_item in stored_items]
    sounds = Sounds(context.report)
    free_intervals = _free_intervals(kept_file, stored_items)
    sounds.give(read_sound(kept_file, kept_file.fingerprint_name, free_intervals))
    back = numbered_back(
        items,
        [kept_file.pk],
        load=sounds,
        stored=[searchable(stored_item.row) for stored_item in stored_items],
    )
    searched = [
        (number, cut)
        for number, item in back
        for cut in clipped([item], {kept_file.pk: free_intervals}.get)
    ]
    rewriting = Rewriting(sounds)
    now = [(number, rewriting.prepare(item, stored_items[number])) for number, item in searched]
    with transaction.atomic():
        revision = KeptFile.objects.filter(pk=kept_file.pk).values_list("revision")
        if revision.first() != (kept_file.revision,) or not unchanged(stored_items):
            return
        for number, item in now:
            rewriting.renew(stored_items[number], item)
        stays = {number for number, _ in now}
        rewriting.close_unrenewed(
            [
                (stored_item, items[number])
                for number, stored_item in enumerate(stored_items)
                if number not in stays
            ],
            [(stored_items[number].row, item) for number, item in now],
        )
        rewriting.end()
        UnknownItem.objects.filter(pk__in=item_keys).update(searched_to=kept_file.pk)


def _free_intervals(kept_file: KeptFile, items: list[StoredItem]) -> list[Interval]:
    """Return where nothing matches in a file, and no other item occurs."""
    of_others = Occurrence.objects.filter(file=kept_file).exclude(
        item__in=[stored_item.row.pk for stored_item in items]
    )
    claimed = of_others.values_list("start_ms", "end_ms")
    unmatched = [(start, end) for start, end in kept_file.unmatched]
    return intervals.without(unmatched, claimed)
