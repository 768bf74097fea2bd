"""URLs of imports: the same for each kind, and what some have beside."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from imports.kinds import AnyKind, all_kinds
from imports.recordings.kind import RECORDINGS
from portal.imports import views

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
    address = f"{kind.address}/<str:uid>/"
    yield path(f"{kind.address}/", views.form_view(kind), name=kind.name)
    yield path(address, views.detail_view(kind), name=f"{kind.name}_detail")
    yield path(f"{address}start/", views.start_view(kind), name=f"{kind.name}_start")
    yield path(f"{address}undo/", views.undo_view(kind), name=f"{kind.name}_undo")
    if kind.targets is not None:
        view = views.columns_view(kind)
        yield path(f"{address}columns/", view, name=f"{kind.name}_columns")


_TABLE = f"{RECORDINGS.address}/<str:uid>/"

urlpatterns = [
    *(route for kind in all_kinds() for route in _paths(kind)),
    path(f"{_TABLE}rows.csv", views.import_bad_rows, name="import_bad_rows"),
]
