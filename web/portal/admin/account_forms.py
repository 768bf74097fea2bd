"""The admin's forms of users."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import (
    AdminUserCreationForm,
    ReadOnlyPasswordHashField,
    ReadOnlyPasswordHashWidget,
    UserChangeForm,
)
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from base.accounts.models import User
from base.accounts.reach import person_at_work
from base.accounts.services import may_administer


class PasswordStatus(ReadOnlyPasswordHashWidget):
    """Says whether the user has a password, where Django shows a part of its hash."""

    def get_context(
        self, name: str, value: Any, attrs: dict[str, Any] | None
    ) -> dict[str, Any]:  # Any: Django's own types
        """Return the context of Django's template."""
        context = super().get_context(name, value, attrs)
        if any("value" in part for part in context["summary"]):
            context["summary"] = [{"label": gettext("A password is set.")}]
        return context


class NewUserForm(AdminUserCreationForm[User]):
    """Django's form of a new user, in words for people without knowledge of Django."""

    usable_password = forms.ChoiceField(
        choices=[
            ("true", _("With a password")),
            ("false", _("Only through single sign-on or with API tokens")),
        ],
        initial="true",
        required=False,
        widget=forms.RadioSelect,
        label=_("Signs in"),
    )


class UserForm(UserChangeForm[User]):
    """Django's form of a user, without a part of the hash of the password."""

    password = ReadOnlyPasswordHashField(
        label=_("Password"),
        widget=PasswordStatus,
        help_text=_("Nobody can read it, admins neither; they can set another one."),
    )

    def clean(self) -> dict[str, Any]:  # Any: Django's own
        """Refuse that admins lock themselves out, since nobody may be left to help."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.instance != person_at_work() or self.errors:
            return cleaned
        stays = may_administer(
            user=self.instance,
            groups=cleaned["groups"],
            is_active=cleaned["is_active"],
            is_staff=cleaned["is_staff"],
        )
        if not stays:
            raise forms.ValidationError(
                gettext(
                    "This would take the administration from yourself. Ask another admin to do it."
                )
            )
        return cleaned
