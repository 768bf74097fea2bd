"""Views of the sources of open data, and of the rules that accept suggestions."""

from __future__ import annotations

from django.contrib import messages
from django.db import transaction
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from base.accounts.roles import Action
from base.common.bodies import takes_files
from base.jobs.services import submit
from plugins.filling import rules, sources
from plugins.filling.indexes import incoming
from plugins.filling.jobs import READ_SOURCE
from plugins.filling.models import EnrichmentSource, FillingRule
from plugins.filling.open_data.kinds import source_kinds
from plugins.filling.pages.forms import FillingRuleForm, OwnListForm, SourceForm
from plugins.filling.pages.lists import RULES, SOURCES
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.asking import ask_first


@SOURCES.on_page
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.VIEW, to_post=Action.CONFIGURE)
def open_data(request: PortalRequest) -> HttpResponseBase:
    """List the sources, and add one from the folder of this machine."""
    may_configure = request.user.has_perm(Action.CONFIGURE)
    form = SourceForm(request.POST or None) if may_configure else None
    if form is not None and request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        with transaction.atomic():
            source = sources.add_source(
                kind=values["kind"],
                path=incoming() / values["file"],
                name=values["name"],
                accepts_licence=values["accepts_licence"],
                user=request.user,
            )
            submit(READ_SOURCE, source, user=request.user)
        messages.success(request, _("%(name)s is being read.") % {"name": source.name})
        return redirect("portal:open_data")
    context = {
        "kinds": source_kinds(),
        "form": form,
        "has_files": form is not None and bool(form.fields["file"].choices),  # type: ignore[attr-defined]  # a choice
        "folder": incoming(),
    }
    status = 422 if form is not None and form.errors else 200
    return SOURCES.respond(request, context, status=status)


@takes_files(Action.CONFIGURE)
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.CONFIGURE)
def open_data_send(request: PortalRequest) -> HttpResponseBase:
    """Take a list of the customer's own from the browser, and have it read."""
    form = OwnListForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        values = form.cleaned_data
        source = sources.add_list(
            upload=values["file"],
            name=values["name"],
            accepts_licence=values["accepts_licence"],
            user=request.user,
        )
        messages.success(request, _("%(name)s is being read.") % {"name": source.name})
        return redirect("portal:open_data")
    status = 422 if form.errors else 200
    return render(request, "portal/enrichment/send_list.html", {"form": form}, status=status)


@require_POST
@needs(Action.CONFIGURE)
def open_data_read(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Read a source again, as after its file was replaced."""
    source = get_object_or_404(EnrichmentSource, uid=uid)
    submit(READ_SOURCE, source, user=request.user)
    messages.success(request, _("%(name)s is being read.") % {"name": source.name})
    return redirect("portal:open_data")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.CONFIGURE)
def open_data_delete(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Ask, then delete a source and its index."""
    source = get_object_or_404(EnrichmentSource, uid=uid)
    if request.method == "POST":
        sources.delete_source(source=source, user=request.user)
        messages.success(request, _("%(name)s was deleted.") % {"name": source.name})
        return redirect("portal:open_data")
    return ask_first(
        request,
        title=_("Delete %(name)s") % {"name": source.name},
        text=_(
            "Its open suggestions end, and its index is deleted. Values that were "
            "accepted stay, and so does the file itself."
        ),
        submit=_("Delete the source"),
        crumbs=[
            (_("Filling in"), reverse("portal:fill_in")),
            (_("Sources"), reverse("portal:open_data")),
        ],
    )


@RULES.on_page
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.VIEW, to_post=Action.EDIT_CATALOGUE)
def filling_rules(request: PortalRequest) -> HttpResponseBase:
    """List the rules that accept suggestions, and add one."""
    may_edit = request.user.has_perm(Action.EDIT_CATALOGUE)
    form = FillingRuleForm(request.POST or None) if may_edit else None
    if form is not None and request.method == "POST" and form.is_valid():
        rule = rules.add_rule(rule=form.save(commit=False), user=request.user)
        messages.success(
            request, _("%(rule)s is on. It accepts after each search.") % {"rule": rule}
        )
        return redirect("portal:filling_rules")
    context = {
        "form": form,
    }
    status = 422 if form is not None and form.errors else 200
    return RULES.respond(request, context, status=status)


@require_POST
@needs(Action.EDIT_CATALOGUE)
def filling_rule_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Switch a rule on or off, or delete it."""
    rule = get_object_or_404(FillingRule.objects.select_related("bucket"), uid=uid)
    name = str(rule)
    match request.POST.get("verb"):
        case "delete":
            rules.delete_rule(rule=rule, user=request.user)
            messages.success(request, _("%(rule)s was deleted.") % {"rule": name})
        case "on":
            rules.switch_rule(rule=rule, is_on=True, user=request.user)
            messages.success(request, _("%(rule)s is on.") % {"rule": name})
        case _off:
            rules.switch_rule(rule=rule, is_on=False, user=request.user)
            messages.success(request, _("%(rule)s is off.") % {"rule": name})
    return redirect("portal:filling_rules")
