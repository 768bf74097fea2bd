"""Forms that know which values their reader saw, so that nobody overwrites another's."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from django import forms
from django.http import QueryDict

from review.programmes.errors import ProgrammeRefused
from review.programmes.values import StatedRow, Values, state_of
from web.portal.shared.model_forms import PortalForm

Row = TypeVar("Row", bound=StatedRow)
SAVED = 302
_STATUSES = {"stale": 409, "gone": 409, "listed": 409, "stated": 409, "not_allowed": 403}


def refuse(form: forms.BaseForm, refused: ProgrammeRefused) -> None:
    """Show a refusal beside its field, or above the form."""
    named = refused.field if refused.field in form.fields else None
    form.add_error(named, str(refused))


class SeenField(forms.CharField):
    """The state of the values that a reader saw, out of sight.

    It has no id, because a page may have several such forms.
    """

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput({"id": False}), required=False, max_length=64)


class SeenForm(PortalForm[Row]):
    """The values of a row, which people may leave empty, and the state that was shown."""

    seen = SeenField()

    def __init__(
        self, data: QueryDict | None = None, *, row: Row | None = None, prefix: str | None = None
    ) -> None:
        initial = {} if row is None else {"seen": state_of(row)}
        super().__init__(data, instance=row, initial=initial, prefix=prefix)
        for field in self.fields.values():
            field.required = False

    def values(self) -> Values:
        """Return the values of a valid form."""
        return {name: self.cleaned_data[name] for name in self.instance.VALUES}


def save_form(form: forms.BaseForm, save: Callable[[], None]) -> int:
    """Save a valid form; return the status of the answer.

    The form then shows why it was refused.
    """
    if not form.is_valid():
        return 422
    try:
        save()
    except ProgrammeRefused as refused:
        refuse(form, refused)
        return _STATUSES.get(refused.code, 422)
    return SAVED
