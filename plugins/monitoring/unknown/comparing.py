"""Compares the unmatched sound of one file with that of all others, or forgets it.

It brings the rows to what is true now, so it may be repeated. Everything is written in
one transaction; only this machine's join index may run ahead of it, and follows again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from django.db import transaction
from django.db.models import Q

from base.jobs import clock
from base.jobs.context import JobContext
from plugins.monitoring.unknown import joining_index, planning, runs
from plugins.monitoring.unknown.items import (
    Rewriting,
    StoredItem,
    in_files,
    open_items,
    owners_of,
    settled_items,
    unchanged,
)
from plugins.monitoring.unknown.joining_index import FILES, ITEMS, JoinIndex
from plugins.monitoring.unknown.models import KeptFile
from plugins.monitoring.unknown.planning import Truth
from plugins.monitoring.unknown.sounds import Sounds, only_in, read_sound
from recognition.recurring.back import heard
from recognition.recurring.clipping import clipped, within
from recognition.recurring.families import PLACE_BITS
from recognition.recurring.items import INSIDE, FoundOccurrence, Item, distinct, is_inside, items_of
from recognition.recurring.join import MIN_MS, SharedSound, drop, shared_runs
from recognition.recurring.renewal import renewed
from recognition.recurring.sounds import Sound
from recognition.search.match import scan
from recognition.types import SegmentMatch
from review import intervals
from review.intervals import Interval

# An occurrence stays as it is if so much of it is still unmatched.
_WHOLE: Final = 0.95


def run(context: JobContext) -> None:
    """Update one kept file and the items in it."""
    kept_file: KeptFile = context.subject
    truth = planning.truth_of(kept_file.scanned_file)
    if truth is not None and kept_file.revision is not None and kept_file.basis == truth.basis:
        context.finish(scan_id=truth.scan_id)
        return
    sounds = Sounds(context.report)
    with joining_index.followed(sounds) as index:
        comparison = _Comparison(context, kept_file, truth, sounds, index)
        comparison.compute()
        if not comparison.write():
            # People or another worker have changed the rows that it is based on.
            context.wait_until(clock.now())
        index.follow()


@dataclass
class _Comparison:
    """What one file does to runs and items; ``truth`` is None if it is to be forgotten."""

    context: JobContext
    kept_file: KeptFile
    truth: Truth | None
    sounds: Sounds
    index: JoinIndex
    revisions: dict[int, int] = field(default_factory=dict)
    runs_before: dict[SharedSound, int] = field(default_factory=dict)
    runs_now: set[SharedSound] = field(default_factory=set)
    unmatched: Sequence[Interval] = ()
    """Where neither the catalogue nor a settled item matches."""
    settled: list[StoredItem] = field(default_factory=list)
    heard: dict[int, list[FoundOccurrence]] = field(default_factory=dict)
    """Occurrences in this file that the items' best copies show, by item."""
    before: list[tuple[StoredItem, Item]] = field(default_factory=list)
    bereft: list[StoredItem] = field(default_factory=list)
    now: list[tuple[Item, StoredItem | None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rewriting = Rewriting(self.sounds)

    def compute(self) -> None:
        """Find out what changes, without writing any row."""
        self.revisions = joining_index.revisions()
        self.runs_before = runs.all_runs()
        self._drop()
        self.settled = settled_items(in_files([self.kept_file.pk]))
        if self.truth is not None:
            self._join(self.truth)
        self.context.report(0.7)
        self._renew()
        self.context.report(0.9)

    def write(self) -> bool:
        """Write all rows at once; return False if the rows read have changed."""
        read = [*self.settled, *self.bereft, *(stored_item for stored_item, _ in self.before)]
        with transaction.atomic():
            if joining_index.revisions() != self.revisions or not unchanged(read):
                return False
            former_runs = set(self.runs_before)
            runs.replace(self.runs_before, former_runs - self.runs_now, self.runs_now - former_runs)
            self._write_items()
            self._write_file()
            # Last, so that a worker that lost the job writes nothing.
            self.context.finish()
        return True

    def _drop(self) -> None:
        """Leave out the file's runs, and find what others share instead."""
        number = self.kept_file.pk
        if number in self.revisions:
            partners = {run.file for run in self.runs_before if run.other == number}
            self.index.doubt({number, *partners})
        remaining_runs = drop(
            number, self.runs_before, load=self.sounds, index=self.index.store, bucket=FILES
        )
        self.runs_now = set(remaining_runs)

    def _join(self, truth: Truth) -> None:
        """Hear known items in the file, and join the rest with all others."""
        number, unmatched = self.kept_file.pk, truth.unmatched
        sound = read_sound(self.kept_file, truth.fingerprint_name, unmatched)
        self._hear(sound, unmatched)
        claimed = [
            (occurrence.start_ms, occurrence.end_ms)
            for stored_item in self.settled
            for occurrence in self.heard.get(stored_item.row.pk, ())
        ]
        self.unmatched = intervals.without(unmatched, claimed)
        if claimed:
            sound = Sound.of(number, sound.fingerprint, self.unmatched)
        self.sounds.give(sound)
        self.runs_now |= set(
            shared_runs(
                sound, sound.open_frames, load=self.sounds, index=self.index.store, bucket=FILES
            )
        )

    def _hear(self, sound: Sound, unmatched: Sequence[Interval]) -> None:
        """Find the items whose best copies are known.

        What was known of the file is kept where it still holds, so that nothing moves
        by the length of a rounding.
        """
        matches = self._matches(sound, unmatched)
        owners = owners_of({match.recording for match in matches})
        matches = [replace(match, recording=owners[match.recording]) for match in matches]
        number, matched = self.kept_file.pk, Q(pk__in=owners.values())
        here = in_files([number])
        self.settled = settled_items(here | matched)
        candidates = [*self.settled, *open_items(here | matched)]
        item_of = {
            occurrence: stored_item.row.pk
            for stored_item in candidates
            for occurrence in stored_item.keys
            if occurrence.file == number and _share_within(occurrence, unmatched) >= _WHOLE
        }
        settled = {stored_item.row.pk for stored_item in self.settled}
        for occurrence, item in item_of.items():
            if item in settled or _confirmed(occurrence, item, matches):
                self.heard.setdefault(item, []).append(occurrence)
        rows = {stored_item.row.pk: stored_item.row for stored_item in candidates}
        for match in sorted(matches, key=lambda match: -match.bits):
            row = rows.get(match.recording)
            if row is None:
                continue
            occurrence = heard(match, number, row.best_item_start_ms, row.length_ms)
            # A merged item may be longer than the one that it became part of.
            occurrence = replace(
                occurrence, item_start_ms=min(occurrence.item_start_ms, occurrence.item_end_ms)
            )
            of_item = self.heard.setdefault(row.pk, [])
            for part in within(occurrence, unmatched):
                if not is_inside(part, {number: of_item}, 1 - INSIDE):
                    of_item.append(part)

    def _matches(self, sound: Sound, unmatched: Sequence[Interval]) -> list[SegmentMatch]:
        if not self.index.store.stats(ITEMS).recordings:
            return []
        result = scan(
            only_in(sound.fingerprint, unmatched),
            index=self.index.store,
            buckets=[ITEMS],
            references=self.index.references(),
            progress=lambda share: self.context.report(0.1 + 0.3 * share),
        )
        return [
            match
            for match in result.segments
            if match.bits >= PLACE_BITS and match.end_ms - match.start_ms >= MIN_MS
        ]

    def _renew(self) -> None:
        """Make the items again that new runs are part of, beside those in their files."""
        number, new = self.kept_file.pk, self.runs_now - self.runs_before.keys()
        made = items_of(self.runs_now, load=self.sounds, around=new) if new else ()
        fresh = clipped(made, self._spans(made).get)
        files = {number} | {occurrence.file for item in fresh for occurrence in item.occurrences}
        for stored_item in open_items(in_files(files) | Q(pk__in=self.heard)):
            here = self.heard.get(stored_item.row.pk, [])
            occurrences = [
                *here,
                *(occurrence for occurrence in stored_item.keys if occurrence.file != number),
            ]
            if occurrences:
                self.before.append((stored_item, stored_item.item(occurrences)))
            else:
                self.bereft.append(stored_item)
        claimed = [
            occurrence
            for stored_item in settled_items(in_files(files))
            for occurrence in stored_item.keys
            if occurrence.file != number
        ]
        claimed += [
            occurrence
            for stored_item in self.settled
            for occurrence in self.heard.get(stored_item.row.pk, ())
        ]
        for item, place in renewed([item for _, item in self.before], fresh, claimed):
            former = None if place is None else self.before[place][0]
            self.now.append((self.rewriting.prepare(item, former), former))

    def _spans(self, items: Iterable[Item]) -> dict[int, Sequence[Interval]]:
        """Return where nothing matches in the files of some items."""
        files = {occurrence.file for item in items for occurrence in item.occurrences}
        rows = KeptFile.objects.filter(pk__in=files).values_list("pk", "unmatched")
        return dict(rows) | {self.kept_file.pk: self.unmatched}

    def _write_items(self) -> None:
        rewriting, number = self.rewriting, self.kept_file.pk
        for stored_item in self.settled:
            elsewhere = [occurrence for occurrence in stored_item.keys if occurrence.file != number]
            here = self.heard.get(stored_item.row.pk, [])
            rewriting.set_occurrences(stored_item, distinct([*elsewhere, *here]))
        rows, stay = [], set()
        for item, before in self.now:
            if before is None:
                rows.append((rewriting.make(item), item))
            else:
                rewriting.renew(before, item)
                rows.append((before.row, item))
                stay.add(before.row.pk)
        unrenewed = [pair for pair in self.before if pair[0].row.pk not in stay]
        rewriting.close_unrenewed(unrenewed, rows)
        for stored_item in self.bereft:
            rewriting.close(stored_item, [])
        rewriting.end()

    def _write_file(self) -> None:
        """Write the file's landmarks for comparison, and changed index entries."""
        number, truth = self.kept_file.pk, self.truth
        changed = {run.file for run in self.runs_now ^ self.runs_before.keys()}
        rows = KeptFile.objects.filter(pk=number)
        if truth is None:
            rows.delete()
            changed.discard(number)
        else:
            rows.update(
                scan_id=truth.scan_id,
                unmatched=self.unmatched,
                unmatched_ms=intervals.length(intervals.without(self.unmatched, truth.speech)),
                fingerprint_name=truth.fingerprint_name,
                basis=truth.basis,
                compared_at=clock.now(),
            )
            changed.add(number)
        highest = max(self.revisions.values(), default=0)
        for revision, file in enumerate(sorted(changed), highest + 1):
            KeptFile.objects.filter(pk=file).update(revision=revision)


def _share_within(occurrence: FoundOccurrence, spans: Sequence[Interval]) -> float:
    outside = intervals.without([(occurrence.start_ms, occurrence.end_ms)], spans)
    return 1 - intervals.length(outside) / occurrence.length_ms


def _confirmed(occurrence: FoundOccurrence, item: int, matches: Sequence[SegmentMatch]) -> bool:
    """Return whether a match of the item lies where the occurrence does."""
    return any(
        match.recording == item
        and min(match.end_ms, occurrence.end_ms) - max(match.start_ms, occurrence.start_ms)
        >= occurrence.length_ms / 2
        for match in matches
    )
