"""Forms of the duplicates pages."""

from __future__ import annotations

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from catalogue.models import ACRCLOUD_MUSIC_BUCKET_ID, Bucket
from dedup.effects import ActionRequest
from dedup.merging import FIELDS
from dedup.models import ActionVerb
from web.portal.shared.fields import SearchSelect

_KINDS = [
    ("", gettext_lazy("All kinds")),
    ("exact_file", gettext_lazy("Same file")),
    ("same_audio", gettext_lazy("Same audio")),
    ("family", gettext_lazy("Version family")),
    ("shared_loop", gettext_lazy("Shared loop")),
    ("overlap", gettext_lazy("Overlap")),
]


class DuplicateFilterForm(forms.Form):
    """Filters of the list of duplicates."""

    kind = forms.ChoiceField(
        required=False,
        choices=_KINDS,
        widget=forms.Select(attrs={"class": "control"}),
        label=_("Kind"),
    )
    bucket = forms.ModelChoiceField(
        Bucket.objects.present().exclude(pk=ACRCLOUD_MUSIC_BUCKET_ID),
        required=False,
        empty_label=gettext_lazy("All buckets"),
        widget=SearchSelect,
        label=_("Bucket"),
    )


class ActionForm(forms.Form):
    """An action on a group, and the version of the group that the page showed."""

    verb = forms.ChoiceField(choices=ActionVerb.choices, label=_("Verb"))
    version = forms.IntegerField(min_value=1, label=_("Version"))
    note = forms.CharField(required=False, max_length=1000, label=_("Note"))

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self._posted = data

    @property
    def seen(self) -> list[str]:
        """Return the uids of the members that the page showed."""
        return self._posted.getlist("seen")

    def action_request(self) -> ActionRequest:
        """Return the recordings to act on, the canonical one and the chosen fields."""
        verb, canonical = self.cleaned_data["verb"], self._posted.get("canonical", "")
        if verb in {ActionVerb.SPLIT, ActionVerb.RETIRE}:
            return ActionRequest(self._posted.getlist(verb), canonical)
        if verb == ActionVerb.CANONICAL:
            return ActionRequest([canonical] if canonical else [], canonical)
        return ActionRequest(self.seen, canonical, self.fields_chosen())

    def fields_chosen(self) -> dict[str, str]:
        """Return the uid of the recording whose value each field takes."""
        return {name: uid for name in FIELDS if (uid := self._posted.get(f"field_{name}"))}
