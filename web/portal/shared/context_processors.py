"""The template context of every page's frame."""

from __future__ import annotations

from functools import cache

from django.conf import settings
from django.http import HttpRequest

from base.accounts.languages import guesses_zone
from base.accounts.reach import sees_every_bucket
from base.accounts.roles import Action
from base.jobs import installation
from base.jobs.choices import InstallationRole
from base.jobs.models import Installation
from review import selectors as review_selectors
from web.portal.shared import menu
from web.portal.shared.lists import COUNTED_IN_MENU, count_of


def shell(request: HttpRequest) -> dict[str, object]:
    """Return the site name, the counts in the menu and the user's permissions.

    The counts are cached callables: they query only if a template shows them, and a view
    that has already counted waiting matches can replace theirs.
    """
    context: dict[str, object] = {
        "site_name": settings.ACRPORTAL_SITE_NAME,
        "request_id": getattr(request, "request_id", ""),
        "paused_installation": cache(_paused_installation),
    }
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return context
    return context | {
        "guesses_zone": guesses_zone(request),
        "nav": {key: cache(count) for key, count in menu.counts()},
        "sees_every_bucket": sees_every_bucket,
        "can": {action.name.lower(): user.has_perm(action) for action in Action},
    }


def _paused_installation() -> Installation | None:
    """Return this installation if it sends and fetches nothing."""
    current = installation.current()
    is_real = current is None or current.role == InstallationRole.REAL
    return None if is_real else current


def count_waiting() -> int:
    """Count the items that the menu shows; it runs on every page."""
    return count_of(review_selectors.waiting(), most=COUNTED_IN_MENU)
