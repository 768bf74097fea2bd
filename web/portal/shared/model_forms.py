"""Forms whose labels, help, limits and choices stand on their model."""

from __future__ import annotations

from typing import Any, TypeVar

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from web.portal.shared.fields import LinesField

Row = TypeVar("Row", bound=models.Model)


def field_options(column: models.Field[Any, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a column's form field, here and in the admin. Any: Django's own."""
    if isinstance(column, models.JSONField) and column.default is list:
        usual = {"form_class": LinesField, "help_text": column.help_text or _("One per line")}
        return usual | options
    return options


def portal_field(column: models.Field[Any, Any], **options: Any) -> forms.Field | None:
    """Return the form field of a column. Any: Django's own signature."""
    if type(column) is models.DateField:
        options.setdefault("widget", forms.DateInput({"type": "date"}, format="%Y-%m-%d"))
    return column.formfield(**field_options(column, options))


def field_of(model: type[models.Model], name: str, **options: Any) -> forms.Field:
    """Return the field of one column, for forms of several models. Any: as above."""
    column: Any = model._meta.get_field(name)
    field = portal_field(column, **options)
    if field is None:
        raise TypeError(f"{name} has no field in forms.")
    return field


class PortalForm(forms.ModelForm[Row]):
    """A form of columns; it declares a field only where that is more than its column."""

    class Meta:
        formfield_callback = portal_field


def name_empty_choice(form: forms.BaseForm, **labels: str) -> None:
    """Say in words what the empty choice of these fields means."""
    for name, label in labels.items():
        field: Any = form.fields[name]  # Any: a choice field
        field.choices = [("", label), *(choice for choice in field.choices if choice[0])]
