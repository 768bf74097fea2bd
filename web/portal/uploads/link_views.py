"""Many links at once, and the items of a feed, playlist or channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.conf import settings
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from base.accounts.models import User
from base.accounts.roles import Action
from base.common.bodies import takes_files
from base.common.exchanges import FetchFailed, LinkRefused
from review.programmes.arrivals import Arrival, arrival_fields, store_arrival
from review.programmes.errors import ProgrammeRefused
from scanning import selectors
from scanning.choices import ACTIVE_FILE_STATUSES
from scanning.errors import IntakeRefused
from scanning.services.link_batches import LinkOutcome, links_of_csv, links_of_items, submit_links
from scanning.sources.feeds import expand
from scanning.sources.link_reader import reader_version
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.selectors import is_uuid
from web.portal.uploads.forms import FeedForm, ItemsForm, ManyLinksForm, Offer, signed

# htmx stops polling when an answer has this status.
_STOP_ASKING = 286


@takes_files(Action.UPLOAD)
@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def links(request: PortalRequest) -> HttpResponseBase:
    """Submit pasted links and the links of a CSV file, each with its own outcome."""
    if sent := request.GET.get("sent"):
        return _states(request, sent.split())
    # Pages of plug-ins offer links, such as those of videos that are not here.
    offered = {"links": request.GET.get("links", "")}
    form = ManyLinksForm(request.POST or None, request.FILES or None, initial=offered)
    if request.method != "POST" or not form.is_valid():
        return _page(request, form=form)
    values, limit = form.cleaned_data, settings.DATA_UPLOAD_MAX_NUMBER_FILES
    pasted = form.pasted
    try:
        csv_links = links_of_csv(values["csv_file"].read()) if values["csv_file"] else []
    except IntakeRefused as refused:
        form.add_error("csv_file", str(refused))
        return _page(request, form=form)
    all_links = pasted + csv_links
    if values["scan_again"] and len(all_links) > limit:
        # Each submit would scan the first links again and never reach the rest.
        form.add_error(
            "scan_again",
            _("You chose %(n)s links; at most %(limit)s can be scanned again at once.")
            % {"n": len(all_links), "limit": limit},
        )
        return _page(request, form=form)
    outcomes = submit_links(
        container=values["container"],
        links=all_links,
        user=request.user,
        scan_again=values["scan_again"],
    )
    remaining = [link.url for link in pasted[len(outcomes) :]]
    initial = {"container": values["container"], "links": "\n".join(remaining)}
    if remaining:
        initial |= {name: values[name] for name in arrival_fields()}
    return _page(
        request,
        form=ManyLinksForm(initial=initial),
        sent=form,
        outcomes=_with_arrivals(outcomes, form.arrival, request.user),
        link_count=len(all_links),
    )


def _states(request: PortalRequest, uids: Sequence[str]) -> HttpResponseBase:
    """Return the current badges of submitted files, which htmx puts into the page.

    Those that were deleted meanwhile say so.
    """
    valid_uids = [uid for uid in uids if is_uuid(uid)]
    files = list(selectors.files().filter(uid__in=valid_uids))
    is_going_on = any(file.status in ACTIVE_FILE_STATUSES for file in files)
    there = {str(file.uid) for file in files}
    return render(
        request,
        "portal/uploads/_link_states.html",
        {"files": files, "gone": [uid for uid in valid_uids if uid not in there]},
        status=200 if is_going_on else _STOP_ASKING,
    )


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def feed(request: PortalRequest) -> HttpResponseBase:
    """Read a feed and offer its items."""
    if request.method != "POST":
        # A reload or a return after signing in has no list to show.
        return redirect("portal:links")
    form = FeedForm(request.POST)
    if not form.is_valid():
        return _page(request, feed_form=form)
    try:
        listing = expand(form.cleaned_data["feed_url"].strip())
    except LinkRefused as error:
        form.add_error("feed_url", _("This link is not allowed: %(error)s.") % {"error": error})
        return _page(request, feed_form=form)
    except FetchFailed as error:
        form.add_error("feed_url", _("Nothing could be listed: %(error)s.") % {"error": error})
        return _page(request, feed_form=form)
    offer = Offer(listing, form.cleaned_data["feed_url"].strip())
    return _feed_page(request, offer, ItemsForm(offer=offer))


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def feed_items(request: PortalRequest) -> HttpResponseBase:
    """Submit the chosen items of a feed."""
    if request.method != "POST":
        return redirect("portal:links")
    form = ItemsForm(request.POST)
    if not form.is_valid():
        if form.offer:
            return _feed_page(request, form.offer, form)
        problems = [str(text) for text in form.non_field_errors()]
        return _page(request, problems=problems)
    chosen = form.chosen_items()
    outcomes = submit_links(
        container=form.cleaned_data["container"], links=links_of_items(chosen), user=request.user
    )
    return _page(
        request,
        sent=form,
        outcomes=_with_arrivals(outcomes, form.arrival, request.user),
        link_count=len(chosen),
    )


def _with_arrivals(
    outcomes: Sequence[LinkOutcome], arrival: Arrival, user: User
) -> list[LinkOutcome]:
    """Store the form's values for each accepted link; show refusals at their links."""
    noted = []
    for outcome in outcomes:
        try:
            if outcome.file:
                store_arrival(scanned_file=outcome.file, arrival=arrival, user=user)
        except ProgrammeRefused as refused:
            noted.append(replace(outcome, code=refused.code, message=str(refused)))
        else:
            noted.append(outcome)
    return noted


def _feed_page(request: PortalRequest, offer: Offer, form: ItemsForm) -> HttpResponseBase:
    return render(
        request,
        "portal/uploads/feed.html",
        {"feed": offer.feed, "feed_url": offer.feed_url, "signed": signed(offer), "form": form},
    )


def _page(
    request: PortalRequest,
    *,
    form: ManyLinksForm | None = None,
    feed_form: FeedForm | None = None,
    sent: ManyLinksForm | ItemsForm | None = None,
    outcomes: Sequence[LinkOutcome] = (),
    link_count: int = 0,
    problems: Sequence[str] = (),
) -> HttpResponseBase:
    files = [str(outcome.file.uid) for outcome in outcomes if outcome.file]
    taken = len(files)
    return render(
        request,
        "portal/uploads/links.html",
        {
            "form": form or ManyLinksForm(),
            "feed_form": feed_form or FeedForm(),
            "sent": sent,
            "sent_url": f"{reverse('portal:links')}?sent={'+'.join(files)}",
            "outcomes": outcomes,
            "seen": [outcome for outcome in outcomes if outcome.earlier is not None],
            "taken": taken,
            "refused": len(outcomes) - taken,
            "given": link_count,
            "left": link_count - len(outcomes),
            "problems": problems,
            "reader": reader_version(),
        },
    )
