"""Views that print a notice and send its files."""

from __future__ import annotations

from io import BytesIO

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from base.accounts.roles import Action
from base.common.storage import read_bytes, scratch_directory
from plugins.notices import selectors, services
from plugins.notices.archive import write_archive
from plugins.notices.content import content_of
from plugins.notices.errors import NoticeRefused
from plugins.notices.models import TakedownNotice
from plugins.notices.notice_text import as_text
from plugins.notices.pages import page
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import attachment


def _find_signed(uid: str) -> TakedownNotice:
    rows = selectors.notices_in_reach().filter(number__isnull=False)
    return get_object_or_404(rows, uid=uid)


@require_safe
@never_cache
@needs(Action.VIEW)
def notice_print(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Show the document alone, to read or print it."""
    row = page.find_notice(uid)
    context = {"notice": row, **page.document(row)}
    return render(request, "portal/notices/print.html", context)


@require_safe
@needs(Action.VIEW)
def notice_text(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Send the plain text; a draft says in its head that it is one."""
    row = page.find_notice(uid)
    _record(request, row, "txt")
    return HttpResponse(
        row.text or as_text(content_of(row)),
        content_type="text/plain; charset=utf-8",
        headers=attachment(f"{row.file_name}.txt"),
    )


@require_safe
@needs(Action.VIEW)
def notice_pdf(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Send the signed PDF."""
    row = _find_signed(uid)
    try:
        content = read_bytes(row.pdf)
    except FileNotFoundError:
        messages.error(
            request, _("The PDF is no longer on the disk. Restore the file from a backup.")
        )
        return redirect(row.url)
    _record(request, row, "pdf")
    return FileResponse(
        BytesIO(content),
        as_attachment=True,
        filename=f"{row.file_name}.pdf",
        content_type="application/pdf",
    )


@require_safe
@needs(Action.VIEW)
def notice_zip(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Send the signed notice with its log and all its evidence."""
    row = _find_signed(uid)
    with scratch_directory() as folder:
        path = folder / f"{row.file_name}.zip"
        try:
            write_archive(row, path)
        except NoticeRefused as refused:
            messages.error(request, refused.message)
            return redirect(row.url)
        _record(request, row, "zip")
        # The open file stays readable after its folder is deleted.
        return FileResponse(
            path.open("rb"), as_attachment=True, filename=path.name, content_type="application/zip"
        )


def _record(request: PortalRequest, row: TakedownNotice, ending: str) -> None:
    if request.method == "GET":
        services.record_download(notice=row, ending=ending, user=request.user)
