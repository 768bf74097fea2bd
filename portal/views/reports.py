"""Match reports: preview and download."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from itertools import islice

from django import forms
from django.http import QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from accounts.roles import Action
from portal.access import PortalRequest, needs
from portal.views.matches import MatchFilterForm
from reports import services
from reports.selectors import cases, selection
from reports.writers import Dialect, csv_pieces
from review.filters import MatchFilter

_PREVIEW_ROWS = 20
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t"}


class ExportForm(MatchFilterForm):
    """What a report holds and how it is written."""

    separator = forms.ChoiceField(
        required=False,
        choices=[("comma", "Comma"), ("semicolon", "Semicolon"), ("tab", "Tab")],
    )
    unmatched = forms.ChoiceField(
        required=False,
        label="Files without a match",
        choices=[("yes", "One row each"), ("no", "Left out")],
    )


@require_safe
@needs(Action.REPORT)
def export(request: PortalRequest) -> HttpResponseBase:
    """Show the first rows as they would be written."""
    filters = MatchFilter.from_query(request.GET)
    chosen = selection(filters=filters, include_files=_with_files(request.GET))
    matches, files = chosen.matches.count(), chosen.files.count()
    return render(
        request,
        "reports/export.html",
        {
            "form": ExportForm(request.GET),
            "total": matches + files,
            "summary": f"{matches} matches, {files} files without one",
            "preview": _preview(filters, request.GET),
            "export_url": reverse("portal:match_export"),
        },
    )


@require_safe
@needs(Action.REPORT)
def match_export(request: PortalRequest) -> HttpResponseBase:
    """Stream the match report of the filters in the address."""
    pieces = services.stream_match_csv(
        filters=MatchFilter.from_query(request.GET),
        user=request.user,
        dialect=_dialect(request.GET),
        include_files=_with_files(request.GET),
    )
    return _download(pieces)


@require_safe
@needs(Action.REPORT)
def file_export(request: PortalRequest) -> HttpResponseBase:
    """Stream the match report of the files that a list of files shows."""
    filters = MatchFilter.from_query(request.GET)
    narrowed = MatchFilter(container=filters.container, q=filters.q)
    pieces = services.stream_match_csv(
        filters=narrowed, user=request.user, include_files=True
    )
    return _download(pieces)


def _download(pieces: Iterator[bytes]) -> StreamingHttpResponse:
    response = StreamingHttpResponse(pieces, content_type=services.CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{services.FILE_NAME}"'
    return response


def _with_files(query: QueryDict) -> bool:
    """Tell whether files without a match get a row: as asked, else where it fits."""
    asked = query.get("unmatched")
    if asked in {"yes", "no"}:
        return asked == "yes"
    return not MatchFilter.from_query(query).is_about_matches


def _dialect(query: QueryDict) -> Dialect:
    return Dialect(separator=_SEPARATORS.get(query.get("separator", ""), ","))


def _preview(filters: MatchFilter, query: QueryDict) -> dict[str, list[object]]:
    """Return the header and the first rows, read back from the very bytes."""
    chosen = selection(filters=filters, include_files=_with_files(query))
    first = islice(cases(chosen=chosen), _PREVIEW_ROWS)
    text = b"".join(csv_pieces(first, Dialect(byte_order_mark=False))).decode()
    header, *rows = csv.reader(io.StringIO(text))
    return {"columns": list(header), "rows": list(rows)}
