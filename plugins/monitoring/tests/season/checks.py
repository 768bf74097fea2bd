"""What must hold of unknown items and declarations."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable

from django.db.models import Model

from plugins.monitoring.declarations.content_files import facts_in
from plugins.monitoring.declarations.formats.registry import make_format
from plugins.monitoring.declarations.models import DECLARATION_STATEMENT, Declaration
from plugins.monitoring.declarations.statement import statement_of
from plugins.monitoring.unknown.models import (
    ItemState,
    KeptFile,
    KeptState,
    Occurrence,
    UnknownItem,
)
from plugins.monitoring.unknown.planning import truth_of
from reports.choices import UNFINISHED, RunState
from review.intervals import length, without
from statements.choices import FOLLOWED
from statements.following import differences_of
from statements.models import Statement
from tests.season.checks import described
from tests.season.invariants import check

# The share of an occurrence that a match may cover, as ``plugins.monitoring.unknown.comparing`` has it.
_MATCHED = 0.05


def unknown_items_hold() -> None:
    """Check unknown items against the scans, once all work is done."""
    for kept_file in KeptFile._base_manager.select_related("scanned_file"):
        check(
            kept_file.scanned_file.deleted_at is None or kept_file.state == KeptState.CANCELLED,
            f"{kept_file} was deleted and is kept",
        )
    for item in UnknownItem.objects.all():
        occurrences = list(
            Occurrence._base_manager.filter(item=item).select_related("file__scanned_file")
        )
        check(item.plays == len(occurrences), f"{item.uid} counts {item.plays}: {occurrences}")
        by_container = Counter(
            occurrence.file.scanned_file.container_id for occurrence in occurrences
        )
        counted = dict(item.by_container.values_list("container", "plays"))
        check(by_container == counted, f"{item.uid} counts {counted}: {by_container}")
        check(
            item.state != ItemState.UNIDENTIFIED or len(occurrences) > 1,
            f"{item.uid} is unknown and occurs {len(occurrences)} times",
        )
        for occurrence in occurrences:
            if occurrence.file.state == KeptState.CANCELLED:
                # Somebody keeps the worker from following the file's scans.
                continue
            truth = truth_of(occurrence.file.scanned_file)
            check(truth, f"{occurrence} lies in a file that is not to be compared")
            there = [(occurrence.start_ms, occurrence.end_ms)]
            matched = length(without(there, truth.unmatched if truth else ()))
            check(
                matched <= _MATCHED * length(there),
                f"{occurrence}, {there[0]} ms, lies in a match: {described(occurrence.file)}",
            )


def declarations_hold() -> None:
    """Check that what was declared adds up, once per play, and can be written again."""
    for made in Declaration._base_manager.filter(state=RunState.READY):
        statement = statement_of(made)
        assert statement is not None
        plays = [fact.cells for fact in statement.facts.exclude(match="")]
        names = len({play["play"] for play in plays})
        counted = (len(plays), names, sum(play["played_ms"] for play in plays))
        declared = (made.play_count, made.play_count, made.played_ms)
        check(counted == declared, f"{made.uid}: {counted} plays, not {declared}")
        if statement.state in FOLLOWED:
            (differences,) = differences_of([statement]).values()
            is_noted = statement.differs_since is not None
            check(is_noted == bool(differences), f"{made.uid} differs in {differences}")
        again = io.BytesIO()
        made_format = make_format(made.format, made.profile_as_was["options"])
        made_format.write(facts_in(made.facts), again)
        digest = hashlib.sha256(again.getvalue()).hexdigest()
        check(digest == made.sha256, f"{made.uid} has other bytes")
    undecided = Declaration._base_manager.exclude(state=RunState.READY)
    early = Statement.objects.filter(
        kind=DECLARATION_STATEMENT, subject__in=undecided.values("uid")
    )
    check(not early.exists(), "something states what was never written")


def unfinished_declarations() -> Iterable[Model]:
    return Declaration._base_manager.filter(state__in=UNFINISHED)
