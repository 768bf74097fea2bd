"""URLs of imports: the same for each kind, and what some have beside."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import URLPattern, path

from imports.kinds import AnyKind, all_kinds
from imports.recordings.kind import RECORDINGS
from portal.imports import views

_FORMATS = ("csv", "xlsx")


def _paths(kind: AnyKind) -> Iterator[URLPattern]:
    for each in kind.samples:
        for form in _FORMATS:
            yield path(
                f"{kind.address}/{each.slug}.{form}",
                views.import_sample,
                {"sample": each.sample, "name": each.name, "form": form},
                name=f"import_sample_{each.name}_{form}",
            )
    one = f"{kind.address}/<str:uid>/"
    yield path(f"{kind.address}/", views.form_view(kind), name=kind.name)
    yield path(one, views.detail_view(kind), name=f"{kind.name}_detail")
    yield path(f"{one}start/", views.start_view(kind), name=f"{kind.name}_start")
    yield path(f"{one}undo/", views.undo_view(kind), name=f"{kind.name}_undo")
    if kind.targets is not None:
        view = views.columns_view(kind)
        yield path(f"{one}columns/", view, name=f"{kind.name}_columns")


_TABLE = f"{RECORDINGS.address}/<str:uid>/"

urlpatterns = [
    *(each for kind in all_kinds() for each in _paths(kind)),
    path(f"{_TABLE}rows.csv", views.import_bad_rows, name="import_bad_rows"),
]
