"""Forms to sign in and to change a password."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ChangePasswordForm, LoginForm, ReauthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as ReauthenticateByCodeForm
from django.utils.translation import gettext_lazy as _


class SignInForm(LoginForm):  # type: ignore[misc]  # the library is not typed
    """Asks for name and password, with field names that password managers recognise."""

    def add_prefix(self, field_name: str) -> str:
        """Return the field name in the page."""
        return "username" if field_name == "login" else str(field_name)


class NewPasswordForm(ChangePasswordForm):  # type: ignore[misc]  # as above
    """Asks for the old and the new password, with labels instead of placeholders."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["oldpassword"].label = _("Current password")
        self.fields["password1"].label = _("New password")
        self.fields["password2"].label = _("New password, again")
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)


class ConfirmForm(ReauthenticateForm):  # type: ignore[misc]  # as above
    """Asks for the password, the only field of its page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget.attrs["autofocus"] = True


class ConfirmByCodeForm(ReauthenticateByCodeForm):  # type: ignore[misc]  # as above
    """Asks for a code, the only field of its page."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].widget.attrs["autofocus"] = True
