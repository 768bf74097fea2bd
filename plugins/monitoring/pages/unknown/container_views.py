"""The settings of a container for repeated unknown sound."""

from __future__ import annotations

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from base.accounts.roles import Action
from plugins.monitoring.pages.unknown.forms import UnknownPolicyForm
from plugins.monitoring.unknown.policies import policy_of, save_policy
from scanning.models import Container
from web.portal.shared.access import PortalRequest, needs


@require_POST
@needs(Action.CONFIGURE)
def container_unknown(request: PortalRequest, pk: int) -> HttpResponseBase:
    """Change how a container's unmatched sound is compared."""
    container = get_object_or_404(Container.objects.present(), pk=pk)
    form = UnknownPolicyForm(request.POST, instance=policy_of(container))
    if not form.is_valid():
        context = {"container": container, "form": form}
        return render(request, "portal/unknown/container.html", context, status=422)
    save_policy(policy=form.instance, user=request.user)
    messages.success(
        request,
        _("The settings for repeated unknown sound in %(name)s were saved.")
        % {"name": container.name},
    )
    return redirect("portal:container_edit", pk=pk)
