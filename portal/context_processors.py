"""What every page's frame shows."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpRequest

from accounts.reach import sees_every_bucket
from accounts.roles import Action
from portal.pages import count_of
from review import selectors as review_selectors


def shell(request: HttpRequest) -> dict[str, object]:
    """Name of the site, what waits, and what this person may do.

    What waits is counted once a page shows it, unless the page has counted it itself.
    """
    context: dict[str, object] = {
        "site_name": settings.ACRPORTAL_SITE_NAME,
        "request_id": getattr(request, "request_id", ""),
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return context
    return context | {
        "nav": {"pending_matches": cache(_waiting)},
        "sees_every_bucket": sees_every_bucket,
        "can": {action.name.lower(): user.has_perm(action) for action in Action},
    }


def _waiting() -> int:
    return count_of(review_selectors.waiting())
