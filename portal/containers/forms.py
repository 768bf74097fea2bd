"""The form of a container."""

from __future__ import annotations

from django import forms

from scanning.models import Container


class ContainerForm(forms.ModelForm[Container]):
    """The settings of a container."""

    callback_url = forms.URLField(
        required=False,
        max_length=2000,
        label="Callback address",
        assume_scheme="https",
        help_text="Results are posted to this address when a scan has ended.",
    )

    class Meta:
        model = Container
        fields = [
            *("name", "buckets", "engine", "audio_type", "score_floor"),
            *("upload_audio", "link_audio", "audio_days"),
            *("hide_rejected", "callback_url"),
        ]
        labels = {
            "upload_audio": "Keep uploaded audio",
            "link_audio": "Keep audio from links",
        }
        widgets = {"buckets": forms.CheckboxSelectMultiple}
