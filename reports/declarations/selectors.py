"""Reads declarations for pages, lists and the API: marks of matches, what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from reports.choices import RunState
from reports.declarations.gathering import DECLARED
from reports.models import Declaration, DeclarationProfile, DeclaredPlay
from review.choices import MatchState
from review.models import Match


@dataclass(frozen=True, slots=True)
class DeclaredMark:
    """A declared match: its declared state and its state now.

    ``now`` is the state of the match that took its place, if a later scan replaced it.
    """

    declaration: Declaration
    match: Match
    declared_as: MatchState
    now: MatchState
    is_rescanned: bool

    @property
    def has_changed(self) -> bool:
        """Tell whether the decision has changed, or a later scan replaced the match."""
        return self.is_rescanned or self.now != self.declared_as

    @property
    def is_wrong(self) -> bool:
        """Tell whether a new declaration would say something else of this match."""
        return self.is_rescanned or self.now not in DECLARED


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
    """Return the declared plays of matches by match key, newest first, in one query.

    A match that took the place of a declared one has its marks.
    """
    keys = list(matches)
    rows = (
        standing()
        .filter(
            Q(match__in=keys)
            | Q(match__superseded_by__in=keys)
            | Q(match__superseded_by__superseded_by__in=keys)
        )
        .select_related("declaration", "match__superseded_by__superseded_by")
        .order_by("-declaration", "pk")
    )
    wanted = set(keys)
    found: dict[int, dict[int, DeclaredMark]] = {}
    for play in rows:
        mark = mark_of(play)
        for key in _chain(play.match):
            if key in wanted:
                found.setdefault(key, {}).setdefault(play.declaration_id, mark)
    return {key: list(marks.values()) for key, marks in found.items()}


def changed_plays(declaration: Declaration) -> QuerySet[DeclaredPlay]:
    """Return the plays whose match is in another state than when it was declared."""
    plays = DeclaredPlay.objects.filter(declaration=declaration)
    changed = plays.exclude(match__state=F("state"))
    return changed.select_related(
        "declaration",
        "station",
        "match__recording",
        "match__superseded_by__superseded_by",
    ).order_by("starts_at", "pk")


def mark_of(play: DeclaredPlay) -> DeclaredMark:
    """Return a declared play's state then and now."""
    match = play.match
    while match.superseded_by is not None:
        match = match.superseded_by
    return DeclaredMark(
        play.declaration,
        match,
        MatchState(play.state),
        MatchState(match.state),
        is_rescanned=match.pk != play.match_id
        or play.match.state == MatchState.SUPERSEDED,
    )


def _chain(match: Match) -> Iterable[int]:
    yield match.pk
    while match.superseded_by is not None:
        match = match.superseded_by
        yield match.pk
