"""Admin screens of users, groups and API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from allauth.socialaccount.models import SocialAccount
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.widgets import FilteredSelectMultiple
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, Field, ManyToManyField, Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

import base.audit.services
from base.accounts.models import AccessLimit, ApiToken, User
from base.accounts.roles import Action, Role
from base.accounts.second_factor import remove_second_factors
from base.accounts.sessions import end_all_sessions
from catalogue.models import Bucket
from scanning.models import Container
from web.portal.accounts.erasure import ErasureRefused, erase, preview
from web.portal.admin.account_forms import NewUserForm, UserForm
from web.portal.admin.base import (
    APPLY,
    ReadOnlyInline,
    RoleAdmin,
    action_page,
    all_field_names,
    code,
    confirm_changes,
    user_of,
)
from web.portal.admin.filters import PickFilter
from web.portal.admin.sign_ins import (
    PlaceInline,
    SecondFactorInline,
    SessionInline,
    SingleSignOnInline,
)
from web.portal.admin.unchanged import Values

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    # Django's admin classes accept type arguments only in the stubs.
    _StackedInline = admin.StackedInline[AccessLimit, Group]
else:
    _StackedInline = admin.StackedInline

# Importing UserAdmin above registered Django's own screen for groups.
admin.site.unregister(Group)


_WAYS_IN = [SecondFactorInline, SessionInline, PlaceInline, SingleSignOnInline]
# Label and help text; an empty label keeps Django's.
_FIELD_WORDS: dict[str, tuple[str | _StrPromise, str | _StrPromise]] = {
    "username": ("", _("Letters, digits and @ . + - _ only.")),
    "email": ("", _("Reminders of disputes and mails about the account go here.")),
    "is_active": ("", _("Untick this instead of deleting somebody who has left.")),
    "is_staff": (
        _("May open the administration"),
        _("The role still decides what the person sees and changes there."),
    ),
}


@admin.register(User)
class PortalUserAdmin(UserAdmin[User], RoleAdmin[User]):  # type: ignore[misc]  # the stubs name other arguments of get_form
    """Users; only their groups decide what they may do."""

    view_action = add_action = change_action = Action.CONFIGURE
    form = UserForm
    add_form = NewUserForm
    add_form_template = "admin/accounts/user/add_form.html"
    list_display = [*("username", "full_name", "email", "roles", "is_active", "last_login")]
    list_filter = ["groups", "is_active"]
    # A list of all groups can be ticked by keyboard and on a phone.
    filter_horizontal = ()
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        (_("Person"), {"fields": ["first_name", "last_name", "email"]}),
        (_("Role"), {"fields": ["groups", "is_active", "is_staff"]}),
        (_("Dates"), {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "classes": ["wide"],
                "fields": [
                    *("username", "first_name", "last_name", "email", "groups"),
                    *("usable_password", "password1", "password2"),
                ],
            },
        )
    ]
    readonly_fields = ["last_login", "date_joined"]
    actions = ["sign_out", "take_second_factors", "end_single_sign_on", "erase_data"]

    def get_urls(self) -> list[URLPattern]:
        """Ask admins to confirm that it is them before they change anybody."""
        return confirm_changes(super().get_urls())

    def get_inlines(  # type: ignore[override]  # the stubs want a list
        self, request: HttpRequest, obj: User | None
    ) -> Sequence[type[ReadOnlyInline]]:
        """Show how the person signs in; a new user does not yet."""
        return [] if obj is None else _WAYS_IN

    def formfield_for_manytomany(
        self,
        db_field: ManyToManyField[Any, Any],  # Any: as Django types it
        request: HttpRequest,
        **kwargs: Any,  # Any: Django's own signature
    ) -> forms.ModelMultipleChoiceField[Any] | None:  # Any: as above
        """Let groups be ticked, and explain that some of them are roles."""
        if db_field.name == "groups":
            kwargs["widget"] = forms.CheckboxSelectMultiple
            kwargs["help_text"] = gettext(
                "A role: viewer, reviewer, manager or admin. Without one, a person "
                "sees nothing. Your own groups limit what their members see."
            )
            if settings.ACRPORTAL_OIDC_GROUPS:
                kwargs["help_text"] += " " + gettext(
                    "Roles of people who use single sign-on follow its groups at each sign-in."
                )
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def formfield_for_dbfield(
        self,
        db_field: Field[Any, Any],  # Any: as Django types it
        request: HttpRequest,
        **kwargs: Any,  # Any: Django's own signature
    ) -> forms.Field | None:
        """Say what the fields are for, in words for people without knowledge of Django."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        words = _FIELD_WORDS.get(db_field.name)
        if field is not None and words is not None:
            field.label = words[0] or field.label
            field.help_text = words[1]
        return field

    def save_model(
        self, request: HttpRequest, obj: User, form: Any, change: bool
    ) -> None:  # Any: the admin's own types
        """Let a new user enter the admin, where roles decide."""
        if not change:
            obj.is_staff = True
        super().save_model(request, obj, form, change)

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:  # Any: the admin's own types
        """Save the groups, and warn of a person who sees nothing for want of a role."""
        super().save_related(request, form, formsets, change)
        person: User = form.instance
        # The person's own permissions are older than the form.
        saved = User.objects.get(pk=person.pk)
        if person.is_active and not saved.has_perm(Action.VIEW):
            self.message_user(
                request,
                gettext("Without a role, %(person)s sees nothing.") % {"person": person},
                messages.WARNING,
            )

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """End every session of the selected users."""
        ended = sum(end_all_sessions(person) for person in chosen)
        self.message_user(
            request,
            ngettext("%(count)s session ended.", "%(count)s sessions ended.", ended)
            % {"count": ended},
        )

    @admin.action(description=_("Remove the second factors…"), permissions=["change"])
    def take_second_factors(
        self, request: HttpRequest, chosen: QuerySet[User]
    ) -> HttpResponse | None:
        """Remove all second factors of the selected users, after a confirmation."""
        if APPLY not in request.POST:
            title = gettext("Remove second factors")
            return self._ask(request, "take_second_factors", title, {"people": chosen})
        taken = sum(remove_second_factors(person) for person in chosen)
        self.message_user(
            request,
            ngettext("%(count)s second factor removed.", "%(count)s second factors removed.", taken)
            % {"count": taken},
        )
        return None

    @admin.action(description=_("Remove the single sign-on…"), permissions=["change"])
    def end_single_sign_on(
        self, request: HttpRequest, chosen: QuerySet[User]
    ) -> HttpResponse | None:
        """Disconnect the selected users from the organisation's server, after asking."""
        if APPLY not in request.POST:
            title = gettext("Remove the single sign-on")
            return self._ask(request, "end_single_sign_on", title, {"people": chosen})
        ended = 0
        for identity in SocialAccount.objects.filter(user__in=chosen):
            identity.delete()
            end_all_sessions(identity.user)
            ended += 1
        self.message_user(
            request,
            ngettext(
                "%(count)s single sign-on removed.", "%(count)s single sign-ons removed.", ended
            )
            % {"count": ended},
        )
        return None

    @admin.action(description=_("Erase the data of this person…"), permissions=["change"])
    def erase_data(self, request: HttpRequest, chosen: QuerySet[User]) -> HttpResponse | None:
        """Show what erasing changes; erase the person after a confirmation."""
        person = chosen.first()
        if person is None or chosen.count() != 1:
            self.message_user(request, gettext("Choose one person."), messages.ERROR)
            return None
        if APPLY not in request.POST:
            title = gettext("Erase the data of %(person)s") % {"person": person}
            context = {"people": [person], "erasure": preview(person=person)}
            return self._ask(request, "erase_data", title, context)
        try:
            erasure = erase(person=person, actor=user_of(request))
        except ErasureRefused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            self.message_user(
                request,
                gettext("The person is %(pseudonym)s from now on.")
                % {"pseudonym": erasure.pseudonym},
            )
        return None

    def _ask(
        self, request: HttpRequest, action: str, title: str, context: dict[str, object]
    ) -> TemplateResponse:
        """Return the page that says what an action does to people, before it is done."""
        template = f"admin/accounts/user/{action}.html"
        return action_page(self, request, template, title=title, **context)

    @admin.display(description=_("Name"))
    def full_name(self, user: User) -> str:
        """Return first and last name."""
        return user.get_full_name()

    @admin.display(description=_("Role"))
    def roles(self, user: User) -> str:
        """Return the names of the user's groups."""
        return ", ".join(group.name for group in user.groups.all())

    def get_queryset(self, request: HttpRequest):  # type: ignore[no-untyped-def]  # the stubs' own generic
        """Prefetch the groups."""
        return super().get_queryset(request).prefetch_related("groups")


class AccessLimitForm(forms.ModelForm[AccessLimit]):
    """The access limits of a group; the choices are stored as sorted lists of ids."""

    limits_containers = forms.BooleanField(required=False, label=_("Only the containers below"))
    containers = forms.ModelMultipleChoiceField(
        Container.objects.present().order_by("name"),
        required=False,
        widget=FilteredSelectMultiple("containers", is_stacked=False),
        label=_("Containers"),
    )
    limits_buckets = forms.BooleanField(required=False, label=_("Only the buckets below"))
    buckets = forms.ModelMultipleChoiceField(
        Bucket.objects.present().order_by("name"),
        required=False,
        widget=FilteredSelectMultiple("buckets", is_stacked=False),
        label=_("Buckets"),
    )

    class Meta:
        model = AccessLimit
        fields = ["second_factor", "containers", "buckets"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # Any: Django's own
        super().__init__(*args, **kwargs)
        self.initial["limits_containers"] = self.instance.containers is not None
        self.initial["limits_buckets"] = self.instance.buckets is not None

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        """Replace the chosen rows by ids; None means no limit."""
        cleaned = super().clean() or {}
        for name in ("containers", "buckets"):
            chosen = cleaned.get(name) or []
            limited = cleaned.get(f"limits_{name}")
            if chosen and not limited:
                self.add_error(
                    f"limits_{name}", gettext("Tick this to limit access to the chosen ones.")
                )
            cleaned[name] = sorted(row.pk for row in chosen) if limited else None
        return cleaned


class AccessLimitInline(_StackedInline):
    """The access limits and sign-in rules of a group."""

    model = AccessLimit
    form = AccessLimitForm
    fields = [*("second_factor", "limits_containers", "containers"), *("limits_buckets", "buckets")]
    # Django shows the singular, because a group has one limit.
    verbose_name = verbose_name_plural = _("What its members see and how they sign in")
    can_delete = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Let admins see and set limits."""
        return request.user.has_perm(Action.CONFIGURE)

    has_add_permission = has_change_permission = has_view_permission


@admin.register(Group)
class RoleGroupAdmin(RoleAdmin[Group]):
    """Role groups, and groups that limit their users to containers and buckets.

    The permissions of a role are in ``base.accounts.roles``, not here.
    """

    view_action = add_action = change_action = Action.CONFIGURE
    list_display = ["name", "is_role", "people"]
    search_fields = ["name"]
    ordering = ["name"]
    fields = ["name"]
    inlines = [AccessLimitInline]

    def get_urls(self) -> list[URLPattern]:
        """Ask admins to confirm that it is them before they change a group."""
        return confirm_changes(super().get_urls())

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        """Allow deleting empty groups that are not roles."""
        gone = obj is None or not (_is_role(obj) or obj.user_set.exists())
        return gone and request.user.has_perm(Action.CONFIGURE)

    def delete_model(self, request: HttpRequest, obj: Group) -> None:
        """Delete the group and record an event."""
        base.audit.services.record(
            case=f"group:{obj.pk}",
            action="group.deleted",
            actor=user_of(request),
            before={"name": obj.name},
        )
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Group]) -> None:
        """Delete each group with an event."""
        for group in queryset:
            self.delete_model(request, group)

    def get_readonly_fields(self, request: HttpRequest, obj: Group | None = None) -> list[str]:
        """Make the names of roles read-only."""
        return ["name"] if obj is not None and _is_role(obj) else []

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        """Annotate the number of users."""
        return super().get_queryset(request).annotate(number=Count("user"))

    def values_beside(self, obj: Group) -> Values:
        """Return the group's access limits."""
        limit = AccessLimit.objects.filter(group=obj).first() or AccessLimit()
        containers = Container.objects.filter(pk__in=limit.containers or [])
        buckets = Bucket.objects.filter(pk__in=limit.buckets or [])
        return {
            "containers": limit.containers and list(containers.order_by("name")),
            "buckets": limit.buckets and list(buckets.order_by("name")),
            "second_factor": limit.second_factor,
        }

    @admin.display(description=_("Role"), boolean=True)
    def is_role(self, group: Group) -> bool:
        """Return whether the group is one of the four roles."""
        return _is_role(group)

    @admin.display(description=_("People"), ordering="number")
    def people(self, group: Group) -> SafeString:
        """Return the number of users in the group, linked to their list."""
        return format_html(
            '<a class="num" href="{}?groups__id__exact={}">{}</a>',
            reverse("admin:accounts_user_changelist"),
            group.pk,
            group.number,  # type: ignore[attr-defined]  # annotated
        )

    def save_related(
        self, request: HttpRequest, form: Any, formsets: Any, change: bool
    ) -> None:  # Any: the admin's own types
        """Save the limits and record an event with them."""
        super().save_related(request, form, formsets, change)
        group: Group = form.instance
        limit = AccessLimit.objects.filter(group=group).first()
        base.audit.services.record(
            case=f"group:{group.pk}",
            action="group.changed" if change else "group.created",
            actor=user_of(request),
            after={
                "name": group.name,
                "containers": limit and limit.containers,
                "buckets": limit and limit.buckets,
                "second_factor": bool(limit and limit.second_factor),
            },
        )


def _is_role(group: Group) -> bool:
    return group.name in set(Role)


@admin.register(ApiToken)
class ApiTokenAdmin(RoleAdmin[ApiToken]):
    """API tokens, without the digest of their secret."""

    view_action = Action.CONFIGURE
    list_display = ["name", "hint", "owner", "last_used_at", "expires_at", "revoked_at"]
    list_filter = [("owner", PickFilter)]
    search_fields = ["name", "=hint", "owner__username"]
    readonly_fields = (*all_field_names(ApiToken, but=["id", "digest", "scopes"]), "scope_codes")

    @admin.display(description=_("Scopes"))
    def scope_codes(self, token: ApiToken) -> SafeString:
        """Return the scopes as clients write them."""
        return code(", ".join(token.scopes))
