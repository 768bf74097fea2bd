"""The settings of a container for repeated unknown sound."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.roles import Action
from monitoring.unknown.models import UnknownPolicy
from monitoring.unknown.policies import policy_of, save_policy
from portal.containers.views import ContainerForm, show
from portal.shared.access import PortalRequest, needs
from scanning.models import Container
from scanning.services.containers import inbound_callback_url


class UnknownPolicyForm(forms.ModelForm[UnknownPolicy]):
    """How repeated unknown sound of a container is found and kept."""

    class Meta:
        model = UnknownPolicy
        fields = ["is_on", "least_seconds", "least_count", "days_kept"]


def policy_form(container: Container) -> UnknownPolicyForm:
    """Return the form with a container's settings."""
    return UnknownPolicyForm(instance=policy_of(container))


@require_POST
@needs(Action.CONFIGURE)
def container_unknown(request: PortalRequest, pk: int) -> HttpResponseBase:
    """Change how a container's unmatched sound is compared."""
    container = get_object_or_404(Container.objects.present(), pk=pk)
    unknown = UnknownPolicyForm(request.POST, instance=policy_of(container))
    if not unknown.is_valid():
        form = ContainerForm(instance=container)
        address = inbound_callback_url(container)
        return show(request, form, address, unknown=unknown, status=422)
    save_policy(policy=unknown.instance, user=request.user)
    messages.success(
        request,
        _("The settings for repeated unknown sound in %(name)s were saved.")
        % {"name": container.name},
    )
    return redirect("portal:container_edit", pk=pk)


urlpatterns = [
    path("containers/<int:pk>/unknown/", container_unknown, name="container_unknown"),
]
