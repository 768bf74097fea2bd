"""Forms of review: decisions, saved views, assignment."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, time
from typing import Any, Self, cast

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.services import deciders
from base.common.reading import read_interval
from catalogue.models import Recording
from reports.cue_entries import Details, enter_plays
from reports.cue_repeats import other_plays
from reports.models import CueEntry, EntryKind
from review.decisions.verbs import Decision, VerbRule
from review.errors import ReasonMissing
from review.intervals import Interval
from review.models import Licence
from review.programmes.choices import CueUse, MusicOrigin
from review.services.transitions import MAX_NOTE_CHARS
from scanning.models import ScannedFile
from web.portal.pictures.exclusion import MediaTimeField
from web.portal.shared.fields import ArtistsField, RecordingsField, SearchSelect
from web.portal.shared.model_forms import field_of, name_empty_choice
from web.portal.shared.naming import NameForm


class ReleaseForm(forms.Form):
    """Releases a review lock; with ``until``, only if it ends then."""

    until = forms.DateTimeField(required=False)


class DecisionForm(forms.Form):
    """The fields of one verb as its ``VerbRule`` asks for them."""

    code = forms.ChoiceField(widget=forms.RadioSelect, label=_("Code"))
    received = forms.DateField(
        required=False,
        label=_("Received, if not today"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
        error_messages={"invalid": _("Enter the day as 2026-05-01.")},
    )
    note = forms.CharField(
        max_length=MAX_NOTE_CHARS,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={
            "max_length": _(
                "The note has %(show_value)d characters; at most %(limit_value)d are "
                "allowed. Shorten it."
            )
        },
        label=_("Note"),
    )

    def __init__(
        self,
        rule: VerbRule,
        data: object = None,
        *,
        licence: Licence | None = None,
        recording: Recording | None = None,
    ) -> None:
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        self.rule, self.licence, self.recording = rule, licence, recording
        note = self.fields["note"]
        note.label = str(rule.note_label)
        note.required = bool(rule.note_missing) and licence is None
        note.error_messages["required"] = str(rule.note_missing)
        if rule.codes is None:
            del self.fields["code"]
        else:
            code = cast("forms.ChoiceField", self.fields["code"])
            code.choices, code.label = rule.codes.choices, str(rule.code_label)
            code.error_messages |= {
                "required": str(rule.code_missing),
                "invalid_choice": str(rule.code_missing),
            }
        if not rule.takes_date:
            del self.fields["received"]
        if not rule.has_note:
            del self.fields["note"]

    def clean(self) -> dict[str, object]:
        """Apply the verb's own rule, for example that the code "other" needs a note."""
        values = super().clean() or {}
        if not self.errors:
            try:
                self.rule.check_values(self.decision())
            except ReasonMissing as missing:
                self.add_error(missing.field, missing.message)
        return values

    def decision(self) -> Decision:
        """Return the decision that the valid form describes."""
        values = self.cleaned_data
        day, received_at = values.get("received"), None
        # Neither no day nor today is a time of its own: both mean now.
        if day is not None and day != timezone.localdate():
            received_at = timezone.make_aware(datetime.combine(day, time.min))
        return Decision(
            self.rule.verb,
            code=values.get("code", ""),
            note=values.get("note", ""),
            licence=self.licence,
            received_at=received_at,
            recording=self.recording,
        )


class SavedViewForm(forms.Form):
    """The name of a saved view of the queue, and who sees it."""

    name = forms.CharField(max_length=80, label=_("Name"))
    is_shared = forms.BooleanField(required=False, label=_("Share it with the team"))
    is_default = forms.BooleanField(required=False, label=_("Open the queue with this view"))


_AS_IT_IS = ("", _("Leave it as it is"))
_NOT_KNOWN = "-"


class UseManyForm(forms.Form):
    """How the files of the selected matches use the recordings."""

    use = forms.ChoiceField(
        required=False,
        choices=[_AS_IT_IS, *CueUse.choices, (_NOT_KNOWN, _("Not known"))],
        label=_("Use"),
    )
    origin = forms.ChoiceField(
        required=False,
        choices=[_AS_IT_IS, *MusicOrigin.choices, (_NOT_KNOWN, _("Not stated"))],
        label=_("Origin"),
    )
    own_recording = forms.ChoiceField(
        required=False,
        choices=[_AS_IT_IS, ("yes", _("Yes")), ("no", _("No")), (_NOT_KNOWN, _("Not known"))],
        label=_("Own recording"),
    )

    def clean(self) -> dict[str, object]:
        """Require at least one value."""
        values = super().clean() or {}
        if not self.errors and not any(values.values()):
            raise forms.ValidationError(_("Choose at least one value to set."))
        return values

    def change(self) -> dict[str, str | bool | None]:
        """Return the values of the valid form that a person chose to set."""
        chosen = {name: text for name, text in self.cleaned_data.items() if text}
        values: dict[str, str | bool | None] = {
            name: "" if text == _NOT_KNOWN else text for name, text in chosen.items()
        }
        if "own_recording" in chosen:
            own = {"yes": True, "no": False}
            values["own_recording"] = own.get(chosen["own_recording"])
        return values


class AssignForm(forms.Form):
    """The assignee of the selected matches; none takes the assignment back."""

    assignee = forms.ModelChoiceField(
        User.objects.none(),
        required=False,
        empty_label=_("Nobody (remove the assignee)"),
        label=_("Who decides"),
        widget=SearchSelect,
    )
    note = forms.CharField(
        required=False,
        max_length=MAX_NOTE_CHARS,
        widget=forms.Textarea(attrs={"rows": 3}),
        label=_("Note"),
    )

    def __init__(self, data: object = None, *, username_prefix: str = "") -> None:
        """Offer the first person whose name begins as somebody typed in a palette."""
        super().__init__(data)  # type: ignore[arg-type]  # the request's own data
        people = cast("forms.ModelChoiceField[User]", self.fields["assignee"])
        people.queryset = deciders()
        if username_prefix:
            named = people.queryset.filter(username__istartswith=username_prefix)
            self.initial["assignee"] = named.first()


def name_of_place(place: Interval) -> str:
    """Return an interval as ``PlacesField`` reads it."""
    return f"{place[0]}-{place[1]}"


class PlacesField(forms.MultipleChoiceField):
    """Intervals of a file that a person ticks, in milliseconds."""

    widget = forms.CheckboxSelectMultiple

    def offer(self, places: Sequence[Interval]) -> None:
        """Offer these intervals, all ticked."""
        self.choices = [(name_of_place(place), read_interval(*place, digits=1)) for place in places]
        self.initial = [name_of_place(place) for place in places]

    def valid_value(self, value: str) -> bool:
        """Allow any interval, because the sound may have been compared again since."""
        return _PLACE.fullmatch(value) is not None

    def clean(self, value: object) -> list[Interval]:
        """Return the intervals."""
        names = (name.split("-") for name in super().clean(value))
        return [(int(start), int(end)) for start, end in names]


_PLACE = re.compile(r"[0-9]{1,10}-[0-9]{1,10}")


class CueEntryForm(forms.Form):
    """What a person hears in an interval of a file that no match names."""

    verb = forms.ChoiceField(choices=[*EntryKind.choices, ("undo", "")], widget=forms.HiddenInput)
    start = MediaTimeField(label=_("From"))
    end = MediaTimeField(label=_("To"))
    title = field_of(CueEntry, "title")
    performers = ArtistsField()
    writers = ArtistsField(label=_("Writers"))
    publishers = ArtistsField(label=_("Publishers"))
    isrc = field_of(CueEntry, "isrc", label="ISRC", max_length=40)
    use = field_of(CueEntry, "use")
    origin = field_of(CueEntry, "origin")
    note = field_of(CueEntry, "note")
    also = PlacesField(
        required=False,
        label=_("The same sound is heard again"),
        help_text=_("Ticked plays get the same name."),
    )
    needs_title = True

    def __init__(
        self, data: QueryDict | None = None, *, plays: Sequence[Interval] = (), **arguments: Any
    ) -> None:
        """``plays`` are other plays of the same sound; they are ticked at first."""
        super().__init__(data, **arguments)
        name_empty_choice(self, use=gettext("Not known"), origin=gettext("Not stated"))
        also = cast("PlacesField", self.fields["also"])
        also.offer(plays)
        if not plays and not (data and "also" in data):
            del self.fields["also"]

    @classmethod
    def of(
        cls,
        entry: CueEntry | None,
        *,
        start: int | None,
        end: int | None,
        plays: Sequence[Interval] = (),
    ) -> CueEntryForm:
        """Return a form to fill in for an interval, with what was entered for it."""
        initial: dict[str, object] = {"verb": EntryKind.MUSIC, "start": start, "end": end}
        if entry is not None:
            details = {name: getattr(entry, name) for name in CueEntry.DETAILS}
            initial |= {
                name: " | ".join(value) if isinstance(value, list) else value
                for name, value in details.items()
            }
        form = cls(initial=initial, plays=plays)
        # Only music needs a title; the other entries are one key.
        form.fields["title"].required = cls.needs_title
        return form

    def with_plays(self, file: ScannedFile) -> Self | None:
        """Return a valid form of music with the other plays of its sound.

        None if there are none, or if the page has shown them.
        """
        values = self.cleaned_data
        if "asked" in self.data or values["verb"] != EntryKind.MUSIC:
            return None
        plays = other_plays(file, (values["start"], values["end"]))
        if not plays:
            return None
        data = cast("QueryDict", self.data).copy()
        data.setlist("also", [name_of_place(play) for play in plays])
        return type(self)(data, plays=plays)

    @property
    def kind(self) -> EntryKind:
        """Return the kind of entry of a valid form that undoes nothing."""
        return EntryKind(self.cleaned_data["verb"])

    def details(self) -> Details:
        """Return what a valid form says of the music."""
        sent = (name for name in CueEntry.DETAILS if name != "note" or name in self.data)
        return {name: self.cleaned_data[name] for name in sent}

    def save(
        self, *, file: ScannedFile, user: User, kind: EntryKind, instead_of: CueEntry | None = None
    ) -> CueEntry:
        """Enter what a valid form says; raise ``SheetRefused``."""
        values = self.cleaned_data
        plays = [(values["start"], values["end"]), *values.get("also", [])]
        return enter_plays(
            file=file,
            user=user,
            plays=plays,
            kind=kind,
            details=self.details(),
            instead_of=instead_of,
        )


class RangeEntryForm(CueEntryForm):
    """What a person hears in a range that they picked, or only a note about it."""

    verb = forms.ChoiceField(
        choices=EntryKind.choices, widget=forms.RadioSelect, label=_("What is it?")
    )
    recording = RecordingsField(
        required=False,
        label=_("Recording"),
        help_text=_("It fills the fields that you leave empty."),
    )
    field_order = ("start", "end", "verb", "recording")
    needs_title = False

    def clean_recording(self) -> Recording | None:
        """Allow at most one recording."""
        chosen: list[Recording] = self.cleaned_data["recording"]
        if len(chosen) > 1:
            raise forms.ValidationError(_("Choose one recording only."))
        return chosen[0] if chosen else None

    def details(self) -> Details:
        """Return what a valid form says, with what the recording adds."""
        details, recording = super().details(), self.cleaned_data["recording"]
        if recording is None:
            return details
        added = {
            "title": recording.title,
            "performers": recording.artists,
            "writers": recording.writers,
            "publishers": recording.publishers,
            "isrc": recording.isrc_normalised,
        }
        return {name: value or added.get(name, value) for name, value in details.items()}


class RangeRecordingForm(NameForm):
    """The metadata of the recording that a range of a file becomes."""

    start = MediaTimeField(label=_("From"))
    end = MediaTimeField(label=_("To"))
    field_order = ("start", "end")
