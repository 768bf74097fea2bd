"""Views that list, edit, order, test and apply policies."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.db.models import Q
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.reach import is_limited
from base.accounts.roles import Action
from review.choices import MatchState
from review.errors import ReviewError
from review.models import Match, Policy
from review.services import applications, policies
from review.services.policies import DryRun
from web.portal.policies.forms import PolicyForm
from web.portal.policies.sentence import sentence_of
from web.portal.shared.access import PortalRequest, needs, own_address
from web.portal.shared.applications import undo
from web.portal.shared.asking import Question, ask_before, only_statements
from web.portal.shared.lists import COUNTED
from web.portal.shared.selectors import bucket_names, count_per_row


@require_safe
@needs(Action.VIEW)
def policy_list(request: PortalRequest) -> HttpResponseBase:
    """List the policies in their order, each with the number of its matches."""
    rows = Policy.objects.select_related("owner", "assignee").annotate(
        times=count_per_row(Match.objects.all(), "policy")
    )
    buckets = bucket_names()
    policy_rows = [(policy, sentence_of(policy, buckets=buckets)) for policy in rows]
    return render(request, "portal/policies/policy_list.html", {"policies": policy_rows})


@require_http_methods(["GET", "POST"])
@needs(Action.APPROVE)
def policy_create(request: PortalRequest) -> HttpResponseBase:
    """Create a policy; it stays off until somebody switches it on."""
    return _edit(request, Policy())


@require_http_methods(["GET", "POST"])
@needs(Action.APPROVE)
def policy_edit(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Change a policy; existing matches stay as they are."""
    return _edit(request, get_object_or_404(Policy, uid=uid))


def _edit(request: PortalRequest, policy: Policy) -> HttpResponseBase:
    form = PolicyForm(request.POST or None, instance=policy)
    if request.method == "POST" and form.is_valid():
        try:
            overlapping = policies.save(policy=form.save(commit=False), user=request.user)
        except ReviewError as refused:
            form.add_error(None, refused.message)
        else:
            if overlapping:
                names = ", ".join(str(policy) for policy in overlapping)
                messages.warning(
                    request,
                    _(
                        "Some matches may fit both this policy and %(names)s, "
                        "which acts differently. The first policy in the list "
                        "applies."
                    )
                    % {"names": names},
                )
            return redirect("portal:policy_dry_run", uid=form.instance.uid)
    context = {"form": form, "policy": policy if policy.pk else None, "sentence": _read_back(form)}
    return render(request, "portal/policies/policy_form.html", context)


@require_safe
@needs(Action.APPROVE)
def policy_sentence(request: PortalRequest) -> HttpResponseBase:
    """Read back the policy that the form describes now; nothing is stored."""
    form = PolicyForm(request.GET, instance=Policy())
    form.is_valid()
    return render(request, "portal/policies/_sentence.html", {"sentence": _read_back(form)})


def _read_back(form: PolicyForm) -> str:
    """Return the form's policy as a sentence; empty before an action is chosen."""
    return sentence_of(form.instance, buckets=bucket_names())


@require_safe
@needs(Action.APPROVE)
def policy_dry_run(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the changes that the policy would make to all existing matches."""
    policy = get_object_or_404(Policy, uid=uid)
    run = policies.dry_run(policy=policy)
    moves = [
        {"now": now, "then": then, "count": count}
        for (now, then), count in sorted(run.moves.items())
    ]
    context = {
        "policy": policy,
        "run": run,
        "moves": moves,
        "sentence": sentence_of(policy, buckets=bucket_names()),
        "why_grey": _why_grey(request, policy, run),
        "applications": applications.applications(policy),
        "may_undo": not is_limited(request.user),
    }
    return render(request, "portal/policies/policy_dry_run.html", context)


def _why_grey(request: PortalRequest, policy: Policy, run: DryRun) -> str:
    """Return why the policy cannot be applied now; empty if it can."""
    if is_limited(request.user):
        return _("Your access is limited. Ask somebody without access limits to apply it.")
    if run.returning:
        return ""
    if not policy.enabled:
        return _("The policy is off. Switch it on, then apply it.")
    if not run.waiting_count:
        if any(now == MatchState.IN_REVIEW for now, _then in run.moves):
            return _(
                "The matches that fit it are being reviewed. They stay with the people "
                "who have them."
            )
        return _("No waiting match fits it, so there is nothing to change.")
    return ""


@require_POST
@needs(Action.APPROVE)
def policy_undo(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Undo one application of the policy."""
    here = reverse("portal:policy_dry_run", args=[uid])
    return undo(request, get_object_or_404(Policy, uid=uid), here=here)


@require_POST
@needs(Action.APPROVE)
def policy_switch(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Switch a policy on or off."""
    policy = get_object_or_404(Policy, uid=uid)
    enabled = request.POST.get("enabled") == "yes"

    def switch() -> str:
        policies.switch(policy=policy, user=request.user, enabled=enabled)
        text = (
            _("%(name)s is on for new matches.")
            if enabled
            else _("%(name)s is off for new matches.")
        )
        return text % {"name": policy.name}

    return _done(request, switch)


@require_POST
@needs(Action.APPROVE)
def policy_move(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Move a policy one place up or down."""
    policy = get_object_or_404(Policy, uid=uid)

    def move() -> str:
        up = request.POST.get("to") == "up"
        policies.move(policy=policy, user=request.user, up=up)
        return _("%(name)s was moved.") % {"name": policy.name}

    return _done(request, move)


@require_POST
@needs(Action.APPROVE)
def policy_apply(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Apply the policy to the waiting matches."""
    policy = get_object_or_404(Policy, uid=uid)

    try:
        confirmation = ask_before(
            request,
            lambda: policies.apply(policy=policy, user=request.user),
            about=Q(pk__in=policies.touched(policy=policy)[:COUNTED]),
            question=Question(
                title=_("These statements change"),
                text=_("Nothing is done yet. It can be undone."),
                submit=_("Apply the policy"),
                crumbs=[
                    (_("Policies"), reverse("portal:policy_list")),
                    (policy.name, reverse("portal:policy_dry_run", args=[uid])),
                ],
            ),
            asks=only_statements,
        )
        if confirmation is not None:
            return confirmation
        changed = policies.apply(policy=policy, user=request.user)
    except ReviewError as refused:
        messages.error(request, refused.message)
    else:
        done = ngettext(
            "%(name)s was applied; %(count)s match changed.",
            "%(name)s was applied; %(count)s matches changed.",
            changed,
        )
        messages.success(request, done % {"name": policy.name, "count": changed})
    return redirect("portal:policy_dry_run", uid=uid)


def _done(request: PortalRequest, act: Callable[[], str]) -> HttpResponseBase:
    """Run the action, show its result, and return to the page that asked or to the list."""
    try:
        messages.success(request, act())
    except ReviewError as refused:
        messages.error(request, refused.message)
    return redirect(own_address(request, request.POST.get("next", "")) or "portal:policy_list")
