"""Refuses a form of the admin if somebody changed the row while the form was open.

The form carries a mark of each value that it showed. A value whose mark no longer fits was
changed since: nothing is saved, and the page says what the value is now, with all input
kept. Saving again then overwrites it knowingly.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from base.audit.models import Event
from review import rule_names
from web.portal.admin.history import case_of
from web.portal.shared import formats

# Any: the values of form fields.
Values = Mapping[str, Any]

MARKS = "as_shown"


class UnchangedForm:
    """Mixed into the form of a screen; ``beside`` are values that its inlines show."""

    beside: Values = {}
    # Of the form that this is mixed into.
    data: Any
    errors: Any
    fields: Any
    initial: Any
    instance: Any

    def clean(self) -> Any:  # Any: Django's own
        """Add an error if a value is not the one that the form showed."""
        cleaned = super().clean()  # type: ignore[misc]  # of the form
        marks = _read(self.data.get(MARKS, ""))
        stored = self._stored()
        changed = [name for name in stored if marks.get(name, "") != _mark(stored[name])]
        if marks and changed:
            raise ValidationError(_message(self.instance, self._stored_values(changed)))
        return cleaned

    def marks(self) -> str:
        """Return the marks of the stored values, for the form to carry."""
        marks = {name: _mark(value) for name, value in self._stored().items()}
        return json.dumps(marks) if marks else ""

    def _stored(self) -> dict[str, Any]:
        names = [name for name in self.fields if name in self.initial]
        return {name: self.initial[name] for name in names} | dict(self.beside)

    def _stored_values(self, names: Iterable[str]) -> SafeString:
        stored = self._stored()
        rows = ((self._label(name), _words(self.fields.get(name), stored[name])) for name in names)
        return format_html_join("; ", "{}: {}", rows)

    def _label(self, name: str) -> str:
        field = self.fields.get(name)
        return str((field and field.label) or capfirst(name.replace("_", " ")))


def _read(text: str) -> dict[str, str]:
    try:
        marks = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return marks if isinstance(marks, dict) else {}


def _plain(value: Any) -> Any:
    """Return rows as their keys, so that their order and their names do not count."""
    if isinstance(value, Model):
        return value.pk
    if isinstance(value, (list, tuple, set)):
        plain = [_plain(entry) for entry in value]
        are_rows = any(isinstance(entry, Model) for entry in value)
        return sorted(plain) if are_rows else plain
    return value


def _mark(value: Any) -> str:
    return hashlib.sha256(repr(_plain(value)).encode()).hexdigest()[:16]


def _words(field: forms.Field | None, value: Any) -> str:
    if value in (None, "", []):
        return formats.UNKNOWN
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        choices: Any = field.choices  # Any: Django's own union
        return str(dict(choices).get(value, value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)


def _message(row: Model, values: SafeString) -> str:
    event = Event.objects.filter(case=case_of(row)).order_by("-sequence").first()
    if event is None:
        return _(
            "Somebody changed this while your form was open, so nothing was saved. "
            "Now: %(values)s. Your input is below; save again to replace these values."
        ) % {"values": values}
    return _(
        "%(who)s changed this while your form was open, so nothing was saved. Now: "
        "%(values)s. Your input is below; save again to replace these values."
    ) % {"who": rule_names.actor_label(event.actor_name), "values": values}
