"""What the pages of suggestions show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from base.accounts.models import User
from base.common.reading import read_number
from plugins.filling import selectors
from plugins.filling.choices import FillField, SuggestionState
from plugins.filling.models import SafeMark, Suggestion
from plugins.filling.open_data.folding import fold
from plugins.filling.open_data.kinds import source_kinds

_ACTS: Final = 20


@dataclass(frozen=True, slots=True)
class Words:
    """A text in words, each with whether the other side lacks it."""

    words: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class SourceRow:
    """What one source has, beside ours."""

    name: str
    id: str
    url: str
    title: Words
    version: Words
    artists: Words
    length_ms: int
    step: str


@dataclass(frozen=True, slots=True)
class FieldBar:
    """One field of a bucket as a bar: filled, safe, suggested and the rest in percent."""

    gap: selectors.FieldGap
    filled_pct: float
    safe_pct: float
    suggested_pct: float

    @property
    def safe_at(self) -> float:
        """Return where the safe suggestions begin."""
        return self.filled_pct

    @property
    def suggested_at(self) -> float:
        """Return where the other suggestions begin."""
        return self.filled_pct + self.safe_pct


def acts() -> list[tuple[str, selectors.Act]]:
    """Return the last acts, each with a label."""
    return [(_label_of(act.state, act.count), act) for act in selectors.last_acts(_ACTS)]


def _label_of(state: str, count: int) -> str:
    if state == SuggestionState.REJECTED:
        text = ngettext("%(count)s suggestion rejected", "%(count)s suggestions rejected", count)
    else:
        text = ngettext("%(count)s suggestion accepted", "%(count)s suggestions accepted", count)
    return text % {"count": read_number(count)}


def bar_of(gap: selectors.FieldGap) -> FieldBar:
    """Return a gap as a bar."""
    whole = max(1, gap.total)
    return FieldBar(
        gap,
        100 * gap.filled / whole,
        100 * gap.safe / whole,
        100 * (gap.suggested - gap.safe) / whole,
    )


def marks() -> list[SafeMark]:
    """Return the marks in the order of the fields."""
    order = list(FillField)
    return sorted(SafeMark.objects.all(), key=lambda mark: order.index(FillField(mark.field)))


def sides(row: Suggestion) -> list[SourceRow]:
    """Return what each source has of a recording, with words marked that ours lacks."""
    ours = row.recording
    steps = {
        1: _("By its ISRC"),
        2: _("By its UPC and track"),
        3: _("By title, artists and length"),
        4: _("By title and artists"),
    }
    return [
        SourceRow(
            name=entry["name"],
            id=entry["id"],
            url=_address(entry),
            title=compared(entry["title"], ours.title),
            version=compared(entry["version"], ours.version_title),
            artists=compared(", ".join(entry["artists"]), ours.artist_names),
            length_ms=entry["length_ms"],
            step=steps.get(entry["step"], ""),
        )
        for entry in row.evidence
    ]


def compared(text: str, reference: str) -> Words:
    """Return the words of a text, and which of them another text lacks."""
    reference_words = set(fold(reference).split())
    return Words(
        [(word, not reference_words.issuperset(fold(word).split())) for word in text.split()]
    )


def _address(entry: dict[str, Any]) -> str:  # Any: JSON
    kind = source_kinds().get(entry["kind"])
    return "" if kind is None else kind.address(entry["id"])


def neighbours(
    row: Suggestion, rows: QuerySet[Suggestion]
) -> tuple[Suggestion | None, Suggestion | None]:
    """Return the suggestions before and after one in the order of the list."""
    same = Q(confidence=row.confidence)
    # The bounds let an index find the place.
    before = rows.filter(
        Q(confidence__gt=row.confidence) | same & Q(pk__gt=row.pk), confidence__gte=row.confidence
    ).order_by("confidence", "pk")
    after = rows.filter(
        Q(confidence__lt=row.confidence) | same & Q(pk__lt=row.pk), confidence__lte=row.confidence
    ).order_by("-confidence", "-pk")
    return before.first(), after.first()


def last_act(user: User) -> Suggestion | None:
    """Return a suggestion of the act that the person decided last, if it stands."""
    decided = [SuggestionState.ACCEPTED, SuggestionState.REJECTED]
    return (
        Suggestion.objects.filter(decided_by=user, state__in=decided)
        .exclude(act="")
        .order_by("-decided_at", "-pk")
        .select_related("recording")
        .first()
    )
