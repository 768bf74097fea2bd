"""Form fields that several kinds of imports share."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from base.common.charsets import FILE_CHARSETS
from imports.table_encoding import RECOGNISED


class EncodingField(forms.ChoiceField):
    """The encoding of a CSV file; usually the portal recognises it."""

    def __init__(self) -> None:
        super().__init__(
            required=False,
            label=_("Text of the CSV file"),
            choices=[(RECOGNISED, _("Recognise it")), *FILE_CHARSETS.items()],
        )
