"""The page that asks before something ends that cannot be brought back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.functional import Promise

from portal.shared.access import PortalRequest

Words = str | Promise


def ask_first(
    request: PortalRequest,
    *,
    title: Words,
    text: Words,
    submit: Words,
    crumbs: Sequence[tuple[object, str]],
    kept: Mapping[str, str] | None = None,
) -> HttpResponseBase:
    """Show what will end and what stays; its button posts to the same address.

    ``crumbs`` are the pages above with their addresses; the last one is where *Cancel*
    leads. ``kept`` are values that the form sends along.
    """
    context = {
        "title": title,
        "text": text,
        "submit": submit,
        "crumbs": crumbs,
        "cancel_url": crumbs[-1][1],
        "kept": kept or {},
    }
    return render(request, "components/ask_first.html", context)
