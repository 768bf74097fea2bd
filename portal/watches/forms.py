"""Forms of watched feeds, playlists and channels."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from scanning.models import Watch


class WatchSettingsForm(forms.ModelForm[Watch]):
    """The settings of a watch that can be changed later."""

    class Meta:
        model = Watch
        fields = ["every_hours", "items_per_check", "title_words"]
        labels = {
            "every_hours": _("How often"),
            "items_per_check": _("New items per check, at most"),
            "title_words": _("Only titles with one of these words"),
        }
        help_texts = {
            "items_per_check": _("Further items wait for the next check."),
            "title_words": _("Separated by commas; empty: every item."),
        }


class WatchForm(WatchSettingsForm):
    """A new watch; the page asks for ``begin`` after the preview of the source."""

    ONLY_NEW, ALSO_PRESENT = "new", "present"

    url = forms.URLField(
        max_length=2000,
        label=_("Feed, podcast, playlist or channel"),
        assume_scheme="https",
    )
    begin = forms.ChoiceField(
        required=False, choices=[(ONLY_NEW, ""), (ALSO_PRESENT, "")], label=_("Begin")
    )

    class Meta(WatchSettingsForm.Meta):
        fields = ["url", "container", *WatchSettingsForm.Meta.fields]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Offer no empty container. Any: Django's own arguments."""
        super().__init__(*arguments, **options)
        container = self.fields["container"]
        if isinstance(container, forms.ModelChoiceField):
            container.empty_label = None
