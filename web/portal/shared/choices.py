"""What search boxes of forms offer: values of one kind that contain a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from base.common.registry import Registry
from base.common.territories import TERRITORIES
from catalogue.models import Recording
from catalogue.selectors import search_recordings
from scanning.models import ScannedFile

SHOWN = 12
# Names are looked for among this many newest rows, so that a search stays quick.
_NEWEST = 20_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A value to choose; ``label`` names it, ``hint`` tells it from others."""

    value: str
    label: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class ChoiceKind:
    """How values of one kind are searched, and how chosen ones are named."""

    search: Callable[[str], Iterable[Choice]]
    named: Callable[[list[str]], Iterable[Choice]]


def choices(*, kind: str, text: str) -> list[Choice]:
    """Return the first values of a kind that contain the text; none if unknown."""
    values = find_kind(kind)
    return list(values.search(text.strip())) if values else []


def named(*, kind: str, values: list[str]) -> list[Choice]:
    """Return the given values with their names; unknown ones are named by themselves."""
    offered = find_kind(kind)
    by_value = {choice.value: choice for choice in offered.named(values)} if offered else {}
    return [by_value.get(value, Choice(value, value)) for value in values]


def _recording(recording: Recording) -> Choice:
    hint = " · ".join(part for part in (recording.artist_names, recording.isrc) if part)
    return Choice(recording.uid, recording.full_title, hint)


def _recordings(text: str) -> Iterable[Choice]:
    recordings = search_recordings(text=text).filter(merged_into__isnull=True)
    return map(_recording, recordings.order_by("title", "pk")[:SHOWN])


def _named_recordings(values: list[str]) -> Iterable[Choice]:
    return map(_recording, Recording.objects.filter(uid__in=values))


def _names(model: type[Recording] | type[ScannedFile], column: str, text: str) -> Iterable[Choice]:
    """Return different values of a text column of the newest rows."""
    newest = model.objects.order_by("-pk").values_list("pk", flat=True)[:_NEWEST]
    rows = (
        model.objects.filter(pk__in=newest, **{f"{column}__icontains": text})
        .exclude(**{column: ""})
        .order_by(column)
        .values_list(column, flat=True)
        .distinct()
    )
    return [Choice(name, name) for name in rows[:SHOWN]]


def territories(text: str) -> Iterable[Choice]:
    """Return all codes: the browser knows their names and searches them."""
    return [Choice(code, code) for code in sorted(TERRITORIES)]


def _as_given(values: list[str]) -> Iterable[Choice]:
    return [Choice(value, value) for value in values]


KINDS = {
    "recordings": ChoiceKind(_recordings, _named_recordings),
    "labels": ChoiceKind(partial(_names, Recording, "label"), _as_given),
    "accounts": ChoiceKind(partial(_names, ScannedFile, "account"), _as_given),
    "programmes": ChoiceKind(partial(_names, ScannedFile, "programme"), _as_given),
    "platforms": ChoiceKind(partial(_names, ScannedFile, "platform"), _as_given),
    "territories": ChoiceKind(territories, _as_given),
}

choice_kinds: Registry[tuple[str, ChoiceKind]] = Registry()
"""The kinds of other features, by the name that pickers use."""


def find_kind(name: str) -> ChoiceKind | None:
    """Return a kind by its name; None if nobody offers such values."""
    return KINDS.get(name) or dict(choice_kinds).get(name)
