"""Forms of rights: records, shares, and actions on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from catalogue.owners import tis
from catalogue.owners.choices import (
    PUBLISHER_ROLES,
    RECORDING_ROLES,
    WRITER_ROLES,
    ConflictKind,
    ConflictState,
    Right,
    ShareKind,
    TitleKind,
)
from catalogue.owners.models import Party, Release, Work
from catalogue.owners.selectors import parties_in_reach, works_in_reach
from plugins.rights.actions.parts import ShareDetails
from plugins.rights.errors import RightsRefused
from web.portal.shared.fields import ArtistsField, LinesField, Picker, WordsField, sentence_of
from web.portal.shared.filters import DayInput

_CODES = {
    *("iswc", "ipi_name", "ipi_base", "isni", "ipn", "dpid", "society"),
    *("upc", "grid", "label_code"),
}


class RightsExportForm(forms.Form):
    """Whose claims to export."""

    source = forms.ChoiceField(
        label=_("Source"), help_text=_("The table holds only what this source claims.")
    )

    def __init__(self, *args: Any, sources: list[tuple[str, str]], **kwargs: Any) -> None:
        """Offer sources, as the choices of a field. Any: Django's own arguments."""
        super().__init__(*args, **kwargs)
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = sources


class ConflictFilterForm(forms.Form):
    """The filters of the queue of conflicts."""

    kind = forms.ChoiceField(
        required=False, choices=[("", _("Any kind")), *ConflictKind.choices], label=_("Kind")
    )
    state = forms.ChoiceField(
        required=False,
        choices=[(state, state) for state in ConflictState],
        widget=forms.HiddenInput,
    )
    of = forms.CharField(required=False, max_length=32, widget=forms.HiddenInput)

    @property
    def tab(self) -> ConflictState:
        """Return the chosen list, by default that of open conflicts."""
        return ConflictState(self.cleaned_data.get("state") or ConflictState.OPEN)


class _RecordForm(forms.ModelForm[Any]):
    """The columns of a record that people enter."""

    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        super().__init__(*args, **options)
        # Codes come with blanks and hyphens too; ``rights.actions`` takes these out.
        for name in _CODES & self.fields.keys():
            label = self.fields[name].label
            self.fields[name] = forms.CharField(required=False, max_length=40, label=label)

    def values(self) -> Mapping[str, Any]:  # Any: a column's value
        """Return the values of the columns of a valid form."""
        return {name: value for name, value in self.cleaned_data.items() if name != "revision"}

    def _post_clean(self) -> None:
        """Leave the record alone: ``rights.actions`` changes and checks it."""


class WorkForm(_RecordForm):
    """A work."""

    class Meta:
        model = Work
        fields = ["title", "iswc", "category", "version"]
        labels = {"title": _("Title"), "category": _("Category"), "version": _("Version")}


class PartyForm(_RecordForm):
    """A party."""

    class Meta:
        model = Party
        fields = [
            *("name", "first_name", "ipi_name", "ipi_base", "isni", "ipn", "dpid"),
            *("society", "is_ours"),
        ]
        labels = {
            "name": _("Last name, or name of a company"),
            "first_name": _("First name"),
            "society": _("Society number"),
            "is_ours": _("Its shares are ours"),
        }


class ReleaseForm(_RecordForm):
    """A release."""

    artists = ArtistsField()

    class Meta:
        model = Release
        fields = [
            *("title", "artists", "upc", "grid", "catalogue_number", "label"),
            *("label_code", "p_line", "c_line", "released"),
        ]
        labels = {
            "title": _("Title"),
            "catalogue_number": _("Catalogue number"),
            "label": _("Label"),
            "label_code": _("Label code"),
            "released": _("Released"),
        }
        widgets = {"released": DayInput}

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> Any:
        """Return the artists in one line. Any: Django's own signature."""
        value = super().get_initial_for_field(field, field_name)
        return " | ".join(value or ()) if field_name == "artists" else value


class _OneField(LinesField):
    """One record, chosen by search; gives the record.

    ``rows`` returns the records that the person may choose.
    """

    def __init__(
        self,
        kind: str,
        rows: Callable[[], QuerySet[Any]],  # Any: records of any model
        wrong: Any,  # Any: a text that is translated later
        **options: Any,  # Any: Django's own
    ) -> None:
        super().__init__(widget=Picker(kind), **options)
        self._rows, self._wrong = rows, wrong

    def clean(self, value: object) -> Any:  # Any: a record where Django has text
        """Return the record; None if none was chosen and none is required."""
        uids: list[str] = super().clean(value)
        if not uids:
            return None
        row = self._rows().filter(uid=uids[0]).first() if len(uids) == 1 else None
        if row is None:
            raise forms.ValidationError(str(self._wrong))
        return row


class PartyField(_OneField):
    """A party."""

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        wrong = _("Choose one party from the list.")
        super().__init__(
            "parties", lambda: parties_in_reach().filter(merged_into=None), wrong, **options
        )


class WorkField(_OneField):
    """A work."""

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        wrong = _("Choose one work from the list.")
        super().__init__(
            "works", lambda: works_in_reach().filter(merged_into=None), wrong, **options
        )


class RightTerritoriesField(WordsField):
    """Territories as ISO codes or TIS numbers; gives them as they are stored."""

    widget = Picker("right_territories", is_open=True)

    def clean(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the codes; reject those that name no territory."""
        try:
            return sorted({tis.normalised(code) for code in super().clean(value)})
        except tis.UnknownTerritory as error:
            raise forms.ValidationError(str(error)) from error


class _ShareForm(forms.Form):
    """A share by hand."""

    party = PartyField(label=_("Party"), error_messages={"required": _("Choose a party.")})
    role = forms.ChoiceField(label=_("Role"))
    right = forms.ChoiceField(label=_("Right"))
    kind = forms.ChoiceField(label=_("Owned or collected"), choices=ShareKind.choices)
    percent = forms.DecimalField(
        required=False,
        min_value=0,
        max_value=100,
        decimal_places=4,
        label=_("Percent"),
        help_text=_("Leave empty if the size is unknown."),
    )
    included = RightTerritoriesField(
        required=False,
        label=_("Territories"),
        help_text=_("Codes such as GB or TIS numbers such as 2110; leave empty for the world."),
    )
    excluded = RightTerritoriesField(required=False, label=_("Without"))
    valid_from = forms.DateField(required=False, widget=DayInput, label=_("From"))
    valid_until = forms.DateField(required=False, widget=DayInput, label=_("Until, inclusive"))
    controlled_by = PartyField(required=False, label=_("Collected by"))
    agreement = forms.CharField(required=False, max_length=60, label=_("Agreement number"))

    def clean(self) -> dict[str, Any]:  # Any: Django's own signature
        """Require dates in order, and a place that is left over."""
        values = super().clean() or self.cleaned_data
        begin, end = values.get("valid_from"), values.get("valid_until")
        if begin and end and end < begin:
            self.add_error("valid_until", gettext("The share ends before it begins."))
        places = values.get("included", []), values.get("excluded", [])
        if not tis.expand(*places):
            self.add_error("excluded", gettext("No country is left."))
        return values

    def details(self) -> ShareDetails:
        """Return the share of a valid form."""
        values = self.cleaned_data | {
            "right": Right(self.cleaned_data["right"]),
            "kind": ShareKind(self.cleaned_data["kind"]),
            "included": self.cleaned_data["included"] or [tis.WORLD],
        }
        return ShareDetails(**values)


class WorkShareForm(_ShareForm):
    """A share of a work."""

    role = forms.ChoiceField(
        label=_("Role"), choices=[*WRITER_ROLES.items(), *PUBLISHER_ROLES.items()]
    )
    right = forms.ChoiceField(
        label=_("Right"),
        choices=[(right.value, right.label) for right in Right if right != Right.MASTER],
    )


class RecordingShareForm(_ShareForm):
    """A share of a recording."""

    role = forms.ChoiceField(label=_("Role"), choices=list(RECORDING_ROLES.items()))
    right = forms.ChoiceField(label=_("Right"), choices=[(Right.MASTER.value, Right.MASTER.label)])


class TitleForm(forms.Form):
    """A further title of a work."""

    text = forms.CharField(max_length=500, label=_("Title"))
    kind = forms.ChoiceField(
        choices=TitleKind.choices, initial=TitleKind.ALTERNATIVE, label=_("Kind")
    )
    language = forms.CharField(
        required=False, max_length=8, label=_("Language"), help_text=_("A code such as DE")
    )


class MergeWorkForm(forms.Form):
    """The work that another one becomes part of."""

    into = WorkField(label=_("Work to keep"), error_messages={"required": _("Choose a work.")})


class MergePartyForm(forms.Form):
    """The party that another one becomes part of."""

    into = PartyField(label=_("Party to keep"), error_messages={"required": _("Choose a party.")})


class RightsSplitForm(forms.Form):
    """The title of the work that is split off; shares and recordings are ticked."""

    title = forms.CharField(max_length=500, label=_("Title of the new work"))


class SettleAllForm(forms.Form):
    """Whom to believe in all conflicts of one record, or why all may stay."""

    source = forms.ChoiceField(required=False, label=_("Whom to believe"))
    note = forms.CharField(
        required=False,
        max_length=500,
        label=_("Note"),
        help_text=_("Required for conflicts that are left as they are."),
    )
    seen = forms.CharField(widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, sources: Iterable[tuple[str, str]], **kwargs: Any
    ) -> None:  # Any: Django's own signature
        super().__init__(*args, **kwargs)
        field = self.fields["source"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", _("Nobody: leave all as they are")), *sources]


class SettleForm(forms.Form):
    """Which claim is right, or why all may stay."""

    choice = forms.ChoiceField(widget=forms.RadioSelect, label=_("What is right?"))
    note = forms.CharField(
        required=False,
        max_length=500,
        label=_("Note"),
        help_text=_("Required to leave it as it is."),
    )
    revision = forms.IntegerField(widget=forms.HiddenInput)


def valid_values(form: forms.Form) -> dict[str, Any]:  # Any: as the form's fields give it
    """Return the values of a sent form; raise ``RightsRefused`` with its errors."""
    if not form.is_valid():
        raise RightsRefused(sentence_of(form))
    return form.cleaned_data
