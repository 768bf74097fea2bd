"""Form fields that the pages of licences and policies share: lists typed as lines."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q

from catalogue.models import Recording

SHOWN = 5


class LinesField(forms.CharField):
    """A list of texts, one per line; blanks and repeats are left out."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: object) -> object:
        """Show a list as lines."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: object) -> Any:  # Any: a list where Django has text
        """Read lines as a list."""
        lines = (line.strip() for line in str(value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: object, data: object) -> bool:
        """Compare the lists."""
        return bool((initial or []) != self.to_python(data))


class RecordingsField(LinesField):
    """Recordings, each by its id here, your own id or its ISRC."""

    def prepare_value(self, value: object) -> object:
        """Show recordings as the ids that find them again."""
        if isinstance(value, list):
            return "\n".join(
                each.uid if isinstance(each, Recording) else str(each) for each in value
            )
        return value

    def clean(self, value: object) -> Any:  # Any: recordings where Django has text
        """Find every recording; name those that are not there."""
        lines: list[str] = super().clean(value)
        rows = Recording.objects.filter(
            Q(uid__in=lines)
            | Q(custom_id__in=[line for line in lines if line])
            | Q(isrc_normalised__in=[_code(line) for line in lines])
        )
        found = list(rows)
        known = {each.uid for each in found} | {each.custom_id for each in found}
        codes = {each.isrc_normalised for each in found if each.isrc_normalised}
        missing = [
            line for line in lines if line not in known and _code(line) not in codes
        ]
        if missing:
            named = ", ".join(missing[:SHOWN])
            raise forms.ValidationError(f"No recording has this id: {named}.")
        return found


def _code(line: str) -> str:
    return line.replace("-", "").replace(" ", "").upper()
