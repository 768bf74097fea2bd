"""Forms of drops."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from scanning.models import Drop
from web.portal.shared.fields import container_field
from web.portal.shared.model_forms import PortalForm


class DropSettingsForm(PortalForm[Drop]):
    """The settings of a drop that can be changed later."""

    class Meta(PortalForm.Meta):
        model = Drop
        fields = ["name", "every_seconds", "afterwards"]


class DropForm(DropSettingsForm):
    """A new drop."""

    place = forms.CharField(
        max_length=1000,
        label=_("Folder or S3 prefix"),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )

    container = container_field(_("Subfolders can get their own containers later."))

    class Meta(DropSettingsForm.Meta):
        fields = ["place", "container", *DropSettingsForm.Meta.fields]

    def validate_unique(self) -> None:
        """Leave it to the service, which refuses places that overlap as well."""


class DropFolderForm(forms.Form):
    """The container of a subfolder."""

    name = forms.CharField(max_length=255, label=_("Subfolder"))
    container = container_field()
