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
    kept = joined.order_by("pk").first()
    if kept is None:
        to_search().filter(searched_to=position).update(searched_to=None)
        return
    found = open_items(this_round)
    asked = [one.row.pk for one in found]
    # Where the best copy of another item lies, one may turn out to be a part of it.
    beside = Q(best_file=kept, state=ItemState.UNIDENTIFIED)
    found += open_items(beside & ~this_round)
    items = [one.item(one.keys) for one in found]
    sounds = Sounds(context.report)
    left = _free_intervals(kept, found)
    sounds.give(read_sound(kept, kept.fingerprint_name, left))
    back = numbered_back(
        items,
        [kept.pk],
        load=sounds,
        stored=[searchable(one.row) for one in found],
    )
    searched = [
        (number, cut)
        for number, item in back
        for cut in clipped([item], {kept.pk: left}.get)
    ]
    rewriting = Rewriting(sounds)
    now = [
        (number, rewriting.prepare(item, found[number])) for number, item in searched
    ]
    with transaction.atomic():
        revision = KeptFile.objects.filter(pk=kept.pk).values_list("revision")
        if revision.first() != (kept.revision,) or not unchanged(found):
            return
        for number, item in now:
            rewriting.renew(found[number], item)
        stays = {number for number, _ in now}
        rewriting.close_rest(
            [
                (one, items[number])
                for number, one in enumerate(found)
                if number not in stays
            ],
            [(found[number].row, item) for number, item in now],
        )
        rewriting.end()
        UnknownItem.objects.filter(pk__in=asked).update(searched_to=kept.pk)


def _free_intervals(kept: KeptFile, items: list[FoundItems]) -> list[Interval]:
    """Return where nothing matches in a file, and no other item occurs."""
    of_others = Occurrence.objects.filter(file=kept).exclude(
        item__in=[one.row.pk for one in items]
    )
    taken = of_others.values_list("start_ms", "end_ms")
    unmatched = [(start, end) for start, end in kept.unmatched]
    return intervals.without(unmatched, taken)
