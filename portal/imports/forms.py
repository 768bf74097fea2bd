"""Forms of imports: a table of recordings, a file of results."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket
from imports import services
from imports.models import CatalogueImport, ResultImport
from scanning.models import Container


class TableForm(forms.Form):
    """A table of recordings, and the audio files that its rows name."""

    bucket = forms.ModelChoiceField(
        Bucket.objects.present().exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID),
        empty_label=None,
        label=_("Bucket"),
    )
    table = forms.FileField(label=_("Table (CSV or XLSX)"))
    archive = forms.FileField(
        required=False,
        label=_("Audio files (ZIP)"),
        help_text=_("Not needed where the rows hold links."),
    )
    encoding = forms.ChoiceField(
        label=_("Text of the CSV file"),
        choices=[("utf-8", "UTF-8"), ("windows-1252", "Windows-1252")],
    )
    keep_unknown = forms.BooleanField(
        required=False, label=_("Keep columns with other names as data")
    )

    def keep(self, user: User) -> CatalogueImport:
        """Store what was uploaded, and have it checked."""
        return services.keep_table(user=user, **self.cleaned_data)


class ResultsForm(forms.Form):
    """A file of results, and the container for its files."""

    container = forms.ModelChoiceField(
        Container.objects.present(), empty_label=None, label=_("Container")
    )
    file = forms.FileField(
        label=_("Results (CSV or JSON)"),
        help_text=_(
            "A CSV of ACRCloud's file scan tool, or a JSON dump of its File Scanning API."
        ),
    )

    def keep(self, user: User) -> ResultImport:
        """Store what was uploaded, and have it checked."""
        return services.keep_results(user=user, **self.cleaned_data)
