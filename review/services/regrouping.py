"""Joins matches of files whose recordings became versions or copies of each other later.

Each scan does so for what it finds; this looks again at what scans had found before.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from django.db.models import Count, Q

from base.accounts.reach import working_for
from base.common.batches import batched
from base.jobs.context import JobContext
from base.jobs.services import submit
from catalogue.models import Recording
from review.jobs import JOIN_VERSIONS
from review.models import Match
from review.services.folding import fold_scan
from review.timeline.figures import refresh as refresh_figures
from scanning.models import ScannedFile
from scanning.selectors import current_scans, late_scans

_GROUPS = {"family_id", "same_sound_as_id"}
_AT_ONCE = 500


def note_recordings(*, before: Mapping[int, Mapping[str, object]], **_signal: object) -> None:
    """Ask for a look at the files in which several recordings of a new group match."""
    regrouped = [key for key, columns in before.items() if _GROUPS & columns.keys()]
    with working_for(None):
        for first in _first_of_groups(regrouped):
            if _files_of(first):
                submit(JOIN_VERSIONS, first)


def run(context: JobContext) -> None:
    """Fold the scans of such files again; a job that was stopped begins again."""
    with working_for(None):
        keys = _files_of(context.subject)
        for number, key in enumerate(keys):
            _fold_again(ScannedFile.objects.get(pk=key))
            context.report(number / len(keys))
    context.finish()


def _first_of_groups(keys: Iterable[int]) -> Iterator[Recording]:
    seen: set[int] = set()
    for batch in batched(keys, _AT_ONCE):
        rows = Recording.objects.filter(pk__in=batch)
        groups = rows.values_list("family", "same_sound_as")
        first = {key for family, sound in groups if (key := family or sound) is not None}
        first -= seen
        yield from Recording.objects.filter(pk__in=first)
        seen |= first


def _files_of(first: Recording) -> list[int]:
    """Return the keys of the files with several matches of a group."""
    of_group = Q(recording=first) | Q(recording__family=first) | Q(recording__same_sound_as=first)
    rows = Match.objects.filter(of_group, lost=False).order_by()
    counted = rows.values("scanned_file").annotate(matches=Count("pk"))
    several = counted.filter(matches__gt=1)
    return list(several.values_list("scanned_file", flat=True))


def _fold_again(file: ScannedFile) -> None:
    scans = [*current_scans(file)[:1], *late_scans(file)]
    for scan in scans:
        fold_scan(scan=scan)
    refresh_figures([file.pk])
