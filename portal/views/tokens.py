"""Tokens of the API, and key pairs of the identification service."""

from __future__ import annotations

from django.contrib import messages
from django.db.models import QuerySet
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.models import ApiToken
from accounts.roles import Action
from accounts.tokens import create_token, revoke_token
from portal.access import PortalRequest, needs
from portal.pages import page_of
from portal.token_forms import ProjectForm, TokenForm
from scanning.models import Project
from scanning.services.projects import create_project, revoke_project


@never_cache
@require_http_methods(["GET", "POST"])
@needs(Action.VIEW)
def tokens(request: PortalRequest) -> HttpResponseBase:
    """List tokens; make one and show it this once."""
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
    return render(
        request,
        "portal/tokens.html",
        {
            "form": form,
            "secret": secret,
            "page_obj": page_of(request, _visible(request)),
            "projects": _projects(request),
        },
    )


@require_POST
@needs(Action.VIEW)
def token_revoke(request: PortalRequest, uid: str) -> HttpResponseBase:
    """End a token at once."""
    token = get_object_or_404(_visible(request), uid=uid)
    revoke_token(token=token, actor=request.user)
    messages.success(request, f"Token {token.name} opens nothing any more.")
    return redirect("portal:tokens")


@never_cache
@require_http_methods(["GET", "POST"])
@needs(Action.CONFIGURE)
def project_create(request: PortalRequest) -> HttpResponseBase:
    """Make a key pair and show it."""
    form = ProjectForm(request.POST or None)
    project = None
    if request.method == "POST" and form.is_valid():
        project = create_project(
            name=form.cleaned_data["name"],
            buckets=form.cleaned_data["buckets"],
            user=request.user,
        )
    return render(
        request, "portal/project_form.html", {"form": form, "project": project}
    )


@require_POST
@needs(Action.CONFIGURE)
def project_revoke(request: PortalRequest, uid: str) -> HttpResponseBase:
    """End a key pair at once."""
    project = get_object_or_404(Project, uid=uid)
    revoke_project(project=project, user=request.user)
    messages.success(request, f"The keys of {project.name} identify nothing any more.")
    return redirect("portal:tokens")


def _visible(request: PortalRequest) -> QuerySet[ApiToken]:
    """Return one's own tokens; an admin sees everyone's."""
    rows = ApiToken.objects.select_related("owner").order_by("-id")
    if request.user.has_perm(Action.CONFIGURE):
        return rows
    return rows.filter(owner=request.user)


def _projects(request: PortalRequest) -> QuerySet[Project]:
    """Return the key pairs, for those who may make them."""
    if not request.user.has_perm(Action.CONFIGURE):
        return Project.objects.none()
    return Project.objects.prefetch_related("buckets")
