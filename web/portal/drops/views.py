"""Pages of drops: folders and S3 prefixes whose files are scanned."""

from __future__ import annotations

from datetime import UTC, datetime

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from base.accounts.services import may_change_made
from scanning.choices import DropItemState
from scanning.drops import selectors, services
from scanning.drops.places import roots
from scanning.errors import IntakeRefused
from scanning.models import Drop, DropFolder, DropItem
from web.portal.drops.forms import DropFolderForm, DropForm, DropSettingsForm
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import ask_first
from web.portal.shared.fields import sentence_of
from web.portal.shared.lists import page_of


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def drop_create(request: PortalRequest) -> HttpResponseBase:
    """Create a drop."""
    form = DropForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            drop = services.create_drop(drop=form.save(commit=False), user=request.user)
        except IntakeRefused as refused:
            _explain(form, refused)
        else:
            text = _("Files in %(drop)s are now taken.") % {"drop": drop.place}
            _report_saved(request, drop, text)
            return redirect("portal:drop_detail", uid=drop.uid)
    return render(request, "portal/drops/drop_create.html", {"form": form, "roots": roots()})


@require_safe
@needs(Action.VIEW)
def drop_detail(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one drop: waiting files with the reason, taken ones and failed ones."""
    drop = _drop(uid)
    items = selectors.items_of(drop)
    counts = selectors.counts_by_state(drop)
    choice = request.GET.get("show", "")
    if choice in DropItemState.values:
        items = items.filter(state=choice)
    next_poll = services.next_polls([drop]).get(drop.pk)
    waiting_folders = selectors.waiting_folders(drop)
    return render(
        request,
        "portal/drops/drop_detail.html",
        {
            "drop": drop,
            "page_obj": page_of(request, items),
            "shown": choice,
            "choices": [
                ("", _("All"), sum(counts.values())),
                *(
                    (state.value, str(state.label), counts[state])
                    for state in DropItemState
                    if counts.get(state)
                ),
            ],
            "folders": DropFolder.objects.filter(drop=drop).select_related("container"),
            "waiting_folders": waiting_folders,
            "form": DropFolderForm(
                auto_id="folder-%s",
                initial={"name": waiting_folders[0].name if waiting_folders else ""},
            ),
            "can_retry": bool(counts.get(DropItemState.FAILED)),
            "next_poll": next_poll,
            "is_due": drop.enabled and next_poll is not None and next_poll <= datetime.now(tz=UTC),
            "may_change": may_change_made(drop.created_by_id, request.user),
        },
    )


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def drop_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change the settings of a drop."""
    drop = _own_drop(request, uid)
    form = DropSettingsForm(request.POST or None, instance=drop)
    if request.method == "POST" and form.is_valid():
        try:
            services.change_drop(drop=_drop(uid), columns=form.cleaned_data, user=request.user)
        except IntakeRefused as refused:
            _explain(form, refused)
        else:
            _report_saved(request, drop, _("The drop was saved."))
            return redirect("portal:drop_detail", uid=uid)
    return render(request, "portal/drops/drop_edit.html", {"drop": drop, "form": form})


@require_POST
@needs(Action.UPLOAD)
def drop_switch(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Pause or resume a drop."""
    enabled = request.POST.get("enabled") == "yes"
    services.switch_drop(drop=_own_drop(request, uid), enabled=enabled, user=request.user)
    return redirect("portal:drop_detail", uid=uid)


@require_POST
@needs(Action.UPLOAD)
def drop_poll(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Poll a drop now, out of turn."""
    services.poll_soon(drop=_own_drop(request, uid), user=request.user)
    return redirect("portal:drop_detail", uid=uid)


@require_POST
@needs(Action.UPLOAD)
def drop_retry(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Let the failed files that still lie in the drop be tried again."""
    drop = _own_drop(request, uid)
    failed = DropItem.objects.filter(drop=drop, state=DropItemState.FAILED)
    count = services.retry_failed(drop=drop, items=failed, user=request.user)
    messages.info(
        request,
        ngettext("%(n)s file is waiting again.", "%(n)s files are waiting again.", count)
        % {"n": count}
        if count
        else _(
            "There are no failed files left in this folder. To try files again, "
            "move them back from the folder “failed”."
        ),
    )
    return redirect("portal:drop_detail", uid=uid)


@require_POST
@needs(Action.UPLOAD)
def drop_folders(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Give a subfolder a container, or release it."""
    drop = _own_drop(request, uid)
    released = request.POST.get("release")
    if released:
        rows = DropFolder.objects.filter(drop=drop)
        services.release_folder(folder=get_object_or_404(rows, name=released), user=request.user)
        return redirect("portal:drop_detail", uid=uid)
    form = DropFolderForm(request.POST)
    if not form.is_valid():
        messages.error(request, sentence_of(form))
        return redirect("portal:drop_detail", uid=uid)
    try:
        services.assign_folder(
            drop=drop,
            name=form.cleaned_data["name"],
            container=form.cleaned_data["container"],
            user=request.user,
        )
    except IntakeRefused as refused:
        messages.error(request, str(refused))
    return redirect("portal:drop_detail", uid=uid)


@require_http_methods(["GET", "POST"])
@needs(Action.UPLOAD)
def drop_delete(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Delete a drop after a confirmation; all files stay."""
    drop = _own_drop(request, uid)
    if request.method == "POST":
        services.delete_drop(drop=drop, user=request.user)
        messages.success(
            request, _("Files in %(drop)s are no longer taken.") % {"drop": drop.place}
        )
        return redirect("portal:drop_list")
    return ask_first(
        request,
        title=_("Delete the drop %(drop)s") % {"drop": drop},
        text=_(
            "Polls stop and the history is deleted. Files stay, in the folder and in the portal."
        ),
        submit=_("Delete the drop"),
        crumbs=[
            (_("Drops"), reverse("portal:drop_list")),
            (drop, reverse("portal:drop_detail", args=[drop.uid])),
        ],
    )


def _report_saved(request: PortalRequest, drop: Drop, text: str) -> None:
    """Say that a drop is saved, or what keeps its files from being taken."""
    fault = services.fault_on_this_machine(drop)
    if not fault:
        messages.success(request, text)
        return
    messages.warning(
        request,
        _(
            "The drop was saved, but this machine cannot read it: %(fault)s Create the folder, or "
            "have it mounted here. If only the workers' machines have it, all is well: the first "
            "poll tells."
        )
        % {"fault": fault},
    )


def _explain(form: DropSettingsForm, refused: IntakeRefused) -> None:
    field = "afterwards" if refused.code == "no_tags" else "place"
    form.add_error(field if field in form.fields else None, str(refused))


def _drop(uid: str) -> Drop:
    return get_object_or_404(selectors.drops(), uid=uid)


def _own_drop(request: PortalRequest, uid: str) -> Drop:
    drop = _drop(uid)
    if not may_change_made(drop.created_by_id, request.user):
        raise PermissionDenied(_("Only the person who created a drop or a manager may change it."))
    return drop
