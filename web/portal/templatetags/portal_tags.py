"""Template tags and filters for icons, states, times, links, pictures and lists."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput
from django.http import QueryDict
from django.template import Context, Engine
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as lazy

from base.audit import labels as actions
from base.audit.models import Event
from base.common.filters import ZONE
from base.common.phrases import lowered
from base.common.reading import Form, read_clock, read_date, read_number, read_release
from base.common.stored import read_stored
from base.common.territories import read_territories
from base.common.zones import UTC
from base.jobs.choices import JobState, status_label
from base.jobs.selectors import jobs_of
from imports.kinds import all_kinds
from recognition.types import SoundTrack, TrackState
from recognition.version import VERSION
from review import labels, rule_names
from review.bands import band_in_words, is_like_a_telephone
from review.choices import Relation
from review.counting import CountedSegment
from review.edits import edit_in_words, tempo_of
from review.models import Match
from scanning.choices import ACTIVE_FILE_STATUSES, ScanStage
from scanning.jobs import CALLBACK_SENT
from scanning.models import Container, ScannedFile, Segment
from scanning.tags import territories_of, words_of
from web.portal.files.page import EngineComparison, compare
from web.portal.pictures import plots, ribbon
from web.portal.shared import appearance, columns, formats
from web.portal.shared.cards import cards_of
from web.portal.shared.declared import Column
from web.portal.shared.fields import may_be_empty, shown_when
from web.portal.shared.icons import icon
from web.portal.shared.lists import COUNTED_IN_MENU
from web.portal.shared.menu import Menu, MenuEntry, Section, menu_for
from web.portal.shared.times import lasting, when

register = template.Library()
register.simple_tag(icon)
register.simple_tag(when)
register.filter("lasting_until", lasting)
register.filter(read_stored)
register.filter(formats.names_marked)
register.filter(formats.browser)
register.filter(rule_names.policy_of)
register.filter(rule_names.licence_of)
released = register.filter("released", read_release)
register.filter("ms_length", formats.length)
register.filter(formats.codec)
register.filter(formats.in_percent)
register.filter(formats.counted)
register.filter(formats.scale)
register.filter(appearance.reason_icon)
register.filter("actor", rule_names.actor_label)
register.filter(actions.via_label)
register.filter("event_words", labels.done)
register.filter(labels.event_reason)
register.filter(labels.reason_label)
register.filter(actions.action_label)
register.filter(lowered)
register.filter(status_label)

_CALLBACKS_SHOWN = 20
_TRACK_STATES = {
    TrackState.MAIN: lazy("the main one, searched first"),
    TrackState.SAME: lazy("the same sound"),
    TrackState.PART: lazy("heard where the main one has no sound"),
    TrackState.EMPTY: lazy("no sound to search"),
    TrackState.OTHER: lazy("differs, searched as well"),
    TrackState.UNREAD: lazy("could not be read"),
}


@register.filter
def track_state(track: SoundTrack) -> str:
    """Say what became of a sound track."""
    return str(_TRACK_STATES[track.state])


@register.filter
def track_name(track: SoundTrack) -> str:
    """Return number and name of a sound track."""
    return f"{track.number}: {track.name}" if track.name else str(track.number)


@register.filter
def track_in(number: int, file: ScannedFile) -> str:
    """Return number and name of a file's sound track."""
    tracks = {track.number: track for track in file.tracks}
    return track_name(tracks[number]) if number in tracks else str(number)


@register.simple_tag
def portal_name() -> str:
    """Return the portal's name; Django's login view overrides ``site_name``."""
    name: str = settings.ACRPORTAL_SITE_NAME
    return name


@register.simple_tag
def portal_version() -> str:
    """Return the version of the program."""
    return VERSION


@register.filter
def dated(at: date | None, form: Form = "dated") -> str:
    """Format a date as 23 Nov 2026, or in another form of ``base.common.reading``."""
    return formats.UNKNOWN if at is None else read_date(at, form)


@register.simple_tag
def today(form: Form) -> str:
    """Return the present time in a form of ``base.common.reading``."""
    return read_date(timezone.now(), form)


@register.filter
def ms_exact(value: int | None) -> str:
    """Format milliseconds as m:ss.mmm."""
    return formats.UNKNOWN if value is None else read_clock(int(value), digits=3)


@register.filter
def ms_short(value: int | None) -> str:
    """Format milliseconds as m:ss."""
    return formats.UNKNOWN if value is None else read_clock(int(value))


@register.filter
def ms_tenth(value: int | None) -> str:
    """Format milliseconds as m:ss.t, for lengths."""
    return formats.UNKNOWN if value is None else read_clock(int(value), digits=1)


register.filter("speech_estimate", formats.speech)


@register.filter
def minutes(value: int) -> str:
    """Format milliseconds as minutes with one decimal, for sums."""
    return read_number(value / 60_000, decimals=1)


@register.filter
def ms_spoken(value: int | None) -> str:
    """Format milliseconds with units: 3 min 42 s."""
    return formats.UNKNOWN if value is None else formats.spoken(int(value))


@register.filter
def media_seconds(value: int) -> str:
    """Format milliseconds as seconds for a media fragment, in any locale."""
    return f"{int(value) / 1000:.3f}"


@register.filter
def speed_x(value: float | None) -> str:
    """Format a tempo ratio as 1.030×."""
    return formats.UNKNOWN if value is None else formats.speed(float(value))


@register.filter
def cents(value: float | None) -> str:
    """Format a pitch difference in cents with its sign."""
    return formats.UNKNOWN if value is None else formats.cents(float(value))


@register.filter
def edit_words(match: Match) -> str:
    """Say how the source plays a match's recording, as "sped up 1.25 ×"."""
    edit = edit_in_words(match.edit, tempo_of(match.speed_pct), match.pitch_cents)
    band = band_in_words(match.low_hz, match.high_hz)
    return " · ".join(filter(None, (edit, band)))


@register.filter
def sounds_like_a_telephone(match: Match) -> bool:
    """Return whether the source plays a match's recording as telephones do."""
    return is_like_a_telephone(match.low_hz, match.high_hz)


@register.filter
def band_words(segment: Segment) -> str:
    """Say in which band a segment is heard, where something was cut off."""
    return band_in_words(segment.low_hz, segment.high_hz)


@register.filter
def filesize_iec(value: int | None) -> str:
    """Format bytes as KiB, MiB or GiB."""
    return formats.UNKNOWN if value is None else formats.size(int(value))


@register.filter
def share_of(part: float | None, whole: float | None) -> str:
    """Format a percentage of the whole with one decimal."""
    if part is None or not whole:
        return formats.UNKNOWN
    return formats.percent(part, whole)


@register.filter
def file_share(pct: Decimal | None) -> str:
    """Format a share of a file, in percent, as reports state it."""
    return formats.file_share(pct)


@register.filter
def grouped(value: int | None) -> str:
    """Format a count with the locale's digit grouping."""
    if value is None:
        return formats.UNKNOWN
    return read_number(int(value))


@register.filter
def counted_in_menu(value: int) -> str:
    """Format a count of the menu, where there is little room: ``999+``."""
    return formats.counted(value, COUNTED_IN_MENU)


@register.filter
def score(value: float | None) -> str:
    """Format a score as a whole number."""
    return formats.UNKNOWN if value is None else str(round(float(value)))


@register.filter
def at_underscores(name: str) -> SafeString:
    """Let the name of a column break after its underscores only."""
    parts = re.findall(r"[^_]*_|[^_]+$", name)
    return format_html_join(SafeString("<wbr>"), "{}", ((part,) for part in parts))


@register.filter
def middle(text: str, length: int) -> str:
    """Shorten a long name by cutting out its middle."""
    return formats.middle(str(text), int(length))


@register.filter(is_safe=True)
def sentence(text: str) -> str:
    """Lower the initial of every word but the first; abbreviations stay.

    Only English titles have such initials that its sentences have not.
    """
    if not (get_language() or "").startswith("en"):
        return text.strip()
    return re.sub(r"(?<=[\s-])[A-Z](?=[a-z])", lambda initial: initial[0].lower(), text.strip())


@register.filter
def state_label(state: str) -> str:
    """Return the label of a match state."""
    return str(appearance.review_look(state).label)


@register.filter
def state_icon(state: str) -> str:
    """Return the icon name of a match state."""
    return appearance.review_look(state).icon


@register.filter
def event_note(event: Event) -> str:
    """Return the note of an event, without names that the viewer may not see."""
    note = rule_names.note_of(event)
    # A case that the event belongs to, as of a suggestion that somebody accepted.
    return format_html("<code>{}</code>", note) if actions.is_case(note) else note


@register.filter
def decision_reason(match: Match) -> str:
    """Return why a match was decided, unless its state already says so."""
    return labels.decision_reason(match.decision_reason, match.state)


@register.filter
def stage_label(stage: str) -> str:
    """Return the label of a running job's stage."""
    return str(ScanStage(stage).label) if stage in ScanStage.values else capfirst(stage)


@register.filter
def relation_label(relation: str) -> str:
    """Return the label of a relation."""
    return str(Relation(relation).label) if relation in Relation.values else relation


@register.filter
def file_state_label(state: str) -> str:
    """Return the label of a file status."""
    return str(appearance.file_look(state).label)


@register.filter
def file_state_icon(state: str) -> str:
    """Return the icon name of a file status."""
    return appearance.file_look(state).icon


@register.filter
def tag_words(tags: Iterable[object]) -> str:
    """Return the tags of a file without its territories: "spring, promo"."""
    return ", ".join(words_of(tags))


@register.filter
def tag_territories(tags: Iterable[object]) -> str:
    """Return the territories that the tags of a file name: "Germany, Austria"."""
    return read_territories(territories_of(tags))


@register.filter
def territory_name(code: str) -> str:
    """Return the name of a territory: "Germany"."""
    return read_territories([code])


@register.filter
def labelled(cells: Sequence[str], headers: Sequence[Mapping[str, Any]]) -> list[str]:
    """Give the cells of an admin list the labels of their columns, for narrow screens.

    Django draws the cells itself. Any: what its headers hold.
    """
    labels = [
        format_html(' data-label="{}"', capfirst(header["text"]))
        if header.get("text") and "action-checkbox" not in header.get("class_attrib", "")
        else SafeString("")
        for header in headers
    ]
    return [
        SafeString(re.sub(r"^<t[dh]", lambda tag: tag[0] + label, cell, count=1))  # noqa: B023
        for cell, label in zip(cells, labels, strict=False)
    ]


@register.filter
def is_active_state(state: str) -> bool:
    """Return whether a file with this status is still being processed."""
    return state in ACTIVE_FILE_STATUSES


def _query(context: Context) -> QueryDict:
    request = context.get("request")
    return request.GET.copy() if request is not None else QueryDict(mutable=True)


@register.simple_tag(takes_context=True)
def qs(context: Context, **changes: Any) -> str:
    """Return the query string with some values changed; None or '' removes a value."""
    query = _query(context)
    for name, value in changes.items():
        if value in (None, ""):
            query.pop(name, None)
        else:
            query[name] = str(value)
    encoded = query.urlencode()
    return f"?{encoded}" if encoded else "?"


@register.simple_tag(takes_context=True)
def sort_link(context: Context, name: str, label: str) -> SafeString:
    """Draw a header link that sorts by a field; a second click reverses the order."""
    current = _query(context).get("sort", "")
    target = f"-{name}" if current == name else name
    href = qs(context, sort=target, page=None)
    arrow = ""
    if current.lstrip("-") == name:
        arrow = icon("sort-down" if current.startswith("-") else "sort-up", "12")
    return format_html('<a href="{}">{}{}</a>', href, label, arrow)


@register.simple_tag(takes_context=True)
def sort_state(context: Context, name: str) -> SafeString:
    """Return the aria-sort attribute if the list is sorted by this column; none has ""."""
    current = _query(context).get("sort", "")
    if not name or current.lstrip("-") != name:
        return SafeString("")
    way = "descending" if current.startswith("-") else "ascending"
    return format_html('aria-sort="{}"', way)


_CELLS = {
    "num": "num",
    "code": "mono",
    "words": "cell-words",
    "nowrap": "nowrap",
    "quiet": "nowrap quiet",
    "badge": "cell-badge",
    "wide": "cell-full",
    "acts": "way-in",
}


@register.simple_tag
def cell_look(column: Column) -> SafeString:
    """Return the attributes of a cell: its classes, and its name for phones."""
    label = "" if column.look in {"badge", "acts"} else column.label
    return format_html(
        'class="{}"{}{}',
        _CELLS.get(column.look, ""),
        format_html(' data-label="{}"', label) if label else "",
        SafeString(' translate="no"') if column.look == "code" else "",
    )


@register.inclusion_tag("components/_columns.html", takes_context=True)
def column_menu(context: Context, name: str) -> dict[str, Any]:
    """Draw the menu that chooses the columns of a list."""
    request = context["request"]
    return {
        "name": name,
        "columns": columns.LISTS[name],
        "shown": columns.columns_shown(request.user, name),
        "is_chosen": name in request.user.list_columns,
        "here": request.get_full_path(),
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_block_tag
def text(content: str) -> SafeString:
    """Store what a template draws, for another tag: ``{% text as lead %}``."""
    return SafeString(content.strip())


@register.simple_block_tag
def page_head(content: str, title: object, lead: object = "") -> SafeString:
    """Draw the head of a page: its title, a lead below it, and the actions in between."""
    actions = content.strip()
    parts = (
        format_html('<p class="page-head__sub">{}</p>', lead) if lead else "",
        format_html('<div class="actions">{}</div>', SafeString(actions)) if actions else "",
    )
    return format_html(
        '<div class="page-head"><div class="page-head__text"><h1>{}</h1>{}</div>{}</div>',
        title,
        *parts,
    )


@register.simple_tag(takes_context=True)
def current_page(context: Context, name: str) -> SafeString:
    """Return aria-current if the page's URL name, or ``nav_page``, is ``name``."""
    return SafeString('aria-current="page"' if _page(context) == name else "")


def _page(context: Context) -> str:
    """Return the name of the page's URL, or the page that it says it belongs to."""
    match = getattr(context.get("request"), "resolver_match", None)
    return context.get("nav_page") or (match.view_name if match else "")


@register.inclusion_tag("components/_nav.html", takes_context=True)
def menu(context: Context) -> dict[str, Any]:
    """Draw the menu, and mark the entry that the page belongs to."""
    user, page = context["user"], _page(context)
    counts: dict[str, object] = context.get("nav") or {}
    entries = menu_for(user) if user.is_authenticated else Menu((), ())
    return {
        "sections": {
            section.value: [
                {
                    "entry": entry,
                    "is_current": entry.holds(page),
                    "has_count": entry.count is not None,
                    "count": _count_of(entry, counts),
                }
                for entry in entries.of(section)
            ]
            for section in Section
        },
        "unused": entries.unused,
        "is_more": page == "portal:more" or any(entry.holds(page) for entry in entries.unused),
        "user": user,
        "csrf_token": context.get("csrf_token"),
        "site_name": context.get("site_name"),
    }


def _count_of(entry: MenuEntry, counts: Mapping[str, object]) -> object:
    """Return what the view has counted already, or what counts it once."""
    if entry.key in counts or entry.count is None:
        return counts.get(entry.key)
    return cache(entry.count)


@register.inclusion_tag("portal/imports/_buttons.html", takes_context=True)
def import_buttons(context: Context, page: str) -> dict[str, Any]:
    """Draw links to the imports that belong to a page."""
    user = context["request"].user
    return {
        "kinds": [kind for kind in all_kinds() if page in kind.buttons and kind.is_open_to(user)]
    }


@register.simple_tag(takes_context=True)
def cards(context: Context, page: str, subject: object = None) -> SafeString:
    """Draw what other features show on a page; see ``web.portal.shared.cards``."""
    engine = Engine.get_default()
    frame = {name: context.get(name) for name in ("request", "can", "csrf_token")}
    drawn = []
    for card in cards_of(page):
        values = card.values(subject, context["request"].user)
        if values is not None:
            template = engine.get_template(card.template)
            drawn.append((template.render(context.new({**frame, "card": values})),))
    return format_html_join("", "{}", drawn)


@register.inclusion_tag("components/_mini.html")
def mini_ribbon(
    duration_ms: int | None, segments: Iterable[CountedSegment], state: str
) -> dict[str, Any]:
    """Draw the segments of a match on a small ribbon."""
    drawn = [
        ribbon.DrawnSegment(segment.start_ms, segment.end_ms, state, excluded=segment.excluded)
        for segment in segments
    ]
    longest = max((segment.end_ms for segment in drawn), default=1)
    mini = ribbon.mini_ribbon(duration_ms=duration_ms or longest, segments=drawn, state=state)
    return {"mini": mini}


@register.inclusion_tag("components/_week_chart.html")
def week_chart(rows: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """Draw the chart of new and decided matches per week, with its table."""
    return {"chart": plots.week_chart(rows), "rows": rows}


@register.inclusion_tag("components/_field.html")
def field(bound_field: BoundField, *, optional: bool = True) -> dict[str, Any]:
    """Draw a form field with its label, control, hint and error.

    ``optional=False`` omits the word "(optional)", as in filter forms.
    """
    return {
        "field": bound_field,
        "optional": optional and may_be_empty(bound_field.field),
        "is_choice": isinstance(bound_field.field.widget, CheckboxInput),
        "hint": bound_field.help_text,
        "when": shown_when(bound_field.field),
    }


@register.simple_tag(takes_context=True)
def filter_chips(context: Context, form: Any) -> list[dict[str, str]]:
    """Return the active filters: label, value, and the URL without that filter."""
    if not form.is_bound:
        return []
    form.is_valid()  # invalid filters get no chip and do not filter
    values = form.cleaned_data
    chips = []
    for bound_field in form:
        value = values.get(bound_field.name)
        if bound_field.is_hidden or value in (None, "", []):
            continue
        choices = dict(getattr(bound_field.field, "choices", None) or {})
        text = choices.get(value, value) if isinstance(value, str) else value
        if isinstance(value, date):
            text = read_date(value, "dated")
            zone = values.get(ZONE) or UTC
            if ZONE in form.fields and zone != timezone.get_current_timezone_name():
                text = f"{text}, {zone}"
        href = qs(context, **{bound_field.name: None, "page": None})
        chips.append({"label": bound_field.label, "value": str(text), "href": href})
    return chips


@register.inclusion_tag("portal/files/_file_engines.html")
def file_engines(file: ScannedFile) -> dict[str, EngineComparison | None]:
    """Draw the engine comparison; nothing if only the embedded engine is used."""
    return {"comparison": compare(file)}


@register.inclusion_tag("portal/containers/_outbound.html", takes_context=True)
def outbound_callbacks(context: Context, container: Container) -> dict[str, Any]:
    """Show the newest callbacks with every attempt. Any: a template's context."""
    rows = container.outbound_callbacks.select_related("scanned_file")
    callbacks = list(rows.prefetch_related("attempts")[:_CALLBACKS_SHOWN])
    waiting = jobs_of(CALLBACK_SENT, callbacks, [JobState.WAITING])
    return {
        "container": container,
        "callbacks": [(callback, waiting.get(callback.pk)) for callback in callbacks],
        "csrf_token": context.get("csrf_token"),
    }
