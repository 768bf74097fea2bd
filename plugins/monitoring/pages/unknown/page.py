"""The context of the list of unknown items, and of one item."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from base.accounts.models import User
from base.audit.models import Event
from base.common.reading import read_date
from catalogue.models import Recording
from plugins.monitoring.pages.unknown.forms import UnknownFilterForm
from plugins.monitoring.pages.unknown.history import history_line
from plugins.monitoring.unknown import actions, selectors
from plugins.monitoring.unknown.models import IgnoreReason, ItemState, Occurrence, UnknownItem
from plugins.monitoring.unknown.selectors import Copy, ItemFigures, Tab
from scanning.models import ScannedFile
from web.portal.pictures.calendar import Calendar, Moment, calendar
from web.portal.pictures.pair import PairPicture, aligned
from web.portal.pictures.sound import CONTEXT_MS, ShownSound, sound_alone, sound_around
from web.portal.pictures.waveform import WavePaths, Window, load_waveform, wave_paths
from web.portal.shared import playback
from web.portal.shared.lists import PAGE_SIZE, count_of
from web.portal.shared.selectors import count_per_row, shown_matches

NEIGHBOURS = 1_000
"""How far the arrows to the next and the previous item reach into the list."""
EVENTS = 50
SORTS = {
    "weight": "seen_weight",
    "plays": "seen_plays",
    "length": "length_ms",
    "first": "seen_first",
    "last": "seen_last",
}
TABS: Mapping[Tab, Promise] = {
    Tab.UNKNOWN: gettext_lazy("Unknown"),
    Tab.WATCHED: gettext_lazy("Watched"),
    Tab.NAMED: gettext_lazy("Named"),
    Tab.IGNORED: gettext_lazy("Ignored"),
    Tab.CLOSED: gettext_lazy("Merged or no longer repeated"),
}
_ICONS = {
    ItemState.UNIDENTIFIED: "unknown",
    ItemState.NAMED: "check",
    ItemState.IGNORED: "ban",
    ItemState.MERGED: "layers",
    ItemState.CLOSED: "eye-off",
}
# The parameters of the list that lead from one item to the next.
_LIST = ("state", "q", "container", "sort")


@dataclass(frozen=True, slots=True)
class UnknownRow:
    """One item of the list."""

    item: UnknownItem
    title: str
    figures: ItemFigures
    sound: ShownSound | None
    badge: Badge
    matches: Matches | None

    @property
    def weight_ms(self) -> int:
        """Return plays × length."""
        return self.figures.plays * self.item.length_ms

    @property
    def token(self) -> str:
        """Return what changes with the row, for ``web.portal.shared.changes``."""
        return token_of(self.item, self.figures)


@dataclass(frozen=True, slots=True)
class Matches:
    """How many matches the recording of a named item has now, and their list."""

    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Badge:
    """The state of an item in words, with its icon."""

    label: str
    icon: str


@dataclass(frozen=True, slots=True)
class OccurrencePlace:
    """One occurrence in the table of an item."""

    occurrence: Occurrence
    file: ScannedFile
    file_url: str
    sound: ShownSound


@dataclass(frozen=True, slots=True)
class SharedPart:
    """The part of an item that two occurrences have in common, in each of them."""

    start_ms: int
    end_ms: int
    reference_start_ms: int
    reference_end_ms: int
    pitch_cents: Decimal | None
    tempo_ratio: None = None  # that of the lengths


def token_of(item: UnknownItem, figures: ItemFigures) -> str:
    """Return what changes with the row of an item."""
    return f"{item.version}.{figures.plays}.{figures.containers}.{item.length_ms}"


def badge_of(item: UnknownItem) -> Badge:
    """Return the state of an item in words."""
    state = ItemState(item.state)
    if state == ItemState.UNIDENTIFIED and item.is_watched:
        return Badge(_("Watched"), "eye")
    if state == ItemState.IGNORED and item.ignored_as:
        return Badge(str(IgnoreReason(item.ignored_as).label), _ICONS[state])
    return Badge(str(state.label), _ICONS[state])


def list_filtered(filters: UnknownFilterForm, tab: Tab) -> QuerySet[UnknownItem]:
    """Return the items of a list that fit the filters."""
    values = filters.cleaned_data
    return selectors.list_items(
        tab=tab, container=values.get("container"), text=values.get("q") or ""
    )


def tab_counts(filters: UnknownFilterForm) -> list[tuple[Tab, Promise, int]]:
    """Return the lists with how many items of each fit the filters."""
    return [(tab, label, count_of(list_filtered(filters, tab))) for tab, label in TABS.items()]


def rows_of(items: Sequence[UnknownItem]) -> list[UnknownRow]:
    """Return the rows of one page; the number of queries does not depend on them."""
    figures, copies = selectors.figures(items), selectors.best_copies(items)
    names, matches = selectors.titles(items), _matches_of(items)
    return [
        UnknownRow(
            item,
            names[item.pk],
            figures.get(item.pk, ItemFigures()),
            _sound_of(copies[item.pk]) if item.pk in copies else None,
            badge_of(item),
            matches.get(item.recording_id or 0),
        )
        for item in items
    ]


def _matches_of(items: Sequence[UnknownItem]) -> dict[int, Matches]:
    """Return the matches of the items' recordings by primary key of the recording.

    A named item keeps no occurrences: where its sound is found now, it is a match.
    """
    named = {item.recording_id for item in items if item.recording_id}
    if not named:
        return {}
    counted = Recording.objects.filter(pk__in=named).annotate(
        found=count_per_row(shown_matches(), "recording")
    )
    address = reverse("portal:match_list")
    return {
        key: Matches(count, f"{address}?recording={uid}")
        for key, uid, count in counted.values_list("pk", "uid", "found")
    }


def _sound_of(copy: Copy) -> ShownSound | None:
    """Return a copy that can be heard alone; None without audio."""
    url = playback.audio_url(copy.file)
    return sound_alone(copy.file, copy.start_ms, copy.end_ms, url) if url else None


def item_context(item: UnknownItem, *, user: User, query: QueryDict) -> dict[str, object]:
    """Return the context of an item's page, except forms and table."""
    copy = selectors.best_copies([item]).get(item.pk)
    figures = selectors.figures([item]).get(item.pk, ItemFigures())
    recording = Recording.objects.filter(pk=item.recording_id or 0).first()
    merged_into = selectors.items_in_reach().filter(pk=item.merged_into_id or 0).first()
    events = Event.objects.filter(case=actions.case_of(item)).order_by("-sequence")
    return {
        "item": item,
        "title": selectors.title_of(item),
        "badge": badge_of(item),
        "figures": figures,
        "weight_ms": figures.plays * item.length_ms,
        "copy": copy,
        "sound": sound_around(copy.file, copy.start_ms, copy.end_ms) if copy else None,
        "cut": _cut_wave(copy) if copy else None,
        "recording": recording,
        "merged_into": merged_into,
        "merged_title": selectors.title_of(merged_into) if merged_into else "",
        "calendar": heard_over_time(item, list_query(query)),
        "events": [history_line(event) for event in events[:EVENTS]],
        "why_not": {
            verb.name.lower(): actions.why_not(item=item, user=user, verb=verb)
            for verb in actions.ItemVerb
        },
        **_compare_occurrences(item, query),
    }


def _cut_wave(copy: Copy) -> WavePaths | None:
    """Draw exactly the copy, under the slider that splits it."""
    return wave_paths(
        load_waveform(copy.file),
        window=Window(copy.start_ms, copy.end_ms),
        duration_ms=copy.file.length_ms,
    )


def places(occurrences: Iterable[Occurrence]) -> list[OccurrencePlace]:
    """Return the occurrences of one page of the table."""
    drawn = []
    for occurrence in occurrences:
        file = occurrence.file.scanned_file
        around = (max(occurrence.start_ms - CONTEXT_MS, 0), occurrence.end_ms + CONTEXT_MS)
        address = reverse("portal:file_detail", args=[file.uid])
        url = f"{address}?from={around[0]}&to={around[1]}#ribbon"
        url_of_sound = playback.audio_url(file)
        sound = sound_alone(file, occurrence.start_ms, occurrence.end_ms, url_of_sound)
        drawn.append(OccurrencePlace(occurrence, file, url, sound))
    return drawn


def heard_over_time(item: UnknownItem, query: str) -> Calendar | None:
    """Draw when an item was heard, with a lane for each container."""
    moments = []
    for heard in selectors.heard(item):
        plays = ngettext("%(n)s play", "%(n)s plays", heard.plays) % {"n": heard.plays}
        page = heard.first_row // PAGE_SIZE + 1
        moments.append(
            Moment(
                lane=heard.container,
                at=heard.at,
                label=f"{read_date(heard.at, 'short moment')}, {heard.file}: {plays}",
                url=f"?{query}{'&' if query else ''}page={page}#row-{heard.occurrence}",
                count=heard.plays,
            )
        )
    return calendar(moments)


def _compare_occurrences(item: UnknownItem, query: QueryDict) -> dict[str, object]:
    """Return the two occurrences that the address names, and their pair."""
    chosen = [_number(query.get(name, "")) for name in ("a", "b")]
    by_key = selectors.occurrences_of(item).in_bulk([pk for pk in chosen if pk])
    first, second = (by_key.get(pk) for pk in chosen)
    part = shared_part(first, second) if first and second and first != second else None
    pair: PairPicture | None = None
    if first and second and part:
        pair = aligned(first.file.scanned_file, second.file.scanned_file, part)
    return {
        "one": first,
        "other": second,
        "pair": pair,
        "nothing_shared": bool(first and second and first != second and part is None),
        "same_chosen": first is not None and first == second,
    }


def _number(text: str) -> int:
    """Return a primary key from an address; 0 for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def shared_part(first: Occurrence, second: Occurrence) -> SharedPart | None:
    """Return what two occurrences have in common of their item; None if nothing."""
    start = max(first.item_start_ms, second.item_start_ms)
    end = min(first.item_end_ms, second.item_end_ms)
    if start >= end:
        return None
    here, there = ([_at(occurrence, ms) for ms in (start, end)] for occurrence in (first, second))
    if here[0] >= here[1] or there[0] >= there[1]:
        return None
    pitch = Decimal(f"{first.pitch_cents - second.pitch_cents:.1f}")
    return SharedPart(here[0], here[1], there[0], there[1], pitch)


def _at(occurrence: Occurrence, item_ms: int) -> int:
    """Return where in the file a time of the item sounds."""
    whole = max(occurrence.item_end_ms - occurrence.item_start_ms, 1)
    share = (item_ms - occurrence.item_start_ms) / whole
    return round(occurrence.start_ms + share * (occurrence.end_ms - occurrence.start_ms))


def list_query(query: QueryDict) -> str:
    """Return the part of a query string that names a list, its filters and its order."""
    return urlencode({name: query[name] for name in _LIST if query.get(name)})


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The items before and after one in the list, by uid; empty at its ends."""

    previous: str
    next: str
    number: int
    count: int


def neighbours(uid: str, rows: QuerySet[UnknownItem]) -> Neighbours:
    """Return the items before and after an item; the first one follows a foreign item."""
    uids = list(rows.values_list("uid", flat=True)[:NEIGHBOURS])
    if uid not in uids:
        return Neighbours("", uids[0] if uids else "", 0, len(uids))
    place = uids.index(uid)
    return Neighbours(
        previous=uids[place - 1] if place else "",
        next=uids[place + 1] if place + 1 < len(uids) else "",
        number=place + 1,
        count=len(uids),
    )
