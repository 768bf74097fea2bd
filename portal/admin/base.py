"""What all admin screens share: permissions by role, and how columns are drawn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import User
from accounts.reach import is_limited
from accounts.roles import Action
from portal import formats
from portal.admin import history

Row = TypeVar("Row", bound=Model)

if TYPE_CHECKING:
    # Django's admin classes take type arguments in the stubs alone.
    _ModelAdmin = admin.ModelAdmin
    _TabularInline = admin.TabularInline[Any, Any]  # Any: serves several models
else:

    class _ModelAdmin(Generic[Row], admin.ModelAdmin):
        """Django's, with room for the type argument."""

    _TabularInline = admin.TabularInline


class RoleAdmin(_ModelAdmin[Row]):
    """A screen that everybody with a role sees; who may write is named by action.

    Being a superuser changes nothing here but what Django itself grants.
    """

    add_action: Action | None = None
    change_action: Action | None = None
    list_per_page = 50
    show_full_result_count = False
    empty_value_display = formats.UNKNOWN

    class Media:
        css = {"all": ["css/admin_review.css"]}

    def history_view(
        self,
        request: HttpRequest,
        object_id: str,
        extra_context: dict[str, Any] | None = None,  # Any: Django's own signature
    ) -> HttpResponse:
        """Show the events of what the screen is about, where it has a case."""
        shown = self.get_object(request, unquote(object_id))
        if shown is None or not history.case_of(shown):
            return super().history_view(request, object_id, extra_context)
        if not self.has_view_permission(request, shown):
            raise PermissionDenied
        context = {**self.admin_site.each_context(request), **(extra_context or {})}
        return history.page(request, shown, context)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the model in the index to whoever may look."""
        return request.user.has_perm(Action.VIEW)

    def has_view_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        """Let everybody with a role look."""
        return request.user.has_perm(Action.VIEW)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Follow the role, where the screen can add at all."""
        return self.add_action is not None and request.user.has_perm(self.add_action)

    def has_change_permission(
        self, request: HttpRequest, obj: Row | None = None
    ) -> bool:
        """Follow the role, where the screen can change at all."""
        return self.change_action is not None and request.user.has_perm(
            self.change_action
        )

    def has_delete_permission(
        self, request: HttpRequest, obj: Row | None = None
    ) -> bool:
        """Refuse: rows that others point to are retired, not deleted."""
        return False


class ReadOnlyInline(_TabularInline):
    """Rows shown with their parent and never edited there."""

    extra = 0
    max_num = 0
    can_delete = False

    def has_view_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Let everybody with a role look."""
        return request.user.has_perm(Action.VIEW)

    def has_add_permission(  # type: ignore[override]  # inlines are asked with a parent
        self, request: HttpRequest, obj: Model | None
    ) -> bool:
        """Refuse."""
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Refuse."""
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        """Refuse."""
        return False


def within_reach(
    rows: QuerySet[Row], parts: QuerySet[Any], link: str, request: HttpRequest
) -> QuerySet[Row]:
    """Leave out rows of which a person with limits may see no part.

    Any: of any model; ``link`` leads from a part to its row.
    """
    if not is_limited(user_of(request)):
        return rows
    return rows.filter(pk__in=parts.values(link))


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; the admin lets nobody else in."""
    if not isinstance(request.user, User):
        raise TypeError("The admin was entered without signing in.")
    return request.user


def all_field_names(model: type[Model], *, but: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the model's own columns, as stored."""
    fields = model._meta.concrete_fields
    return tuple(field.name for field in fields if field.name not in but)


def badge(state: str) -> SafeString:
    """Draw a review state: word and icon."""
    return render_to_string("components/_badge.html", {"state": state})


def file_badge(state: str) -> SafeString:
    """Draw a file state: word and icon."""
    return render_to_string("components/_file_badge.html", {"state": state})


def number(text: str) -> SafeString:
    """Draw a figure that stands right-aligned in its column."""
    return format_html('<span class="num">{}</span>', text)


def score(value: Decimal | None, scale: str = "") -> SafeString:
    """Draw a score as a whole number, with its scale on hover."""
    if value is None:
        return number(formats.UNKNOWN)
    return format_html('<span class="num" title="{}">{}</span>', scale, round(value))


def player(url: str) -> SafeString:
    """Draw the browser's own player, or say that there is nothing to play."""
    if not url:
        return format_html("{}", "The audio is not stored here, or not ready to play.")
    return format_html('<audio controls preload="none" src="{}"></audio>', url)


def two_lines(first: str, second: str) -> SafeString:
    """Draw a cell with what identifies the row above what explains it."""
    return format_html(
        '<span class="cell-title">{}</span><span class="cell-sub">{}</span>',
        first,
        second,
    )


def when(moment: datetime | None) -> SafeString:
    """Draw a moment in the user's zone, with UTC on hover."""
    return render_to_string("components/_time.html", {"at": moment})
