"""Many links at once, and the items of a feed, playlist or channel."""

from __future__ import annotations

from collections.abc import Sequence

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST

from accounts.roles import Action
from common.http import FetchFailed, LinkRefused
from portal.access import PortalRequest, needs
from portal.link_forms import FeedForm, ItemsForm, ManyLinksForm, offer_of
from scanning.errors import IntakeRefused
from scanning.services.link_batches import (
    LinkOutcome,
    links_of_csv,
    links_of_items,
    links_of_text,
    submit_links,
)
from scanning.sources.feeds import expand
from scanning.sources.link_reader import reader_version


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def links(request: PortalRequest) -> HttpResponseBase:
    """Show the page; take pasted links and a CSV file, each link on its own."""
    form = ManyLinksForm(request.POST or None, request.FILES or None)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form=form)
    told, limit = form.cleaned_data, settings.DATA_UPLOAD_MAX_NUMBER_FILES
    pasted = links_of_text(told["links"])
    try:
        listed = links_of_csv(told["csv_file"].read()) if told["csv_file"] else []
    except IntakeRefused as refused:
        form.add_error("csv_file", str(refused))
        return _page(request, form=form)
    wanted = pasted + listed
    if told["scan_again"] and len(wanted) > limit:
        # The rest would never come: the first are taken again each time.
        form.add_error(
            "scan_again",
            f"These are {len(wanted)} links; at most {limit} at once are scanned again.",
        )
        return _page(request, form=form)
    outcomes = submit_links(
        container=told["container"],
        links=wanted,
        user=request.user,
        scan_again=told["scan_again"],
    )
    rest = [link.url for link in pasted[len(outcomes) :]]
    form = ManyLinksForm(
        initial={"container": told["container"], "links": "\n".join(rest)}
    )
    return _page(request, form=form, outcomes=outcomes, given=len(wanted))


@require_POST
@needs(Action.UPLOAD)
def feed(request: PortalRequest) -> HttpResponseBase:
    """Look into a feed and offer its items."""
    form = FeedForm(request.POST)
    if not form.is_valid():
        return _page(request, feed_form=form)
    try:
        found = expand(form.cleaned_data["feed_url"].strip())
    except LinkRefused as error:
        form.add_error("feed_url", f"This link is not allowed: {error}.")
        return _page(request, feed_form=form)
    except FetchFailed as error:
        form.add_error("feed_url", f"Nothing could be listed: {error}.")
        return _page(request, feed_form=form)
    return render(
        request,
        "portal/feed.html",
        {
            "feed": found,
            "feed_url": form.cleaned_data["feed_url"].strip(),
            "offer": offer_of(found),
            "form": ManyLinksForm(),
        },
    )


@require_POST
@needs(Action.UPLOAD)
def feed_items(request: PortalRequest) -> HttpResponseBase:
    """Submit the items that were chosen."""
    form = ItemsForm(request.POST)
    if not form.is_valid():
        wrong = FeedForm()
        problems = [str(text) for texts in form.errors.values() for text in texts]
        return _page(request, feed_form=wrong, problems=problems)
    chosen = [form.items[number] for number in form.cleaned_data["chosen"]]
    outcomes = submit_links(
        container=form.cleaned_data["container"],
        links=links_of_items(chosen),
        user=request.user,
    )
    return _page(request, outcomes=outcomes, given=len(chosen))


def _page(
    request: PortalRequest,
    *,
    form: ManyLinksForm | None = None,
    feed_form: FeedForm | None = None,
    outcomes: Sequence[LinkOutcome] = (),
    given: int = 0,
    problems: Sequence[str] = (),
) -> HttpResponseBase:
    taken = sum(one.file is not None for one in outcomes)
    return render(
        request,
        "portal/links.html",
        {
            "form": form or ManyLinksForm(),
            "feed_form": feed_form or FeedForm(),
            "outcomes": outcomes,
            "taken": taken,
            "refused": len(outcomes) - taken,
            "given": given,
            "left": given - len(outcomes),
            "problems": problems,
            "reader": reader_version(),
        },
    )
