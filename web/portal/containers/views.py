"""Containers: how files are scanned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from base.accounts.models import User
from base.accounts.roles import Action
from review.services import floors, grounds
from scanning.choices import EngineChoice
from scanning.models import Container, OutboundCallback
from scanning.services.containers import inbound_callback_url, record_saved
from scanning.services.filing import delete_container
from scanning.services.outbound_callbacks import send_again
from web.portal.shared.access import PortalRequest, confirm_outbound, needs
from web.portal.shared.asking import Question, ask_before
from web.portal.shared.fields import CountryField, SearchSelectMultiple, WebhookField
from web.portal.shared.model_forms import PortalForm


class ContainerForm(PortalForm[Container]):
    """The settings of a container."""

    class Meta(PortalForm.Meta):
        model = Container
        fields = Container.SETTINGS
        field_classes = {"territory": CountryField, "callback_url": WebhookField}
        widgets = {"buckets": SearchSelectMultiple}

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        """Refuse a container in whose files the embedded engine would find nothing."""
        cleaned = super().clean() or {}
        needs_buckets = "buckets" in cleaned and cleaned.get("engine") != EngineChoice.ACRCLOUD
        if needs_buckets and not cleaned["buckets"]:
            self.add_error(
                "buckets",
                _("Choose at least one bucket: without one, nothing is found in its files."),
            )
        return cleaned


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def container_create(request: PortalRequest) -> HttpResponseBase:
    """Create a container."""
    form = ContainerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        confirm_outbound(request, form, "callback_url")
        container = _save(form, request.user)
        messages.success(request, _("Container %(name)s was created.") % {"name": container.name})
        return redirect("portal:container_list")
    return render(request, "portal/containers/container_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def container_edit(request: PortalRequest, pk: int) -> HttpResponseBase:
    """Change a container; earlier scans keep the settings that they ran with."""
    container = get_object_or_404(Container.objects.present(), pk=pk)
    floor_now = container.score_floor
    callback_url = inbound_callback_url(container)
    form = ContainerForm(request.POST or None, instance=container)
    floor = _floor_to_show(request, form, floor_now)
    if request.method == "POST" and form.is_valid() and floor is None:
        confirm_outbound(request, form, "callback_url")
        _save(form, request.user)
        messages.success(request, _("Container %(name)s was saved.") % {"name": container.name})
        after_change(request, form, user=request.user)
        return redirect("portal:container_list")
    return show(request, form, callback_url, floor=floor)


def show(
    request: PortalRequest,
    form: ContainerForm,
    callback_url: str,
    *,
    floor: floors.FloorPreview | None = None,
    status: int = 200,
) -> HttpResponseBase:
    """Show the settings of a container."""
    container = form.instance
    context = {"form": form, "container": container, "callback_url": callback_url, "floor": floor}
    return render(request, "portal/containers/container_form.html", context, status=status)


def _floor_to_show(
    request: PortalRequest, form: ContainerForm, now: Decimal
) -> floors.FloorPreview | None:
    """Return the preview of a new floor; None if it moves no match or was shown."""
    if request.method != "POST" or not form.is_valid():
        return None
    floor = form.cleaned_data["score_floor"]
    if floor == now or request.POST.get("floor_shown") == str(floor):
        return None
    preview = floors.preview(container=form.instance, floor=floor)
    return preview if preview.returning or preview.staying else None


def after_change(request: HttpRequest, form: forms.ModelForm[Container], *, user: User) -> None:
    """Evaluate the matches that a lower floor returns, and say what the change did."""
    container = form.instance
    if "engine" in form.changed_data and container.takes_callbacks:
        messages.warning(
            request,
            _(
                "%(name)s has a new callback address, because its engine "
                "changed. Enter it in ACRCloud: the old address no longer "
                "works."
            )
            % {"name": container.name},
        )
    if "territory" in form.changed_data:
        grounds.note_container(container)
    returned = floors.give_back(container=container, user=user)
    if returned:
        messages.info(
            request,
            ngettext(
                "%(count)s match is no longer below the floor.",
                "%(count)s matches are no longer below the floor.",
                returned,
            )
            % {"count": returned},
        )


@transaction.atomic
def _save(form: ContainerForm, user: User) -> Container:
    is_new = form.instance.pk is None
    if is_new:
        form.instance.created_by = user
    container: Container = form.save()
    engine_before = None if is_new else form.initial["engine"]
    record_saved(container=container, engine_before=engine_before, user=user)
    return container


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def container_delete(request: PortalRequest, pk: int) -> HttpResponseBase:
    """Show what the end of a container and its files changes, then delete it."""
    container = get_object_or_404(Container.objects.present(), pk=pk)

    def delete() -> None:
        delete_container(container=container, user=request.user, reason="")

    files = container.files.present().count()
    confirmation = ask_before(
        request,
        delete,
        about=Q(scanned_file__container=container),
        question=Question(
            title=_("Delete the container %(name)s") % {"name": container.name},
            text=ngettext(
                "Its %(count)s file is deleted with it. Its decisions and its history stay.",
                "Its %(count)s files are deleted with it. Their decisions and their history stay.",
                files,
            )
            % {"count": files},
            submit=_("Delete the container"),
            crumbs=[
                (_("Containers"), reverse("portal:container_list")),
                (container.name, reverse("portal:container_edit", args=[pk])),
            ],
        ),
    )
    if confirmation is not None:
        return confirmation
    delete()
    messages.success(request, _("%(name)s was deleted.") % {"name": container.name})
    return redirect("portal:container_list")


@require_POST
@needs(Action.CONFIGURE)
def callback_again(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Queue a callback again; the worker sends it within a second."""
    callback = get_object_or_404(
        OutboundCallback.objects.select_related("container", "scanned_file"), uid=uid
    )
    send_again(callback=callback, user=request.user)
    messages.success(
        request,
        _("The callback for %(name)s is being sent again.") % {"name": callback.scanned_file.name},
    )
    return redirect("portal:container_edit", pk=callback.container_id)
