"""The list of disputes, and what changed in it while a browser shows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from base.accounts.roles import Action
from review import selectors
from review.models import Dispute
from web.portal.review.queue import tab_counts
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.changes import answer_changes, known_rows
from web.portal.shared.lists import count_of, page_of

SOON = timedelta(days=7)


@require_safe
@never_cache
@needs(Action.VIEW)
def dispute_list(request: PortalRequest) -> HttpResponseBase:
    """List the open, overdue or answered disputes."""
    choice = _read_choice(request)
    return render(
        request,
        "portal/review/dispute_list.html",
        {
            "page_obj": page_of(request, _rows(choice)),
            "counts": _counts(),
            **_times(choice),
            **tab_counts(request.user),
            "tab": "disputes",
        },
    )


@require_safe
@never_cache
@needs(Action.VIEW)
def dispute_changes(request: PortalRequest) -> HttpResponseBase:
    """Return what changed in an open list of disputes; 304 if nothing did."""
    choice, page_tokens = _read_choice(request), known_rows(request)
    disputes = Dispute.objects.filter(uid__in=page_tokens).select_related(
        *selectors.SHOWN_WITH_DISPUTES
    )
    now = {dispute.uid: dispute for dispute in disputes}

    def draw(uids: Sequence[str]) -> dict[str, str]:
        times = _times(choice)
        return {
            uid: render_to_string(
                "portal/review/_dispute_row.html", times | {"dispute": now[uid]}, request
            )
            for uid in uids
        }

    def counts() -> dict[str, int]:
        return tab_counts(request.user)["tabs"] | {
            **{f"disputes-{name}": count for name, count in _counts().items()},
            "total": count_of(_rows(choice)),
        }

    return answer_changes(
        request,
        page_tokens=page_tokens,
        now={uid: str(dispute.match.version) for uid, dispute in now.items()},
        draw=draw,
        counts=counts,
    )


def _read_choice(request: PortalRequest) -> str:
    """Return which disputes the address asks for; unknown values ask for the open ones."""
    choice = request.GET.get("show", "")
    return choice if choice in ("overdue", "answered") else "open"


def _rows(choice: str) -> QuerySet[Dispute]:
    if choice == "answered":
        return selectors.answered_disputes()
    return selectors.open_disputes(overdue=choice == "overdue")


def _counts() -> dict[str, int]:
    now, waiting = datetime.now(tz=UTC), selectors.open_disputes()
    return {
        "open": waiting.count(),
        "overdue": selectors.open_disputes(overdue=True).count(),
        "soon": waiting.filter(due_at__gte=now, due_at__lt=now + SOON).count(),
    }


def _times(choice: str) -> dict[str, object]:
    """Return what a row needs beside its dispute."""
    now = datetime.now(tz=UTC)
    return {"shown": choice, "now": now, "soon": now + SOON}
