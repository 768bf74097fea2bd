"""Admin pages that ask for the fields of a decision on one or many matches.

Both use the review services, so the same rules apply as on the portal's pages.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.text import format_lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from base.accounts.roles import Action
from base.common.phrases import lowered
from base.common.reading import count_words
from review import coverage
from review.choices import CLAIM_VERBS, Verb
from review.decisions import assignment
from review.decisions.assignment import ASSIGNED
from review.decisions.decide import Decided, decide, decide_one, decision_limit
from review.decisions.verbs import RULES, VerbRule
from review.errors import ReviewError
from review.models import Licence, Match
from review.subjects import Subject
from web.portal.admin.base import APPLY, KEPT, action_page, user_of
from web.portal.admin.match_page import evidence
from web.portal.review.forms import AssignForm, DecisionForm
from web.portal.review.page import changed_standing
from web.portal.shared import drafts, selection
from web.portal.shared.selection import Versions

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin
    from django.utils.functional import _StrPromise

BULK_VERBS = (Verb.CONFIRM, Verb.CLEAR, Verb.REJECT, Verb.ESCALATE, Verb.REOPEN, Verb.UNDO)
PREVIEW_ROWS = 20
REFUSALS_SHOWN = 10


def ask_decision(
    request: HttpRequest, pk: int, verb: str, model_admin: ModelAdmin[Match]
) -> HttpResponse:
    """Ask for the fields of a decision, apply it, and return to the match.

    The form carries the version of the match that was shown, so an outdated page
    changes nothing.
    """
    rule = RULES.get(verb)
    if rule is None or rule.verb == Verb.EXCLUDE:
        raise Http404
    if not request.user.has_perm(Action.DECIDE):
        raise PermissionDenied
    match = get_object_or_404(model_admin.get_queryset(request), pk=pk)
    posted = request.method == "POST"
    # The form that was sent after the session had ended.
    draft = None if posted else drafts.take(request)
    form = _form(rule, match, request.POST if posted else draft)
    form_values = request.POST if posted else (draft or request.GET)
    version = selection.read_version(form_values.get("version", ""))
    if draft is not None:
        messages.warning(request, drafts.message())
    elif posted and version is not None and form.is_valid():
        if _is_decided(request, match, form, version):
            return redirect("admin:review_match_change", match.pk)
        # The page now shows the current state, so it may be decided knowingly.
        version = match.version
    return action_page(
        model_admin,
        request,
        "admin/review/match/decide.html",
        **evidence(match=match, chosen=request.GET.get("segment", "")),
        title=rule.label,
        subtitle=str(match),
        form=form,
        version=match.version if version is None else version,
    )


def keeps_typed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Keep what was sent to a match's page in the admin after the session had ended."""

    def page_of(pk: int, verb: str = "", **_arguments: object) -> str:
        if not verb:
            return reverse("admin:review_match_note", args=[pk])
        return reverse("admin:review_match_decide", args=[pk, verb])

    return drafts.keeps_typed(page_of)(view)


def _form(rule: VerbRule, match: Match, data: QueryDict | None) -> DecisionForm:
    """Return the form of a verb, with the licences that cover the use as choices."""
    uid = data.get("licence", "") if data is not None else ""
    licence = Licence.objects.filter(uid=uid).first()
    form = DecisionForm(rule, data, licence=licence)
    if not rule.takes_licence:
        return form
    checks = coverage.checks(subject=Subject.of(match))
    usable = [check for check in checks if check.cover != coverage.Cover.NONE]
    if usable:
        named = [(check.licence.uid, _licence_name(check)) for check in usable]
        form.fields["licence"] = forms.ChoiceField(
            choices=[*named, ("", _("Another reason, given below"))],
            initial=named[0][0],
            required=False,
            widget=forms.RadioSelect,
            label=_("Clear: why is the use allowed?"),
        )
        form.order_fields(["licence"])
        # Only without a licence; the form itself says so.
        form.fields["note"].required = form.is_bound and licence is None
    return form


def _licence_name(check: coverage.LicenceCheck) -> str:
    name = f"{check.licence.number} {check.licence.holder}"
    return f"{name} – {check.why}" if check.why else name


def _is_decided(request: HttpRequest, match: Match, form: DecisionForm, version: int) -> bool:
    """Decide the match; show a refusal above the form and return False."""
    # Claims can be disputed and answered after their file or recording has gone.
    changed = changed_standing(match, request.POST)
    if changed and form.rule.verb not in CLAIM_VERBS:
        form.add_error(None, changed)
        return False
    try:
        decided = decide_one(
            match=match, user=user_of(request), version=version, decision=form.decision()
        )
    except ReviewError as refused:
        form.add_error(None, refused.message)
        return False
    word = lowered(decided.get_state_display())
    messages.success(request, _("%(name)s: %(state)s.") % {"name": match, "state": word})
    return True


@dataclass(frozen=True, slots=True)
class _Work:
    """An action on many matches: its title, outcome, form and function."""

    title: str
    done: _StrPromise
    form: DecisionForm | AssignForm
    act: Callable[[Versions], Decided]


def action_of(verb: Verb) -> Callable[..., HttpResponse | None]:
    """Return the admin action that decides the selected matches with one verb."""
    rule = RULES[verb]
    permission = "approve" if rule.action == Action.APPROVE else "decide"

    @admin.action(
        description=format_lazy(gettext_lazy("{label} the selected…"), label=rule.label),
        permissions=[permission],
    )
    def decide_selected(
        model_admin: ModelAdmin[Match], request: HttpRequest, queryset: QuerySet[Match]
    ) -> HttpResponse | None:
        form = DecisionForm(rule, _posted_form(request))

        def act(expected: Versions) -> Decided:
            return decide(versions=expected, user=user_of(request), decision=form.decision())

        work = _Work(str(rule.label), rule.done, form, act)
        return _carry_out_many(model_admin, request, queryset, work)

    # The admin names an action after its function.
    decide_selected.__name__ = f"{verb}_matches"
    return decide_selected


def assign_many(
    model_admin: ModelAdmin[Match], request: HttpRequest, queryset: QuerySet[Match]
) -> HttpResponse | None:
    """Assign the selected matches to a person after a preview."""
    form = AssignForm(_posted_form(request))

    def act(expected: Versions) -> Decided:
        return assignment.bulk_assign(
            uids=list(expected),
            user=user_of(request),
            assignee=form.cleaned_data["assignee"],
            note=form.cleaned_data["note"],
        )

    work = _Work(_("Assign"), ASSIGNED, form, act)
    return _carry_out_many(model_admin, request, queryset, work)


def _posted_form(request: HttpRequest) -> QueryDict | None:
    """Return the posted form of an action; None if the action was only chosen."""
    return request.POST if {APPLY, KEPT} & set(request.POST) else None


def _carry_out_many(
    model_admin: ModelAdmin[Match], request: HttpRequest, queryset: QuerySet[Match], work: _Work
) -> HttpResponse | None:
    """Show the count, a preview and the form; apply the action when it is sent."""
    applying = APPLY in request.POST
    if applying and work.form.is_valid():
        _apply(request, work)
        return None
    limit = decision_limit(user_of(request))
    rows = queryset.order_by("-created_at", "-pk").values_list("uid", "version")
    # After a form error keep the matches and versions that the page showed. One more
    # than the limit shows that there are too many.
    was_shown = _posted_form(request) is not None
    expected = _expected(request) if was_shown else dict(rows[: limit + 1])
    if len(expected) > limit:
        messages.error(request, _("Select at most %(limit)s matches at once.") % {"limit": limit})
        return None
    chosen = Match.objects.filter(uid__in=expected).select_related("recording", "scanned_file")
    preview = list(chosen.order_by("-created_at", "-pk")[:PREVIEW_ROWS])
    return action_page(
        model_admin,
        request,
        "admin/review/match/decide_many.html",
        title=work.title,
        subtitle=ngettext("%(count)s match", "%(count)s matches", len(expected))
        % {"count": len(expected)},
        form=work.form,
        expected=expected,
        counts=selection.count_states(expected),
        preview=preview,
        more=len(expected) - len(preview),
        any_pk=preview[0].pk if preview else "",
    )


def _expected(request: HttpRequest) -> Versions:
    """Read the matches of the posted page with the versions that it showed."""
    return selection.unpack(request.POST.getlist("expected"))


def _apply(request: HttpRequest, work: _Work) -> None:
    """Decide; show how many matches changed, and why others were refused."""
    try:
        outcome = work.act(_expected(request))
    except ReviewError as error:
        messages.error(request, error.message)
        return
    done, refused = len(outcome.done), len(outcome.refused)
    if done:
        messages.success(request, f"{count_words(work.done, done)}.")
    for refusal in outcome.refused[:REFUSALS_SHOWN]:
        messages.warning(request, f"{refusal.match}: {refusal.message}")
    if refused > REFUSALS_SHOWN:
        hidden = refused - REFUSALS_SHOWN
        messages.warning(
            request,
            ngettext("%(count)s more was refused.", "%(count)s more were refused.", hidden)
            % {"count": hidden},
        )
