"""The form of an evidence pack."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class PackForm(forms.Form):
    """The contents of an evidence pack."""

    reference_clips = forms.BooleanField(
        required=False,
        initial=True,
        label=_("Include excerpts of the recording as well as of the file"),
    )
