"""The pages of all kinds of imports: their forms, and values for their templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.reach import why_limited
from imports import services
from imports.kinds import AnyKind, kind_of
from imports.models import Import, MappedImport
from imports.table_notes import notes
from statements.choices import ISSUED, label_of
from statements.previews import StatementChange, as_change
from statements.selectors import statements_in_reach
from web.portal.imports.columns import mapping_context
from web.portal.shared.fields import BucketField, container_field

# Where entries may go, by the column of the import. Any: a field's own options.
_PLACES: dict[str, Callable[[], forms.ModelChoiceField[Any]]] = {
    "bucket": BucketField,
    "container": container_field,
}


def make_form(
    kind: AnyKind, data: Any = None, files: Any = None, initial: dict[str, Any] | None = None
) -> forms.Form:  # Any: Django's own signature
    """Return the kind's form, which begins with the place of the entries."""
    form = kind.form(data, files, initial=initial)
    if place := kind.model.place_field:
        form.fields = {place: _PLACES[place](), **form.fields}
    return form


def first_choices(kind: AnyKind) -> dict[str, Any]:
    """Return what the selects of the page choose by themselves. Any: a choice."""
    selects = {
        name: field.widget
        for name, field in kind.form.base_fields.items()
        if type(field) is forms.ChoiceField
    }
    return {
        name: next(iter(widget.choices))[0]
        for name, widget in selects.items()
        if isinstance(widget, forms.Select)
    }


def form_context(kind: AnyKind, form: forms.Form, user: User) -> dict[str, Any]:
    """Return the context of the page with the form. Any: values for a template."""
    rows = kind.model._default_manager.all()
    if place := kind.model.place_field:
        rows = rows.select_related(place)
    return {
        "kind": kind,
        "nav_page": kind.parent,
        "form": form,
        "refusal": _refusal(kind, user),
        "first_step": kind.first_step(),
        "imports": rows[:10],
        "templates": _templates(kind, "help"),
        **kind.help,
    }


def detail_context(import_: Import, user: User) -> dict[str, Any]:
    """Return the context of one import's page. Any: values for a template."""
    kind = kind_of(import_)
    refusal: str | Promise = _refusal(kind, user)
    return {
        "place_url": _place_url(import_),
        **kind.context(import_),
        **(mapping_context(import_) if isinstance(import_, MappedImport) else {}),
        "kind": kind,
        "nav_page": kind.parent,
        "import": import_,
        "refusal": refusal or (_NOTHING_FITS if _nothing_fits(import_) else ""),
        # Counters that are newer than this import default to zero.
        "can_undo": not refusal and services.can_be_undone(import_),
        "undo": import_.summary.get("undo"),
        "reading_notes": notes(import_.summary.get("reading", {})),
        "summary": import_.summary and {**asdict(kind.summary()), **import_.summary},
        "stated": _stated(import_.summary.get("stated", {})),
        "templates": _templates(kind, "outcome"),
        "steps": _templates(kind, "steps"),
    }


def _stated(
    summary: Mapping[str, Mapping[str, Any]],  # Any: JSON
) -> list[tuple[str, int, list[StatementChange]]]:
    """Return kinds of statements, how many stand on what changes, and the first of them.

    Those that the viewer may not see are counted only.
    """
    return [
        (
            label_of(kind),
            stated["count"],
            [
                as_change(statement)
                for statement in statements_in_reach(
                    Q(kind=kind, subject__in=stated["first"], state__in=ISSUED)
                )
            ],
        )
        for kind, stated in summary.items()
    ]


def _refusal(kind: AnyKind, user: User) -> str:
    """Return why access limits keep a person from such imports; else empty."""
    return why_limited(user) if kind.model.concerns_everything else ""


def _templates(kind: AnyKind, part: str) -> list[str]:
    """Return the kind's own template, then that of tables."""
    return [f"portal/imports/_{kind.key}_{part}.html", f"portal/imports/_{part}.html"]


def _place_url(import_: Import) -> str:
    if import_.place_field == "bucket":
        return reverse("portal:bucket_detail", args=[import_.place.pk])
    if import_.place_field == "container":
        return f"{reverse('portal:file_list')}?container={import_.place.pk}"
    return ""


_NOTHING_FITS = _(
    "Nothing in this file can be imported. Correct the faults below, then check the file again."
)
# Counters of all kinds of imports; those of rights count by kind of record.
_GOOD = (
    *("added", "updated", "rescanned", "created", "changed", "unchanged"),
    *("paired", "there"),
)


def _nothing_fits(import_: Import) -> bool:
    """Return whether a checked import has faults only."""
    if not import_.summary or not import_.summary.get("refused"):
        return False
    good = [import_.summary.get(name, 0) for name in _GOOD]
    return not any(any(count.values()) if isinstance(count, dict) else count for count in good)
