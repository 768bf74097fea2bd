"""Shared parts of the admin screens: permissions by role, and column formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from functools import wraps
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import flatten_fieldsets, unquote
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.db.models import Field, Model, QuerySet
from django.db.models.constants import LOOKUP_SEP
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from base.accounts.models import User
from base.accounts.reach import is_limited, sees_every_bucket, sees_everything
from base.accounts.roles import Action
from web.portal.admin import history
from web.portal.admin.filters import pick_media
from web.portal.admin.own_pages import own_page
from web.portal.admin.stored_values import foreign_keys, readable, row_linked
from web.portal.admin.unchanged import UnchangedForm, Values
from web.portal.shared import drafts, formats
from web.portal.shared.access import ask_to_confirm
from web.portal.shared.model_forms import field_options

Row = TypeVar("Row", bound=Model)

if TYPE_CHECKING:
    # Django's admin classes accept type arguments only in the stubs.
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline[Any, Any]  # Any: serves several models
else:

    class _ModelAdmin(Generic[Row], admin.ModelAdmin):
        """Django's ``ModelAdmin`` that accepts a type argument at run time."""

    _TabularInline = admin.TabularInline


class _Readable:
    """Shows read-only columns as people read them: JSON, times, lengths."""

    # Any: what Django's own methods take and return, for rows and inlines of any model.
    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the read-only fields, with functions for those that Django shows as stored."""
        fields = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        return readable(fields, self.model)  # type: ignore[attr-defined]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the named fields; without any, the read-only ones alone."""
        named = self.fields or self.readonly_fields  # type: ignore[attr-defined]
        return named or super().get_fields(request, obj)  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fieldsets, with the same functions."""
        only = None
        if self.has_change_permission(request, obj):  # type: ignore[attr-defined]
            only = super().get_readonly_fields(request, obj)  # type: ignore[misc]
        model: type[Model] = self.model  # type: ignore[attr-defined]
        fieldsets = super().get_fieldsets(request, obj)  # type: ignore[misc]
        return [
            (name, {**options, "fields": readable(options["fields"], model, only=only)})
            for name, options in fieldsets
        ]


def _leads_out_of_sight(
    model: type[Model],
    lookup: str,
    value: Any,  # Any: texts
) -> bool:
    """Return whether a limited viewer asks by a row, or its columns, that may be hidden.

    Rows that do not exist are refused too, so that the answer tells nothing.
    """
    if sees_everything():
        return False
    names, limited = lookup.split(LOOKUP_SEP), None
    while names and names[0] not in {"pk", "id"}:
        try:
            related = model._meta.get_field(names[0]).related_model
        except FieldDoesNotExist:
            break
        if related is None or not hasattr(related, "reach"):
            break
        model = limited = related
        names = names[1:]
    if limited is None or names[-1:] == ["isnull"]:
        return False
    if names[:1] not in ([], ["pk"], ["id"], ["exact"], ["in"]):
        return True
    keys = value if isinstance(value, list) else [value]
    keys = [key for part in keys for key in str(part).split(",")]
    try:
        return limited._default_manager.filter(pk__in=keys).count() < len(set(keys))
    except ValueError:
        return True


class RoleAdmin(_Readable, _ModelAdmin[Row]):
    """A screen that every role can read; ``*_action`` is the permission it needs.

    Without an action the screen cannot add or change rows. By default nobody deletes.
    """

    view_action = Action.VIEW
    select: Callable[[], QuerySet[Any]] | None = None
    add_action: Action | None = None
    change_action: Action | None = None
    # Columns that name recordings and buckets whatever the reader's limits are.
    of_every_bucket: Sequence[str] = ()
    list_per_page = 50
    show_full_result_count = False
    empty_value_display = formats.UNKNOWN

    def formfield_for_dbfield(
        self, db_field: Field[Any, Any], request: HttpRequest, **options: Any
    ) -> forms.Field | None:
        """Return the field of a column as the portal's forms do. Any: as Django types it."""
        options = field_options(db_field, options)
        return super().formfield_for_dbfield(db_field, request, **options)

    @property
    def media(self) -> forms.Media:
        """Add the screens' own styles, and what ``PickFilter`` needs on a list."""
        own = forms.Media(css={"all": ["css/admin_review.css"]})
        return super().media + own + pick_media()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Let nobody find out by filters what the screen does not show them.

        Any: Django's own signature. Django allows every column of the row itself, also
        hidden ones such as a secret, whose characters could be tried one by one.
        """
        if not super().lookup_allowed(lookup, value, request):
            return False
        column = lookup.split(LOOKUP_SEP)[0]
        is_shown = column in {"pk", "id"} | set(self._shown_columns(request))
        return is_shown and not _leads_out_of_sight(self.model, lookup, value)

    def _shown_columns(self, request: HttpRequest) -> Iterator[str]:
        filters = (entry[0] if isinstance(entry, tuple) else entry for entry in self.list_filter)
        fields = flatten_fieldsets(self.get_fieldsets(request))
        for column in (*filters, *self.list_display, *fields):
            name = column if isinstance(column, str) else getattr(column, "__name__", "")
            # A filter of our own has a name of its own in the address.
            yield getattr(column, "parameter_name", name).split(LOOKUP_SEP)[0]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        """Return the rows within the user's access limits."""
        return self.select() if self.select else super().get_queryset(request)

    def get_fields(self, request: HttpRequest, obj: Row | None = None) -> Any:
        """Leave out columns that tell too much. Any: as Django types it."""
        fields = super().get_fields(request, obj)
        if sees_every_bucket():
            return fields
        return [field for field in fields if field not in self.of_every_bucket]

    def get_list_display(self, request: HttpRequest) -> Any:  # Any: as Django types it
        """Return the columns, with functions for those that Django shows as stored.

        Columns that name a row of another screen link to it, except the first one, which
        links to the row itself.
        """
        first, *columns = super().get_list_display(request)
        linked = [
            row_linked(self.model, column) if self._opens(request, column) else column
            for column in columns
        ]
        return readable([first, *linked], self.model)

    def _opens(self, request: HttpRequest, column: Any) -> bool:  # Any: as above
        """Return whether a column names rows whose screen the reader may open."""
        screens = self.admin_site._registry
        field = foreign_keys(self.model).get(column)
        if field is None or field.related_model not in screens:
            return False
        return screens[field.related_model].has_view_permission(request)

    def get_list_select_related(self, request: HttpRequest) -> Any:  # Any: as above
        """Return the relations to join; by default those that columns name."""
        named = super().get_list_select_related(request)
        if named is not False:
            return named
        keys = foreign_keys(self.model)
        return [column for column in self.list_display if column in keys] or False

    def get_ordering(self, request: HttpRequest) -> Any:  # Any: as above
        """Return the order of the list; rows without an order of their own: newest first."""
        ordering = super().get_ordering(request) or self.opts.ordering or ()
        return ["-id"] if tuple(ordering) in ((), ("id",)) else ordering

    def changelist_view(
        self,
        request: HttpRequest,
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Show the list under the name of its rows.

        An action that was sent after the session had ended is asked again, filled in.
        """
        draft = drafts.take(request) if request.method == "GET" else None
        if draft is not None:
            messages.warning(request, drafts.message())
            _ask_again(request, draft)
        title = capfirst(str(self.opts.verbose_name_plural))
        context = {"title": title, **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_urls(self) -> list[URLPattern]:
        """Keep the input of an action that is sent after the session has ended."""
        urls: list[URLPattern] = super().get_urls()
        name = f"{self.opts.app_label}_{self.opts.model_name}_changelist"
        keeps = drafts.keeps_typed(lambda: reverse(f"admin:{name}"))
        for url in urls:
            if url.name == name:
                url.callback = keeps(url.callback)
        return urls

    def get_form(
        self,
        request: HttpRequest,
        obj: Row | None = None,
        change: bool = False,
        **kwargs: Any,  # Any: Django's own signature
    ) -> Any:  # Any: a class of forms, made by Django
        """Return the form, which refuses to overwrite what somebody else has changed."""
        form = super().get_form(request, obj, change=change, **kwargs)
        if obj is None:
            return form
        beside = {"beside": self.values_beside(obj)}
        return type(form.__name__, (UnchangedForm, form), beside)

    def values_beside(self, obj: Row) -> Values:
        """Return the values of other rows that the form shows and saves too."""
        return {}

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],  # Any: Django's own signature
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Row | None = None,
    ) -> HttpResponse:
        """Show the form with the marks of the stored values, and links to what belongs to it."""
        form = context["adminform"].form
        if isinstance(form, UnchangedForm):
            context["as_shown"] = form.marks()
        if obj is not None:
            context["own_page"] = own_page(obj, user_of(request))
            context["has_history"] = bool(history.case_of(obj))
        return super().render_change_form(request, context, add, change, form_url, obj)

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Show the audit events of the object, or Django's log if it has no case."""
        row = self.get_object(request, unquote(object_id))
        if row is None or not history.case_of(row):
            return super().history_view(request, object_id, extra_context)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **(extra_context or {})}
        return history.page(request, row, context)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """List the model on the admin's first page for those who may look."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Return whether the user's role may look."""
        return request.user.has_perm(self.view_action)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return whether the screen can add rows and the user's role allows it."""
        return self.add_action is not None and request.user.has_perm(self.add_action)

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Return whether the screen can change rows and the user's role allows it."""
        return self.change_action is not None and request.user.has_perm(self.change_action)

    def has_delete_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Refuse: the portal retires rows, because other rows refer to them."""
        return False


def register_records(
    model: type[Model],
    *,
    rows: Callable[[], QuerySet[Any]] | None = None,
    hidden: Sequence[str] = (),
    screen: type[RoleAdmin[Any]] = RoleAdmin,
    **options: Any,
) -> None:
    """Register a read-only screen that needs nothing but Django's options.

    ``rows`` selects those that the viewer may see, where the model's manager does not. A
    row shows all its columns but the ``hidden`` ones. Any: of any model, as Django types it.
    """
    options.setdefault("readonly_fields", all_field_names(model, but=["id", *hidden]))
    admin.site.register(model, screen, select=rows and staticmethod(rows), **options)


def match_count_link(row: Any, lookup: str) -> SafeString:  # Any: carries an annotation
    """Draw ``matches_there`` of a row, linked to the list of these matches."""
    return format_html(
        '<a class="num" href="{}?{}__id__exact={}">{}</a>',
        reverse("admin:review_match_changelist"),
        lookup,
        row.pk,
        row.matches_there,
    )


def confirm_changes(urls: list[URLPattern]) -> list[URLPattern]:
    """Let the forms of a screen ask who it is when they open, its list before actions."""
    for url in urls:
        name = url.name or ""
        if not name.endswith("_history"):
            url.callback = _asks_first(url.callback, name.endswith("_changelist"))
    return urls


def _asks_first(view: Any, only_post: bool) -> Any:  # Any: a view of the admin
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Whoever may not change accounts is refused by the view itself.
        is_asked = request.method == "POST" or not only_post
        if is_asked and request.user.has_perm(Action.CONFIGURE):
            ask_to_confirm(request)
        response: HttpResponse = view(request, *args, **kwargs)
        return response

    return guarded


APPLY = "apply"
"""The field with which the page of an action says that a person confirmed it."""
KEPT = "kept"
"""The field that marks the input of an action as restored, and not yet confirmed."""


def _ask_again(request: HttpRequest, draft: QueryDict) -> None:
    """Turn the request into the one for the page of the action, which does nothing yet.

    Actions without such a page act at once, so they are not repeated.
    """
    if APPLY not in draft:
        return
    fields = draft.copy()
    del fields[APPLY]
    fields[KEPT] = "yes"
    request.method, request.POST = "POST", fields  # type: ignore[assignment]  # immutable only by type


def action_page(
    model_admin: admin.ModelAdmin[Any],  # Any: of any model
    request: HttpRequest,
    template: str,
    **context: object,
) -> TemplateResponse:
    """Return a page of the admin about an action, such as the one that asks first."""
    page = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "checkbox": ACTION_CHECKBOX_NAME,
        "action": request.POST.get("action", ""),
    }
    return TemplateResponse(request, template, page | context)


class ReadOnlyInline(_Readable, _TabularInline):
    """Read-only rows on the page of their parent."""

    template = "admin/edit_inline/records.html"
    empty_value_display = formats.UNKNOWN
    extra = 0
    max_num = 0
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let everybody with a role look."""
        return request.user.has_perm(Action.VIEW)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Refuse."""
        return False

    has_add_permission = has_delete_permission = has_change_permission


def within_reach(
    rows: QuerySet[Row], parts: QuerySet[Any], link: str, request: HttpRequest
) -> QuerySet[Row]:
    """Return the rows with at least one part within the user's access limits.

    ``parts`` are already limited to the user; ``link`` is their field that refers to
    the row. Any: of any model.
    """
    if not is_limited(user_of(request)):
        return rows
    return rows.filter(pk__in=parts.values(link))


def user_of(request: HttpRequest) -> User:
    """Return the signed-in user; the admin requires one."""
    if not isinstance(request.user, User):
        raise TypeError(_("The admin was entered without signing in."))
    return request.user


def all_field_names(model: type[Model], *, but: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the model's database columns, except those in ``but``."""
    fields = model._meta.concrete_fields
    return tuple(field.name for field in fields if field.name not in but)


def badge(state: str) -> SafeString:
    """Draw a match state with its label and icon."""
    return render_to_string("components/_badge.html", {"state": state})


def file_badge(state: str) -> SafeString:
    """Draw a file status with its label and icon."""
    return render_to_string("components/_file_badge.html", {"state": state})


def number(text: str) -> SafeString:
    """Draw a number, right-aligned in its column."""
    return format_html('<span class="num">{}</span>', text)


def code(text: str) -> SafeString:
    """Draw a code, identifier or URL verbatim."""
    if not text:
        return SafeString(formats.UNKNOWN)
    return format_html("<code>{}</code>", text)


def short_hash(value: str) -> SafeString:
    """Draw the start of a hash with the whole hash as a tooltip."""
    if not value:
        return SafeString(formats.UNKNOWN)
    return format_html('<code title="{}">{}</code>', value, value[:12])


def score(value: Decimal | None, scale: str = "") -> SafeString:
    """Draw a score as a whole number with its scale as a tooltip."""
    if value is None:
        return number(formats.UNKNOWN)
    return format_html('<span class="num" title="{}">{}</span>', scale, round(value))


def player(url: str) -> SafeString:
    """Draw the browser's audio player, or a note if nothing can be played."""
    if not url:
        return format_html("{}", _("The audio is not stored here, or not ready to play."))
    return format_html('<audio controls preload="none" src="{}"></audio>', url)


def two_lines(first: str, second: str) -> SafeString:
    """Draw a cell with a title and a smaller second line."""
    return format_html(
        '<span class="cell-title">{}</span><span class="cell-sub">{}</span>', first, second
    )
