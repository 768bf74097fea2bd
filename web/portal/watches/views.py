"""Watched feeds, playlists and channels: their forms and pages."""

from __future__ import annotations

from datetime import UTC, datetime

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from base.accounts.services import may_change_made
from scanning.choices import WatchItemState
from scanning.errors import IntakeRefused
from scanning.models import Watch
from scanning.services import watches
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import ask_first
from web.portal.shared.fields import container_field
from web.portal.shared.lists import page_of
from web.portal.shared.model_forms import PortalForm

_SHOWN_CHECKS = 20


class WatchSettingsForm(PortalForm[Watch]):
    """The settings of a watch that can be changed later."""

    class Meta(PortalForm.Meta):
        model = Watch
        fields = ["every_hours", "items_per_check", "title_words"]


class WatchForm(WatchSettingsForm):
    """A new watch; the page asks for ``begin`` after the preview of the source."""

    ONLY_NEW, ALSO_PRESENT = "new", "present"

    url = forms.URLField(
        max_length=2000,
        label=gettext_lazy("Feed, podcast, playlist or channel"),
        assume_scheme="https",
    )
    begin = forms.ChoiceField(
        required=False, choices=[(ONLY_NEW, ""), (ALSO_PRESENT, "")], label=gettext_lazy("Begin")
    )

    container = container_field()

    class Meta(WatchSettingsForm.Meta):
        fields = ["url", "container", *WatchSettingsForm.Meta.fields]


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def watch_create(request: PortalRequest) -> HttpResponseBase:
    """Preview a source; create the watch after the preview."""
    form = WatchForm(request.POST or None, initial={"url": request.GET.get("url", "")})
    preview = None
    if request.method == "POST" and form.is_valid():
        begin = form.cleaned_data["begin"]
        try:
            if begin:
                watch = watches.create_watch(
                    watch=form.save(commit=False),
                    also_present=begin == WatchForm.ALSO_PRESENT,
                    user=request.user,
                )
                messages.success(request, _("%(watch)s is now being watched.") % {"watch": watch})
                return redirect("portal:watch_detail", uid=watch.uid)
            preview = watches.preview(watch=form.save(commit=False))
        except IntakeRefused as refused:
            form.add_error("url", str(refused))
    return render(request, "portal/watches/watch_create.html", {"form": form, "preview": preview})


@require_safe
@needs(Action.VIEW)
def watch_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one watch with its items and last checks."""
    watch = _watch(uid)
    items = watch.items.select_related("scanned_file").order_by("-first_seen_at", "position", "pk")
    next_check = watches.next_checks([watch]).get(watch.pk)
    choice = request.GET.get("show", "")
    if choice == "gone":
        items = items.filter(scanned_file__source_gone_at__isnull=False)
    elif choice in WatchItemState.values:
        items = items.filter(state=choice)
    return render(
        request,
        "portal/watches/watch_detail.html",
        {
            "watch": watch,
            "page_obj": page_of(request, items),
            "shown": choice,
            "choices": _choices(watch),
            "checks": watch.checks.all()[:_SHOWN_CHECKS],
            "next_check": next_check,
            "is_due": watch.enabled
            and next_check is not None
            and next_check <= datetime.now(tz=UTC),
            "may_change": may_change_made(watch.created_by_id, request.user),
        },
    )


def _choices(watch: Watch) -> list[tuple[str, str, int]]:
    """Return the value, label and count of each filter of the items."""
    counted = dict(watch.items.order_by().values_list("state").annotate(total=Count("pk")))
    gone = watch.items.filter(scanned_file__source_gone_at__isnull=False).count()
    rows = [("", _("All"), sum(counted.values()))]
    rows += [
        (state.value, str(state.label), counted[state])
        for state in WatchItemState
        if counted.get(state)
    ]
    return [*rows, ("gone", _("Gone at the source"), gone)] if gone else rows


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def watch_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change the settings of a watch."""
    watch = _own_watch(request, uid)
    form = WatchSettingsForm(request.POST or None, instance=watch)
    if request.method == "POST" and form.is_valid():
        watches.change_watch(watch=_watch(uid), columns=form.cleaned_data, user=request.user)
        messages.success(request, _("The watch was saved."))
        return redirect("portal:watch_detail", uid=uid)
    return render(request, "portal/watches/watch_edit.html", {"watch": watch, "form": form})


@require_POST
@needs(Action.UPLOAD)
def watch_switch(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Pause or resume a watch."""
    enabled = request.POST.get("enabled") == "yes"
    watches.switch_watch(watch=_own_watch(request, uid), enabled=enabled, user=request.user)
    return redirect("portal:watch_detail", uid=uid)


@require_POST
@needs(Action.UPLOAD)
def watch_check(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Check a watch now, out of turn."""
    watches.check_soon(watch=_own_watch(request, uid), user=request.user)
    return redirect("portal:watch_detail", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def watch_delete(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Delete a watch after a confirmation; its files stay."""
    watch = _own_watch(request, uid)
    if request.method == "POST":
        watches.delete_watch(watch=watch, user=request.user)
        messages.success(
            request, _("%(watch)s is no longer watched; its files stay.") % {"watch": watch}
        )
        return redirect("portal:watch_list")
    return ask_first(
        request,
        title=_("Delete the watch of %(watch)s") % {"watch": watch},
        text=_("Checks stop and the history is deleted. Its files stay, with their matches."),
        submit=_("Delete the watch"),
        crumbs=[
            (_("Watches"), reverse("portal:watch_list")),
            (watch, reverse("portal:watch_detail", args=[watch.uid])),
        ],
    )


def _watch(uid: str) -> Watch:
    return get_object_or_404(
        Watch.objects.select_related("container", "created_by"),
        uid=uid,
        container__deleted_at__isnull=True,
    )


def _own_watch(request: PortalRequest, uid: str) -> Watch:
    watch = _watch(uid)
    if not may_change_made(watch.created_by_id, request.user):
        raise PermissionDenied(_("Only the person who created a watch or a manager may change it."))
    return watch
