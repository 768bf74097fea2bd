"""Views that request, show, download and cancel the evidence packs of a match."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import FileResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.limits import costly
from base.accounts.roles import Action
from reports.evidence import selectors, services
from reports.evidence.models import EvidencePack, PackStatus
from reports.evidence.services import EvidenceRefused
from review.models import Match
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.selectors import find_match


class PackForm(forms.Form):
    """The contents of an evidence pack."""

    reference_clips = forms.BooleanField(
        required=False,
        initial=True,
        label=gettext_lazy("Include excerpts of the recording as well as of the file"),
    )


@costly("POST")
@require_http_methods(["GET", "POST"])
@never_cache
@needs(Action.VIEW, to_post=Action.REPORT)
def evidence(request: PortalRequest, uid: str) -> HttpResponseBase:
    """List the packs of a match; a POST requests a new pack."""
    match = find_match(Match.objects.select_related("recording", "scanned_file"), uid)
    if request.method == "POST":
        form = PackForm(request.POST)
        form.is_valid()
        try:
            services.request_pack(
                match=match,
                user=request.user,
                with_reference_clips=form.cleaned_data["reference_clips"],
            )
        except EvidenceRefused as refused:
            messages.error(request, refused.message)
        return redirect(reverse("portal:evidence", args=[match.uid]))
    packs = selectors.packs_of(match)
    return render(
        request,
        "portal/evidence/pack_list.html",
        {
            "match": match,
            "form": PackForm(),
            "packs": [pack for pack in packs if not pack.is_active],
            "evidence": selectors.evidence_of(match),
            "working": next((pack for pack in packs if pack.is_active), None),
            "has_key": selectors.can_be_signed(),
        },
    )


@costly("GET")
@require_safe
@needs(Action.VIEW)
def evidence_zip(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download a pack and record who downloaded it."""
    pack = get_object_or_404(
        EvidencePack.objects.select_related("match"), uid=uid, status=PackStatus.READY
    )
    try:
        services.refuse_hidden(matches=[pack.match])
        file = pack.file.open("rb")
    except EvidenceRefused as refused:
        messages.error(request, refused.message)
        return redirect(reverse("portal:evidence", args=[pack.match.uid]))
    except FileNotFoundError:
        messages.error(
            request,
            _(
                "This pack is no longer on the disk. Its hash stays; restore the file from "
                "a backup, or build a new pack."
            ),
        )
        return redirect(reverse("portal:evidence", args=[pack.match.uid]))
    if request.method == "GET":
        services.record_download(pack=pack, user=request.user)
    return FileResponse(
        file, as_attachment=True, filename=pack.file_name, content_type="application/zip"
    )


@require_POST
@needs(Action.REPORT)
def evidence_cancel(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Cancel a pack that is being built."""
    pack = get_object_or_404(EvidencePack.objects.select_related("match"), uid=uid)
    if not services.cancel_pack(pack=pack, user=request.user):
        messages.warning(request, _("This pack is no longer being built."))
    return redirect(reverse("portal:evidence", args=[pack.match.uid]))
