"""Forms of drops."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.shared.fields import SearchSelect
from scanning.models import Container, Drop


class DropSettingsForm(forms.ModelForm[Drop]):
    """The settings of a drop that can be changed later."""

    class Meta:
        model = Drop
        fields = ["name", "every_seconds", "afterwards"]
        labels = {
            "name": _("Name"),
            "every_seconds": _("How often"),
            "afterwards": _("What happens to a file afterwards"),
        }
        help_texts = {
            "afterwards": _(
                "A note beside each failed file gives the reason. In a read-only "
                "folder, files stay."
            ),
        }


class DropForm(DropSettingsForm):
    """A new drop."""

    place = forms.CharField(
        max_length=1000,
        label=_("Folder or S3 prefix"),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocomplete": "off"}),
    )

    class Meta(DropSettingsForm.Meta):
        fields = ["place", "container", *DropSettingsForm.Meta.fields]
        help_texts = {
            **DropSettingsForm.Meta.help_texts,
            "container": _("Subfolders can get their own containers later."),
        }
        widgets = {"container": SearchSelect}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Offer no empty container. Any: Django's own arguments."""
        super().__init__(*arguments, **options)
        container = self.fields["container"]
        if isinstance(container, forms.ModelChoiceField):
            container.empty_label = None

    def validate_unique(self) -> None:
        """Leave it to the service, which refuses places that overlap as well."""


class DropFolderForm(forms.Form):
    """The container of a subfolder."""

    name = forms.CharField(max_length=255, label=_("Subfolder"))
    container = forms.ModelChoiceField(
        Container.objects.present(),
        empty_label=None,
        widget=SearchSelect,
        label=_("Container"),
    )
