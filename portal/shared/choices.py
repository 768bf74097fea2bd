"""What search boxes of forms offer: values of one kind that contain a text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from catalogue.models import Recording
from catalogue.owners import tis
from catalogue.owners.models import Party, Work
from catalogue.owners.selectors import parties_in_reach, works_in_reach
from catalogue.selectors import search_recordings
from common.territories import TERRITORIES
from plugins.rights import selectors as rights_selectors
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
    return list(KINDS[kind].search(text.strip())) if kind in KINDS else []


def named(*, kind: str, values: list[str]) -> list[Choice]:
    """Return the given values with their names; unknown ones are named by themselves."""
    known = {each.value: each for each in KINDS[kind].named(values)}
    return [known.get(value, Choice(value, value)) for value in values]


def _recording(recording: Recording) -> Choice:
    hint = " · ".join(part for part in (recording.artist_names, recording.isrc) if part)
    return Choice(recording.uid, recording.full_title, hint)


def _recordings(text: str) -> Iterable[Choice]:
    found = search_recordings(text=text).filter(merged_into__isnull=True)
    return map(_recording, found.order_by("title", "pk")[:SHOWN])


def _named_recordings(values: list[str]) -> Iterable[Choice]:
    return map(_recording, Recording.objects.filter(uid__in=values))


def _names(
    model: type[Recording] | type[ScannedFile], column: str, text: str
) -> Iterable[Choice]:
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


def _party(party: Party) -> Choice:
    return Choice(party.uid, str(party), party.ipi_name or party.society)


def _parties(text: str) -> Iterable[Choice]:
    found = rights_selectors.search_parties(text).order_by("name_key", "pk")
    return map(_party, found[:SHOWN])


def _named_parties(values: list[str]) -> Iterable[Choice]:
    return map(_party, parties_in_reach().filter(uid__in=values))


def _work(work: Work) -> Choice:
    # Works of one title differ in their codes, or in their senders' numbers.
    numbers = ", ".join(str(number) for number in work.numbers.all())
    return Choice(work.uid, work.title, work.iswc or numbers)


def _works(text: str) -> Iterable[Choice]:
    found = rights_selectors.search_works(text).order_by("title_key", "pk")
    return map(_work, found.prefetch_related("numbers")[:SHOWN])


def _named_works(values: list[str]) -> Iterable[Choice]:
    rows = works_in_reach().filter(uid__in=values)
    return map(_work, rows.prefetch_related("numbers"))


def _right_territories(text: str) -> Iterable[Choice]:
    """Return groups of countries whose names contain the text, then all codes."""
    groups = [
        Choice(number, name, number)
        for number, name in tis.group_names().items()
        if text.casefold() in f"{number} {name}".casefold()
    ]
    return [*groups, *_territories(text)]


def _named_territories(values: list[str]) -> Iterable[Choice]:
    names = tis.group_names()
    return [Choice(value, names.get(value, value)) for value in values]


def _territories(text: str) -> Iterable[Choice]:
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
    "territories": ChoiceKind(_territories, _as_given),
    "parties": ChoiceKind(_parties, _named_parties),
    "works": ChoiceKind(_works, _named_works),
    "right_territories": ChoiceKind(_right_territories, _named_territories),
}
