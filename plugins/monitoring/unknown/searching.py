"""Searches earlier files for items found since, in slices; what joining misses.

New items are searched together, file after file; those that come meanwhile wait for
the next round. Files compared after an item was found are searched for it anyway.
"""

from __future__ import annotations

from time import monotonic

from django.db import transaction
from django.db.models import Q

from jobs import clock
from jobs.context import JobContext
from plugins.monitoring.unknown.items import (
    FoundItems,
    Rewriting,
    open_items,
    unchanged,
)
from plugins.monitoring.unknown.keeping import to_search
from plugins.monitoring.unknown.landmarks import searchable
from plugins.monitoring.unknown.models import (
    ItemState,
    KeptFile,
    Occurrence,
    UnknownItem,
)
from plugins.monitoring.unknown.sounds import Sounds, read_sound
from recognition.recurring.back import numbered_back
from recognition.recurring.clipping import clipped
from review.services import intervals
from review.services.intervals import Interval

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
    found_items = open_items(this_round)
    item_keys = [found_item.row.pk for found_item in found_items]
    # Where the best copy of another item lies, one may turn out to be a part of it.
    beside = Q(best_file=kept_file, state=ItemState.UNIDENTIFIED)
    found_items += open_items(beside & ~this_round)
    items = [found_item.item(found_item.keys) for found_item in found_items]
    sounds = Sounds(context.report)
    free_intervals = _free_intervals(kept_file, found_items)
    sounds.give(read_sound(kept_file, kept_file.fingerprint_name, free_intervals))
    back = numbered_back(
        items,
        [kept_file.pk],
        load=sounds,
        stored=[searchable(found_item.row) for found_item in found_items],
    )
    searched = [
        (number, cut)
        for number, item in back
        for cut in clipped([item], {kept_file.pk: free_intervals}.get)
    ]
    rewriting = Rewriting(sounds)
    now = [
        (number, rewriting.prepare(item, found_items[number]))
        for number, item in searched
    ]
    with transaction.atomic():
        revision = KeptFile.objects.filter(pk=kept_file.pk).values_list("revision")
        if revision.first() != (kept_file.revision,) or not unchanged(found_items):
            return
        for number, item in now:
            rewriting.renew(found_items[number], item)
        stays = {number for number, _ in now}
        rewriting.close_rest(
            [
                (found_item, items[number])
                for number, found_item in enumerate(found_items)
                if number not in stays
            ],
            [(found_items[number].row, item) for number, item in now],
        )
        rewriting.end()
        UnknownItem.objects.filter(pk__in=item_keys).update(searched_to=kept_file.pk)


def _free_intervals(kept_file: KeptFile, items: list[FoundItems]) -> list[Interval]:
    """Return where nothing matches in a file, and no other item occurs."""
    of_others = Occurrence.objects.filter(file=kept_file).exclude(
        item__in=[found_item.row.pk for found_item in items]
    )
    taken = of_others.values_list("start_ms", "end_ms")
    unmatched = [(start, end) for start, end in kept_file.unmatched]
    return intervals.without(unmatched, taken)
