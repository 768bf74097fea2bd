"""Reads declarations for pages, lists and the API: marks of matches, what changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.reach import working_for
from audit.standing import Standing, StandingStatement, StatementKind
from common.batches import batched
from monitoring.broadcasts.models import Broadcast
from monitoring.declarations.changes import changes_of, perhaps_changed
from monitoring.declarations.chunks import CHUNK
from monitoring.declarations.gathering import DECLARED
from monitoring.declarations.models import Declaration, DeclarationProfile, DeclaredPlay
from reports.choices import RunState
from review.choices import MatchState
from review.models import Match
from review.standing import by_case, matches_on


@dataclass(frozen=True, slots=True)
class DeclaredMark:
    """A declared match: its declared state and its state now.

    ``is_rescanned`` tells whether a later scan found it too; ``changes`` say what became
    of its plays' stations, times and lengths.
    """

    declaration: Declaration
    match: Match
    declared_as: MatchState
    now: MatchState
    is_rescanned: bool
    changes: tuple[str, ...] = ()

    @property
    def is_decided_otherwise(self) -> bool:
        """Tell whether the decision has changed."""
        return self.now != self.declared_as

    @property
    def has_changed(self) -> bool:
        """Tell whether the declaration does not say any more what is so."""
        return self.is_decided_otherwise or bool(self.changes)

    @property
    def is_wrong(self) -> bool:
        """Tell whether a new declaration would say something else of this match."""
        return self.now not in DECLARED or bool(self.changes)


def declarations() -> QuerySet[Declaration]:
    """Return the declarations that the viewer may see, newest first.

    ``is_corrected`` tells whether a later one was written in place of each.
    """
    later = Declaration.objects.filter(replaces=OuterRef("pk"), state=RunState.READY)
    rows = Declaration.objects.select_related("profile", "replaces", "run_by")
    return rows.annotate(is_corrected=Exists(later))


def profiles() -> QuerySet[DeclarationProfile]:
    """Return all profiles, by name."""
    return DeclarationProfile.objects.prefetch_related("stations")


def standing() -> QuerySet[DeclaredPlay]:
    """Return the plays of written declarations that no later one corrects."""
    written = DeclaredPlay.objects.filter(declaration__state=RunState.READY)
    corrected = Declaration.objects.filter(
        state=RunState.READY, replaces__isnull=False
    ).values("replaces")
    return written.exclude(declaration__in=corrected)


def marks_of(matches: Iterable[int]) -> dict[int, list[DeclaredMark]]:
    """Return the declared plays of matches by match key, newest first.

    The number of queries is fixed.
    """
    rows = standing().filter(match__in=list(matches))
    marks_by_match: dict[int, dict[int, DeclaredMark]] = {}
    plays = list(_with_matches(rows).order_by("-declaration", "pk"))
    for mark, play in zip(_marks(plays), plays, strict=True):
        marks = marks_by_match.setdefault(play.match_id, {})
        earlier = marks.get(play.declaration_id, mark)
        changes = dict.fromkeys((*earlier.changes, *mark.changes))
        marks[play.declaration_id] = replace(earlier, changes=tuple(changes))
    return {key: list(marks.values()) for key, marks in marks_by_match.items()}


def corrections(
    declaration: Declaration,
) -> Iterator[tuple[DeclaredPlay, DeclaredMark]]:
    """Yield the plays that are not as they were declared, and what they are now."""
    rows = perhaps_changed(DeclaredPlay.objects.filter(declaration=declaration))
    ordered = _with_matches(rows).order_by("starts_at", "pk")
    for plays in batched(ordered.iterator(chunk_size=CHUNK), CHUNK):
        for play, mark in zip(plays, _marks(plays), strict=True):
            if mark.has_changed:
                yield play, mark


def statements_on(broadcast: Broadcast) -> list[str]:
    """Return which written declarations name a broadcast, a sentence each.

    They would be wrong if it moved. Declarations out of sight are counted only.
    """
    with working_for(None):
        plays = list(
            standing()
            .filter(broadcast=broadcast.uid)
            .values_list("declaration", flat=True)
        )
    counts = Counter(plays)
    seen = Declaration.objects.filter(pk__in=counts)
    names = dict(seen.order_by("pk").values_list("pk", "name"))
    said = [
        ngettext(
            "“%(name)s” declares %(count)d play of this broadcast, and must then be "
            "corrected.",
            "“%(name)s” declares %(count)d plays of this broadcast, and must then be "
            "corrected.",
            counts[key],
        )
        % {"name": name, "count": counts[key]}
        for key, name in names.items()
    ]
    if len(names) < len(counts):
        said.append(
            _("A declaration that you may not see names it, and must be corrected.")
        )
    return said


def _with_matches(rows: QuerySet[DeclaredPlay]) -> QuerySet[DeclaredPlay]:
    return rows.select_related(
        "declaration",
        "station",
        "match__recording",
        "match__scanned_file",
        "recording__merged_into",
    )


def _marks(plays: Sequence[DeclaredPlay]) -> list[DeclaredMark]:
    changes = changes_of(plays)
    return [replace(_mark_of(play), changes=changes[play.pk]) for play in plays]


def _mark_of(play: DeclaredPlay) -> DeclaredMark:
    match = play.match
    return DeclaredMark(
        play.declaration,
        match,
        MatchState(play.state),
        MatchState(match.state),
        is_rescanned=match.scan_id != play.scan_id,
    )


def stated_on(cases: Sequence[str]) -> Standing:
    """Return the written declarations of plays of files and recordings, by case."""
    grounds = matches_on(cases)
    plays = standing().filter(match__in=grounds).select_related("declaration")
    return by_case(
        grounds,
        (
            (
                play.match_id,
                StandingStatement(
                    StatementKind.DECLARATION,
                    play.declaration.uid,
                    play.declaration.name,
                    play.declaration.url,
                ),
            )
            for play in plays.order_by("declaration")
        ),
    )
