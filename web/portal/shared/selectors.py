"""Queries that combine several packages for one page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.http import Http404
from django.shortcuts import get_object_or_404

from catalogue.models import Bucket
from review.choices import MatchState
from review.models import Match
from review.selectors import match_by_uid
from scanning import selectors as scanning_selectors
from scanning.models import ScannedFile


def count_per_row(rows: QuerySet[Any], link: str) -> Combinable:  # Any: of any model
    """Return an expression that counts the ``rows`` whose ``link`` is the outer row.

    A subquery runs only for the rows of the page; a join would count the whole table
    whenever the list is paged or its date range is read.
    """
    counted = (
        rows.filter(**{link: OuterRef("pk")})
        .order_by()
        .values(link)
        .annotate(number=Count("pk"))
        .values("number")
    )
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def shown_matches() -> QuerySet[Match]:
    """Return the matches that lists of files and recordings count."""
    return Match.objects.exclude(state=MatchState.SUPPRESSED)


def find_match(matches: QuerySet[Match], uid: str) -> Match:
    """Return a match, or raise a 404; ``MatchJoined`` for the id of a joined one."""
    match = match_by_uid(matches, uid)
    if match is None:
        raise Http404
    return match


def find_file(uid: UUID) -> ScannedFile:
    """Return a file that the user may see, or raise a 404."""
    return get_object_or_404(scanning_selectors.files(), uid=uid)


def files_named(text: str) -> QuerySet[ScannedFile]:
    """Return files whose name or programme contains the text, or with this external id."""
    return scanning_selectors.files().filter(
        Q(name__icontains=text) | Q(programme__icontains=text) | Q(external_id__iexact=text)
    )


def is_uuid(text: str) -> bool:
    """Tell whether the text can be the uid of a file; other texts fail in queries."""
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def bucket_names() -> dict[str, str]:
    """Return the buckets' names by primary key as text, as policies store it."""
    names = dict(Bucket.objects.values_list("pk", "name"))
    return {str(key): name for key, name in names.items()}
