"""Imports of all kinds: upload, check, import, correct, undo."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from base.accounts.roles import Action
from base.common.bodies import takes_files
from imports.kinds import AnyKind
from imports.models import CatalogueImport
from imports.recordings.kind import RECORDINGS
from imports.samples import Sample
from imports.services import change_columns, check_undo, keep, keep_upload, start, undo
from reports.choices import Format
from reports.files import CONTENT_TYPES
from web.portal.imports.columns import MappingForm, mapping_context
from web.portal.imports.page import detail_context, form_context, make_form
from web.portal.shared.access import PortalRequest, needs
from web.portal.shared.downloads import attachment
from web.portal.shared.selection import read_version

View = Callable[..., HttpResponseBase]


def form_view(kind: AnyKind) -> View:
    @takes_files(kind.action)
    @require_http_methods(["GET", "POST"])
    @needs(kind.action)
    def view(request: PortalRequest) -> HttpResponseBase:
        """Accept a file; the worker checks it before it writes anything."""
        place = kind.model.place_field
        form = make_form(
            kind,
            request.POST or None,
            request.FILES or None,
            initial={place: request.GET.get(place)} if place else {},
        )
        if request.method == "POST" and form.is_valid():
            import_ = keep_upload(kind, user=request.user, **form.cleaned_data)
            return redirect(kind.detail_page, uid=import_.uid)
        context = form_context(kind, form, request.user)
        return render(request, "portal/imports/import_form.html", context)

    return view


def detail_view(kind: AnyKind) -> View:
    @require_safe
    @needs(kind.action)
    def view(request: PortalRequest, uid: str) -> HttpResponseBase:
        """Show the outcome of the check or of the import."""
        import_ = get_object_or_404(kind.model._default_manager, uid=uid)
        context = detail_context(import_, request.user)
        return render(request, "portal/imports/import_detail.html", context)

    return view


def start_view(kind: AnyKind) -> View:
    @require_POST
    @needs(kind.action)
    def view(request: PortalRequest, uid: str) -> HttpResponseBase:
        """Import the checked rows."""
        import_ = get_object_or_404(kind.model._default_manager, uid=uid)
        version = read_version(request.POST.get("version", ""))
        if not start(import_=import_, user=request.user, mapping_version=version):
            messages.warning(request, str(kind.words.not_waiting))
        return redirect(kind.detail_page, uid=uid)

    return view


def undo_view(kind: AnyKind) -> View:
    @require_POST
    @needs(kind.action)
    def view(request: PortalRequest, uid: str) -> HttpResponseBase:
        """Check what an undo would take back, undo the import, or keep it."""
        import_ = get_object_or_404(kind.model._default_manager, uid=uid)
        step = _UNDO_STEPS.get(request.POST.get("verb", ""), check_undo)
        if not step(import_=import_, user=request.user):
            messages.warning(request, _("This import changed meanwhile. Look at it again."))
        return redirect(kind.detail_page, uid=uid)

    return view


_UNDO_STEPS = {"check": check_undo, "undo": undo, "keep": keep}


def columns_view(kind: AnyKind) -> View:
    @require_POST
    @needs(kind.action)
    def view(request: PortalRequest, uid: str) -> HttpResponseBase:
        """Store the mapping of the columns, and have the table checked again."""
        import_ = get_object_or_404(kind.model._default_manager, uid=uid)
        kind.refuse(request.user)
        version = read_version(request.POST.get("version", ""))
        if version is None or version != import_.mapping_version or not import_.is_mappable:
            return _mapping_overtaken(request, kind, uid)
        form = MappingForm(import_, request.POST)
        if not form.is_valid():
            context = detail_context(import_, request.user) | mapping_context(import_, form)
            return render(request, "portal/imports/import_detail.html", context, status=422)
        if not change_columns(
            import_=import_,
            columns=form.chosen,
            rules=form.rules,
            version=version,
            user=request.user,
        ):
            return _mapping_overtaken(request, kind, uid)
        return redirect(kind.detail_page, uid=uid)

    return view


def _mapping_overtaken(request: PortalRequest, kind: AnyKind, uid: str) -> HttpResponseBase:
    text = _(
        "Nothing was saved: somebody else changed the columns or started the "
        "import in the meantime. Check the columns again."
    )
    messages.error(request, text)
    return redirect(kind.detail_page, uid=uid)


@require_safe
@needs(Action.UPLOAD)
def import_sample(
    _request: PortalRequest, sample: Sample, name: str, form: str
) -> HttpResponseBase:
    """Download a sample table, as CSV or as a workbook."""
    return HttpResponse(
        sample.as_csv() if form == Format.CSV else sample.as_xlsx(),
        content_type=CONTENT_TYPES[Format(form)],
        headers=attachment(f"sample-{name}.{form}"),
    )


@require_safe
@needs(RECORDINGS.action)
def import_bad_rows(request: PortalRequest, uid: str) -> HttpResponseBase:
    """Download the refused rows with their causes."""
    import_ = get_object_or_404(CatalogueImport.objects.exclude(bad_rows=""), uid=uid)
    return FileResponse(
        import_.bad_rows.open("rb"),
        as_attachment=True,
        filename="rows-to-correct.csv",
        content_type="text/csv; charset=utf-8",
    )
