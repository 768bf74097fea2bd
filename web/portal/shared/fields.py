"""Form fields and validation that several pages share."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from base.common.exchanges import LinkRefused
from base.common.receivers import check_webhook
from base.common.territories import TERRITORIES, why_no_territory
from catalogue.identifiers import BadIdentifier
from catalogue.models import Bucket, IntakeRule, Recording
from catalogue.selectors import searchable_buckets
from scanning.models import Container
from web.portal.shared.choices import named

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

SHOWN = 5
WORLD = "WW"


class ArtistsField(forms.CharField):
    """Names in one line; gives a list."""

    def __init__(self, label: str | _StrPromise = "") -> None:
        super().__init__(
            required=False,
            max_length=1000,
            help_text=gettext_lazy("Separate several with |"),
            label=label or gettext_lazy("Artists"),
        )

    def clean(self, value: Any) -> list[str]:
        """Return the names. Any: Django's own signature."""
        names = (name.strip() for name in super().clean(value).split("|"))
        return [name for name in names if name]


class IfThereField(forms.ChoiceField):
    """How to add a recording that its bucket has already; gives None for the rule."""

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        super().__init__(
            required=False,
            label=gettext_lazy("If it already exists"),
            choices=[
                ("", gettext_lazy("Use the bucket's setting")),
                (IntakeRule.ADD_AS_VERSION, gettext_lazy("Add it as a version")),
                (IntakeRule.IGNORE, gettext_lazy("Add it anyway")),
            ],
            **options,
        )

    def clean(self, value: Any) -> IntakeRule | None:
        """Return the chosen rule. Any: Django's own signature."""
        chosen = super().clean(value)
        return IntakeRule(chosen) if chosen else None


class Picker(forms.Textarea):
    """Values, one per line; with JavaScript a search box with the chosen ones by name.

    ``kind`` names a kind of ``web.portal.shared.choices``; without one, people only add their own words.
    ``is_open`` takes values that no search finds.
    """

    def __init__(self, kind: str = "", *, is_open: bool = False) -> None:
        self.kind = kind
        attrs = {"rows": 2, "data-picker": kind}
        super().__init__(attrs | ({"data-picker-open": ""} if is_open else {}))

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:  # Any: Django's own signature
        """Add the names of the chosen values for the script."""
        context = super().get_context(name, value, attrs)
        lines = [line for line in str(value or "").splitlines() if line.strip()]
        if self.kind and lines:
            choices = named(kind=self.kind, values=lines)
            context["widget"]["attrs"]["data-picker-names"] = json.dumps(
                {choice.value: choice.label for choice in choices}
            )
        return context


def offer_without(form: forms.Form, name: str, value: str) -> forms.Form:
    """Let the picker of a field not offer a value, such as the record of the page itself."""
    form.fields[name].widget.attrs["data-picker-without"] = value
    return form


_WHEN = "data-shown-when"
_NEEDED = "data-needed"


def only_when(field: forms.Field, name: str, *values: str, needed: bool = False) -> None:
    """Show a field only while another has one of these values; scripts hide it else.

    ``needed``: it must be filled then, so that no label calls it optional.
    """
    field.widget.attrs[_WHEN] = f"{name}:{'|'.join(values)}"
    if needed:
        field.widget.attrs[_NEEDED] = ""


def may_be_empty(field: forms.Field) -> bool:
    """Return whether a person may leave the field empty where it is shown."""
    return not field.required and _NEEDED not in field.widget.attrs


def shown_when(field: forms.Field) -> str:
    """Return the condition of ``only_when``, or an empty text."""
    return str(field.widget.attrs.get(_WHEN, ""))


class SearchSelectMultiple(forms.SelectMultiple):
    """Some of many, such as buckets; with JavaScript a search box."""

    def __init__(self) -> None:
        super().__init__({"data-picker": ""})


class SearchSelect(forms.Select):
    """One of a few or of many, such as people; with JavaScript a search box if many."""

    def __init__(self) -> None:
        super().__init__({"class": "control", "data-picker": ""})


class LinesField(forms.CharField):
    """A list of texts, one per line; blank lines and repeats are ignored."""

    widget = forms.Textarea(attrs={"rows": 3})

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        """Take the options of a column of JSON, too."""
        unknown = {"encoder", "decoder", "show_hidden_initial"}
        super().__init__(**{name: options[name] for name in options.keys() - unknown})

    def prepare_value(self, value: object) -> object:
        """Return a list as lines of text."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def to_python(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the lines as a list without blanks and repeats."""
        lines = (line.strip() for line in str(value or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: object, data: object) -> bool:
        """Return whether the lists differ, ignoring blank lines."""
        return bool((initial or []) != self.to_python(data))


class WebhookField(forms.URLField):
    """An address to which the portal posts."""

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        usual = {"max_length": 2000, "required": False}
        super().__init__(**{**usual, **options, "assume_scheme": "https"})

    def clean(self, value: Any) -> str:
        """Return the address; reject one to which nothing may be posted.

        Any: Django's own signature.
        """
        url: str = super().clean(value)
        if url:
            try:
                check_webhook(url)
            except LinkRefused as refused:
                raise forms.ValidationError(
                    _("This address is not allowed: %(why)s.") % {"why": refused}
                ) from refused
        return url


class WordsField(LinesField):
    """A list of words, separated by commas or lines."""

    widget = Picker(is_open=True)
    separators = re.compile(r"[,;\n\r]+")

    def to_python(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the words as a list without blanks and repeats."""
        return super().to_python("\n".join(self.separators.split(str(value or ""))))


class TerritoriesField(WordsField):
    """Territories by their ISO codes, separated by commas, spaces or lines."""

    widget = Picker("territories")
    separators = re.compile(r"[,;\s]+")

    def __init__(self, *, takes_world: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # Any: Django's own signature
        self.takes_world = takes_world

    def clean(self, value: object) -> Any:  # Any: a list where Django has text
        """Return the codes in capitals; reject those that name no territory."""
        codes = list(dict.fromkeys(code.upper() for code in super().clean(value)))
        territories = TERRITORIES | ({WORLD} if self.takes_world else set())
        wrong = [code for code in codes if code not in territories]
        if wrong:
            raise forms.ValidationError(why_no_territory(wrong[0]))
        return codes


class CountryField(forms.CharField):
    """A country by its code of two letters; empty is unknown."""

    def __init__(self, **options: Any) -> None:  # Any: Django's own signature
        usual = {"required": False, "widget": forms.TextInput({"data-suggest": "territories"})}
        super().__init__(**{**usual, **options})
        self.help_text = self.help_text or gettext_lazy(
            "Type a country's name or its code, such as GB."
        )

    def clean(self, value: object) -> str:
        """Return the code in capitals; reject one that names no territory."""
        code = str(super().clean(value)).upper()
        if code and code not in TERRITORIES:
            raise forms.ValidationError(why_no_territory(code))
        return code


class RecordingsField(LinesField):
    """Recordings, each given by its uid, custom id or ISRC, one per line."""

    widget = Picker("recordings", is_open=True)

    def prepare_value(self, value: object) -> object:
        """Return recordings as lines of uids."""
        if isinstance(value, list):
            return "\n".join(
                entry.uid if isinstance(entry, Recording) else str(entry) for entry in value
            )
        return value

    def clean(self, value: object) -> Any:  # Any: recordings where Django has text
        """Return the recordings; reject lines for which there is none."""
        lines: list[str] = super().clean(value)
        rows = Recording.objects.filter(
            Q(uid__in=lines)
            | Q(custom_id__in=[line for line in lines if line])
            | Q(isrc_normalised__in=[_code(line) for line in lines])
        )
        recordings = list(rows)
        identifiers = {recording.uid for recording in recordings} | {
            recording.custom_id for recording in recordings
        }
        codes = {recording.isrc_normalised for recording in recordings if recording.isrc_normalised}
        missing = [line for line in lines if line not in identifiers and _code(line) not in codes]
        if missing:
            named = ", ".join(missing[:SHOWN])
            raise forms.ValidationError(
                _("No recording has this id: %(named)s.") % {"named": named}
            )
        return recordings


class OneRecordingForm(forms.Form):
    """One recording of the catalogue."""

    recording = RecordingsField(
        label=gettext_lazy("Recording"),
        error_messages={"required": gettext_lazy("Choose a recording.")},
    )

    def clean_recording(self) -> Recording:
        """Require exactly one recording."""
        chosen: list[Recording] = self.cleaned_data["recording"]
        if len(chosen) != 1:
            raise forms.ValidationError(_("Choose one recording only."))
        return chosen[0]


def _code(line: str) -> str:
    return line.replace("-", "").replace(" ", "").upper()


class BucketField(forms.ModelChoiceField[Bucket]):
    """The bucket of new recordings; nothing is chosen beforehand if there are several."""

    def __init__(self, label: str | _StrPromise = "") -> None:
        super().__init__(
            searchable_buckets(),
            empty_label=gettext_lazy("Choose a bucket"),
            widget=SearchSelect,
            label=label or gettext_lazy("Bucket"),
        )

    def get_bound_field(self, form: forms.BaseForm, field_name: str) -> forms.BoundField:
        """Choose the only bucket if there is just one."""
        if not form.initial.get(field_name):
            buckets = list(self.queryset[:2])  # type: ignore[index]  # a queryset
            form.initial[field_name] = buckets[0].pk if len(buckets) == 1 else None
        return super().get_bound_field(form, field_name)


def container_field(help_text: str | _StrPromise = "") -> forms.ModelChoiceField[Container]:
    """Return the field for the container of new files."""
    return forms.ModelChoiceField(
        Container.objects.present(),
        empty_label=None,
        widget=SearchSelect,
        label=gettext_lazy("Container"),
        help_text=help_text,
    )


def container_filter() -> forms.ModelChoiceField[Container]:
    """Return the filter of a list by its container."""
    return forms.ModelChoiceField(
        Container.objects.present(),
        required=False,
        empty_label=gettext_lazy("Any container"),
        widget=SearchSelect,
        label=gettext_lazy("Container"),
    )


def territories_field() -> TerritoriesField:
    """Return the field for the territories of a use."""
    return TerritoriesField(
        required=False,
        label=gettext_lazy("Territories"),
        help_text=gettext_lazy("Where it is used: country names or codes, such as GB."),
    )


def tags_field() -> WordsField:
    """Return the field for the free words about a file."""
    return WordsField(
        required=False,
        label=gettext_lazy("Tags"),
        help_text=gettext_lazy("Your own words, separated by commas."),
    )


def sentence_of(form: forms.BaseForm) -> str:
    """Return all errors of a form as one line of text."""
    return " ".join(str(text) for texts in form.errors.values() for text in texts)


def checked(check: Callable[[str], str], text: str) -> str:
    """Return the normalised identifier; raise ``ValidationError`` if it is invalid."""
    try:
        return check(text)
    except BadIdentifier as error:
        raise forms.ValidationError(str(error)) from error
