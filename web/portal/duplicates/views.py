"""Duplicates: the list, a group and its actions, loops, the catalogue check, the report."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import Http404
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.reach import working_for
from base.accounts.roles import Action
from dedup import actions, checks, loop_actions, selectors
from dedup.errors import ActionRefused, GroupChanged
from dedup.models import (
    ActionState,
    ActionVerb,
    CatalogueCheck,
    DedupAction,
    DedupGroup,
    SharedLoop,
)
from reports import duplicates as duplicate_reports
from reports.choices import Format
from review.errors import ReviewError
from web.portal.duplicates import page
from web.portal.duplicates.forms import ActionForm, DuplicateFilterForm
from web.portal.shared.access import PortalRequest, needs, own_address
from web.portal.shared.asking import Question, ask_before, ask_first
from web.portal.shared.downloads import sent, written
from web.portal.shared.fields import sentence_of
from web.portal.shared.lists import page_of

# What the form says once a person has read what an undo leaves.
_KNOWN = "knows"
_CHANGES_GROUNDS = (ActionVerb.MERGE, ActionVerb.SPLIT, ActionVerb.RETIRE)
_DONE = {
    ActionVerb.CANONICAL: gettext_lazy("{title} is now the canonical recording of its group."),
    ActionVerb.MERGE: gettext_lazy("Merged into {title}. The other ids still lead to it."),
    ActionVerb.KEEP: gettext_lazy("{title}: kept apart, and not proposed again."),
    ActionVerb.SPLIT: gettext_lazy("{title}: taken out of its group."),
    ActionVerb.RETIRE: gettext_lazy("{title} is retired; scans no longer search for it."),
}


@require_safe
@needs(Action.VIEW)
def duplicates(request: PortalRequest) -> HttpResponseBase:
    """List the open duplicates, the pairs kept apart, or the past actions."""
    tab = request.GET.get("tab", "")
    if tab not in {"kept", "done"}:
        return render(request, "portal/duplicates/open.html", _with_list(request))
    frame = _frame(request, open_total=len(page.list_keys(kind="", bucket=None)))
    if tab == "kept":
        frame |= {"tab": tab, "page_obj": page_of(request, selectors.kept_pairs())}
        return render(request, "portal/duplicates/kept.html", frame)
    actions_taken = DedupAction.objects.select_related("made_by", "settled_by")
    done = page_of(request, actions_taken)
    rows = [(action, actions.may_undo(action, request.user)) for action in done]
    frame |= {"tab": tab, "page_obj": done, "rows": rows}
    return render(request, "portal/duplicates/done.html", frame)


def _group(uid: str) -> DedupGroup | None:
    """Return a group; None if it is settled.

    Raises ``Http404`` if access limits hide all its members.
    """
    group = DedupGroup.objects.filter(uid=uid).first()
    if group is None or group.members.exists():
        return group
    # An empty group is settled unless access limits hide its members.
    with working_for(None):
        if group.members.exists():
            raise Http404
    return None


@require_safe
@needs(Action.VIEW)
def duplicate_group(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show one group: its recordings, their differences and the possible actions."""
    group = _group(uid)
    if group is None:
        messages.info(request, _("This group is already decided. Here are the open ones."))
        return redirect("portal:duplicates")
    return _show_group(request, group)


@require_POST
@needs(Action.DECIDE)
def duplicate_act(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Carry out or propose an action; show the group again if it has changed."""
    group = _group(uid)
    if group is None:
        messages.error(request, _("The group was already decided. Nothing changed."))
        return redirect("portal:duplicates")
    form = ActionForm(request.POST)
    if not form.is_valid():
        problem = ActionRefused(sentence_of(form))
        return _show_group(request, group, problem=problem, chosen=form.fields_chosen(), status=422)
    following = _next_after(uid)
    verb = ActionVerb(form.cleaned_data["verb"])

    def act() -> DedupAction:
        return actions.act_on_group(
            verb=verb,
            group=group,
            user=request.user,
            version=form.cleaned_data["version"],
            seen=form.seen,
            selection=form.action_request(),
            note=form.cleaned_data["note"],
        )

    try:
        if verb in _CHANGES_GROUNDS:
            members = group.members.values_list("recording__uid", flat=True)
            confirmation = _ask_before(
                request,
                act,
                members,
                str(verb.label),
                back=reverse("portal:duplicate_group", args=[uid]),
            )
            if confirmation is not None:
                return confirmation
        action = act()
    except GroupChanged as changed:
        return _show_group(request, group, problem=changed, chosen=form.fields_chosen(), status=409)
    except ActionRefused as refused:
        return _show_group(request, group, problem=refused, chosen=form.fields_chosen(), status=422)
    _show_outcome(request, action)
    remains = DedupGroup.objects.filter(uid=uid).exists()
    is_whole = action.verb == ActionVerb.CANONICAL or (action.state == ActionState.PROPOSED)
    here = reverse("portal:duplicate_group", args=[uid])
    return redirect(here if remains and is_whole else following)


@require_http_methods(["GET", "POST"])
@needs(Action.VIEW, to_post=Action.DECIDE)
def duplicate_loop(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show a shared loop and what excluding it touches; exclude or keep it on POST."""
    loop = get_object_or_404(SharedLoop, uid=uid)
    if not loop.places.exists():
        raise Http404
    problem: ActionRefused | ReviewError | None = None
    if request.method == "POST":
        try:
            return _settle_loop(request, loop)
        except (ActionRefused, ReviewError) as refused:
            problem = refused
    previews = loop_actions.preview(loop=loop)
    context = {
        "loop": loop,
        "item": page.loop_item(loop, {}),
        "places": previews,
        "touched": sum(len(place.preview.touched) for place in previews),
        "problem": problem,
    }
    return render(
        request,
        "portal/duplicates/loop.html",
        _with_list(request, current=uid) | context,
        status=409 if problem else 200,
    )


def _settle_loop(request: PortalRequest, loop: SharedLoop) -> HttpResponseBase:
    verb, note = request.POST.get("verb"), request.POST.get("note", "")
    following = _next_after(loop.uid)
    if verb == "exclude":
        places = loop_actions.exclude_everywhere(loop=loop, user=request.user, note=note)
        messages.success(
            request,
            ngettext(
                "The interval is excluded in %(n)s place.",
                "The interval is excluded in %(n)s places.",
                places,
            )
            % {"n": places}
            if request.user.has_perm(Action.EDIT_CATALOGUE)
            else ngettext(
                "Excluding the interval in %(n)s place is proposed.",
                "Excluding the interval in %(n)s places is proposed.",
                places,
            )
            % {"n": places},
        )
    elif verb == "keep":
        loop_actions.keep(loop=loop, user=request.user, note=note)
        messages.success(request, _("The loop stays as it is and is not shown again."))
    else:
        raise ActionRefused(_("Choose what to do about the loop."))
    return redirect(following)


@require_POST
@needs(Action.DECIDE)
def duplicate_settle(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Undo an action, or accept or refuse a proposed one."""
    action = get_object_or_404(DedupAction, uid=uid)
    do = {"undo": actions.undo, "accept": actions.accept, "refuse": actions.refuse}
    questions = {"undo": _("Undo"), "accept": _("Accept")}
    verb = request.POST.get("verb", "")
    remainder = selectors.left_by_undo(action) if verb == "undo" else ""
    target = own_address(request, request.POST.get("next", "")) or reverse("portal:duplicates")
    if remainder and _KNOWN not in request.POST:
        return _ask_to_undo(request, remainder, back=target)
    results = {
        "undo": _("Undone.") + f" {remainder}"
        if remainder
        else _("Undone: everything is as it was before."),
        "accept": _("Accepted and done."),
        "refuse": _("Refused; nothing was changed."),
    }
    if verb in do:
        try:
            if verb in questions:
                confirmation = _ask_before(
                    request,
                    lambda: do[verb](
                        action=DedupAction.objects.get(pk=action.pk), user=request.user
                    ),
                    action.asked.get("recordings", ()),
                    questions[verb],
                    back=target,
                )
                if confirmation is not None:
                    return confirmation
            do[verb](action=action, user=request.user)
        except ActionRefused as refused:
            messages.error(request, refused.message)
        else:
            messages.success(request, results[verb])
            if verb == "undo":
                target = _where_it_is_open(action, target)
    return redirect(target)


def _where_it_is_open(action: DedupAction, back: str) -> str:
    """Return the page of the group that an undo opened again; the list stays the list."""
    listing = reverse("portal:duplicates")
    is_open = DedupGroup.objects.filter(uid=action.group_uid).exists()
    if not is_open or back.partition("?")[0] == listing:
        return back
    return reverse("portal:duplicate_group", args=[action.group_uid])


@require_POST
@needs(Action.EDIT_DUPLICATES)
def duplicate_check(request: PortalRequest) -> HttpResponseBase:
    """Start a check of the catalogue, or cancel the current one."""
    if uid := request.POST.get("cancel"):
        check = get_object_or_404(CatalogueCheck, uid=uid)
        checks.cancel_check(check=check, user=request.user)
        messages.success(request, _("The check stops. Finished comparisons are saved."))
        return redirect("portal:duplicates")
    try:
        checks.start_check(user=request.user)
    except checks.CheckUnderWay:
        messages.info(request, _("A check is already running."))
    else:
        messages.success(request, _("The check has started. It compares only new recordings."))
    return redirect("portal:duplicates")


@require_safe
@needs(Action.VIEW)
def duplicate_check_state(request: PortalRequest) -> HttpResponseBase:
    """Return the progress of the check, for the page to refresh."""
    may_manage = request.user.has_perm(Action.EDIT_DUPLICATES)
    return render(request, "portal/duplicates/_check.html", {**_check(), "may_manage": may_manage})


def _ask_to_undo(request: PortalRequest, remainder: str, *, back: str) -> HttpResponseBase:
    """Ask before an undo that does not bring back everything."""
    return ask_first(
        request,
        title=_("The undo does not bring back everything"),
        text=remainder,
        submit=_("Undo"),
        crumbs=[(_("Duplicates"), reverse("portal:duplicates"))],
        back=back,
        values={"verb": "undo", "next": request.POST.get("next", ""), _KNOWN: "on"},
    )


def _ask_before(
    request: PortalRequest,
    change: Callable[[], object],
    recordings: Iterable[str],
    submit: str,
    *,
    back: str,
) -> HttpResponseBase | None:
    """Show which statements about these recordings change, unless the person agreed.

    ``back`` is the page that they came from.
    """
    return ask_before(
        request,
        change,
        about=Q(recording__uid__in=list(recordings)),
        question=Question(
            title=_("These statements change"),
            text=_("Nothing is done yet. It can be undone for 30 days."),
            submit=submit,
            crumbs=[(_("Duplicates"), reverse("portal:duplicates"))],
            back=back,
        ),
    )


def _show_group(
    request: PortalRequest,
    group: DedupGroup,
    *,
    problem: ActionRefused | None = None,
    chosen: dict[str, str] | None = None,
    status: int = 200,
) -> HttpResponseBase:
    context = page.group_context(group, with_letter=request.GET.get("with", ""), chosen=chosen)
    frame = _with_list(request, current=group.uid)
    proposals = DedupAction.objects.filter(
        group_uid=group.uid, state=ActionState.PROPOSED
    ).select_related("made_by")
    return render(
        request,
        "portal/duplicates/group.html",
        frame | context | {"problem": problem, "proposals": proposals},
        status=status,
    )


def _frame(request: PortalRequest, *, open_total: int) -> dict[str, object]:
    """Return the context of all duplicates pages: tabs, permissions, the check."""
    return {
        "open_total": open_total,
        "kept_total": selectors.kept_pairs().count(),
        "done_total": DedupAction.objects.count(),
        "references": page.references(),
        "may_act": request.user.has_perm(Action.DECIDE),
        "may_manage": request.user.has_perm(Action.EDIT_DUPLICATES),
        **_check(),
    }


def _with_list(request: PortalRequest, *, current: str = "") -> dict[str, object]:
    """Return the frame with the list of open entries and the user's last action."""
    form = DuplicateFilterForm(request.GET)
    form.is_valid()
    bucket = form.cleaned_data.get("bucket")
    keys = page.list_keys(
        kind=form.cleaned_data.get("kind") or "", bucket=bucket.pk if bucket else None
    )
    page_obj = Paginator(keys, page.PAGE_SIZE).get_page(request.GET.get("page"))
    entries = page.items(page_obj.object_list)
    places = [item.uid for item in entries]
    here = places.index(current) if current in places else -1
    last = DedupAction.objects.filter(made_by=request.user, state=ActionState.DONE).first()
    return _frame(request, open_total=len(keys)) | {
        "filters": form,
        "items": entries,
        "page_obj": page_obj,
        "current": current,
        "previous_url": entries[here - 1].url if here > 0 else "",
        "next_url": entries[here + 1].url if -1 < here + 1 < len(entries) else "",
        "last_action": last if last and actions.may_undo(last, request.user) else None,
    }


def _check() -> dict[str, object]:
    running = selectors.check_under_way()
    return {
        "check": running,
        "seconds_left": checks.seconds_left(running) if running else None,
        "last_check": selectors.last_check(),
    }


def _next_after(uid: str) -> str:
    """Return the address to show after this entry is settled."""
    keys = page.list_keys(kind="", bucket=None)
    entries = page.items(keys[: page.PAGE_SIZE])
    uids = [item.uid for item in entries]
    place = uids.index(uid) + 1 if uid in uids else 0
    return entries[place].url if place < len(entries) else reverse("portal:duplicates")


def _show_outcome(request: PortalRequest, action: DedupAction) -> None:
    if action.state == ActionState.PROPOSED:
        messages.success(request, _("Proposed to a manager: %(what)s.") % {"what": action})
        return
    text = _DONE[ActionVerb(action.verb)].format(title=action.title)
    messages.success(request, f"{text} " + _("It can be undone for 30 days."))


@require_safe
@needs(Action.REPORT)
def duplicate_report(request: PortalRequest, form: str) -> HttpResponseBase:
    """Download open duplicates and identifier collisions as CSV, JSON or XLSX."""
    match form:
        case Format.CSV:
            return sent(duplicate_reports.as_csv(), name="duplicates", form=Format.CSV)
        case Format.JSON:
            return sent(duplicate_reports.as_json(), name="duplicates", form=Format.JSON)
        case Format.XLSX:
            return written(duplicate_reports.write_workbook, name="duplicates", form=Format.XLSX)
    raise Http404
