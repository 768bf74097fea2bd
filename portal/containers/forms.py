"""The form of a container."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.shared.fields import BucketsInput
from scanning.models import Container


class ContainerForm(forms.ModelForm[Container]):
    """The settings of a container."""

    callback_url = forms.URLField(
        required=False,
        max_length=2000,
        label=_("Callback address"),
        assume_scheme="https",
        help_text=_("Results are posted to this address when a scan has ended."),
    )

    class Meta:
        model = Container
        fields = [
            *("name", "buckets", "engine", "audio_type", "score_floor"),
            *("upload_audio", "link_audio", "audio_days"),
            *("hide_rejected", "callback_url"),
        ]
        labels = {
            "upload_audio": _("Keep uploaded audio"),
            "link_audio": _("Keep audio from links"),
        }
        widgets = {"buckets": BucketsInput}
