"""Views of API tokens, of project keys, and of a person's columns of lists."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import Prefetch
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from base.accounts.roles import Action
from base.accounts.tokens import create_token, revoke_token
from catalogue.models import Bucket
from scanning.models import Project
from scanning.services.identification import create_project, revoke_project
from web.portal.accounts.forms import ProjectForm, TokenForm
from web.portal.accounts.lists import TOKENS, visible_tokens
from web.portal.shared.access import PortalRequest, confirmed_to_post, needs, own_address
from web.portal.shared.asking import ask_first
from web.portal.shared.columns import LISTS


@TOKENS.on_page
@never_cache
@require_http_methods(["GET", "POST"])
@needs(Action.VIEW)
@confirmed_to_post
def tokens(request: PortalRequest) -> HttpResponseBase:
    """List tokens; on a POST, create one and show its secret, which is not stored."""
    form = TokenForm(request.POST or None)
    secret = ""
    if request.method == "POST" and form.is_valid():
        made = create_token(
            owner=request.user,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
            actor=request.user,
        )
        secret, form = made.secret, TokenForm()
    projects = Project.objects.none()
    if request.user.has_perm(Action.CONFIGURE):
        buckets = Prefetch("buckets", queryset=Bucket.objects.present())
        projects = Project.objects.prefetch_related(buckets)
    return TOKENS.respond(request, {"form": form, "secret": secret, "projects": projects})


@require_http_methods(["GET", "POST"])
@needs(Action.VIEW)
def token_revoke(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Revoke a token after a confirmation."""
    token = get_object_or_404(visible_tokens(), uid=uid)
    if request.method == "POST":
        revoke_token(token=token, actor=request.user)
        messages.success(request, _("Token %(name)s was revoked.") % {"name": token.name})
        return redirect("portal:tokens")
    return ask_first(
        request,
        title=_("Revoke the token %(name)s") % {"name": token.name},
        text=_(
            "Programs that use it are refused at once. A revoked token never works again; "
            "create a new one instead."
        ),
        submit=_("Revoke the token"),
        crumbs=[(_("API tokens"), reverse("portal:tokens"))],
    )


@never_cache
@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
@confirmed_to_post
def project_create(request: PortalRequest) -> HttpResponseBase:
    """Create a project and show its key pair."""
    form = ProjectForm(request.POST or None)
    project = None
    if request.method == "POST" and form.is_valid():
        project = create_project(
            name=form.cleaned_data["name"], buckets=form.cleaned_data["buckets"], user=request.user
        )
    return render(request, "portal/accounts/project_form.html", {"form": form, "project": project})


@require_POST
@needs(Action.VIEW)
def list_columns(request: PortalRequest, name: str) -> HttpResponseBase:
    """Keep which columns of a list the person sees, or go back to the usual ones."""
    if name not in LISTS:
        raise Http404
    user, chosen = request.user, request.POST.getlist("column")
    columns = {
        list_name: names for list_name, names in user.list_columns.items() if list_name != name
    }
    if "usual" not in request.POST:
        columns[name] = [column.name for column in LISTS[name] if column.name in chosen]
    user.list_columns = columns
    user.save(update_fields=["list_columns"])
    return redirect(own_address(request, request.POST.get("next", "")) or "/")


@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def project_revoke(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Revoke a project's keys after a confirmation."""
    project = get_object_or_404(Project, uid=uid)
    if request.method == "POST":
        revoke_project(project=project, user=request.user)
        messages.success(request, _("The keys of %(name)s were revoked.") % {"name": project.name})
        return redirect("portal:tokens")
    return ask_first(
        request,
        title=_("Revoke the keys of %(name)s") % {"name": project.name},
        text=_(
            "Devices and programs that identify sound with them are refused at once. "
            "Revoked keys never work again; create new ones instead."
        ),
        submit=_("Revoke the keys"),
        crumbs=[(_("API tokens"), reverse("portal:tokens"))],
    )
