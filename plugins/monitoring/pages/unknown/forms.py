"""Forms of unknown sound: the filters of the list, and one form for each verb."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from plugins.monitoring.unknown import selectors
from plugins.monitoring.unknown.models import IgnoreReason, ItemState, UnknownItem, UnknownPolicy
from plugins.monitoring.unknown.selectors import Tab
from web.portal.pictures.exclusion import MediaTimeField
from web.portal.shared.fields import LinesField, Picker, container_filter


class UnknownFilterForm(forms.Form):
    """Filters of the list of items."""

    q = forms.CharField(required=False, max_length=200, label=_("Label or number"))
    container = container_filter()
    state = forms.ChoiceField(
        required=False, choices=[(tab, tab) for tab in Tab], widget=forms.HiddenInput
    )

    @property
    def tab(self) -> Tab:
        """Return the chosen list, by default the one of unknown items."""
        return Tab(self.cleaned_data.get("state") or Tab.UNKNOWN)


class IgnoreForm(forms.Form):
    """Why items are ignored for ever."""

    reason = forms.ChoiceField(
        label=_("What is it?"),
        choices=IgnoreReason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what it is.")},
    )
    label = forms.CharField(
        required=False,
        max_length=200,
        label=_("Label"),
        widget=forms.TextInput({"class": "control"}),
    )

    @property
    def chosen(self) -> IgnoreReason:
        """Return the reason of a valid form."""
        return IgnoreReason(self.cleaned_data["reason"])


class ItemSplitForm(forms.Form):
    """Where an item is cut in two."""

    at = MediaTimeField(
        label=_("Split at"),
        widget=forms.TextInput({"class": "control"}),
        help_text=_("1:02.500, or in seconds"),
        error_messages={"required": _("Enter where to split it.")},
    )


class MergeForm(forms.Form):
    """The item that another one becomes part of."""

    other = LinesField(
        label=_("Item"),
        widget=Picker("unknown_items"),
        error_messages={"required": _("Choose an item.")},
    )

    def clean_other(self) -> UnknownItem:
        """Require exactly one item that the person may see."""
        uids: list[str] = self.cleaned_data["other"]
        if len(uids) != 1:
            raise forms.ValidationError(_("Choose one item only."))
        items = selectors.items_in_reach().filter(state=ItemState.UNIDENTIFIED)
        item = items.filter(uid=uids[0]).first()
        if item is None:
            raise forms.ValidationError(_("This unknown item does not exist."))
        return item


class IntoForm(forms.Form):
    """Which of several items the others become part of."""

    into = forms.ChoiceField(
        label=_("Which one do you keep?"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose which one to keep.")},
    )


class WatchItemForm(forms.Form):
    """Whether an item is watched for more."""

    on = forms.BooleanField(required=False)


class UnknownPolicyForm(forms.ModelForm[UnknownPolicy]):
    """How repeated unknown sound of a container is found and kept."""

    class Meta:
        model = UnknownPolicy
        fields = ["is_on", "least_seconds", "least_count", "days_kept"]
