"""Tells the script of an open list what changed in the rows that it shows.

The script names its rows with the tokens that they were drawn with. Most calls end after
two cheap queries, because nothing happened: the newest event, and the rows of one page.
Only otherwise is anything drawn or counted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from django.http import HttpResponseNotModified, JsonResponse
from django.http.response import HttpResponseBase

from base.audit.models import Event
from web.portal.shared import menu
from web.portal.shared.access import PortalRequest
from web.portal.shared.formats import counted
from web.portal.shared.lists import COUNTED_IN_MENU, PAGE_SIZE

Tokens = Mapping[str, str]


def known_rows(request: PortalRequest) -> Tokens:
    """Read the ``name:token`` pairs of the rows on the page, at most two pages of them."""
    text = request.GET.get("rows", "")
    return dict(item.partition(":")[::2] for item in text.split()[: 2 * PAGE_SIZE])


def answer_changes(
    request: PortalRequest,
    *,
    page_tokens: Tokens,
    now: Tokens,
    draw: Callable[[Sequence[str]], Mapping[str, str]],
    counts: Callable[[], Mapping[str, int]],
    besides: object = None,
) -> HttpResponseBase:
    """Answer 304 if nothing happened, else the rows that changed and all counts.

    The counts in the menu are always among them. ``draw`` returns the markup of rows by
    name; ``counts`` names its numbers as the page's ``data-count-of`` does, and the list's
    own ``total``. ``besides`` is what else tells that something happened, where no event
    does.
    """
    newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
    rows = (sorted(page_tokens.items()), sorted(now.items()))
    parts = (request.user.pk, newest, besides, *rows)
    mark = f'"{hashlib.sha256(repr(parts).encode()).hexdigest()[:20]}"'
    if request.headers.get("If-None-Match") == mark:
        return HttpResponseNotModified()
    stale = [name for name, token in now.items() if page_tokens[name] != token]
    texts = {name: counted(count) for name, count in counts().items()}
    # The menu leaves a count of zero out.
    for key, count_rows in menu.counts():
        count = count_rows()
        texts[f"menu-{key}"] = counted(count, COUNTED_IN_MENU) if count else ""
    answer = {
        "rows": draw(stale) if stale else {},
        "gone": [name for name in page_tokens if name not in now],
        "counts": texts,
    }
    return JsonResponse(answer, headers={"ETag": mark})
