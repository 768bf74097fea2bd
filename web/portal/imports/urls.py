"""URLs of imports: the same for each kind, and what some have beside."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from imports.kinds import AnyKind, all_kinds
from imports.recordings.kind import RECORDINGS
from web.portal.imports import views

_FORMATS = ("csv", "xlsx")


def _paths(kind: AnyKind) -> Iterator[URLPattern]:
    for sample in kind.samples:
        for form in _FORMATS:
            yield path(
                f"{kind.address}/{sample.slug}.{form}",
                views.import_sample,
                {"sample": sample.sample, "name": sample.name, "form": form},
                name=f"import_sample_{sample.name}_{form}",
            )
    prefix = f"{kind.address}/<str:uid>/"
    yield path(f"{kind.address}/", views.form_view(kind), name=kind.name)
    yield path(prefix, views.detail_view(kind), name=f"{kind.name}_detail")
    yield path(f"{prefix}start/", views.start_view(kind), name=f"{kind.name}_start")
    yield path(f"{prefix}undo/", views.undo_view(kind), name=f"{kind.name}_undo")
    if kind.targets is not None:
        view = views.columns_view(kind)
        yield path(f"{prefix}columns/", view, name=f"{kind.name}_columns")


_TABLE = f"{RECORDINGS.address}/<str:uid>/"

urlpatterns = [
    *(pattern for kind in all_kinds() for pattern in _paths(kind)),
    path(f"{_TABLE}rows.csv", views.import_bad_rows, name="import_bad_rows"),
]
