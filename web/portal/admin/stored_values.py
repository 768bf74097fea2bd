"""Show stored values as the portal's pages do, where Django shows their source.

JSON becomes a list or a table, a time is short, and milliseconds are minutes and seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from django.contrib import admin
from django.db.models import (
    DateTimeField,
    Field,
    ForeignKey,
    JSONField,
    Manager,
    ManyToManyField,
    Model,
)
from django.urls import reverse
from django.utils.formats import localize
from django.utils.functional import Promise, lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from base.common.reading import read_clock
from base.common.stored import read_stored
from web.portal.shared import formats
from web.portal.shared.times import when

# Any: JSON, and what Django's admin accepts as a field: a name, a function or a row.
_Column = Callable[[Any], SafeString]
_Words = Mapping[str, str | Promise]

_MS = "_ms"
# What the portal says of a failure, in the language of who reads it.
_SENTENCES = frozenset({"message", "cause", "status_message"})
_NAME = re.compile(r"[a-z]+(?:_[a-z0-9]+)*|[A-Z0-9]+(?:_[A-Z0-9]+)+")
_EMPTY: tuple[Any, ...] = (None, "", [], {})


def readable(
    fields: Iterable[Any], model: type[Model], *, only: Sequence[Any] | None = None
) -> list[Any]:
    """Return columns or fields of a screen, some replaced by functions that show them.

    ``only`` are the read-only ones, if others are inputs.
    """
    columns = (*model._meta.fields, *model._meta.many_to_many)
    names = {column.name for column in columns if _drawing(column) is not None}
    if only is not None:
        names &= {name for name in only if isinstance(name, str)}
    return [_readable_field(field, model, names) for field in fields]


def _readable_field(field: Any, model: type[Model], names: set[str]) -> Any:
    if isinstance(field, (list, tuple)):
        return tuple(_readable_field(part, model, names) for part in field)
    return _readable_column(model, field) if field in names else field


def _drawing(field: Field[Any, Any]) -> _Column | None:
    """Return the function that draws the values of a field; None to leave it to Django."""
    if isinstance(field, JSONField):
        return draw
    if isinstance(field, DateTimeField):
        return when
    if isinstance(field, ManyToManyField):
        return _rows_named
    if field.name in _SENTENCES and not field.choices:
        return _sentence
    if field.name == "code" and not field.choices:
        return _code
    return _clock if field.name.endswith(_MS) else None


def _sentence(text: str) -> SafeString:
    return formats.names_marked(read_stored(text) or formats.UNKNOWN)


def _code(code: str) -> SafeString:
    return format_html("<code>{}</code>", code) if code else SafeString(formats.UNKNOWN)


def _rows_named(rows: Manager[Model]) -> SafeString:
    names = format_html_join(", ", "{}", ((row,) for row in rows.all()))
    return names or SafeString(formats.UNKNOWN)


def _clock(total_ms: int | None) -> SafeString:
    if total_ms is None:
        return SafeString(formats.UNKNOWN)
    digits = 3 if total_ms % 1000 else 0
    return format_html("{}", read_clock(total_ms, digits=digits))


@cache
def foreign_keys(model: type[Model]) -> Mapping[Any, ForeignKey[Any, Any]]:
    """Return the columns of a model that name a row of another one, by name."""
    fields = model._meta.fields
    return {field.name: field for field in fields if isinstance(field, ForeignKey)}


@cache
def row_linked(model: type[Model], name: str) -> _Column:
    """Return a column that names a row of another screen and links to it."""
    field = foreign_keys(model)[name]
    opts = field.related_model._meta
    address = f"admin:{opts.app_label}_{opts.model_name}_change"

    @admin.display(description=field.verbose_name, ordering=name)
    def link(row: Model) -> SafeString:
        target = getattr(row, name)
        if target is None:
            return SafeString(formats.UNKNOWN)
        url = reverse(address, args=[target.pk])
        return format_html('<a href="{}">{}</a>', url, target)

    link.__name__ = name  # Django makes the class of the row from it
    return link


@cache
def _readable_column(model: type[Model], name: str) -> _Column:
    columns = (*model._meta.fields, *model._meta.many_to_many)
    (field,) = (column for column in columns if column.name == name)
    drawn = _drawing(field) or draw
    # The unit is in the label that Django derives from the name.
    label = lazy(lambda: str(field.verbose_name).removesuffix(" (ms)"), str)()

    @admin.display(description=label, ordering=name)
    def text(row: Model) -> SafeString:
        return drawn(getattr(row, name))

    text.__name__ = name  # Django makes the class of the row from it
    return text


def draw(value: Any, words: _Words | None = None) -> SafeString:
    """Draw a JSON value as plain text, a comma-separated list or a table.

    An object becomes a table of two columns, and a list of objects a table with a row for
    each. A list that holds other lists stays indented JSON. ``words`` replace names of the
    values.
    """
    words = words or {}
    if value in _EMPTY:
        return SafeString(formats.UNKNOWN)
    if isinstance(value, dict):
        lines = (
            format_html(
                '<tr><th scope="row"{}>{}</th><td>{}</td></tr>',
                *_heading_of(name, words),
                draw(entry, words),
            )
            for name, entry in value.items()
        )
        return _table(lines, words)
    if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
        return _table(_rows(value, words), words)
    if not any(isinstance(part, (list, dict)) for part in _parts(value)):
        texts = ((_plain(part),) for part in _parts(value))
        return format_html_join(", ", "{}", texts)
    return indented(value)


def _table(rows: Iterable[SafeString], words: _Words) -> SafeString:
    lines = format_html_join("", "{}", ((row,) for row in rows))
    # Stored names are shown as they are, so no browser may translate them.
    attribute = SafeString("") if words else SafeString(' translate="no"')
    return format_html('<table class="stored"{}>{}</table>', attribute, lines)


def _rows(objects: Sequence[dict[str, Any]], words: _Words) -> Iterator[SafeString]:
    names = list(dict.fromkeys(name for row in objects for name in row))
    heads = format_html_join(
        "", '<th scope="col"{}>{}</th>', (_heading_of(name, words) for name in names)
    )
    yield format_html("<tr>{}</tr>", heads)
    for row in objects:
        cells = ((draw(row.get(name), words),) for name in names)
        yield format_html("<tr>{}</tr>", format_html_join("", "<td>{}</td>", cells))


def _heading_of(name: str, words: _Words) -> tuple[SafeString, str]:
    """Return the attribute of a heading, and its text."""
    if name in words:
        return SafeString(""), str(words[name])
    return SafeString(' translate="no"'), name


def indented(value: Any) -> SafeString:
    """Draw a JSON value as indented source, or a dash if it is empty."""
    if value in _EMPTY:
        return SafeString(formats.UNKNOWN)
    text = json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)
    return format_html('<pre class="code">{}</pre>', text)


def _parts(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    # A column of a file, or another name that a program gave.
    if isinstance(value, str) and _NAME.fullmatch(value):
        return format_html("<code>{}</code>", value)
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return formats.UNKNOWN if value is None else str(localize(value))
