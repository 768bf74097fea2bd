"""Excluding an interval of a recording: the form, the picture, the preview."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from base.common.reading import parse_clock, read_clock
from catalogue.models import Exclusion, ExclusionReason, Recording
from review.intervals import Interval, union
from review.models import Match
from review.services import exclusions
from scanning.models import Segment
from web.portal.pictures import ribbon, waveform
from web.portal.pictures.waveform import load_waveform
from web.portal.shared import playback

_WAVE_POINTS = 450
_SECONDS = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,3})?")


class MediaTimeField(forms.CharField):
    """A time in a recording, as 1:02.500 or in seconds; cleans to milliseconds."""

    default_error_messages = {
        "unread": _(
            "Enter a time as 1:02.500, or in seconds. A number after a colon is at most 59."
        )
    }

    def to_python(self, value: object) -> int | None:  # type: ignore[override]  # ms
        """Return the time in milliseconds; None for an empty one."""
        text = str(value or "").strip()
        if not text:
            return None
        if _SECONDS.fullmatch(text):
            return round(float(text.replace(",", ".")) * 1000)
        time = parse_clock(text)
        if time is None:
            raise forms.ValidationError(self.error_messages["unread"], code="unread")
        return time

    def validate(self, value: object) -> None:
        """Require a value in a required field; 0 counts as a value."""
        if value is None and self.required:
            raise forms.ValidationError(self.error_messages["required"], "required")

    def run_validators(self, value: object) -> None:
        """Skip the inherited validators, which check text; the value is a number."""

    def prepare_value(self, value: object) -> object:
        """Format milliseconds as a time; keep text as typed."""
        return read_clock(value, digits=3) if isinstance(value, int) else value


class IntervalForm(forms.Form):
    """An interval of a recording, and the reason to exclude it."""

    start = MediaTimeField(label=_("From"), help_text=_("As 1:02.500, or in seconds"))
    end = MediaTimeField(label=_("To"))
    reason = forms.ChoiceField(label=_("Why"), choices=ExclusionReason.choices)
    note = forms.CharField(label=_("Note"), required=False, max_length=exclusions.MAX_NOTE_CHARS)

    def __init__(
        self, recording: Recording, data: object = None, initial: dict[str, object] | None = None
    ) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type]  # the request's own data
        self.recording = recording

    def clean(self) -> dict[str, object]:
        """Require an interval within the recording."""
        values = super().clean() or {}
        if "start" in self.errors or "end" in self.errors:
            return values
        start, end = self.interval()
        if end <= start:
            self.add_error("end", _("The end must be after the start."))
        elif self.recording.duration_ms and end > self.recording.duration_ms:
            self.add_error("end", _("The recording is shorter than that."))
        return values

    def interval(self) -> Interval:
        """Return the interval in milliseconds; both times must be valid."""
        return self.cleaned_data["start"], self.cleaned_data["end"]


@dataclass(frozen=True, slots=True)
class IntervalPicture:
    """The whole recording with its exclusions, this match's segments and the selection."""

    duration_ms: int
    wave: waveform.WavePaths | None
    ticks: tuple[ribbon.Tick, ...]
    excluded: tuple[ribbon.Box, ...]
    segments: tuple[ribbon.Box, ...]
    picked: ribbon.Box


@dataclass(frozen=True, slots=True)
class Strip:
    """The form and picture of "exclude interval" on the review page."""

    form: IntervalForm
    picture: IntervalPicture
    audio_url: str
    preview: exclusions.ExclusionPreview | None = None
    seen: str = ""
    rejects: bool = False
    """Nothing of the match is left, so it is rejected, not suppressed like others."""


def strip(
    *,
    match: Match,
    segments: Iterable[Segment],
    excluded: Iterable[Exclusion],
    picked: Interval,
    posted: QueryDict | None = None,
) -> Strip:
    """Return the strip; ``picked`` is the initial interval, ``posted`` the form data."""
    recording = match.recording
    initial: dict[str, object] = {"start": picked[0], "end": picked[1]}
    form = IntervalForm(recording, posted, initial)
    effect, rejects = None, False
    if posted is not None and form.is_valid():
        picked = form.interval()
        effect = preview(recording=recording, interval=picked).without(match)
        rejects = exclusions.leaves_nothing(match=match, interval=picked)
    return Strip(
        form=form,
        picture=draw(recording, segments, excluded, picked),
        audio_url=playback.audio_url(recording),
        preview=effect,
        seen=seen_mark(picked) if effect else "",
        rejects=rejects,
    )


def draw(
    recording: Recording,
    segments: Iterable[Segment],
    excluded: Iterable[Exclusion],
    picked: Interval,
) -> IntervalPicture:
    """Return the picture in which an interval of the recording is picked."""
    whole = waveform.Window(0, recording.duration_ms)
    return IntervalPicture(
        duration_ms=recording.duration_ms,
        wave=waveform.wave_paths(load_waveform(recording), points=_WAVE_POINTS),
        ticks=ribbon.ruler(whole),
        excluded=tuple(
            ribbon.box(interval.start_ms, interval.end_ms, whole) for interval in excluded
        ),
        segments=tuple(
            ribbon.box(start_ms, end_ms, whole)
            for start_ms, end_ms in union(
                (segment.reference_start_ms, segment.reference_end_ms) for segment in segments
            )
        ),
        picked=ribbon.box(picked[0], picked[1], whole),
    )


def preview(*, recording: Recording, interval: Interval) -> exclusions.ExclusionPreview:
    """Return the matches that excluding the interval would touch."""
    return exclusions.preview(recording=recording, start_ms=interval[0], end_ms=interval[1])


def seen_mark(interval: Interval) -> str:
    """Return the form value that proves which interval's preview the user has seen."""
    return f"{interval[0]}-{interval[1]}"
