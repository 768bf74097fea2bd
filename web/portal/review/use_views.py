"""How the file of a match uses its recording."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from base.accounts.roles import Action
from review.models import Match
from review.programmes.models import MusicUse
from review.programmes.selectors import use_of
from review.programmes.services import set_use
from web.portal.shared.access import PortalRequest, needs, own_address
from web.portal.shared.fields import CountryField
from web.portal.shared.model_forms import name_empty_choice
from web.portal.shared.seen_forms import SAVED, SeenForm, save_form
from web.portal.shared.selectors import find_match


class YesNoField(forms.TypedChoiceField):
    """Yes, no, or not known; cleans to True, False or None."""

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        options["required"] = False
        super().__init__(
            choices=[
                ("", gettext_lazy("Not known")),
                ("yes", gettext_lazy("Yes")),
                ("no", gettext_lazy("No")),
            ],
            coerce=lambda text: text == "yes",
            empty_value=None,
            **options,
        )

    def prepare_value(self, value: object) -> object:
        """Return the choice of a value."""
        return {True: "yes", False: "no", None: ""}.get(value, value)  # type: ignore[call-overload]  # text stays as it is


class UseForm(SeenForm[MusicUse]):
    """How a file uses a recording."""

    class Meta(SeenForm.Meta):
        model = MusicUse
        fields = MusicUse.VALUES
        field_classes = {
            **dict.fromkeys(("own_recording", "live"), YesNoField),
            **dict.fromkeys(("recorded_in", "published_in"), CountryField),
        }

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own signature
        super().__init__(*args, **options)
        name_empty_choice(self, use=_("Not known"), origin=_("Not stated"))


@require_http_methods(["GET", "POST"])
@needs(Action.DECIDE)
def match_use(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Say how the file of a match uses the recording; ``next`` is the page to return to."""
    matches = Match.objects.select_related("recording", "scanned_file__container")
    match = find_match(matches.filter(scanned_file__deleted_at__isnull=True), uid)
    file, recording = match.scanned_file, match.recording
    address = request.POST.get("next") or request.GET.get("next", "")
    back = own_address(request, address) or match.review_url
    now = use_of(file, recording) or MusicUse()
    form, status = UseForm(request.POST or None, row=now), 200

    def store() -> None:
        set_use(
            scanned_file=file,
            recording=recording,
            values=form.values(),
            user=request.user,
            seen=form.cleaned_data["seen"],
        )

    if request.method == "POST":
        status = save_form(form, store)
        if status == SAVED:
            text = _("The use of %(title)s was saved.") % {"title": recording.full_title}
            messages.success(request, text)
            return redirect(back)
    context = {"match": match, "file": file, "form": form, "back": back}
    return render(request, "portal/review/use.html", context, status=status)
