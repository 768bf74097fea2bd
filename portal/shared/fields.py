"""Form fields and validation that several pages share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.db.models import Q

from catalogue.identifiers import BadIdentifier
from catalogue.models import Recording

SHOWN = 5


class LinesField(forms.CharField):
    """A list of texts, one per line; blank lines and repeats are ignored."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: object) -> object:
        """Return a list as lines of text."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the lines as a list without blanks and repeats."""
        lines = (line.strip() for line in str(value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: object, data: object) -> bool:
        """Return whether the lists differ, ignoring blank lines."""
        return bool((initial or []) != self.to_python(data))


class RecordingsField(LinesField):
    """Recordings, each given by its uid, custom id or ISRC, one per line."""

    def prepare_value(self, value: object) -> object:
        """Return recordings as lines of uids."""
        if isinstance(value, list):
            return "\n".join(
                each.uid if isinstance(each, Recording) else str(each) for each in value
            )
        return value

    def clean(self, value: object) -> Any:  # Any: recordings where Django has text
        """Return the recordings; reject lines for which there is none."""
        lines: list[str] = super().clean(value)
        rows = Recording.objects.filter(
            Q(uid__in=lines)
            | Q(custom_id__in=[line for line in lines if line])
            | Q(isrc_normalised__in=[_code(line) for line in lines])
        )
        recordings = list(rows)
        known = {each.uid for each in recordings} | {
            each.custom_id for each in recordings
        }
        codes = {each.isrc_normalised for each in recordings if each.isrc_normalised}
        missing = [
            line for line in lines if line not in known and _code(line) not in codes
        ]
        if missing:
            named = ", ".join(missing[:SHOWN])
            raise forms.ValidationError(f"No recording has this id: {named}.")
        return recordings


def _code(line: str) -> str:
    return line.replace("-", "").replace(" ", "").upper()


def sentence_of(form: forms.BaseForm) -> str:
    """Return all errors of a form as one line of text."""
    return " ".join(str(text) for texts in form.errors.values() for text in texts)


def release_date_field() -> forms.RegexField:
    """Return a field for a date whose month and day may be missing."""
    return forms.RegexField(
        r"^\d{4}(-\d{2}(-\d{2})?)?$",
        required=False,
        help_text="2016, 2016-06 or 2016-06-28",
        error_messages={"invalid": "Enter a date as 2016, 2016-06 or 2016-06-28."},
    )


def checked(check: Callable[[str], str], given: str) -> str:
    """Return the normalised identifier; raise ``ValidationError`` if it is invalid."""
    try:
        return check(given)
    except BadIdentifier as error:
        raise forms.ValidationError(str(error)) from error
