"""What the page of a move does beside what all imports do."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from base.accounts.reach import refuse_limited
from imports.services import cancel, try_again
from plugins.moving import report as moved_report
from plugins.moving.importing.callbacks import take_over_callback
from plugins.moving.importing.kind import MOVES
from plugins.moving.importing.selectors import callbacks_to_take_over, moved_of
from plugins.moving.models import MoveIn
from reports.choices import Format
from web.portal.shared.access import PortalRequest, ask_to_confirm, needs
from web.portal.shared.downloads import sent, written

_MOVE_STEPS = {"pause": cancel, "go_on": try_again}


@require_POST
@needs(MOVES.action)
def move_in_switch(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Pause a move, or let one that stopped go on."""
    move = get_object_or_404(MoveIn.objects.all(), uid=uid)
    step = _MOVE_STEPS.get(request.POST.get("verb", ""), try_again)
    if not step(import_=move, user=request.user):
        messages.warning(request, _("This move changed meanwhile. Look at it again."))
    return redirect(MOVES.detail_page, uid=uid)


@require_POST
@needs(MOVES.action)
def move_in_callback(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Post a moved container's results to the address that it had in the account."""
    move = get_object_or_404(MoveIn.objects.all(), uid=uid)
    ask_to_confirm(request)
    pairs = callbacks_to_take_over(move)
    container_key = request.POST.get("container", "")
    for moved, container in pairs:
        if str(container.pk) == container_key:
            take_over_callback(moved=moved, user=request.user)
            messages.success(
                request,
                _("Results of %(name)s are now posted to %(url)s.")
                % {"name": container.name, "url": moved.callback_url},
            )
    return redirect(MOVES.detail_page, uid=uid)


@require_safe
@needs(MOVES.action)
def move_in_report(request: PortalRequest, uid: str, form: str) -> HttpResponseBase:
    """Download everything that was read in the account, and what became of it."""
    move = get_object_or_404(MoveIn.objects.all(), uid=uid)
    refuse_limited(request.user)
    rows = moved_of(move)
    if form == Format.CSV:
        return sent(moved_report.as_csv(rows), name="moved", form=Format.CSV)
    write = partial(moved_report.write_workbook, moved=rows)
    return written(write, name="moved", form=Format.XLSX)
