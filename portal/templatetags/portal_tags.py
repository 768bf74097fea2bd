"""Template tags and filters of the portal: icons, states, times, links, pictures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput
from django.http import QueryDict
from django.template import Context
from django.templatetags.static import static
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from portal import formats, pictures, plots, reasons, states
from review.choices import Relation
from scanning.choices import ACTIVE_FILE_STATUSES

register = template.Library()


@register.simple_tag
def icon(name: str, size: str = "", label: str = "") -> SafeString:
    """Draw an icon of the sprite; without a label it is decoration."""
    href = f"{static('img/icons.svg')}#{name}"
    css = f"icon icon--{size}" if size else "icon"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>',
            css,
            label,
            href,
        )
    return _decoration(css, href)


@lru_cache(maxsize=512)
def _decoration(css: str, href: str) -> SafeString:
    """Draw an icon without words; a list has hundreds of the same."""
    return format_html(
        '<svg class="{}" aria-hidden="true"><use href="{}"></use></svg>', css, href
    )


@register.simple_tag
def portal_name() -> str:
    """Name of the portal; Django's login view takes ``site_name`` for its own."""
    name: str = settings.ACRPORTAL_SITE_NAME
    return name


@register.filter
def ms_exact(value: int | None) -> str:
    """Milliseconds as m:ss.mmm."""
    return formats.UNKNOWN if value is None else formats.clock(int(value), digits=3)


@register.filter
def ms_short(value: int | None) -> str:
    """Milliseconds as m:ss."""
    return formats.UNKNOWN if value is None else formats.clock(int(value))


@register.filter
def ms_tenth(value: int | None) -> str:
    """Milliseconds as m:ss.t, for lengths."""
    return formats.UNKNOWN if value is None else formats.clock(int(value), digits=1)


@register.filter
def ms_spoken(value: int | None) -> str:
    """Milliseconds in words: 3 min 42 s."""
    return formats.UNKNOWN if value is None else formats.spoken(int(value))


@register.filter
def media_seconds(value: int) -> str:
    """Milliseconds as the seconds of a media fragment, whatever the locale."""
    return f"{int(value) / 1000:.3f}"


@register.filter
def speed_x(value: float | None) -> str:
    """Tempo ratio as 1.030×."""
    return formats.UNKNOWN if value is None else formats.speed(float(value))


@register.filter
def cents(value: float | None) -> str:
    """Pitch difference in cents with its sign."""
    return formats.UNKNOWN if value is None else formats.cents(float(value))


@register.filter
def filesize_iec(value: int | None) -> str:
    """Bytes as KiB, MiB or GiB."""
    return formats.UNKNOWN if value is None else formats.size(int(value))


@register.filter
def share_of(part: float | None, whole: float | None) -> str:
    """Percentage of a whole, one decimal."""
    if part is None or not whole:
        return formats.UNKNOWN
    return formats.percent(part, whole)


@register.filter
def grouped(value: int | None) -> str:
    """A count with the locale's grouping."""
    if value is None:
        return formats.UNKNOWN
    return number_format(int(value), use_l10n=True, force_grouping=True)


@register.filter
def counted(value: int) -> str:
    """A count of a list that is counted so far and no farther."""
    return formats.counted(value)


@register.filter
def score(value: float | None) -> str:
    """A score as a whole number."""
    return formats.UNKNOWN if value is None else str(round(float(value)))


@register.filter
def middle(text: str, length: int) -> str:
    """Cut the middle out of a long name."""
    return formats.middle(str(text), int(length))


@register.filter
def state_label(state: str) -> str:
    """Word of a review state."""
    return str(states.review_look(state).label)


@register.filter
def state_icon(state: str) -> str:
    """Icon name of a review state."""
    return states.review_look(state).icon


@register.filter
def reason_icon(reason: str) -> str:
    """Icon name of the reason why a match waits."""
    return reasons.reason_icon(reason)


@register.filter
def relation_label(relation: str) -> str:
    """Word of a relation."""
    return str(Relation(relation).label) if relation in Relation.values else relation


@register.filter
def file_state_label(state: str) -> str:
    """Word of a file state."""
    return str(states.file_look(state).label)


@register.filter
def file_state_icon(state: str) -> str:
    """Icon name of a file state."""
    return states.file_look(state).icon


@register.filter
def is_active_state(state: str) -> bool:
    """Whether a file in this state still changes by itself."""
    return state in ACTIVE_FILE_STATUSES


def _query(context: Context) -> QueryDict:
    request = context.get("request")
    return request.GET.copy() if request is not None else QueryDict(mutable=True)


@register.simple_tag(takes_context=True)
def qs(context: Context, **changes: Any) -> str:
    """Build the query string with some values changed; None or '' removes one."""
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
    """Draw a header link that sorts by a field, the other way on a second click."""
    current = _query(context).get("sort", "")
    target = f"-{name}" if current == name else name
    href = qs(context, sort=target, page=None)
    arrow = ""
    if current.lstrip("-") == name:
        arrow = icon("sort-down" if current.startswith("-") else "sort-up", "12")
    return format_html('<a href="{}">{}{}</a>', href, label, arrow)


@register.simple_tag(takes_context=True)
def sort_state(context: Context, name: str) -> SafeString:
    """Write the aria-sort attribute of a header that the list is sorted by."""
    current = _query(context).get("sort", "")
    if current.lstrip("-") != name:
        return SafeString("")
    way = "descending" if current.startswith("-") else "ascending"
    return format_html('aria-sort="{}"', way)


@register.simple_tag(takes_context=True)
def current_page(context: Context, names: str) -> SafeString:
    """Write aria-current where the resolved URL name is one of those listed."""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None or match.view_name not in names.split():
        return SafeString("")
    return SafeString('aria-current="page"')


@register.inclusion_tag("components/_mini.html")
def mini_ribbon(
    duration_ms: int | None, segments: Iterable[Any], state: str
) -> dict[str, Any]:
    """Draw where the plays of a match lie; segments carry start_ms and end_ms."""
    drawn = [pictures.Segment(item.start_ms, item.end_ms, state) for item in segments]
    longest = max((segment.end_ms for segment in drawn), default=1)
    mini = pictures.mini_ribbon(duration_ms=duration_ms or longest, segments=drawn)
    return {"mini": mini}


@register.inclusion_tag("components/_week_chart.html")
def week_chart(rows: Sequence[Mapping[str, object]]) -> dict[str, Any]:
    """Draw the bars of new and decided matches per week with their table."""
    return {"chart": plots.week_chart(rows), "rows": rows}


@register.inclusion_tag("components/_field.html")
def field(bound_field: BoundField, *, optional: bool = True) -> dict[str, Any]:
    """Draw a form field: label, control, hint, error.

    ``optional=False`` leaves out the word "(optional)", as in a form of filters.
    """
    return {
        "field": bound_field,
        "optional": optional and not bound_field.field.required,
        "is_choice": isinstance(bound_field.field.widget, CheckboxInput),
        "hint": bound_field.help_text,
    }


@register.simple_tag(takes_context=True)
def filter_chips(context: Context, form: Any) -> list[dict[str, str]]:
    """List the filters that are on: label, value, and the address without each."""
    if not form.is_bound:
        return []
    form.is_valid()  # what it refuses has no chip, and the list goes by the others
    values = form.cleaned_data
    chips = []
    for bound_field in form:
        value = values.get(bound_field.name)
        if bound_field.is_hidden or value in (None, "", []):
            continue
        choices = dict(getattr(bound_field.field, "choices", None) or {})
        shown = choices.get(value, value) if isinstance(value, str) else value
        href = qs(context, **{bound_field.name: None, "page": None})
        chips.append({"label": bound_field.label, "value": str(shown), "href": href})
    return chips
