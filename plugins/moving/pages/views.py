"""Views of trials: begin, judge blindly, read the verdict, end."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.reach import is_limited, refuse_limited
from base.accounts.roles import Action
from plugins.moving.models import EngineTrial, Judgement, TrialRow, TrialState
from plugins.moving.pages import page
from plugins.moving.pages.forms import EndForm, TrialForm
from plugins.moving.pages.lists import TRIALS
from plugins.moving.trials import services
from plugins.moving.trials.errors import TrialRefused
from plugins.moving.trials.selectors import rows_of, waiting_rows
from review.errors import ReviewError
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import attachment
from web.portal.shared.lists import count_of
from web.portal.shared.selection import read_version


@TRIALS.on_page
@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.DECIDE, to_post=Action.CONFIGURE)
def trial_list(request: PortalRequest) -> HttpResponseBase:
    """List the trials, and begin one."""
    may_begin = _may_configure(request)
    form = TrialForm(request.POST or None) if may_begin else None
    if request.method == "POST":
        refuse_limited(request.user)
    if form is not None and request.method == "POST" and form.is_valid():
        try:
            trial = form.begin(request.user)
        except TrialRefused as refused:
            form.add_error("containers", str(refused))
        else:
            messages.success(request, _("Both engines scan from now on."))
            return redirect(trial.url)
    context = {"form": form, "may_begin": may_begin}
    status = 422 if form is not None and form.errors else 200
    return TRIALS.respond(request, context, status=status)


@require_safe
@needs(Action.CONFIGURE)
def trial(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a trial's figures and its verdict."""
    refuse_limited(request.user)
    context = page.trial_context(_trial(uid))
    return render(request, "portal/trials/trial.html", context)


@require_POST
@needs(Action.CONFIGURE)
def trial_compare(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Compare what has come since the last time."""
    trial = _trial(uid)
    services.compare_now(trial=trial, user=request.user)
    messages.success(request, _("What has come is being compared."))
    return redirect(trial.url)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Action.CONFIGURE)
def trial_end(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Ask what scans on, then end the trial."""
    refuse_limited(request.user)
    trial = _trial(uid)
    form = EndForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.end_trial(trial=trial, keeps=form.choice(), user=request.user)
        except TrialRefused as refused:
            messages.error(request, str(refused))
        else:
            messages.success(request, _("The trial has ended; its report is stored."))
        return redirect(trial.url)
    context = {"trial": trial, "form": form, "waiting": waiting_rows(trial).count()}
    status = 422 if form.errors else 200
    return render(request, "portal/trials/end.html", context, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@needs(Action.DECIDE)
def trial_judge(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Let a person hear both sounds of what is drawn, and say whether they agree."""
    trial = _trial(uid)
    if request.method == "POST":
        _judge(request, trial)
        return redirect("portal:trial_judge", uid=uid)
    waiting = waiting_rows(trial)
    context = {
        "trial": trial,
        "runs": trial.state == TrialState.RUNNING,
        "rows": page.judging(waiting),
        "waiting": count_of(waiting),
        "judged": rows_of(trial)
        .exclude(judged="")
        .filter(judged_by=request.user)
        .select_related("recording", "file__scanned_file", "match")
        .order_by("-judged_at")[:10],
        "may_configure": _may_configure(request),
    }
    return render(request, "portal/trials/judge.html", context)


def _judge(request: PortalRequest, trial: EngineTrial) -> None:
    rows = TrialRow.objects.filter(file__trial=trial).select_related(
        "match", "recording", "file__scanned_file"
    )
    # Compared again meanwhile, the row has another key and waits on the page.
    key = read_version(request.POST.get("row", ""))
    row = rows.filter(pk=key).first() if key is not None else None
    judged = request.POST.get("judged", "")
    version = read_version(request.POST.get("version", ""))
    if row is None or version is None or judged not in Judgement.values:
        messages.error(request, _("This changed meanwhile. Listen again."))
        return
    try:
        services.judge(row=row, judgement=Judgement(judged), version=version, user=request.user)
    except TrialRefused as refused:
        messages.error(request, str(refused))
    except ReviewError as refused:
        messages.error(request, refused.message)


@require_safe
@needs(Action.CONFIGURE)
def trial_report(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the report: the stored one of an ended trial, else as it is now."""
    refuse_limited(request.user)
    trial = _trial(uid)
    return HttpResponse(
        trial.report or services.report_text(trial),
        content_type="application/json",
        headers=attachment(f"{trial.uid}.json"),
    )


def _trial(uid: str) -> EngineTrial:
    return get_object_or_404(EngineTrial.objects.select_related("account"), uid=uid)


def _may_configure(request: PortalRequest) -> bool:
    return request.user.has_perm(Action.CONFIGURE) and not is_limited(request.user)
