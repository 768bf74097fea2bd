"""Lists that are declared once: page, filters, order, empty states, admin and API follow.

A feature declares a ``DeclaredList`` and gives its ``view`` an address. The template
``portal/_list.html`` draws it, and ``tests/portal/test_declared_lists.py`` tests it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Generic, Literal, TypeVar

from django import forms
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework import serializers

from base.accounts.models import User
from base.accounts.reach import is_limited
from base.accounts.roles import Action
from base.common.api_requests import ChoiceField
from base.common.filters import Choices, Condition, Filter, FilterValues, OneOf, text
from base.common.reading import read_number
from web.portal.shared.access import PortalRequest, View, needs
from web.portal.shared.filters import field_of
from web.portal.shared.formats import UNKNOWN
from web.portal.shared.lists import page_of, sorted_by
from web.portal.shared.times import when

Words = str | Promise
Read = str | Callable[[Any], object]
"""What reads a value of a row: the path of an attribute, or a function. Any: what a list loads."""
Look = Literal["", "title", "num", "code", "words", "nowrap", "quiet", "badge", "wide", "acts"]
"""How the cells of a column look.

``title`` names the row and links to its page, ``code`` is not translated, ``wide`` takes a
line of its own on a phone, and ``acts`` holds buttons. ``title``, ``badge`` and ``acts``
need no name beside them on a phone.
"""
Row = TypeVar("Row", bound=Model)
MOST_SEARCHED: Final = 200
"""The rest of a longer text in a search box is ignored."""
_TITLE: Final = '<a class="cell-title" data-open href="{}">{}</a>'
_PLAIN_TITLE: Final = '<span class="cell-title">{1}</span>'
_LINE: Final = '<span class="cell-sub">{}</span>'
_COUNT: Final = '<a href="{}">{} <span class="visually-hidden">{}</span></a>'


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list.

    ``sort`` is its name in addresses, if people may sort by it, and ``order`` the field
    where that is not ``sort``. ``below`` is a second line, or several. ``template`` draws
    the cell of ``row`` instead of ``cell``. People who may not do ``action`` do not see it.
    """

    label: Words
    cell: Read = ""
    look: Look = ""
    sort: str = ""
    order: str = ""
    below: Read = ""
    template: str = ""
    action: Action = Action.VIEW

    @property
    def field(self) -> str:
        """Return the field that the column orders by; empty if people cannot sort by it."""
        return self.order or self.sort

    def drawn(self, row: Any, href: str) -> SafeString:  # Any: what a list loads
        """Draw the cell with the lines below it; a title links to the page of the row."""
        content = written(_read(self.cell, row)) if self.cell else SafeString("")
        if self.look == "title":
            content = format_html(_TITLE if href else _PLAIN_TITLE, href, content)
        below = _read(self.below, row) if self.below else ()
        lines = below if isinstance(below, list | tuple) else [below]
        return content + format_html_join("", _LINE, ((line,) for line in lines if line))


@dataclass(frozen=True, slots=True)
class Link:
    """A button that leads to a page, for people who may do something; "plus" is the main one."""

    label: Words
    page: str
    action: Action = Action.VIEW
    icon: str = "plus"
    query: str = ""

    @property
    def href(self) -> str:
        """Return the address of the page."""
        return reverse(self.page) + self.query


@dataclass(frozen=True, slots=True)
class Empty:
    """What a list says when nothing is there at all, and where it leads."""

    title: Words
    text: Words
    icon: str = "check"
    link: Link | None = None


def written(value: object) -> SafeString:
    """Write a value as cells do: counts grouped, times short, names in their direction."""
    if value is None or value == "":
        return SafeString(UNKNOWN)
    if isinstance(value, datetime):
        return when(value)
    if isinstance(value, int):
        return SafeString(read_number(value))
    return value if isinstance(value, SafeString) else format_html("<bdi>{}</bdi>", value)


def page_of_row(page: str, key: str = "uid") -> Callable[[Any, User], str]:
    """Return what makes the address of a row's page."""
    return lambda row, _user: reverse(page, args=[attrgetter(key)(row)])


def linked(text: Words, href: str) -> SafeString:
    """Draw a name that leads to its page."""
    return format_html('<a href="{}">{}</a>', href, written(text))


def counted_link(count: int, href: str, label: Words) -> SafeString:
    """Draw a number that leads to what it counts; 0 leads nowhere."""
    return format_html(_COUNT, href, read_number(count), label) if count else SafeString("0")


def search(label: Words, condition: Condition) -> Filter:
    """Return the search box of a list."""
    return Filter("q", lambda raw: text(raw[:MOST_SEARCHED]), condition, label=label)


def choice(
    name: str,
    label: Words,
    choices: Choices | Callable[[], Choices],
    *,
    any_label: Words,
    condition: Condition | None = None,
) -> Filter:
    """Return a filter with choices, by the field of its name if nothing else is said.

    A function reads the choices when the form is drawn; any value is then looked for.
    """
    select = condition or (lambda value: Q((name, value)))
    if callable(choices):
        return Filter(name, text, select, label=label, any_label=any_label, options=choices)
    parse = OneOf([str(value) for value, _label in choices])
    return Filter(name, parse, select, label=label, any_label=any_label, choices=choices)


@dataclass(frozen=True, kw_only=True)
class DeclaredList(Generic[Row]):
    """A paged list.

    ``rows`` reads them for the values of the filters, whose conditions are then applied.
    ``load`` turns the rows of one page into what the cells read, with as many queries for
    many as for one. ``default`` is the order until somebody sorts; without it, that of
    ``rows``. ``link`` leads from the title to the page of a row, unless it is empty; the
    pages of an ``is_chain`` list get its filters, so that they lead from row to row.
    ``head``, ``above`` and ``below`` are templates beside the buttons, before and after the
    list; ``context`` reads what they need. ``limited`` is a note for people with access
    limits.
    """

    model: type[Row]
    title: Words
    rows: Callable[[FilterValues], QuerySet[Any]]
    columns: Sequence[Column]
    empty: Empty | Callable[[FilterValues], Empty]
    lead: Words = ""
    crumbs: Sequence[tuple[Words, str]] = ()
    action: Action = Action.VIEW
    filters: Sequence[Filter] = ()
    default: str = ""
    load: Callable[[list[Row], User], Sequence[Any]] = lambda rows, _user: rows
    link: Callable[[Any, User], str] = lambda _row, _user: ""
    is_chain: bool = False
    links: Sequence[Link] = ()
    limited: Words = ""
    head: str = ""
    above: Sequence[str] = ()
    below: str = ""
    context: Callable[[PortalRequest], Mapping[str, object]] = lambda _request: {}
    styles: Sequence[str] = ()

    @cached_property
    def values(self) -> type[FilterValues]:
        """Return what reads the filters of an address."""
        return type("ListValues", (FilterValues,), {"filters": self.filters})

    @cached_property
    def sorts(self) -> dict[str, str]:
        """Return the fields to order by, by their names in addresses."""
        return {column.sort: column.field for column in self.columns if column.sort}

    @property
    def view(self) -> View[...]:
        """Return the page of the list."""
        return self.on_page(require_safe(never_cache(needs(self.action)(self.respond))))

    def on_page(self, view: View[...]) -> View[...]:
        """Mark a view that shows the list among other things, so that tests find it."""
        view.declared_list = self  # type: ignore[attr-defined]  # read by the test of all lists
        return view

    def select(self, values: FilterValues, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Return the rows, by default all, that fit the filters; not yet sorted."""
        return (self.rows(values) if rows is None else rows).filter(values.condition())

    def selected(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that fit the filters of an address."""
        return self.select(self.values.from_query(request.GET))

    def select_for(
        self, query: Mapping[str, Any], rows: QuerySet[Any] | None = None
    ) -> QuerySet[Any]:
        """Return the rows, by default all, that a call asks for. Any: what calls may say."""
        names = {row_filter.name for row_filter in self.filters}
        values = {name: value for name, value in query.items() if name in names and value}
        return self.select(self.values(**values), rows)

    def respond(
        self, request: PortalRequest, context: Mapping[str, object] | None = None, status: int = 200
    ) -> HttpResponseBase:
        """Show the page of the list, with what else its templates need."""
        page = {"form": None, **self.page(request), **self.context(request), **(context or {})}
        return render(request, "portal/_list.html", page, status=status)

    def page(self, request: PortalRequest, rows: QuerySet[Any] | None = None) -> dict[str, object]:
        """Return the context of ``components/_list.html``: the part that the address asks for.

        ``rows`` are those of the subject of the page, if it shows more than the list.
        """
        user, values = request.user, self.values.from_query(request.GET)
        selected = self.select(values, rows)
        if self.default or request.GET.get("sort", "").lstrip("-") in self.sorts:
            default = self.default or next(iter(self.sorts))
            selected = sorted_by(request, selected, self.sorts, default=default)
        page_obj = page_of(request, selected)
        page_rows: list[Row] = list(page_obj)
        columns = [column for column in self.columns if user.has_perm(column.action)]
        query = query_of(request) if self.is_chain else ""
        filters = forms.Form(request.GET)
        filters.fields = {row_filter.name: field_of(row_filter) for row_filter in self.filters}
        empty = self.empty(values) if callable(self.empty) else self.empty
        return {
            "declared": self,
            "columns": columns,
            "empty": empty,
            "empty_link": empty.link if empty.link and user.has_perm(empty.link.action) else None,
            "filters": filters,
            "is_filtered": any(
                values.get(row_filter.name) for row_filter in self.filters if row_filter.label
            ),
            "page_obj": page_obj,
            "rows": [
                (key_of(row), subject, _cells(columns, subject, self.link(subject, user), query))
                for row, subject in zip(page_rows, self.load(page_rows, user), strict=True)
            ],
            "links": [link for link in self.links if user.has_perm(link.action)],
            "note": self.limited if self.limited and is_limited(user) else "",
        }

    @cached_property
    def admin_columns(self) -> list[Any]:
        """Return the columns for the admin's list of the model. Any: as Django types it.

        Fields go by their names, so that the admin links and orders them; cells that only a
        template draws are left out. A screen whose cells read what ``rows`` adds takes its
        rows from ``select_for({})``.
        """
        return [_admin_column(self.model, column) for column in self.columns if column.cell]

    def query_serializer(self) -> type[serializers.Serializer[Any]]:
        """Return what reads the filters of a call of the API. Any: what calls may say."""
        fields = {
            row_filter.name: ChoiceField(choices=row_filter.choices, required=False)
            if row_filter.choices
            else serializers.CharField(required=False, max_length=MOST_SEARCHED)
            for row_filter in self.filters
            if row_filter.label
        }
        return type(f"{self.model.__name__}QuerySerializer", (serializers.Serializer,), fields)


def with_values(rows: list[Row], name: str, values: Mapping[int, object]) -> list[Row]:
    """Give rows a value each, by their primary keys; None where there is none."""
    for row in rows:
        setattr(row, name, values.get(row.pk))
    return rows


def key_of(row: Model) -> str:
    """Return the name of a row on its page."""
    return str(getattr(row, "uid", row.pk))


def query_of(request: HttpRequest) -> str:
    """Return the filters and the order of an address, without the page."""
    query = request.GET.copy()
    query.pop("page", None)
    return f"?{query.urlencode()}" if query else ""


def _cells(
    columns: Sequence[Column],
    row: Any,
    href: str,
    query: str,  # Any: what a list loads
) -> list[tuple[Column, SafeString]]:
    return [(column, column.drawn(row, href and href + query)) for column in columns]


def _read(source: Read, row: Any) -> Any:  # Any: what a list loads, and what it has
    value = source(row) if callable(source) else attrgetter(source)(row)
    return value() if callable(value) else value


def _admin_column(model: type[Model], column: Column) -> Any:  # Any: as Django types it
    path = column.cell if isinstance(column.cell, str) else ""
    name = path.partition(".")[0].removeprefix("get_").removesuffix("_display")
    if name in {field.name for field in model._meta.get_fields()}:
        return name

    @admin.display(
        description=column.label,  # type: ignore[arg-type]  # a text that is translated later
        ordering=column.field or None,
    )
    def cell(row: Any) -> SafeString:  # Any: a row of the model
        return written(_read(column.cell, row))

    # Addresses of the admin name the column by it, in every language.
    cell.__name__ = column.field or "words"
    return cell
