"""Lists that are declared once: page, filters, order, empty states, admin and API follow.

A feature declares a ``DeclaredList`` and gives its ``view`` an address. The template
``portal/_list.html`` draws it, and ``tests/portal/test_declared_lists.py`` tests it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from django import forms
from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise, lazy
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from rest_framework import serializers

from base.accounts.models import User
from base.accounts.reach import is_limited
from base.accounts.roles import Action
from base.common.filters import Choices, Condition, Filter, FilterValues, one_of, text
from base.common.reading import read_number
from web.portal.shared.access import PortalRequest, View, needs
from web.portal.shared.filters import field_of
from web.portal.shared.formats import UNKNOWN
from web.portal.shared.lists import page_of, sorted_by
from web.portal.shared.times import when

Words = str | Promise
Read = str | Callable[[Any], object]
"""How a value is read from a row: an attribute, or a function. Any: a row of any model."""
Row = TypeVar("Row", bound=Model)
_LINE: Final = '<span class="cell-sub">{}</span>'
MOST_SEARCHED: Final = 200
"""A longer text in a search box is ignored."""


def read(source: Read, row: Any) -> Any:
    """Read a value of a row; methods such as ``get_state_display`` are called."""
    if callable(source):
        return source(row)
    value = attrgetter(source)(row)
    return value() if callable(value) else value


@dataclass(frozen=True, slots=True)
class Look:
    """How the cells of a column look: their classes, and what writes a value.

    ``label`` is false where the value needs no name beside it on a phone. ``is_verbatim``
    cells are not translated, and ``is_act`` columns hold buttons and have no visible name.
    """

    css: str = ""
    write: Callable[[Any], object] = str
    label: bool = True
    is_title: bool = False
    is_verbatim: bool = False
    is_act: bool = False

    @property
    def is_number(self) -> bool:
        """Return whether the column is aligned like numbers."""
        return self.css.startswith("num")

    def written(self, value: object) -> object:
        """Return a value as cells write it; a dash for none."""
        return UNKNOWN if value is None or value == "" else self.write(value)


def _isolated(value: object) -> SafeString:
    """Let a name be written in its own direction."""
    return value if isinstance(value, SafeString) else format_html("<bdi>{}</bdi>", value)


def grouped(value: object) -> object:
    """Group the digits of a count; what is drawn already stays."""
    return read_number(value) if isinstance(value, int) else value


TITLE: Final = Look("cell-full", _isolated, is_title=True)
"""The column that names the row and links to its page."""
TEXT: Final = Look("", _isolated)
NUMBER: Final = Look("num", grouped)
SHORT: Final = Look("nowrap")
MOMENT: Final = Look("nowrap quiet", when)
CODE: Final = Look("mono", is_verbatim=True)
WORDS: Final = Look("cell-words", _isolated)
BADGE: Final = Look("cell-badge", label=False)
WIDE: Final = Look("cell-full")
ACTS: Final = Look("way-in", label=False, is_act=True)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a list.

    ``sort`` is its name in addresses, if people may sort by it, and ``order`` the field
    where that is not ``sort``. ``below`` is a second line, or several. ``template`` draws
    the cell with ``row``; the admin then reads ``cell``, if there is one.
    """

    label: Words
    cell: Read = ""
    look: Look = TEXT
    sort: str = ""
    order: str = ""
    below: Read = ""
    template: str = ""

    @property
    def field(self) -> str:
        """Return the field that the column orders by; empty if people cannot sort by it."""
        return self.order or self.sort

    def content(self, row: Any) -> object:
        """Return what the cell of a row says."""
        return self.look.written(read(self.cell, row)) if self.cell else ""

    def drawn(self, row: Any, href: str) -> SafeString:
        """Draw the cell with the lines below it; a title links to the page of the row."""
        content, below = self.content(row), read(self.below, row) if self.below else ()
        if self.look.is_title and href:
            link = '<a class="cell-title" data-open href="{}">{}</a>'
            content = format_html(link, href, content)
        elif self.look.is_title:
            content = format_html('<span class="cell-title">{}</span>', content)
        lines = below if isinstance(below, list | tuple) else [below]
        drawn = ((line,) for line in lines if line)
        return format_html("{}{}", content, format_html_join("", _LINE, drawn))


@dataclass(frozen=True, slots=True)
class RowLink:
    """A link at the end of each row, by default to its page, for people with a permission."""

    label: Words
    address: Callable[[Any], str] | None = None
    action: Action = Action.VIEW


OPEN: Final = RowLink(_("Open"))


@dataclass(frozen=True, slots=True)
class HeadLink:
    """A button in the head of a page, for people with a permission."""

    label: Words
    page: str
    icon: str = "plus"
    action: Action = Action.VIEW
    is_primary: bool = True
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
    link: HeadLink | None = None


def linked_lead(lead: Words, label: Words, page: str, *args: object) -> Words:
    """Return a lead that ends with a link to a page."""

    def draw() -> SafeString:
        link = '{} <a href="{}">{}</a>'
        return format_html(link, lead, reverse(page, args=args), label)

    return lazy(draw, SafeString)()


def page_of_row(page: str, key: str = "uid") -> Callable[[Any], str]:
    """Return what makes the address of a row's page."""
    return lambda row: reverse(page, args=[getattr(row, key)])


def counted_link(count: int, href: str, label: Words) -> object:
    """Draw a number that leads to what it counts; 0 leads nowhere."""
    link = '<a href="{}">{} <span class="visually-hidden">{}</span></a>'
    return format_html(link, href, read_number(count), label) if count else count


def search(label: Words, condition: Condition) -> Filter:
    """Return the search box of a list."""

    def parse(raw: str) -> str | None:
        return text(raw) if len(raw) <= MOST_SEARCHED else None

    return Filter("q", parse, condition, label=label)


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
    values = [str(value) for value, _label in choices]
    return Filter(name, one_of(values), select, label=label, any_label=any_label, choices=choices)


@dataclass(frozen=True, slots=True)
class DrawnCell:
    """A cell as the template draws it."""

    column: Column
    content: SafeString


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A row as the template draws it; ``subject`` is what its cells read."""

    subject: Any
    key: str
    name: str
    href: str
    cells: list[DrawnCell]
    way_href: str


@dataclass(frozen=True, kw_only=True)
class DeclaredList(Generic[Row]):
    """A paged list.

    ``rows`` reads them for the values of the filters; each filter that has a condition is
    then applied. ``load`` turns the rows of one page into what the cells read, with as
    many queries for many as for one. ``default`` is the order until somebody sorts; without
    it, that of ``rows``. ``link`` leads from the title to the page of a row, ``ways`` from
    the end of a row: the first one that the person may follow. ``cards`` are what other
    features add to the buttons of the head. ``head``, ``above`` and
    ``below`` are templates beside the usual buttons, before and after the list; ``context``
    reads what they need. ``limited`` is a note for people with access limits. Pages of an ``is_chain`` list get
    its filters, so that they lead from row to row.
    """

    model: type[Row]
    title: Words
    rows: Callable[[FilterValues], QuerySet[Any]]
    columns: Sequence[Column]
    empty: Empty | Callable[[FilterValues], Empty]
    lead: Words = ""
    crumb: Words = ""
    crumbs: Sequence[tuple[Words, str]] = ()
    action: Action = Action.VIEW
    filters: Sequence[Filter] = ()
    default: str = ""
    load: Callable[[list[Row], User], Sequence[Any]] | None = None
    key: Read = "uid"
    name: Read = str
    link: Callable[[Any], str] | None = None
    ways: Sequence[RowLink] = ()
    links: Sequence[HeadLink] = ()
    cards: str = ""
    limited: Words = ""
    head: str = ""
    tabs: str = ""
    above: str = ""
    below: str = ""
    context: Callable[[PortalRequest], Mapping[str, object]] | None = None
    styles: Sequence[str] = ()
    scripts: Sequence[str] = ()
    is_chain: bool = False
    is_wide: bool = False
    is_tall: bool = True

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

        @require_safe
        @never_cache
        @needs(self.action)
        def show_list(request: PortalRequest) -> HttpResponseBase:
            return self.respond(request)

        return self.on_page(show_list)

    def on_page(self, view: View[...]) -> View[...]:
        """Mark a view that shows the list among other things, so that tests find it."""
        view.declared_list = self  # type: ignore[attr-defined]  # read by the test of all lists
        return view

    def select(self, values: FilterValues, rows: QuerySet[Any] | None = None) -> QuerySet[Any]:
        """Return the rows, by default all, that fit the filters; not yet sorted."""
        selected = self.rows(values) if rows is None else rows
        return selected.filter(values.condition())

    def whole(self) -> QuerySet[Any]:
        """Return the rows without any filter."""
        return self.rows(self.values())

    def selected(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows that fit the filters in an address."""
        return self.select(self.values.from_query(request.GET))

    def respond(
        self,
        request: PortalRequest,
        context: Mapping[str, object] | None = None,
        *,
        status: int = 200,
    ) -> HttpResponseBase:
        """Show the page of the list, with what else its templates need."""
        page = self.page(request) | dict(context or {})
        return render(request, "portal/_list.html", page, status=status)

    def page(self, request: PortalRequest, rows: QuerySet[Any] | None = None) -> dict[str, object]:
        """Return the context of ``components/_list.html``: the part that the address asks for.

        ``rows`` are those of the subject of the page, if it shows more than the list.
        """
        values = self.values.from_query(request.GET)
        selected = self.select(values, rows)
        if self.default or request.GET.get("sort", "").lstrip("-") in self.sorts:
            default = self.default or next(iter(self.sorts))
            selected = sorted_by(request, selected, self.sorts, default=default)
        page_obj = page_of(request, selected)
        page_rows: list[Row] = list(page_obj)
        subjects = self.load(page_rows, request.user) if self.load else page_rows
        way = next((way for way in self.ways if request.user.has_perm(way.action)), None)
        query = query_of(request) if self.is_chain else ""
        empty = self.empty(values) if callable(self.empty) else self.empty
        page = {
            "declared": self,
            "empty": empty,
            "form": None,
            "filters": self.form(request),
            "is_filtered": any(
                values.get(row_filter.name) for row_filter in self.filters if row_filter.label
            ),
            "page_obj": page_obj,
            "rows": [self.drawn(row, way, query) for row in subjects],
            "way": way,
            "links": [link for link in self.links if _allowed(link, request.user)],
            "note": self.limited if self.limited and is_limited(request.user) else "",
            "empty_link": _allowed(empty.link, request.user),
        }
        return page | dict(self.context(request) if self.context else {})

    def form(self, request: HttpRequest) -> forms.Form:
        """Return the form with the filters."""
        form = forms.Form(request.GET)
        form.fields = {row_filter.name: field_of(row_filter) for row_filter in self.filters}
        return form

    def drawn(self, row: Any, way: RowLink | None, query: str = "") -> DrawnRow:
        """Return a row with its cells, as the template draws them. Any: what cells read."""
        href = self.link(row) + query if self.link else ""
        return DrawnRow(
            subject=row,
            key=str(read(self.key, row)),
            name=str(read(self.name, row)),
            href=href,
            cells=[DrawnCell(column, column.drawn(row, href)) for column in self.columns],
            way_href=way.address(row) if way and way.address else href,
        )

    @cached_property
    def admin_columns(self) -> list[Any]:
        """Return the columns for the admin's list of the model. Any: as Django types it.

        Fields go by their names, so that the admin links and orders them; cells that only a
        template draws are left out. A screen whose cells read what ``rows`` adds takes its
        rows from ``whole``.
        """
        columns = (_admin_column(self.model, column) for column in self.columns)
        return [column for column in columns if column]

    def query_serializer(self, *names: str) -> type[serializers.Serializer[Any]]:
        """Return what reads the filters of a call of the API. Any: what calls may say.

        ``names`` are those of the filters; without any, all that people see.
        """
        fields = {
            row_filter.name: _query_field(row_filter)
            for row_filter in self.filters
            if (row_filter.name in names if names else row_filter.label)
        }
        return type(f"{self.model.__name__}QuerySerializer", (serializers.Serializer,), fields)

    def select_for(
        self, query: Mapping[str, Any], rows: QuerySet[Any] | None = None
    ) -> QuerySet[Any]:
        """Return the rows, by default all, that a call asks for. Any: what calls may say."""
        names = {row_filter.name for row_filter in self.filters}
        values = {name: value for name, value in query.items() if name in names and value}
        return self.select(self.values(**values), rows)


def _allowed(link: HeadLink | None, user: User) -> HeadLink | None:
    return link if link and user.has_perm(link.action) else None


def query_of(request: HttpRequest) -> str:
    """Return the filters and the order of an address, without the page."""
    query = request.GET.copy()
    query.pop("page", None)
    return f"?{query.urlencode()}" if query else ""


def _query_field(row_filter: Filter) -> serializers.Field[Any, Any, Any, Any]:
    if row_filter.choices:
        return serializers.ChoiceField(choices=row_filter.choices, required=False)
    return serializers.CharField(required=False, max_length=MOST_SEARCHED)


def _admin_column(model: type[Model], column: Column) -> Any:  # Any: as Django types it
    name = column.cell if isinstance(column.cell, str) else ""
    field = name.partition(".")[0].removeprefix("get_").removesuffix("_display")
    try:
        return model._meta.get_field(field).name
    except FieldDoesNotExist:
        pass
    if not column.cell:
        return None

    @admin.display(description=column.label, ordering=column.field or None)
    def cell(row: Any) -> object:  # Any: a row of the model
        return column.content(row)

    # Addresses of the admin name the column by it, in every language.
    cell.__name__ = column.field or "words"
    return cell
