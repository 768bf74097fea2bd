"""Containers: how files are scanned."""

from __future__ import annotations

from decimal import Decimal

from django.contrib import messages
from django.db import transaction
from django.db.models import Count, Q
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import User
from accounts.roles import Action
from portal.access import PortalRequest, needs
from portal.forms import ContainerForm
from review.services import floors
from scanning.models import Container
from scanning.services.containers import inbound_callback_url, record_saved


@require_safe
@needs(Action.VIEW)
def container_list(request: PortalRequest) -> HttpResponseBase:
    """List containers with their buckets and file counts."""
    containers = Container.objects.prefetch_related("buckets").annotate(
        file_count=Count("files", filter=Q(files__deleted_at__isnull=True))
    )
    return render(request, "scanning/container_list.html", {"containers": containers})


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def container_create(request: PortalRequest) -> HttpResponseBase:
    """Make a container."""
    form = ContainerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        container = _save(form, request.user)
        messages.success(request, f"Container {container.name} is made.")
        return redirect("portal:container_list")
    return render(request, "scanning/container_form.html", {"form": form})


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def container_edit(request: PortalRequest, pk: int) -> HttpResponseBase:
    """Change a container; scans that ran keep what they searched."""
    container = get_object_or_404(Container, pk=pk)
    floor_now = container.score_floor
    form = ContainerForm(request.POST or None, instance=container)
    floor = _floor_to_show(request, form, floor_now)
    if request.method == "POST" and form.is_valid() and floor is None:
        _save(form, request.user)
        returned = floors.give_back(container=container, user=request.user)
        messages.success(request, f"Container {container.name} is saved.")
        if returned:
            messages.info(
                request, f"{returned} matches are not below the floor any more."
            )
        return redirect("portal:container_list")
    return render(
        request,
        "scanning/container_form.html",
        {
            "form": form,
            "container": container,
            "callback_url": inbound_callback_url(container),
            "floor": floor,
        },
    )


def _floor_to_show(
    request: PortalRequest, form: ContainerForm, now: Decimal
) -> floors.Preview | None:
    """Return what another floor would do, where that matters and was not shown yet."""
    if request.method != "POST" or not form.is_valid():
        return None
    wanted = form.cleaned_data["score_floor"]
    if wanted == now or request.POST.get("floor_shown") == str(wanted):
        return None
    shown = floors.preview(container=form.instance, floor=wanted)
    return shown if shown.returning or shown.staying else None


@transaction.atomic
def _save(form: ContainerForm, user: User) -> Container:
    is_new = form.instance.pk is None
    if is_new:
        form.instance.created_by = user
    container: Container = form.save()
    record_saved(container=container, is_new=is_new, user=user)
    return container
