"""Repeated unknown sound: the list, one item, what people do with it, bulk actions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from base.accounts.models import User
from base.accounts.roles import Action
from catalogue.changes import ChangeRefused
from catalogue.identifiers import BadIdentifier
from dedup.intake import AlreadyInCatalogue
from plugins.monitoring.pages.unknown import page
from plugins.monitoring.pages.unknown.forms import (
    IgnoreForm,
    IntoForm,
    ItemSplitForm,
    MergeForm,
    UnknownFilterForm,
    WatchItemForm,
)
from plugins.monitoring.unknown import actions, selectors
from plugins.monitoring.unknown import report as unknown_items
from plugins.monitoring.unknown.actions import ItemVerb
from plugins.monitoring.unknown.errors import ItemRefused
from plugins.monitoring.unknown.models import UnknownItem
from plugins.monitoring.unknown.selectors import ItemFigures, Tab
from reports.choices import Format
from web.portal.shared.access import NOT_ALLOWED, PortalRequest, needs
from web.portal.shared.changes import answer_changes, known_rows
from web.portal.shared.downloads import list_report
from web.portal.shared.fields import OneRecordingForm, offer_without
from web.portal.shared.lists import page_of, sorted_by
from web.portal.shared.naming import NameForm
from web.portal.shared.selection import read_version, unpack

BULK = 100
"""The most items of one action: four pages of the list."""

_FORMS: dict[str, type[forms.Form]] = {
    "name": NameForm,
    "alias": OneRecordingForm,
    "ignore": IgnoreForm,
    "split": ItemSplitForm,
    "merge": MergeForm,
    "watch": WatchItemForm,
    "undo": forms.Form,
}
_REPORTS = (Format.CSV, Format.XLSX, Format.JSON_LINES, Format.PARQUET)
_FOR_MANAGERS = frozenset({"name", "alias"})


@require_safe
@needs(Action.VIEW)
def unknown(request: PortalRequest) -> HttpResponseBase:
    """List unknown items, or those that people named, ignored, merged or watch."""
    filters, tab, rows = _filter_items(request)
    page_obj = page_of(request, rows)
    context: dict[str, object] = {
        "filters": filters,
        "tab": tab,
        "tabs": page.tab_counts(filters),
        "page_obj": page_obj,
        "rows": page.rows_of(list(page_obj)),
        "may_act": request.user.has_perm(Action.DECIDE),
        "may_report": request.user.has_perm(Action.REPORT),
        "report_formats": [(form.value, form.label) for form in _REPORTS],
        "waiting": selectors.waiting_count(),
        "minutes": selectors.minutes(),
        "last": _last(request),
    }
    if not context["rows"]:
        context["is_off"] = selectors.is_off_everywhere()
    return render(request, "portal/unknown/unknown.html", context)


@require_safe
@never_cache
@needs(Action.VIEW)
def unknown_changes(request: PortalRequest) -> HttpResponseBase:
    """Return what changed in an open list of unknown items; 304 if nothing did."""
    page_tokens = known_rows(request)
    filters, tab, rows = _filter_items(request)
    items = {item.uid: item for item in rows.filter(uid__in=list(page_tokens))}
    figures = selectors.figures(items.values())

    def draw(names: Sequence[str]) -> dict[str, str]:
        context = {"tab": tab, "may_act": request.user.has_perm(Action.DECIDE)}
        template = "portal/unknown/_row.html"
        return {
            row.item.uid: render_to_string(template, context | {"row": row}, request)
            for row in page.rows_of([items[name] for name in names])
        }

    def counts() -> dict[str, int]:
        tab_counts = {tab.value: count for tab, _label, count in page.tab_counts(filters)}
        return tab_counts | {"total": tab_counts[tab.value]}

    return answer_changes(
        request,
        page_tokens=page_tokens,
        now={
            uid: page.token_of(item, figures.get(item.pk, ItemFigures()))
            for uid, item in items.items()
        },
        draw=draw,
        counts=counts,
        besides=selectors.newest_revision(),
    )


@require_safe
@needs(Action.REPORT)
def unknown_report(request: PortalRequest, form: str) -> HttpResponseBase:
    """Download the occurrences of the items that the list shows."""
    _filters, _tab, items = _filter_items(request)
    rows = unknown_items.rows(items)
    return list_report(unknown_items.REPORT, rows, name="unknown-items", form=form)


@require_safe
@needs(Action.VIEW)
def unknown_item(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one item: its sound, where it was heard, two of its places side by side."""
    return _show(request, _item(uid), {}, asks=request.GET.get("ask", ""))


@require_POST
@needs(Action.DECIDE)
def unknown_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Do something with an item; a refusal shows its page with what was typed."""
    item, verb = _item(uid), request.POST.get("verb", "")
    if verb in _FOR_MANAGERS and not request.user.has_perm(Action.EDIT_CATALOGUE):
        raise PermissionDenied(str(NOT_ALLOWED))
    if verb not in _FORMS:
        return _show(request, item, {}, problem=_("Choose what to do."), status=422)
    form = _FORMS[verb](request.POST)
    following = _next(request, uid)
    if not form.is_valid():
        return _show(request, item, {verb: form}, asks=verb, status=422)
    try:
        message, target = _act(verb, form, item, request, following)
    except AlreadyInCatalogue as error:
        form.add_error(error.field if error.field in form.fields else None, str(error))
        return _show(request, item, {verb: form}, asks=verb, existing=error, status=422)
    except (BadIdentifier, ChangeRefused) as error:
        form.add_error(None, str(error))
        return _show(request, item, {verb: form}, asks=verb, status=422)
    except ItemRefused as refused:
        return _show(request, item, {verb: form}, asks=verb, problem=str(refused), status=409)
    messages.success(request, message)
    return redirect(target)


def _act(
    verb: str, form: forms.Form, item: UnknownItem, request: PortalRequest, following: str
) -> tuple[str, str]:
    """Carry a verb out; return what to tell, and the address that comes next.

    Raises ``ItemRefused``, ``AlreadyInCatalogue``, ``BadIdentifier`` and
    ``ChangeRefused``.
    """
    user, values = request.user, form.cleaned_data
    version = read_version(request.POST.get("version", "")) or 0
    name = selectors.title_of(item)
    here = _address(request, item.uid)
    if isinstance(form, NameForm):
        recording = actions.name_item(
            item=item,
            user=user,
            version=version,
            bucket=form.bucket_chosen,
            details=form.details(),
            answer=values["if_there"],
        )
        message = _("%(name)s is now the recording “%(title)s”.")
        return message % {"name": name, "title": recording.full_title}, following
    if isinstance(form, IgnoreForm):
        _ignore(item, form, user)
        return _("%(name)s is ignored from now on.") % {"name": name}, following
    match verb:
        case "alias":
            recording = values["recording"]
            actions.alias_item(item=item, user=user, version=version, recording=recording)
            message = _("%(name)s is now known as “%(title)s”.")
            return message % {"name": name, "title": recording.full_title}, following
        case "split":
            actions.split_item(item=item, user=user, version=version, at_ms=values["at"])
            return _("%(name)s is now two items.") % {"name": name}, here
        case "merge":
            into = values["other"]
            actions.merge_items(items=[item, into], into=into, user=user)
            message = _("%(name)s is now part of %(other)s.")
            after = _address(request, into.uid, after=item.uid)
            return message % {"name": name, "other": selectors.title_of(into)}, after
        case "watch":
            actions.watch_items(items=[item], user=user, on=values["on"])
            message = (
                _("%(name)s is now watched.")
                if values["on"]
                else _("%(name)s is no longer watched.")
            )
            return message % {"name": name}, here
        case _:
            return actions.undo(item=item, user=user, version=version), here


def _ignore(item: UnknownItem, form: IgnoreForm, user: User) -> None:
    label = form.cleaned_data["label"]
    actions.ignore_items(items=[item], user=user, reason=form.chosen, label=label)


@require_POST
@needs(Action.DECIDE)
def unknown_many(request: PortalRequest) -> HttpResponseBase:
    """Act on the ticked items; ignoring and merging ask first."""
    verb = request.POST.get("verb", "")
    versions = unpack(request.POST.getlist("item")[:BULK])
    reachable = selectors.items_in_reach().filter(uid__in=versions)
    items = list(selectors.by_weight(reachable))
    list_url = _list_address(request)
    if not items or verb not in {"ignore", "merge", "watch", "unwatch", "undo"}:
        messages.error(request, _("Tick at least one item first."))
        return redirect(list_url)
    if verb == "ignore":
        return _ignore_many(request, items, list_url)
    if verb == "merge":
        return _merge_many(request, items, list_url)
    if verb == "undo":
        done = _act_on_items(
            request,
            items,
            lambda item: actions.undo(item=item, user=request.user, version=versions[item.uid]),
        )
        message = ngettext("%(n)s item is as it was before.", "%(n)s items are as they were.", done)
    else:
        on = verb == "watch"
        done = _act_on_items(
            request, items, lambda item: actions.watch_items(items=[item], user=request.user, on=on)
        )
        message = (
            ngettext("%(n)s item is watched.", "%(n)s items are watched.", done)
            if on
            else ngettext(
                "%(n)s item is no longer watched.", "%(n)s items are no longer watched.", done
            )
        )
    if done:
        messages.success(request, message % {"n": done})
    return redirect(list_url)


def _ignore_many(
    request: PortalRequest, items: Sequence[UnknownItem], back: str
) -> HttpResponseBase:
    form = IgnoreForm(request.POST if "apply" in request.POST else None)
    if not form.is_valid():
        return _ask_many(request, items, form, ItemVerb.IGNORE, back)
    done = _act_on_items(request, items, lambda item: _ignore(item, form, request.user))
    if done:
        message = ngettext("%(n)s item is ignored.", "%(n)s items are ignored.", done)
        messages.success(request, message % {"n": done})
    return redirect(back)


def _merge_many(
    request: PortalRequest, items: Sequence[UnknownItem], back: str
) -> HttpResponseBase:
    names = selectors.titles(items)
    choices = [(item.uid, names[item.pk]) for item in items]
    sent = request.POST if "apply" in request.POST else None
    form = IntoForm(sent, initial={"into": items[0].uid})
    form.fields["into"].choices = choices  # type: ignore[attr-defined]  # a choice
    if not form.is_valid():
        return _ask_many(request, items, form, ItemVerb.MERGE, back)
    into = next(item for item in items if item.uid == form.cleaned_data["into"])
    try:
        actions.merge_items(items=items, into=into, user=request.user)
    except ItemRefused as refused:
        form.add_error(None, str(refused))
        return _ask_many(request, items, form, ItemVerb.MERGE, back)
    message = ngettext(
        "%(n)s item is now part of %(name)s.",
        "%(n)s items are now part of %(name)s.",
        len(items) - 1,
    )
    messages.success(request, message % {"n": len(items) - 1, "name": names[into.pk]})
    return redirect(_address(request, into.uid))


def _ask_many(
    request: PortalRequest,
    items: Sequence[UnknownItem],
    form: forms.Form,
    verb: ItemVerb,
    back: str,
) -> HttpResponseBase:
    """Show which items a bulk action affects, which it leaves out and why, and ask."""
    refusals = {item.pk: actions.why_not(item=item, user=request.user, verb=verb) for item in items}
    context = {
        "verb": verb.name.lower(),
        "form": form,
        "rows": [(row, refusals[row.item.pk]) for row in page.rows_of(items)],
        "going": sum(not refusal for refusal in refusals.values()),
        "back": back,
    }
    status = 422 if form.is_bound else 200
    return render(request, "portal/unknown/many.html", context, status=status)


def _act_on_items(
    request: PortalRequest, items: Sequence[UnknownItem], do: Callable[[UnknownItem], object]
) -> int:
    """Act on each item by itself, so that one that refuses does not stop the others."""
    done = 0
    for item in items:
        try:
            do(item)
        except ItemRefused as refused:
            messages.error(request, f"{selectors.title_of(item)}: {refused}")
        else:
            done += 1
    return done


def _item(uid: str) -> UnknownItem:
    """Return an item; 404 if the person may see none of its occurrences."""
    return get_object_or_404(selectors.items_in_reach().select_related("merged_into"), uid=uid)


def _filter_items(request: PortalRequest) -> tuple[UnknownFilterForm, Tab, QuerySet[UnknownItem]]:
    """Return the filters in the query string, the list and its items in order."""
    filters = UnknownFilterForm(request.GET)
    filters.is_valid()
    tab = filters.tab
    rows = page.list_filtered(filters, tab)
    return filters, tab, sorted_by(request, rows, page.SORTS, default="-weight")


def _show(
    request: PortalRequest,
    item: UnknownItem,
    filled: dict[str, forms.Form],
    *,
    asks: str = "",
    problem: str = "",
    existing: AlreadyInCatalogue | None = None,
    status: int = 200,
) -> HttpResponseBase:
    """Show an item; ``filled`` are forms to correct, ``asks`` is the verb that asks."""
    query = page.list_query(request.GET)
    page_obj = page_of(request, selectors.occurrences_of(item))
    near = page.neighbours(item.uid, _filter_items(request)[2])
    item_forms = {name: filled.get(name) or form() for name, form in _FORMS.items()}
    offer_without(item_forms["merge"], "other", item.uid)
    context = page.item_context(item, user=request.user, query=request.GET) | {
        "forms": item_forms,
        "asks": asks,
        "problem": problem,
        "existing": existing,
        "page_obj": page_obj,
        "places": page.places(page_obj),
        "near": near,
        "previous_url": _address(request, near.previous) if near.previous else "",
        "next_url": _address(request, near.next) if near.next else "",
        "list_query": query,
        "list_url": _list_address(request),
        "may_act": request.user.has_perm(Action.DECIDE),
        "may_name": request.user.has_perm(Action.EDIT_CATALOGUE),
        "last": _last(request),
    }
    return render(request, "portal/unknown/item.html", context, status=status)


def _last(request: PortalRequest) -> dict[str, object] | None:
    """Return the item that was settled just before, if that can be undone."""
    uid = request.GET.get("after", "")
    item = selectors.items_in_reach().filter(uid=uid).first() if uid else None
    if item is None or actions.why_not(item=item, user=request.user, verb=ItemVerb.UNDO):
        return None
    return {"item": item, "title": selectors.title_of(item), "badge": page.badge_of(item)}


def _next(request: PortalRequest, uid: str) -> str:
    """Return the address of the next item of the list, or of the list at its end."""
    near = page.neighbours(uid, _filter_items(request)[2])
    if not near.next:
        return _list_address(request, after=uid)
    return _address(request, near.next, after=uid)


def _address(request: PortalRequest, uid: str, *, after: str = "") -> str:
    return _with_query(request, reverse("portal:unknown_item", args=[uid]), after)


def _list_address(request: PortalRequest, *, after: str = "") -> str:
    return _with_query(request, reverse("portal:unknown"), after)


def _with_query(request: PortalRequest, path: str, after: str) -> str:
    parts = [page.list_query(request.GET), f"after={after}" if after else ""]
    query = "&".join(part for part in parts if part)
    return f"{path}?{query}" if query else path
