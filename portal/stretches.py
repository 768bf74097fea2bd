"""A stretch of a recording that is to be excluded: its form, its picture, its preview."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from catalogue import selectors as catalogue_selectors
from catalogue.models import ExcludedSegment, ExclusionReason, Recording
from portal import formats, pictures, waves
from portal.file_page import load_waveform
from review.services import exclusions
from review.services.spans import Span
from scanning.models import Segment

_WAVE_POINTS = 450
_TIME = re.compile(r"(?:(?:(\d{1,3}):)?([0-5]?\d):)?(\d{1,6}(?:[.,]\d{1,3})?)")


class MediaTimeField(forms.CharField):
    """A place in a recording, as 1:02.500 or in seconds; cleans to milliseconds."""

    default_error_messages = {"unread": _("Enter a time as 1:02.500, or in seconds.")}

    def to_python(self, value: object) -> int | None:  # type: ignore[override]  # ms
        """Read hours, minutes and seconds."""
        text = str(value or "").strip()
        if not text:
            return None
        told = _TIME.fullmatch(text)
        if told is None:
            raise forms.ValidationError(self.error_messages["unread"], code="unread")
        hours, minutes, seconds = told.groups(default="0")
        whole = (int(hours) * 60 + int(minutes)) * 60_000
        return whole + round(float(seconds.replace(",", ".")) * 1000)

    def validate(self, value: object) -> None:
        """Ask for a time where one is needed; zero is one."""
        if value is None and self.required:
            raise forms.ValidationError(self.error_messages["required"], "required")

    def run_validators(self, value: object) -> None:
        """Pass: what validates text has no say about a number."""

    def prepare_value(self, value: object) -> object:
        """Write a number of milliseconds as a time; keep what was typed."""
        return formats.clock(value, digits=3) if isinstance(value, int) else value


class StretchForm(forms.Form):
    """A stretch of a recording, and why it does not count."""

    start = MediaTimeField(label=_("From"), help_text=_("1:02.500, or in seconds"))
    end = MediaTimeField(label=_("To"))
    reason = forms.ChoiceField(label=_("Why"), choices=ExclusionReason.choices)
    note = forms.CharField(
        label=_("Note"), required=False, max_length=exclusions.MAX_NOTE_CHARS
    )

    def __init__(
        self,
        recording: Recording,
        data: object = None,
        initial: dict[str, object] | None = None,
    ) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # the request's own data
        self.recording = recording

    def clean(self) -> dict[str, object]:
        """Ask for a stretch that lies in the recording."""
        told = super().clean() or {}
        if "start" in self.errors or "end" in self.errors:
            return told
        start, end = self.span()
        if end <= start:
            self.add_error("end", _("The end lies before the start."))
        elif self.recording.duration_ms and end > self.recording.duration_ms:
            self.add_error("end", _("The recording is shorter than that."))
        return told

    def span(self) -> Span:
        """Return the stretch in milliseconds."""
        return self.cleaned_data["start"], self.cleaned_data["end"]


@dataclass(frozen=True, slots=True)
class StretchPicture:
    """The whole recording, with what is excluded, what this match uses, what is picked."""

    duration_ms: int
    wave: waves.WavePaths | None
    ticks: tuple[pictures.Tick, ...]
    excluded: tuple[pictures.Box, ...]
    plays: tuple[pictures.Box, ...]
    picked: pictures.Box


@dataclass(frozen=True, slots=True)
class Strip:
    """What the strip of the review page shows for "exclude part"."""

    form: StretchForm
    picture: StretchPicture
    preview: exclusions.Preview | None = None
    seen: str = ""


def strip(
    *,
    recording: Recording,
    plays: Iterable[Segment],
    picked: Span,
    posted: QueryDict | None = None,
) -> Strip:
    """Return the strip; ``picked`` is what it begins with, ``posted`` what was sent."""
    listed = list(plays)
    initial: dict[str, object] = {"start": picked[0], "end": picked[1]}
    form = StretchForm(recording, posted, initial)
    shown = None
    if posted is not None and form.is_valid():
        picked = form.span()
        shown = preview(recording=recording, span=picked)
    return Strip(
        form=form,
        picture=_draw(recording, listed, picked),
        preview=shown,
        seen=seen_mark(picked) if shown else "",
    )


def preview(*, recording: Recording, span: Span) -> exclusions.Preview:
    """Return what excluding the stretch would touch."""
    return exclusions.preview(recording=recording, start_ms=span[0], end_ms=span[1])


def seen_mark(span: Span) -> str:
    """Return what a form carries to tell of which stretch the preview was seen."""
    return f"{span[0]}-{span[1]}"


def _draw(
    recording: Recording, plays: Iterable[Segment], picked: Span
) -> StretchPicture:
    whole = waves.Window(0, recording.duration_ms)
    return StretchPicture(
        duration_ms=recording.duration_ms,
        wave=waves.wave_paths(load_waveform(recording), points=_WAVE_POINTS),
        ticks=pictures.ruler(whole),
        excluded=tuple(
            pictures.box(each.start_ms, each.end_ms, whole)
            for each in _excluded(recording)
        ),
        plays=tuple(
            pictures.box(each.reference_start_ms, each.reference_end_ms, whole)
            for each in plays
        ),
        picked=pictures.box(picked[0], picked[1], whole),
    )


def _excluded(recording: Recording) -> Iterable[ExcludedSegment]:
    return catalogue_selectors.excluded_segments(recording)
