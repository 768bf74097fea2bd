"""Users and the role groups."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest

from accounts.models import ApiToken, User
from accounts.roles import Action
from portal.admin.base import RoleAdmin, all_field_names

# Django registers its own screen for groups when the import above runs.
admin.site.unregister(Group)


@admin.register(User)
class PortalUserAdmin(UserAdmin[User], RoleAdmin[User]):
    """People; what they may do follows from their groups alone."""

    add_action = change_action = Action.CONFIGURE
    list_display = ["username", "full_name", "roles", "is_active", "last_login"]
    list_filter = ["groups", "is_active"]
    filter_horizontal = ["groups"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Role", {"fields": ["groups", "is_active", "is_staff"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": [
                    "username",
                    "usable_password",
                    "password1",
                    "password2",
                    "groups",
                    "is_staff",
                ],
            },
        )
    ]
    readonly_fields = ["last_login", "date_joined"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show people to those who manage them."""
        return request.user.has_perm(Action.CONFIGURE)

    def has_view_permission(
        self, request: HttpRequest, obj: User | None = None
    ) -> bool:
        """Show people to those who manage them."""
        return request.user.has_perm(Action.CONFIGURE)

    @admin.display(description="Name")
    def full_name(self, user: User) -> str:
        """Return first and last name."""
        return user.get_full_name()

    @admin.display(description="Role")
    def roles(self, user: User) -> str:
        """Return the role groups."""
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest):  # type: ignore[no-untyped-def]  # the stubs' own generic
        """Fetch the groups along."""
        return super().get_queryset(request).prefetch_related("groups")


@admin.register(Group)
class RoleGroupAdmin(GroupAdmin, RoleAdmin[Group]):
    """The roles, as the table of roles defines them; nothing to edit."""

    list_display = ["name"]
    fields = ["name"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show roles to those who give them."""
        return request.user.has_perm(Action.CONFIGURE)

    def has_view_permission(
        self, request: HttpRequest, obj: Group | None = None
    ) -> bool:
        """Show roles to those who give them."""
        return request.user.has_perm(Action.CONFIGURE)


@admin.register(ApiToken)
class ApiTokenAdmin(RoleAdmin[ApiToken]):
    """Tokens of the API, without anything that would open it."""

    list_display = ["name", "hint", "owner", "last_used_at", "expires_at", "revoked_at"]
    list_filter = ["owner"]
    list_select_related = ["owner"]
    search_fields = ["name", "=hint", "owner__username"]
    readonly_fields = all_field_names(ApiToken, but=["id", "digest"])
    fields = readonly_fields

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show tokens to those who manage people."""
        return request.user.has_perm(Action.CONFIGURE)

    def has_view_permission(
        self, request: HttpRequest, obj: ApiToken | None = None
    ) -> bool:
        """Show tokens to those who manage people."""
        return request.user.has_perm(Action.CONFIGURE)
