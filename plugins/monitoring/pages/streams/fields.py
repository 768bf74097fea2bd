"""Streams in forms of other features."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.streams.models import Stream
from web.portal.shared.fields import SearchSelectMultiple


def streams_field() -> forms.Field:
    """Return the field with the streams that listen."""
    return forms.ModelMultipleChoiceField(
        Stream.objects.present().filter(enabled=True),
        required=False,
        widget=SearchSelectMultiple,
        label=_("Streams"),
        help_text=_("Those that came from an account and are listened to here."),
    )
