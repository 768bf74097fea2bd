"""Reads declarations and their profiles for pages, lists and the API."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from plugins.monitoring.declarations.models import (
    DECLARATION_STATEMENT,
    Declaration,
    DeclarationProfile,
)
from reports.choices import UNFINISHED, RunState
from statements.choices import FOLLOWED
from statements.models import Statement


def standing() -> QuerySet[Declaration]:
    """Return the declarations that are written, or will be unless they fail."""
    return Declaration.objects.filter(state__in=[*UNFINISHED, RunState.READY])


def declarations() -> QuerySet[Declaration]:
    """Return the declarations that the viewer may see, newest first.

    ``is_corrected`` tells whether a later one stands in place of each,
    ``handed_over_at`` when somebody first took the file away, and ``differs_since`` since
    when a correction would say something else.
    """
    later = standing().filter(replaces=OuterRef("pk"))
    stated = Statement.objects.filter(kind=DECLARATION_STATEMENT, subject=OuterRef("uid"))
    rows = Declaration.objects.select_related("profile", "replaces", "run_by")
    return rows.annotate(
        is_corrected=Exists(later),
        handed_over_at=Subquery(stated.values("issued_at")[:1]),
        differs_since=Subquery(stated.filter(state__in=FOLLOWED).values("differs_since")[:1]),
    )


def profiles() -> QuerySet[DeclarationProfile]:
    """Return all profiles, by name."""
    return DeclarationProfile.objects.prefetch_related("stations")
