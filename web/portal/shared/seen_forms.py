"""Forms that know which values their reader saw, so that nobody overwrites another's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, TypeVar

from django import forms
from django.http import QueryDict

from review.programmes.errors import ProgrammeRefused
from review.programmes.values import Values, state_of

Kind = TypeVar("Kind", bound=Values)
SAVED = 302
_STATUSES = {"stale": 409, "gone": 409, "listed": 409, "stated": 409, "not_allowed": 403}


def refuse(form: forms.Form, refused: ProgrammeRefused) -> None:
    """Show a refusal beside its field, or above the form."""
    named = refused.field if refused.field in form.fields else None
    form.add_error(named, str(refused))


class SeenField(forms.CharField):
    """The state of the values that a reader saw, out of sight.

    It has no id, because a page may have several such forms.
    """

    def __init__(self) -> None:
        super().__init__(widget=forms.HiddenInput({"id": False}), required=False, max_length=64)


class SeenForm(forms.Form):
    """A form that knows which values its reader saw."""

    seen = SeenField()

    def __init__(
        self, data: QueryDict | None = None, *, now: Values | None = None, prefix: str | None = None
    ) -> None:
        initial: dict[str, Any] = {}  # Any: values of a form
        if now is not None:
            initial = asdict(now) | {"seen": state_of(now)}
        super().__init__(data, initial=initial, prefix=prefix)

    def _cleaned(self, kind: type[Kind]) -> Kind:
        names = kind.__dataclass_fields__
        return kind(**{name: self.cleaned_data[name] for name in names})


def save_form(form: forms.Form, save: Callable[[], None]) -> int:
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
